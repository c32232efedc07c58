"""What lies in a BERT folder: the numbers that give it its shape, and its weights."""

import dataclasses
import json
import re
from pathlib import Path

from files import InputError, file_digest

CONFIG_FILES = ("bert_config.json", "config.json")  # Google's name, Hugging Face's name
KINDS = {str: "a name", int: "a whole number above 0", float: "a number above 0"}


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """Sizes of a BERT, under the names that both kinds of checkpoint use."""

    vocab_size: int
    hidden_size: int  # D
    num_hidden_layers: int  # L
    num_attention_heads: int  # H
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int = 2
    hidden_act: str = "gelu"
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12

    @classmethod
    def from_folder(cls, folder: str | Path) -> "BertConfig":
        """Read `bert_config.json` (Google) or `config.json` (Hugging Face).

        Raises InputError for a folder without either, for a model that is not BERT
        and for sizes that are missing or do not fit each other.
        """
        folder = check_folder(folder)
        path = next((folder / n for n in CONFIG_FILES if (folder / n).is_file()), None)
        if path is None:
            raise InputError(
                f"{folder}: neither of {' and '.join(CONFIG_FILES)} is there; "
                "expected a Google or a Hugging Face BERT folder"
            )
        values = read_json(path)
        for key, only in (
            ("model_type", "bert"),
            ("position_embedding_type", "absolute"),
        ):
            if values.get(key, only) != only:
                raise InputError(f"{path}: {key} is {values[key]!r}, expected {only!r}")
        fields = {f.name: f for f in dataclasses.fields(cls)}
        if missing := [
            name
            for name, field in fields.items()
            if name not in values and field.default is dataclasses.MISSING
        ]:
            raise InputError(f"{path}: {', '.join(missing)} missing")
        for name, field in fields.items():
            if name in values and not _fits(values[name], field.type):
                raise InputError(
                    f"{path}: {name} is {values[name]!r}, expected {KINDS[field.type]}"
                )
        config = cls(**{name: values[name] for name in fields if name in values})
        if config.hidden_size % config.num_attention_heads:
            raise InputError(
                f"{path}: hidden_size {config.hidden_size} is no multiple of "
                f"num_attention_heads {config.num_attention_heads}"
            )
        return config

    def tiny(self) -> "BertConfig":
        """The same vocabulary and positions on three small layers (`--debug`)."""
        return dataclasses.replace(
            self,
            num_hidden_layers=3,
            hidden_size=144,
            num_attention_heads=12,
            intermediate_size=576,
        )


def check_folder(folder: str | Path) -> Path:
    """The folder of a model; InputError where it is none, with the way to get one."""
    folder = Path(folder)
    if folder.is_dir():
        return folder
    found = "a file is no model; name the folder that it is in"
    if not folder.exists():
        found = "no such folder; expected one that holds a BERT checkpoint"
        if re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", str(folder)):
            found += (
                ". If this is a model on huggingface.co, fetch it first: "
                f"hf download {folder} --local-dir {folder}"
            )
    raise InputError(f"{folder}: {found}")


def weight_files(folder: str | Path) -> list[Path]:
    """The files that hold the weights; InputError where there are none to be read."""
    folder = Path(folder)
    single, index = (
        folder / "model.safetensors",
        folder / "model.safetensors.index.json",
    )
    if single.is_file():
        return [single]
    if index.is_file():
        shards = [folder / name for name in sorted(set(_weight_map(index).values()))]
        if absent := [s.name for s in shards if not s.is_file()]:
            raise InputError(f"{index}: names {', '.join(absent)}, not in the folder")
        return shards
    google = sorted(folder.glob("bert_model.ckpt.*-of-*"))
    if google and (folder / "bert_model.ckpt.index").is_file():
        return [folder / "bert_model.ckpt.index", *google]
    if (old := folder / "pytorch_model.bin").is_file():
        convert = (
            "import torch, safetensors.torch as s; "
            f"w = torch.load('{old}', weights_only=True); "
            "s.save_file({k: v.clone().contiguous() for k, v in w.items()}, "
            f"'{single}')"
        )
        raise InputError(
            f"{old}: not read, as reading this format can run code; where PyTorch is "
            f'installed, convert it: python -c "{convert}"'
        )
    raise InputError(
        f"{folder}: no weights there; expected bert_model.ckpt.index and .data-* "
        "(Google), model.safetensors or model.safetensors.index.json (Hugging Face)"
    )


def weight_digest(folder: str | Path) -> str:
    """SHA-256 of the weights; of several files, in the order of their names."""
    return file_digest(*weight_files(folder))


def config_digest(folder: str | Path) -> str:
    """SHA-256 of all else that decides what a BERT does: its config and vocabulary."""
    names = (*CONFIG_FILES, "vocab.txt", "tokenizer.json", "tokenizer_config.json")
    paths = (Path(folder, name) for name in names)
    return file_digest(*(path for path in paths if path.is_file()))


def read_json(path: Path) -> dict:
    """The JSON object in a file; InputError where there is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error})") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a JSON object")
    return values


def _fits(value: object, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str)
    number = (int, float) if kind is float else int
    return isinstance(value, number) and not isinstance(value, bool) and value > 0


def _weight_map(index: Path) -> dict[str, str]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict):
        raise InputError(f"{index}: expected a weight_map of names to files")
    return weight_map

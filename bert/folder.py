"""What lies in a BERT folder: the numbers that give it its shape, and its weights."""

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path

from toolkit.files import InputError, file_digest, printable
from toolkit.files import read_json_object as read_json

CONFIG_FILES = ("bert_config.json", "config.json")  # Google's name, Hugging Face's name
MOST_LAYERS, MOST_WEIGHTS = 1000, 10**10  # what a folder without weights may ask for
TOO_MANY = 10**15  # of anything, or of what a message could show
SMALLEST = 1e-20  # of what float32 still tells from 0 when it is added to a square
EXPECTED = {
    str: "a name",
    int: f"a whole number above 0 and below {TOO_MANY:,}",
    float: f"a number from {SMALLEST} to 1",
}


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
                raise InputError(
                    f"{path}: {key} is {_shown(values[key])}, expected {only!r}"
                )
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
                    f"{path}: {name} is {_shown(values[name])}, "
                    f"expected {EXPECTED[field.type]}"
                )
        config = cls(**{name: values[name] for name in fields if name in values})
        if config.hidden_size % config.num_attention_heads:
            raise InputError(
                f"{path}: hidden_size {config.hidden_size} is no multiple of "
                f"num_attention_heads {config.num_attention_heads}"
            )
        if config.num_hidden_layers > MOST_LAYERS or config.weights > MOST_WEIGHTS:
            raise InputError(
                f"{path}: a model of {config.num_hidden_layers:,} layers and "
                f"{config.weights:,} weights, expected at most {MOST_LAYERS:,} and "
                f"{MOST_WEIGHTS:,}; check the sizes"
            )
        return config

    @property
    def weights(self) -> int:
        """How many numbers its embeddings and matrices hold."""
        rows = self.vocab_size + self.max_position_embeddings + self.type_vocab_size
        layer = 4 * self.hidden_size + 2 * self.intermediate_size
        return (rows + self.num_hidden_layers * layer) * self.hidden_size

    def tiny(self) -> "BertConfig":
        """The same vocabulary and positions on three small layers (`--debug`)."""
        return dataclasses.replace(
            self,
            num_hidden_layers=3,
            hidden_size=144,
            num_attention_heads=12,
            intermediate_size=576,
        )


def check_layers(
    config: BertConfig, layers: Iterable[int] | None, folder: str | Path
) -> None:
    """Raise InputError where a layer (from 0) is asked for that the model lacks."""
    if wrong := [i for i in layers or () if not 0 <= i < config.num_hidden_layers]:
        raise InputError(
            f"{folder}: layer {wrong[0] + 1} does not exist; "
            f"the model has {config.num_hidden_layers} layers"
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
        shards = [folder / name for name in _shard_names(index)]
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


def _fits(value: object, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str)
    if isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, int | float) and SMALLEST <= value <= 1
    return isinstance(value, int) and 0 < value < TOO_MANY


def _shown(value: object) -> str:
    return printable(repr(value))


def _shard_names(index: Path) -> list[str]:
    """The names of the files in the index of a model in several."""
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise InputError(f"{index}: expected a weight_map of names to files")
    for name in weight_map.values():
        if not isinstance(name, str) or Path(name).name != name or "\0" in name:
            raise InputError(
                f"{index}: names {_shown(name)}, expected the name of a file"
            )
    return sorted(set(weight_map.values()))

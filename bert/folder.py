"""What lies in the folder of an encoder: its files of weights, and their digests."""

import re
from pathlib import Path

from toolkit.files import InputError, file_digest, printable
from toolkit.files import read_json_object as read_json

# All but the weights that decides what an encoder does
SETTINGS = (
    "bert_config.json",
    "config.json",
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
)
# Weights that are not read, and what to do about each
OTHERS = {
    "tf_model.h5": "those of TensorFlow 2; transformers before version 5 converts them",
    "flax_model.msgpack": "those of Flax; transformers before version 5 converts them",
    "saved_model.pb": "a TensorFlow SavedModel",
    "model.onnx": "an ONNX graph",
    "adapter_model.safetensors": "an adapter alone; merge it into its model with PEFT",
}
LFS_POINTER = b"version https://git-lfs"


def check_folder(folder: str | Path) -> Path:
    """The folder of a model; InputError where it is none, with the way to get one."""
    folder = Path(folder)
    if folder.is_dir():
        return folder
    found = "a file is no model; name the folder that it is in"
    if not folder.exists():
        found = "no such folder; expected one that holds an encoder"
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
        check_no_pointer(single)
        return [single]
    if index.is_file():
        shards = [folder / name for name in _shard_names(index)]
        if absent := [s.name for s in shards if not s.is_file()]:
            raise InputError(f"{index}: names {', '.join(absent)}, not in the folder")
        for shard in shards:
            check_no_pointer(shard)
        return shards
    if index := _google_index(folder):
        data = sorted(folder.glob(f"{index.stem}.data-*-of-*"))
        if data:
            return [index, *data]
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
    found = [
        f"; {name} is {what}"
        for name, what in OTHERS.items()
        if (folder / name).exists()
    ]
    raise InputError(
        f"{folder}: no weights there; expected bert_model.ckpt.index and .data-* "
        "(Google), model.safetensors or model.safetensors.index.json (Hugging Face)"
        + "".join(found)
    )


def check_no_pointer(path: Path) -> None:
    """Raise InputError where Git left a pointer instead of a large file."""
    with open(path, "rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise InputError(
                f"{path}: a pointer of Git LFS, not the file itself; in the folder, "
                "run: git lfs pull"
            )


def _google_index(folder: Path) -> Path | None:
    """The index of a checkpoint: bert_model.ckpt, or that of the most steps of training
    (model.ckpt-N)."""
    original = folder / "bert_model.ckpt.index"
    steps = {
        int(match[1]): path
        for path in folder.glob("model.ckpt-*.index")
        if (match := re.fullmatch(r"model\.ckpt-(\d+)\.index", path.name))
    }
    if original.is_file() and steps:
        raise InputError(
            f"{folder}: both bert_model.ckpt and model.ckpt-{max(steps)} are there; "
            "keep the one that is meant"
        )
    return original if original.is_file() else steps.get(max(steps, default=None))


def weight_digest(folder: str | Path) -> str:
    """SHA-256 of the weights; of several files, in the order of their names."""
    return file_digest(*weight_files(folder))


def config_digest(folder: str | Path) -> str:
    """SHA-256 of all else that decides what an encoder does: its settings."""
    paths = (Path(folder, name) for name in SETTINGS)
    return file_digest(*(path for path in paths if path.is_file()))


def _shard_names(index: Path) -> list[str]:
    """The names of the files in the index of a model in several."""
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise InputError(f"{index}: expected a weight_map of names to files")
    for name in weight_map.values():
        if not isinstance(name, str) or Path(name).name != name or "\0" in name:
            raise InputError(
                f"{index}: names {printable(repr(name))}, expected the name of a file"
            )
    return sorted(set(weight_map.values()))

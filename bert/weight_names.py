"""How weights are called: the names of each family's checkpoints, and ours, which are
Google's for BERT."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from bert.families import FAMILIES, Family
from toolkit.files import InputError, printable

# The parts of an encoder, at the root of a checkpoint that has nothing around them
PARTS = re.compile(
    r"(embeddings|encoder|pooler|transformer|layers|embeddings_project|final_norm)/"
)
WORDS = re.compile(r"(|.*/)embeddings/(word_embeddings|tok_embeddings)(/weight)?")
NAMED = 8  # weights that an error names, of each kind


@dataclasses.dataclass(frozen=True)
class Weight:
    """A weight in a checkpoint: its shape, and how to read it when it is wanted."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


def name_weights(
    stored: dict[str, Weight], family: Family, source: Path
) -> dict[str, Weight]:
    """The weights of a checkpoint, which has slashes for dots, under our names.

    The encoder is found by its word embeddings, whatever model it is part of. Beside it
    stand heads; they keep their names, but for that of the head for masked tokens.
    """
    prefix = _find_encoder(stored, family, source)
    around = re.sub(r"[^/]+/$", "", prefix)
    weights = {}
    for key, weight in stored.items():
        inside = bool(PARTS.match(key)) if not prefix else key.startswith(prefix)
        name = key.removeprefix(prefix if inside else around)
        name = _as_bert(name, family)
        if inside and not name.startswith("cls/"):
            name = f"bert/{name}"
        for part, one in _split(name, weight, family):
            weights |= dict([_as_google(part, one)])
    return weights


def _find_encoder(stored: Iterable[str], family: Family, source: Path) -> str:
    """The prefix of the names of the encoder's weights; InputError unless there is one
    encoder, of this family."""
    found = [m[1] for key in stored if (m := WORDS.fullmatch(key))]
    base = f"{family.base}/"
    if len(found) > 1:
        if base not in found:
            raise InputError(
                f"{source}: {len(found)} encoders, {listed(found)}; expected one: "
                "save the one that is meant by itself"
            )
        found = [base]
    if not found:
        if any(
            ".ATTRIBUTES" in key or key.startswith("_CHECKPOINTABLE") for key in stored
        ):
            raise InputError(
                f"{source}: a checkpoint of TensorFlow 2 objects; expected one of "
                "TensorFlow 1, as Google's, or safetensors"
            )
        if not any(key.startswith(base) for key in stored):
            raise InputError(
                f"{source}: no word embeddings of an encoder, expected {base}...; is "
                f"it a checkpoint of another family? It has {listed(stored)}"
            )
        found = [base]
    name = found[0].rstrip("/").rpartition("/")[2]
    others = {other.base for other in FAMILIES.values()} - {family.base, "model"}
    if name in others:
        raise InputError(
            f"{source}: the weights are of {name}, but model_type in the config says "
            "otherwise; take both from one model"
        )
    return found[0]


def _as_bert(name: str, family: Family) -> str:
    """The name that a weight has in Hugging Face's BERT, with slashes."""
    for theirs, ours in family.names.items():
        pattern = theirs.replace("#", r"(\d+)") + r"(?=/|$)"
        if match := re.match(pattern, name):
            number = match[1] if match.re.groups else ""
            return ours.replace("#", number) + name[match.end() :]
    return name


def _split(name: str, weight: Weight, family: Family) -> Iterator[tuple[str, Weight]]:
    """A weight, or the parts of one that is stored as one."""
    for joined, parts in family.joined.items():
        before, found, after = name.partition(f"/{joined}/")
        if found and weight.shape[0] % len(parts) == 0:
            for i, part in enumerate(parts):
                yield f"{before}/{part}/{after}", _part(weight, i, len(parts))
            return
    yield name, weight


def _part(weight: Weight, i: int, parts: int) -> Weight:
    """One of so many parts of a weight's rows."""
    rows = weight.shape[0] // parts
    shape = (rows, *weight.shape[1:])
    return Weight(shape, lambda: weight.read()[i * rows : (i + 1) * rows])


def _as_google(name: str, weight: Weight) -> tuple[str, Weight]:
    """Google's name and form of a weight that has Hugging Face's name, or has it."""
    name = re.sub(r"/layer/(\d+)/", r"/layer_\1/", name)
    name = name.replace("LayerNorm/weight", "LayerNorm/gamma")
    name = name.replace("LayerNorm/bias", "LayerNorm/beta")
    if name == "cls/predictions/bias":
        return "cls/predictions/output_bias", weight
    if name.endswith("_embeddings/weight"):
        return name.removesuffix("/weight"), weight
    if name.endswith("/weight"):
        transposed = Weight(weight.shape[::-1], lambda: np.transpose(weight.read()))
        return name.removesuffix("weight") + "kernel", transposed
    return name, weight


def listed(names: Iterable[str]) -> str:
    """Some names, and how many there are more."""
    names = list(names)
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(printable(name) for name in names[:NAMED]) + more

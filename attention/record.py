"""Maps that say what they are: the record that flows from the encoder to figures.

A `Maps` is made in two places: by the encoder (extraction.py, gradients.py), and here
when a file of maps is opened (`read_maps`). What it says of itself comes from the meta
file beside the maps. Files without one, as the original's, are read too; then, and only
then, the level is inferred from sizes, and the record's source says so.

Shapes: L layers, H heads, N rows of a map: T tokens, or W + 2 words with special
tokens around them.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from attention.heads import head_name, read_head_name
from attention.store import read_attention, read_meta
from files import InputError

LEVELS = TOKENS, WORDS = "tokens", "words"
ATTENTION, GRADIENTS = "attention", "gradients"
# What is carried over, by norms of vectors (bert/norms.py): of a head, and of a layer
# with what its --with flag adds
NORMS = "norms"
LAYER_NORMS = {
    "none": "layer-norms",
    "residual": "layer-norms-residual",
    "residual-ln": "layer-norms-residual-ln",
}
ROLLOUT, FLOW = "rollout", "flow"  # attention to the input (rollout.py)
# Rows of attention sum to one; rounded to float16 they sum to one within this.
ROW_TOLERANCE = 0.01

# Roles of the rows and columns of a map
WORD, PUNCTUATION, FIRST, SEPARATOR = range(4)
PUNCTUATION_MARKS = frozenset((".", ","))  # the paper's


@dataclasses.dataclass(frozen=True)
class Source:
    """What all maps of one file, or of one run of an encoder, have in common.

    What is not known is None.
    """

    layers: tuple[int, ...]  # true numbers of the L layers, from 0
    heads: int  # H, in each layer; 1 where a map is a whole layer's
    quantity: str = ATTENTION  # a key of QUANTITIES
    level: str | None = None  # one of LEVELS
    family: str | None = None  # of the encoder, such as "bert"
    weights_sha256: str | None = None
    trained: bool | None = None  # false where any weights were drawn at random
    # names of the first special token and of the separator
    model_layers: int | None = None  # of the encoder, kept or not
    special_tokens: tuple[str, str] = ("[CLS]", "[SEP]")
    gates: tuple[str, ...] = ()  # heads taken out, such as "ablate 3-9", "uniform 5-4"
    inferred: tuple[str, ...] = ()  # fields that no meta file gave

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any], example: Mapping) -> "Source":
        """The source of maps like an example's "attns" [L, H, ...], by their meta file.

        Meta files of older versions lack level, quantity, layers and family; their
        flags say the same. Where there is no meta file ({}), the layers are taken to be
        all, and the quantity is inferred from what lies beside the maps.
        """
        flags, shape = meta.get("flags", {}), example["attns"].shape
        if flags and "layers" not in meta:
            every = range(1, shape[0] + 1)
            meta = {
                "layers": sorted(set(flags.get("layers") or every)),
                "model_layers": None if flags.get("layers") else shape[0],
                "heads": shape[1],
                "level": WORDS if flags.get("word_level") else TOKENS,
                "quantity": GRADIENTS if "mask_rate" in flags else ATTENTION,
                "family": "bert",
            } | dict(meta)
        source = cls(
            layers=tuple(n - 1 for n in meta.get("layers", range(1, shape[0] + 1))),
            heads=meta.get("heads", shape[1]),
            quantity=meta.get("quantity") or _infer_quantity(example),
            level=meta.get("level"),
            family=meta.get("family"),
            weights_sha256=meta.get("weights_sha256"),
            trained=not _drawn(flags) if flags else None,
            model_layers=meta.get("model_layers"),
            special_tokens=tuple(meta.get("special_tokens", cls.special_tokens)),
            gates=tuple(meta.get("gates", ())),
            inferred=() if "layers" in meta else ("layers", "level", "quantity"),
        )
        if shape[:2] != (len(source.layers), source.heads):
            raise InputError(
                f"maps of {shape[0]} layers and {shape[1]} heads, but their meta file "
                f"says {len(source.layers)} and {source.heads}: is it another file's?"
            )
        if source.quantity not in QUANTITIES:
            raise InputError(
                f"maps of {source.quantity!r}, expected {' or '.join(QUANTITIES)}: "
                "were they written by a newer version?"
            )
        return source

    def meta(self) -> dict[str, Any]:
        """What a meta file says of it; layers count from 1, as people do."""
        return {
            "family": self.family,
            "quantity": self.quantity,
            "level": self.level,
            "layers": [layer + 1 for layer in self.layers],
            "heads": self.heads,
            "model_layers": self.model_layers,
            "special_tokens": list(self.special_tokens),
            "gates": list(self.gates),
            "weights_sha256": self.weights_sha256,
        }

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise InputError unless maps [L, H, ...] are of these layers and heads."""
        if shape[:2] != (len(self.layers), self.heads):
            raise InputError(
                f"maps of {shape[0]} layers and {shape[1]} heads, but the examples "
                f"before have {len(self.layers)} and {self.heads}"
            )

    def join(self, other: "Source") -> "Source":
        """What is known of maps of this source and of another together.

        They may come from other files, but not from other weights, layers or heads,
        nor be of another quantity: InputError. What one does not know, the other tells.
        """
        self.check_shape((len(other.layers), other.heads))
        known = {"inferred": tuple(sorted({*self.inferred, *other.inferred}))}
        for field in dataclasses.fields(self):
            ours, theirs = getattr(self, field.name), getattr(other, field.name)
            if ours == theirs or field.name in known:
                continue
            if None not in (ours, theirs):
                raise InputError(
                    f"{field.name} of these maps is {theirs}, of the examples before "
                    f"{ours}; a statistic is of one encoder"
                )
            known[field.name] = theirs if ours is None else ours
        return dataclasses.replace(self, **known)

    def require(self, quantity: str) -> None:
        """Raise InputError unless the maps are of this quantity."""
        if self.quantity != quantity:
            raise InputError(
                f"maps of {self.quantity}, expected {quantity}: "
                f"{QUANTITIES[quantity].made_by} writes them"
            )

    @property
    def depth(self) -> int:
        """Layers of the encoder, as far as known: at least to the last one kept."""
        return self.model_layers or self.layers[-1] + 1

    def head_name(self, layer: int, head: int) -> str:
        """The name, by its true layer, of the head at [layer, head] of an array."""
        if QUANTITIES[self.quantity].of_layers:
            return str(self.layers[layer] + 1)
        return head_name(self.layers[layer], head)

    def find_head(self, name: str) -> tuple[int, int]:
        """The place [layer, head] in an array of the head with this name, like "3-9".

        Raises InputError for what is no such name, and for a head that is not there.
        """
        layer, head = read_head_name(name)
        if layer not in self.layers or head >= self.heads:
            kept = ", ".join(str(number + 1) for number in self.layers)
            raise InputError(
                f"no head {name}: the maps have layers {kept} with {self.heads} heads "
                "each"
            )
        return self.layers.index(layer), head

    def state(self) -> dict[str, Any]:
        """All fields as plain values; `Source(**state)` with tuples is the same."""
        return {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in dataclasses.fields(self)
            for value in [getattr(self, field.name)]
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Source":
        """The source that `state()` describes."""
        return cls(**{k: tuple(v) if type(v) is list else v for k, v in state.items()})


@dataclasses.dataclass(frozen=True, eq=False)
class Maps:
    """The maps of one example, and what they are.

    `values[l, h, i, j]` is what token (or word) i takes from j, in head h of the layer
    whose true number, from 0, is `source.layers[l]`.
    """

    values: np.ndarray  # [L, H, N, N], float16 or float32
    level: str  # one of LEVELS
    source: Source
    example: dict  # what it was made of: "tokens", "words" and all other keys

    @classmethod
    def from_example(cls, example: Mapping[str, Any], source: Source) -> "Maps":
        """The record of an example with "attns", as a file of maps holds it.

        Raises InputError where the maps do not fit its tokens or words or the source,
        or are no maps of the source's quantity.
        """
        values = example["attns"]
        source.check_shape(values.shape)
        # in the byte order of this machine
        dtype = np.float16 if values.itemsize == 2 else np.float32
        values = values.astype(dtype, copy=False)
        rest = {key: value for key, value in example.items() if key != "attns"}
        maps = cls(values, source.level or _infer_level(rest, values), source, rest)
        if len(maps.labels) != values.shape[-1]:
            size = values.shape[-1]
            raise InputError(
                f"maps are {size} x {size}, but there are {len(maps.labels)} "
                f"{maps.level}, special tokens included"
            )
        QUANTITIES[source.quantity].check(maps)
        return maps

    def to_example(self) -> dict:
        """The example with its maps as "attns", as a file of maps holds it."""
        return self.example | {"attns": self.values}

    @property
    def layers(self) -> tuple[int, ...]:
        """The true numbers of the L layers, from 0."""
        return self.source.layers

    @property
    def quantity(self) -> str:
        """What is measured for each pair of tokens; a key of QUANTITIES."""
        return self.source.quantity

    @functools.cached_property
    def labels(self) -> list[str]:
        """What each of the N rows and columns stands for."""
        return _labels(self.example, self.level, self.source.special_tokens)

    @functools.cached_property
    def roles(self) -> np.ndarray:
        """The role of each row and column [N]: WORD, PUNCTUATION, FIRST, SEPARATOR.

        At word level the special tokens are the first and the last row, whatever words
        are called.
        """
        first, separator = self.source.special_tokens
        roles = dict.fromkeys(PUNCTUATION_MARKS, PUNCTUATION)
        if self.level == TOKENS:
            roles |= {separator: SEPARATOR, first: FIRST}
        found = np.array([roles.get(label, WORD) for label in self.labels], np.uint8)
        if self.level == WORDS:
            found[0], found[-1] = FIRST, SEPARATOR
        return found

    @functools.cached_property
    def float32(self) -> np.ndarray:
        """The values in float32, converted once for all who compute with them."""
        return to_float32(self.values)

    def require_words(self) -> list[str]:
        """The W words; InputError where the maps are not between words."""
        if self.level != WORDS or "words" not in self.example:
            raise InputError(
                "maps between tokens, expected maps between words: "
                "extract_attention.py makes them with --word-level"
            )
        return self.example["words"]


def to_float32(values: np.ndarray) -> np.ndarray:
    """Float16 or float32 values in float32, exactly.

    A float16 of no sign that is finite has the bits of a float32, but for 13 places and
    the bias of the exponent, which is 112 less. Going by the bits is two to three times
    as fast as NumPy, which is slow for small numbers, of which attention has many.
    """
    if values.dtype != np.float16:
        return values.astype(np.float32, copy=False)
    bits = values.view(np.uint16)
    if bits.max(initial=0) >= 0x7C00:  # negative, infinite or not a number
        return values.astype(np.float32)
    wide = bits.astype(np.uint32)
    wide <<= 13
    floats = wide.view(np.float32)
    floats *= np.float32(2.0**112)
    return floats


def _drawn(flags: Mapping[str, Any]) -> bool:
    """Whether the flags of a run asked for weights drawn at random."""
    return bool(flags.get("debug")) or flags.get("random_init", "none") != "none"


def _labels(
    example: Mapping[str, Any], level: str, special_tokens: tuple[str, str]
) -> list[str]:
    if level == TOKENS:
        return example.get("tokens", [])
    first, separator = special_tokens
    return [first, *example["words"], separator] if "words" in example else []


def _infer_quantity(example: Mapping[str, Any]) -> str:
    return GRADIENTS if {"masked", "loss"} <= example.keys() else ATTENTION


def _infer_level(example: Mapping[str, Any], values: np.ndarray) -> str:
    """The level at which an example's labels are as many as its maps have rows.

    Where no word is split both fit; then the maps are between words just as well.
    """
    found = {
        level: len(_labels(example, level, Source.special_tokens)) for level in LEVELS
    }
    size = values.shape[-1]
    for level in (WORDS, TOKENS):
        if found[level] == size:
            return level
    raise InputError(
        f"maps are {size} x {size}, but there are {found[TOKENS]} tokens and "
        f"{found[WORDS]} words with special tokens"
    )


def _check_attention(maps: Maps) -> None:
    """Rows are probabilities: none below zero, and they sum to one."""
    values = maps.float32
    if not values.size:
        return
    sums = values.reshape(-1, values.shape[-1]) @ np.ones(values.shape[-1], "f4")
    low, high = 1 - ROW_TOLERANCE, 1 + ROW_TOLERANCE
    if not (sums.min() >= low and sums.max() <= high):  # also where it is no number
        off = ~((sums >= low) & (sums <= high))
        layer, head, row = np.unravel_index(off.argmax(), values.shape[:3])
        raise InputError(
            f"row {row} of head {maps.source.head_name(layer, head)} sums to "
            f"{values[layer, head, row].sum():.3f}, expected 1: these are no "
            "probabilities"
        )
    if values.min() < 0:
        raise InputError("maps hold values below 0, which are no probabilities")


def _check_gradients(maps: Maps) -> None:
    """Absolute values, of an example that says what was masked."""
    if not {"masked", "loss"} <= maps.example.keys():
        raise InputError(
            "no 'masked' tokens and 'loss', expected gradients as "
            "attention_gradients.py writes them"
        )
    if not (maps.values >= 0).all():  # also where a value is no number
        raise InputError("gradients below 0 or no numbers, expected absolute values")


def _check_norms(maps: Maps) -> None:
    """Norms are finite and not below zero."""
    if not (maps.values >= 0).all():  # also where a value is no number
        raise InputError(f"{maps.quantity} below 0 or no numbers, expected norms")
    if np.isinf(maps.values).any():
        raise InputError(
            f"{maps.quantity} beyond what {maps.values.dtype} holds: write them with "
            "--dtype float32"
        )


@dataclasses.dataclass(frozen=True)
class Quantity:
    """What can be measured for each pair of tokens."""

    check: Any  # a function of a Maps, which raises InputError
    made_by: str  # the script that writes such maps
    of_layers: bool = False  # one map a layer, not one a head


QUANTITIES = {
    ATTENTION: Quantity(_check_attention, "extract_attention.py"),
    GRADIENTS: Quantity(_check_gradients, "attention_gradients.py"),
    NORMS: Quantity(_check_norms, "extract_attention.py --quantity norms"),
    **{
        quantity: Quantity(
            _check_norms,
            f"extract_attention.py --quantity layer-norms --with {parts}",
            of_layers=True,
        )
        for parts, quantity in LAYER_NORMS.items()
    },
    ROLLOUT: Quantity(_check_attention, "attention_rollout.py"),
    FLOW: Quantity(_check_norms, "attention_rollout.py --flow"),
}


def read_maps(path: str | Path) -> Iterator[Maps]:
    """The records of a file of maps, one at a time: no two need be in memory.

    Raises InputError, which names file and example, for a file that is no file of maps,
    and for maps that are not what their meta file says.
    """
    yield from records(read_attention(path), read_meta(path), name=str(path))


def records(
    examples: Iterable[dict], meta: Mapping[str, Any], name: str = "maps"
) -> Iterator[Maps]:
    """The records of examples with "attns" that share one meta file ({} for none)."""
    source = None
    for number, example in enumerate(examples):
        try:
            source = source or Source.from_meta(meta, example)
            yield Maps.from_example(example, source)
        except InputError as error:
            raise InputError(f"{name}: example {number}: {error}") from None


def describe_maps(path: str | Path) -> str:
    """One sentence on what a file of maps was made from."""
    meta = read_meta(path)
    flags = meta.get("flags", {})
    if not {"bert_dir", "preprocessed_data_file"} <= flags.keys():
        return (
            f"{path}: there is no .meta.json beside it, so model and text are not "
            "known; tokens or words was inferred from sizes"
        )
    weights = f"weights {(meta.get('weights_sha256') or '')[:12]}…"
    if _drawn(flags):
        kept = flags.get("random_init") == "keep-embeddings"
        weights = "layers drawn at random" if kept else "weights drawn at random"
    if flags.get("layers"):
        weights += f", layers {' '.join(map(str, sorted(flags['layers'])))}"
    if meta.get("gates"):
        weights += f"; {', '.join(meta['gates'])}"
    return (
        f"{path}: {meta['written']:,} of {meta['examples']:,} examples of "
        f"{flags['preprocessed_data_file']} through {flags['bert_dir']} ({weights})"
    )

"""Maps that say what they are: the record that flows from the encoder to figures.

A `Maps` is made in two places: by the encoder (extraction.py, gradients.py), and here
when a file of maps is opened (`read_maps`). What it says of itself is in its source
(source.py).

Shapes: L layers, H heads, N rows of a map: T tokens, or W + 2 words with special
tokens around them.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from attention.meta import SIZE
from attention.quantities import QUANTITIES
from attention.source import LEVELS, TOKENS, WORDS, Source, drawn_at_random
from attention.store import read_attention, read_meta
from toolkit.files import InputError, quoted

# Roles of the rows and columns of a map
WORD, PUNCTUATION, FIRST, SEPARATOR = range(4)
PADDING = frozenset(("[PAD]", "<pad>"))
PUNCTUATION_MARKS = frozenset((".", ","))  # the paper's
SPACES = "\u0120\u2581"  # how byte-level BPE and SentencePiece write them in pieces


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
        level, size = source.level or _infer_level(rest, values), values.shape[-1]
        labels = _labels(rest, level, source.special_tokens)
        if len(labels) != size:
            raise InputError(
                f"maps are {size} x {size}, but there are {len(labels)} {level}, "
                "special tokens included"
            )
        if level == TOKENS and labels[-1] in PADDING:
            raise InputError(
                f"the last token is {labels[-1]}: cut padding off the tokens, and off "
                "rows and columns of the maps"
            )
        maps = cls(values, level, source, rest)
        QUANTITIES[source.quantity].check(maps)
        return maps

    def checked(self) -> "Maps":
        """This record, new from an encoder.

        Raises InputError for maps that are none of their quantity: an encoder whose
        numbers grow beyond its precision gives NaN.
        """
        try:
            QUANTITIES[self.quantity].check(self)
        except InputError as error:
            raise InputError(
                f"no {self.quantity} of {quoted(' '.join(self.labels))}: {error}; are "
                "numbers of the encoder beyond its precision?"
            ) from None
        return self

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
        if self.level == TOKENS:
            return token_roles(self.labels, self.source.special_tokens)
        found = token_roles(self.labels, ())
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


def token_roles(tokens: Sequence[str], special_tokens: Sequence[str]) -> np.ndarray:
    """The role of each token [T], by the names of the first special token and of the
    separator; where there are none, of each word."""
    roles = dict.fromkeys(PUNCTUATION_MARKS, PUNCTUATION)
    roles |= dict(zip(special_tokens, (FIRST, SEPARATOR), strict=False))
    tokens = (token.lstrip(SPACES) for token in tokens)
    return np.array([roles.get(token, WORD) for token in tokens], np.uint8)


def to_float32(values: np.ndarray) -> np.ndarray:
    """Float16 or float32 values in float32, exactly."""
    if values.dtype == np.float16:
        from attention.float16 import widen

        floats = np.empty(values.shape, np.float32)
        bits = np.ascontiguousarray(values).view(np.uint16)
        if widen(bits.ravel(), floats.ravel()):
            return floats
    return values.astype(np.float32, copy=False)


def _labels(
    example: Mapping[str, Any], level: str, special_tokens: tuple[str, str]
) -> list[str]:
    if level == TOKENS:
        return example.get("tokens", [])
    first, separator = special_tokens
    return [first, *example["words"], separator] if "words" in example else []


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


def read_maps(path: str | Path) -> Iterator[Maps]:
    """The records of a file of maps, one at a time: no two need be in memory.

    Raises InputError, which names file and example, for a file that is no file of maps,
    and for maps that are not what their meta file says.
    """
    meta = read_meta(path)
    if meta.get(SIZE) not in (None, Path(path).stat().st_size):
        raise InputError(
            f"{path}: its meta file is of one of {meta[SIZE]:,} bytes: was it written "
            "again since? remove the meta file if it is another's"
        )
    yield from records(read_attention(path), meta, name=str(path))


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
            "known; tokens or words, and special tokens, were inferred"
        )
    weights = f"weights {(meta.get('weights_sha256') or '')[:12]}…"
    if drawn_at_random(flags):
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

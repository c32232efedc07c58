"""What every analysis needs of examples: checked maps, labels, names of heads."""

from pathlib import Path
from typing import Protocol

import numpy as np

from attention.store import read_attention, read_meta
from files import InputError

CLS, SEP = "[CLS]", "[SEP]"
ROW_TOLERANCE = 0.01  # probabilities of a row, once rounded to float16, sum to 1 so far


class Accumulator(Protocol):
    """A statistic that takes in a corpus one example at a time."""

    def update(self, example: dict) -> None:
        """Take in one example of a file of maps."""


def accumulate(path: str | Path, *accumulators: Accumulator) -> int:
    """Stream a file of maps once through accumulators; return how many examples it has.

    Shows progress on a terminal. Raises InputError, which names file and example, for
    what an accumulator refuses.
    """
    from tqdm import tqdm

    count, total = 0, read_meta(path).get("written")  # for the bar's estimate
    examples = read_attention(path)
    for example in tqdm(examples, total=total, disable=None, unit=" examples"):
        try:
            for accumulator in accumulators:
                accumulator.update(example)
        except InputError as error:
            raise InputError(f"{path}: example {count}: {error}") from None
        count += 1
    return count


def describe_maps(path: str | Path) -> str:
    """One sentence on what a file of maps was made from."""
    meta = read_meta(path)
    flags = meta.get("flags", {})
    if not {"bert_dir", "preprocessed_data_file"} <= flags.keys():
        return f"{path}: of unknown making, as no .meta.json beside it says more"
    if weights_of(path):
        weights = f"weights {meta['weights_sha256'][:12]}…"
    else:
        weights = "some weights random, or some layers left out"
    return (
        f"{path}: {meta['written']:,} of {meta['examples']:,} examples of "
        f"{flags['preprocessed_data_file']} through {flags['bert_dir']} ({weights})"
    )


def weights_of(path: str | Path) -> str | None:
    """SHA-256 of the trained weights whose every layer is in a file of maps, if any."""
    meta = read_meta(path)
    flags = meta.get("flags", {})
    if flags.get("random_init", "none") != "none" or flags.get("layers"):
        return None
    return meta.get("weights_sha256")


def head_name(layer: int, head: int) -> str:
    """The paper's name of a head given from 0: layer and head, counted from 1."""
    return f"{layer + 1}-{head + 1}"


def labels(example: dict) -> list[str]:
    """What each row and column of an example's maps stands for: its tokens, or at word
    level its words between [CLS] and [SEP]."""
    size = example["attns"].shape[-1]
    tokens = example.get("tokens", [])
    words = [CLS, *example["words"], SEP] if "words" in example else []
    for names in (words, tokens):  # both fit where no word is split
        if len(names) == size:
            return names
    raise InputError(
        f"maps are {size} x {size}, but there are {len(tokens)} tokens and "
        f"{len(words)} words with [CLS] and [SEP]"
    )


def word_maps(example: dict) -> np.ndarray:
    """An example's maps between words, [L, H, W + 2, W + 2] with [CLS] and [SEP], in
    float16 or, where there is more to round, in float32.

    Raises InputError for maps that do not fit its words, or hold no attention.
    """
    attns = example["attns"]
    size, words = attns.shape[-1], len(example.get("words", []))
    if size != words + 2:
        raise InputError(
            f"maps are {size} x {size}, expected {words + 2} for {words} words, [CLS] "
            "and [SEP]: extract_attention.py makes such maps with --word-level"
        )
    # of the machine's own byte order, too
    attns = attns.astype(np.float16 if attns.itemsize == 2 else np.float32, copy=False)
    # floats from 0 on are ordered as their bits are; others have a higher bit still
    bits, one = f"u{attns.itemsize}", np.full(1, 1 + ROW_TOLERANCE, attns.dtype)
    if attns.view(bits).max() > one.view(bits)[0]:
        raise InputError("maps hold values below 0 or above 1, which are no attention")
    return attns


def probabilities(example: dict) -> np.ndarray:
    """An example's maps in float32 [L, H, T, T], rows checked to sum to one.

    Raises InputError otherwise.
    """
    attns = example["attns"].astype(np.float32)
    off = np.abs(attns.sum(-1) - 1)  # [L, H, T]
    if not (off <= ROW_TOLERANCE).all():  # also where a value is no number
        layer, head, row = np.argwhere(~(off <= ROW_TOLERANCE))[0]
        raise InputError(
            f"row {row} of head {head_name(layer, head)} sums to "
            f"{attns[layer, head, row].sum():.3f}, expected 1"
        )
    return attns


def check_heads(
    found: tuple[int, ...], expected: tuple[int, ...] | None
) -> tuple[int, ...]:
    """The layers and heads found, which must be those expected, if any are."""
    if expected is not None and found != expected:
        raise InputError(
            f"maps of {found[0]} layers and {found[1]} heads, but the examples before "
            f"have {expected[0]} and {expected[1]}"
        )
    return found

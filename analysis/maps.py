"""What every analysis needs of an example: checked maps, labels, names of heads."""

import numpy as np

from files import InputError

CLS, SEP = "[CLS]", "[SEP]"
ROW_TOLERANCE = 0.01  # probabilities of a row, once rounded to float16, sum to 1 so far


def head_name(layer: int, head: int) -> str:
    """The paper's name of a head given from 0: layer and head, counted from 1."""
    return f"{layer + 1}-{head + 1}"


def labels(example: dict) -> list[str]:
    """What each row and column of an example's maps stands for: its tokens, or at word
    level its words between [CLS] and [SEP]."""
    size = example["attns"].shape[-1]
    tokens = example.get("tokens", [])
    words = [CLS, *example["words"], SEP] if "words" in example else []
    for names in (tokens, words):
        if len(names) == size:
            return names
    raise InputError(
        f"maps are {size} x {size}, but there are {len(tokens)} tokens and "
        f"{len(words)} words with [CLS] and [SEP]"
    )


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

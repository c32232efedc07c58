"""What can be measured for each pair of tokens, and what its maps must be like.

A quantity is a row of QUANTITIES. Everything that takes maps says which it is for.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.files import InputError

if TYPE_CHECKING:
    from attention.record import Maps

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


def _check_attention(maps: "Maps") -> None:
    """Rows are probabilities: none below zero, and they sum to one."""
    if maps.values.dtype == np.float16:
        from attention.float16 import are_probabilities

        bits = np.ascontiguousarray(maps.values).view(np.uint16)
        if are_probabilities(bits.reshape(-1, bits.shape[-1]), ROW_TOLERANCE):
            return
    values = maps.float32
    if not values.size:
        return
    with np.errstate(invalid="ignore"):  # the sum of infinities, or of a signalling NaN
        sums = values.sum(-1)
    low, high = 1 - ROW_TOLERANCE, 1 + ROW_TOLERANCE
    if not (sums.min() >= low and sums.max() <= high):  # also where it is no number
        off = ~((sums >= low) & (sums <= high))
        layer, head, row = np.unravel_index(off.argmax(), off.shape)
        raise InputError(
            f"row {row} of head {maps.source.head_name(layer, head)} sums to "
            f"{sums[layer, head, row]:.3f}, expected 1: these are no probabilities"
        )
    if values.min() < 0:
        raise InputError("maps hold values below 0, which are no probabilities")


def _check_gradients(maps: "Maps") -> None:
    """Absolute values, of an example that says what was masked."""
    if not {"masked", "loss"} <= maps.example.keys():
        raise InputError(
            "no 'masked' tokens and 'loss', expected gradients as "
            "attention_gradients.py writes them"
        )
    if not (maps.values >= 0).all():  # also where a value is no number
        raise InputError("gradients below 0 or no numbers, expected absolute values")


def _check_norms(maps: "Maps") -> None:
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

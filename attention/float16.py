"""Maps in float16, read by their bits in compiled loops.

A float16 from zero on that is finite has the bits of a float32, but for 13 places and
the bias of the exponent, which is 112 less: its bits moved by 13 places are those of
the float32 2^-112 times as large. Going by the bits is several times as fast as NumPy,
which is slow for small numbers, of which attention has many.
"""

import numpy as np

from toolkit.compiled import compiled

INFINITE = np.uint16(0x7C00)  # from here on: infinite, not a number, or negative
SCALE = np.float32(2.0**112)


@compiled
def widen(bits, floats):
    """Write float16 values [M], given as uint16, to float32 `floats` [M], exactly.

    Returns whether all are finite and not negative; where it does not, `floats` are
    not the values.
    """
    largest = np.uint16(0)
    for k in range(bits.size):
        largest = max(largest, bits[k])
        wide = np.uint32(np.uint32(bits[k]) << 13)
        floats[k] = wide.view(np.float32) * SCALE
    return largest < INFINITE


@compiled
def are_probabilities(bits, tolerance):
    """Whether rows of float16 values [R, N], given as uint16, are finite, not negative,
    and sum to one within `tolerance`."""
    rows, size = bits.shape
    for row in range(rows):
        largest, total = np.uint16(0), np.float32(0)
        for k in range(size):
            largest = max(largest, bits[row, k])
            wide = np.uint32(np.uint32(bits[row, k]) << 13)
            total += wide.view(np.float32)
        if largest >= INFINITE or not abs(total * SCALE - 1) <= tolerance:
            return False
    return True

"""Which attention heads pick the syntactic heads of words, in compiled loops."""

import numpy as np

from toolkit.compiled import compiled


@compiled
def mark_right(bits, heads, owners, nothing, right):
    """Write to bool `right` [W, 2 x K] whether the picks of each head are right.

    Maps [K, W + 2, W + 2] of K attention heads are given by their bits as integers:
    floats from 0 on are ordered as these are. `nothing` is -2^16 in an integer of twice
    that size. Right are picks of `heads` [W], from 1; for words at `owners`, from 0,
    the next word's pick counts as well.

    Each value gets a key, its bits above 16 others that tell places apart: the largest
    key says where it is, the first one of equals. `nothing` is below all keys.
    """
    wide = type(nothing)
    count, size, _ = bits.shape
    words = size - 2
    largest = np.empty((2, words), wide)  # in rows, in columns
    for k in range(count):
        largest[:] = nothing
        for i in range(words):
            row = bits[k, i + 1, 1:-1]
            in_row = nothing
            for j in range(words):
                key = nothing if i == j else wide(wide(row[j]) << 16)
                in_row = max(in_row, wide(key + words - j))
                largest[1, j] = max(largest[1, j], wide(key + words - i))
            largest[0, i] = in_row
        for direction in range(2):
            column = direction * count + k
            for i in range(words):
                pick = words + 1 - (largest[direction, i] & 0xFFFF)
                right[i, column] = pick == heads[i]
            for i in owners:
                pick = words + 1 - (largest[direction, i + 1] & 0xFFFF)
                right[i, column] |= pick == heads[i]


@compiled
def add_rows(rows, places, sums):
    """Add bool rows [W, P] to those rows of integers `sums` that `places` [W] names."""
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            sums[places[row], column] += rows[row, column]

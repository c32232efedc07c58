"""How many picks of words are right, in a compiled loop; see syntax.py."""

import numpy as np

from toolkit.compiled import compiled


@compiled
def count_right(bits, fixed, heads, owners, groups, right):
    """Add to `right` [G, 2 x K + F + 1] as `syntax.right_picks` says.

    Maps [K, W + 2, W + 2] are given by their bits, as integers: floats from 0 on are
    ordered as these are. Each value gets a key, its bits above 16 others that tell
    places apart, of which the first place has the largest: so the largest key says
    where it is.
    """
    count, size, _ = bits.shape
    words = size - 2
    nothing = np.int64(-1 << 16)  # below all keys
    in_columns = np.empty(words, np.int64)  # the largest keys
    picks = np.empty((2, words), np.int64)
    for k in range(count):
        in_columns[:] = nothing
        for i in range(words):
            row = bits[k, i + 1, 1:-1]
            in_row = nothing
            for j in range(words):
                key = nothing if i == j else np.int64(row[j]) << 16
                in_row = max(in_row, key + words - j)
                in_columns[j] = max(in_columns[j], key + words - i)
            picks[0, i] = words + 1 - (in_row & 0xFFFF)
        for i in range(words):
            picks[1, i] = words + 1 - (in_columns[i] & 0xFFFF)
        for direction in range(2):
            found = picks[direction]
            place = direction * count + k
            for i in range(words):
                right[groups[i], place] += found[i] == heads[i]
            for i in owners:
                by_next = found[i] != heads[i] and found[i + 1] == heads[i]
                right[groups[i], place] += by_next
    for i in range(words):
        for f in range(fixed.shape[1]):
            right[groups[i], 2 * count + f] += fixed[i, f] == heads[i]
        right[groups[i], -1] += 1
    for i in owners:
        for f in range(fixed.shape[1] - 1):
            by_next = fixed[i, f] != heads[i] and fixed[i + 1, f] == heads[i]
            right[groups[i], 2 * count + f] += by_next

"""The costly part of head distances, compiled by XLA on any of Keras's backends."""

import functools

import keras
import numpy as np
from keras import ops


class PairSums(keras.Model):
    """Sums of F(s) = sum of s ln s, s = p + q, over the rows of all pairs of heads.

    Rows [N, R, C] of N heads to sums [N // 2 + 1, N]: entry [d, i] is that of heads i
    and i + d, counted round, which by symmetry are all pairs. Where all heads have 1/2,
    s is 1 and counts as nothing: that is the padding. The terms of a sum never lie in
    memory: adding, taking logarithms and summing up are fused into one loop.
    """

    def call(self, rows):
        """Rows are added up in float32, and over rows in float64."""
        heads, height, columns = rows.shape
        twice = ops.concatenate([rows, rows])  # [2 N, R, C]

        def of_shift(shift, sums):
            others = ops.slice(twice, (shift, 0, 0), (heads, height, columns))
            both = rows + others  # [N, R, C]
            terms = both * ops.log(both)
            total = ops.sum(ops.cast(ops.sum(terms, axis=-1), "float64"), axis=-1)
            return ops.slice_update(sums, (shift, 0), total[None])

        nothing = ops.zeros((heads // 2 + 1, heads), dtype="float64")
        return ops.fori_loop(0, heads // 2 + 1, of_shift, nothing)


@functools.cache
def compiled(shape: tuple[int, ...]) -> PairSums:
    """A model for rows of one shape, as XLA compiles for one shape at a time."""
    model = PairSums()
    model.compile(jit_compile=True)
    return model


def pair_sums(rows: np.ndarray) -> np.ndarray:
    """See PairSums."""
    return compiled(rows.shape).predict_on_batch(rows)

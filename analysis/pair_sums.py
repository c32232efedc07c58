"""Sums over all pairs of heads, compiled by XLA, with TensorFlow or JAX."""

import functools
import math

import keras
import numpy as np
from keras import ops

CHUNK = 8192  # values of each head at a time, so that memory stays bounded
WIDTH = 64  # sums kept side by side, which is what lets XLA use vector instructions


def pair_sums(values: np.ndarray) -> np.ndarray:
    """Sums of F(s) = s ln s, s = p + q, over the values of all pairs of heads.

    Values are [N, M] of N heads, float32 and above zero; sums are [N // 2 + 1, N] in
    float64. Entry [d, i] is that of heads i and (i + d) mod N, which by symmetry are
    all pairs. The last chunk is padded to a power of two, so that few shapes are
    compiled, with 1/2, where s is 1 and adds nothing.
    """
    heads, total = len(values), 0
    for chunk in np.split(values, range(CHUNK, values.shape[1], CHUNK), axis=1):
        length = chunk.shape[1]
        size = max(WIDTH, 1 << (length - 1).bit_length())
        padded = np.full((heads, size), 0.5, np.float32)
        padded[:, :length] = chunk
        sums = _compiled(heads, size).predict_on_batch(padded)  # [N // 2 + 1, N, WIDTH]
        total = total + sums.sum(-1, dtype=np.float64)
    return total


class PairSums(keras.Model):
    """The sums of one chunk, in WIDTH partial sums each. XLA fuses addition, logarithm
    and summation into one loop, so the terms are never written to memory."""

    def call(self, values):
        """Values [N, M] to sums [N // 2 + 1, N, WIDTH] of M / WIDTH terms each."""
        heads, length = values.shape
        values = ops.reshape(values, (heads, length // WIDTH, WIDTH))
        twice = ops.concatenate([values, values])

        def of_shift(shift, sums):
            both = values + ops.slice(twice, (shift, 0, 0), values.shape)
            side_by_side = ops.sum(both * fast_log(both), axis=1)  # [N, WIDTH]
            return ops.slice_update(sums, (shift, 0, 0), side_by_side[None])

        nothing = ops.zeros((heads // 2 + 1, heads, WIDTH))
        return ops.fori_loop(0, heads // 2 + 1, of_shift, nothing)


@functools.cache
def _compiled(heads: int, length: int) -> PairSums:
    """A model for one shape, as XLA compiles for one shape at a time."""
    model = PairSums()
    model.compile(jit_compile=True)
    return model


# ln(1 + t) / t between half and twice the root of one half, as a polynomial in t
_LOW, _HIGH = math.sqrt(0.5) - 1, math.sqrt(2) - 1
_LOG = np.polynomial.Chebyshev.interpolate(
    lambda t: np.log1p(t) / t, 7, domain=[_LOW, _HIGH]
).convert(kind=np.polynomial.Polynomial)
_ROOT_OF_HALF = int(np.float32(math.sqrt(0.5)).view(np.int32))


def fast_log(x):
    """Natural logarithm of float32 above zero, in fewer steps than XLA's own.

    x = m 2^e, with m from root 1/2 to root 2, is read off the bits of x; then ln x is
    ln m + e ln 2, with a polynomial for ln m. The error times x is below 2e-7 up to 2.
    """
    bits = ops.view(x, "int32")
    exponent = ops.right_shift(bits - _ROOT_OF_HALF, 23)
    t = ops.view(bits - ops.left_shift(exponent, 23), "float32") - 1
    *rest, highest = map(float, _LOG.coef)
    result = highest
    for coefficient in reversed(rest):
        result = result * t + coefficient
    return result * t + ops.cast(exponent, "float32") * math.log(2)

"""Sums over all pairs of heads, compiled, on all cores."""

import functools
import math
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from toolkit.compiled import compiled

BLOCK = 1024  # values of each head at a time: those of all heads fit the L2 cache
WORTH_A_THREAD = 1 << 21  # terms: about a millisecond


def pair_sums(values: np.ndarray) -> np.ndarray:
    """Sums of F(s) = s ln s, s = p + q, over the values of all pairs of heads.

    Values are [N, M] of N heads, float32 and above zero; sums are in float64, in the
    order of `np.triu_indices(N)`. They do not depend on the number of threads.
    """
    heads, length = values.shape
    sums = np.zeros(heads * (heads + 1) // 2)
    most = 1 + len(sums) * length // WORTH_A_THREAD
    parts = min(most, heads, numba.config.NUMBA_NUM_THREADS)
    with ThreadPoolExecutor(parts) as pool:
        run = functools.partial(_add_up, values, sums, parts)
        list(pool.map(run, range(parts)))
    return sums


@compiled
def _add_up(values, sums, parts, part):
    """Add the sums of every `parts`-th head from `part` on with itself and later ones.

    A block is summed in float32, in many partial sums side by side; blocks in float64.
    """
    heads, length = values.shape
    for start in range(0, length, BLOCK):
        stop = min(start + BLOCK, length)
        for i in range(part, heads, parts):
            own = values[i, start:stop]
            row = i * heads - i * (i + 1) // 2  # where pairs of head i begin, less i
            for j in range(i, heads):
                other = values[j, start:stop]
                total = np.float32(0)
                for k in range(stop - start):
                    both = own[k] + other[k]
                    total += both * fast_log(both)
                sums[row + j] += total


# ln(1 + t) / t between half and twice the root of one half, as a polynomial in t
_LOW, _HIGH = math.sqrt(0.5) - 1, math.sqrt(2) - 1
_LOG = np.polynomial.Chebyshev.interpolate(
    lambda t: np.log1p(t) / t, 7, domain=[_LOW, _HIGH]
).convert(kind=np.polynomial.Polynomial)
_COEFFICIENTS = tuple(_LOG.coef.astype(np.float32))
_ROOT_OF_HALF = np.float32(math.sqrt(0.5)).view(np.int32)
_LN_2 = np.float32(math.log(2))


@compiled
def fast_log(x):
    """Natural logarithm of a float32 above zero, by few vector instructions.

    x = m 2^e, with m from root 1/2 to root 2, is read off the bits of x; then ln x is
    ln m + e ln 2, with a polynomial for ln m. The error times x is below 2e-7 up to 2.
    """
    bits = np.float32(x).view(np.int32)
    exponent = np.int32((bits - _ROOT_OF_HALF) >> 23)
    t = np.int32(bits - (exponent << 23)).view(np.float32) - np.float32(1)
    c0, c1, c2, c3, c4, c5, c6, c7 = _COEFFICIENTS
    log = ((((((c7 * t + c6) * t + c5) * t + c4) * t + c3) * t + c2) * t + c1) * t + c0
    return log * t + np.float32(exponent) * _LN_2

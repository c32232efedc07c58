"""General statistics and head distances by keras.ops, for maps that lie on a GPU.

What `GeneralStatistics.update` and `HeadDistances.update` compute with NumPy of one
example, for all examples of a padded batch. Only these numbers leave the device, not
the maps, which are 30 times as large.

Shapes: B batch, L layers, H heads, N = L * H heads in layer-major order, T tokens, K
kinds of averages.
"""

import keras
import numpy as np
from keras import ops

from analysis.distances import SMOOTHING as OF_DISTANCES
from analysis.general import SMOOTHING as OF_ENTROPIES
from attention.record import FIRST, PUNCTUATION, SEPARATOR
from toolkit.compiled_model import CompiledModel

# what `averages` gives, in this order
KINDS = (
    "self", "right", "left", "cls", "sep", "punct", "sep_sep", "rest_sep", "entropy",
    "cls_entropy",
)  # fmt: skip


def averages(attention, roles, lengths):
    """Averages [B, H, K] of the maps of one layer [B, H, T, T], of each example.

    `roles` [B, T] are those of the tokens, and -1 for padding. A kind that an example
    has no row for is 0.
    """
    real = ops.cast(roles >= 0, "float32")[:, None]  # [B, 1, T]
    first, separator, punctuation = (
        ops.cast(roles == role, "float32") for role in (FIRST, SEPARATOR, PUNCTUATION)
    )  # [B, T]
    length = ops.cast(lengths, "float32")[:, None]  # [B, 1]
    columns = ops.stack([first, separator, punctuation], -1)  # [B, T, 3]
    received = ops.matmul(attention, columns[:, None])  # [B, H, T, 3]
    rest = real[:, 0] - separator

    def diagonal(offset: int):
        rows = real[..., max(-offset, 0) : -offset if offset > 0 else None]
        return ops.sum(ops.diagonal(attention, offset, -2, -1) * rows, -1) / length

    def mean_over(rows, values):  # [B, T], [B, H, T] -> [B, H]
        count = ops.maximum(ops.sum(rows, -1, keepdims=True), 1)
        return ops.sum(values * rows[:, None], -1) / count

    smooth = (1 - OF_ENTROPIES) * attention
    smooth = smooth + OF_ENTROPIES / length[..., None, None]
    terms = smooth * ops.log(smooth) * real[:, :, None]
    entropies = -ops.sum(terms, -1)  # [B, H, T]
    leading = first * ops.cast(ops.cumsum(first, -1) == 1, "float32")
    everything = real[:, 0]
    return ops.stack(
        [
            *(diagonal(offset) for offset in (0, 1, -1)),
            *(mean_over(everything, received[..., i]) for i in range(3)),
            mean_over(separator, received[..., 1]),
            mean_over(rest, received[..., 1]),
            mean_over(everything, entropies),
            mean_over(leading, entropies),
        ],
        -1,
    )


def pair_sums(attention, roles, lengths):
    """Sums of F(s) = s ln s, s = p + q, over the maps of all pairs of heads.

    `attention` is [B, N, T, T]; sums are [B, N // 2 + 1, N], where entry [d, i] is that
    of heads i and (i + d) mod N, which by symmetry are all pairs.
    """
    batch, heads, tokens, _ = ops.shape(attention)
    real = roles >= 0
    length = ops.cast(lengths, "float32")[:, None, None, None]
    smooth = (1 - OF_DISTANCES) * attention + OF_DISTANCES / length
    pairs = ops.logical_and(real[:, None, :, None], real[:, None, None])  # [B, 1, T, T]
    # of two halves, s is 1 and adds nothing
    values = ops.reshape(ops.where(pairs, smooth, 0.5), (batch, heads, tokens * tokens))
    twice = ops.concatenate([values, values], 1)

    def of_shift(shift):
        both = values + twice[:, shift : shift + heads]
        return ops.sum(both * ops.log(both), -1)  # [B, N]

    return ops.stack([of_shift(shift) for shift in range(heads // 2 + 1)], 1)


def in_order(sums: np.ndarray) -> np.ndarray:
    """Sums over pairs [N // 2 + 1, N], as `pair_sums` has them, in the order of
    `np.triu_indices(N)`, as `HeadDistances` does."""
    first, second = np.triu_indices(sums.shape[1])
    apart = second - first
    near = apart < len(sums)
    return np.where(
        near,
        sums[np.where(near, apart, 0), first],
        sums[np.where(near, 0, sums.shape[1] - apart), second],
    )


class DeviceStatistics(CompiledModel):
    """An encoder, and after it the statistics of its maps that are wanted.

    Takes the encoder's inputs and roles [B, T]; gives averages [B, L, H, K], and sums
    over pairs of heads [B, N // 2 + 1, N], or of the two what is wanted.
    """

    ranks = 2, 2, 1, 2

    def __init__(self, encoder: keras.Model, general: bool, distances: bool):
        super().__init__()
        self.built = True
        self.encoder = encoder
        self.general, self.distances = general, distances

    def call(self, inputs):
        """Statistics of a padded batch."""
        *inputs, roles = inputs
        lengths, found = inputs[-1], []
        layers = [ops.cast(m, "float32") for m in self.encoder(inputs)]
        if self.general:
            found.append(ops.stack([averages(m, roles, lengths) for m in layers], 1))
        if self.distances:
            found.append(pair_sums(ops.concatenate(layers, 1), roles, lengths))
        return found

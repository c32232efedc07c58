"""Attention between words (Section 4.1), pooled on the device that maps are made on.

What `word_level.word_attention` computes with NumPy of one example, for all examples of
a padded batch: what leaves the device is pooled and rounded already.

Shapes: B batch, H heads, T tokens. Arrays of words are padded to T.
"""

import functools

import keras
from keras import ops

from toolkit.compiled_model import CompiledModel


class WordMaps(CompiledModel):
    """An encoder, and after it the pooling of its maps.

    Takes the encoder's inputs, and for each token [B, T] the number of its word, -1 for
    padding. Gives the encoder's maps between words, [B, H, T, T] of type `dtype`, and
    what else it gives of tokens, [B, T], as means over the pieces of words.
    """

    ranks = 2, 2, 1, 2

    def __init__(self, encoder: keras.Model, mode: str, dtype: str):
        super().__init__()
        self.encoder, self.mode, self.maps_dtype = encoder, mode, dtype
        self.built = True

    def call(self, inputs):
        """Maps of a padded batch."""
        *inputs, words = inputs
        tokens = ops.shape(words)[1]
        belongs = ops.one_hot(words, tokens, dtype="float32")  # [B, T, W]
        pieces = ops.maximum(ops.sum(belongs, 1), 1)  # [B, W]
        means = ops.transpose(belongs / pieces[:, None], (0, 2, 1))  # [B, W, T]

        def pooled(values):
            if len(values.shape) == 2:  # [B, T]
                return ops.matmul(means, values[..., None])[..., 0]
            heads = values.shape[1]
            rows = ops.reshape(values, (-1, heads * tokens, tokens))
            to_words = ops.matmul(rows, belongs)  # one product for all heads
            to_words = ops.reshape(to_words, (-1, heads, tokens, tokens))
            if self.mode == "mean":
                words_to_words = ops.matmul(means[:, None], to_words)
            elif self.mode == "first":
                before = ops.pad(words[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
                first = belongs * ops.cast(words != before, "float32")[..., None]
                first = ops.transpose(first, (0, 2, 1))[:, None]
                words_to_words = ops.matmul(first, to_words)
            else:
                largest = _largest(to_words, words)
                words_to_words = largest / ops.sum(largest, -1, keepdims=True)
            return ops.cast(words_to_words, self.maps_dtype)

        return [pooled(values) for values in self.encoder(inputs)]


def _largest(to_words, words):  # [B, H, T, W], [B, T] -> [B, H, W, W]
    """The largest value over the pieces of each word; of padding, any number."""
    batch, heads, tokens, _ = ops.shape(to_words)
    example = ops.arange(batch)[:, None]
    numbers = ops.where(words < 0, -1, example * tokens + words)  # -1 is left out
    rows = ops.transpose(to_words, (0, 2, 1, 3))  # [B, T, H, W]
    found = ops.segment_max(
        ops.reshape(rows, (batch * tokens, heads, tokens)),
        ops.reshape(numbers, (-1,)),
        batch * tokens,
    )
    return ops.transpose(
        ops.reshape(found, (batch, tokens, heads, tokens)), (0, 2, 1, 3)
    )


@functools.lru_cache(maxsize=1)
def word_maps(encoder: keras.Model, mode: str, dtype: str) -> WordMaps:
    """A WordMaps; the same one again, which is compiled, for the same arguments."""
    return WordMaps(encoder, mode, dtype)

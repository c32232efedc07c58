"""The layers of BERT and of its kin that normalise after each part (post-norm).

Families differ in their embeddings (positions that start later, segments or none, a
projection to the hidden size) and in biases of the scores by distance (MPNet).
ModernBERT's layers are in modernbert.py.

Shapes: B batch, H heads, T tokens, D hidden size, E = D / H, M masked tokens, V words.
Vectors of a padded batch are one matrix [B T, D], example after example, so that a
dense layer is a single product of two matrices.
"""

import keras
import numpy as np
from keras import ops

from bert.config import BertConfig

ACTIVATIONS = {
    "gelu": lambda x: ops.gelu(x, approximate=False),  # erf, as the released BERTs
    "gelu_python": lambda x: ops.gelu(x, approximate=False),
    "gelu_new": lambda x: ops.gelu(x, approximate=True),  # tanh
    "gelu_pytorch_tanh": lambda x: ops.gelu(x, approximate=True),
    "relu": ops.relu,
    "silu": ops.silu,
    "swish": ops.silu,
    "tanh": ops.tanh,
    "linear": lambda x: x,
}
# Added to the scores of padding; exp() of it is exactly 0 in float32, so that padding
# receives no attention at all.
NEVER = -10_000.0


class Embeddings(keras.Layer):
    """Sum of word, position and segment embeddings, normalised, and projected to the
    hidden size where they have another."""

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.norm = layer_norm(config)
        self.projection = dense(config.hidden_size, "projection")

    def build(self) -> None:
        config = self.config
        size = config.embedded_size
        self.words = self._table(config.vocab_size, size, "word_embeddings")
        self.positions = self._table(
            config.max_position_embeddings, size, "position_embeddings"
        )
        if config.type_vocab_size:
            self.segments = self._table(
                config.type_vocab_size, size, "token_type_embeddings"
            )
        self.norm.build((None, size))
        if config.projected:
            self.projection.build((None, size))
        if config.family.relative_positions:
            self.distances = self._table(
                config.relative_attention_num_buckets,
                config.num_attention_heads,
                "relative_attention_bias",
            )

    def _table(self, rows: int, size: int, name: str):
        return self.add_weight((rows, size), initializer="zeros", name=name)

    def call(self, token_ids, segment_ids):  # [B, T], [B, T] -> [B T, D]
        first = self.config.first_position
        positions = self.positions[first : first + ops.shape(token_ids)[1]]  # [T, D]
        x = ops.take(self.words, token_ids, axis=0)
        if self.config.type_vocab_size:
            x = x + ops.take(self.segments, segment_ids, axis=0)
        x = self.norm(ops.reshape(x + positions, (-1, self.config.embedded_size)))
        return self.projection(x) if self.config.projected else x

    def biases(self, padding):  # [B, 1, 1, T] -> L times [B, 1 or H, 1 or T, T]
        """What is added to the scores of each layer: `padding`, NEVER where there is
        any, and what the distance between tokens adds."""
        if self.config.family.relative_positions:
            tokens = ops.shape(padding)[-1]
            places = ops.arange(tokens)
            farthest = self.config.max_tokens
            buckets = ops.convert_to_tensor(
                distance_buckets(farthest, self.config.relative_attention_num_buckets)
            )
            apart = places[None, :] - places[:, None] + farthest  # [T, T]
            found = ops.take(self.distances, ops.take(buckets, apart), axis=0)
            padding = padding + ops.cast(
                ops.transpose(found, (2, 0, 1))[None], padding.dtype
            )
        return [padding] * self.config.num_hidden_layers


def distance_buckets(farthest: int, buckets: int) -> np.ndarray:
    """The bucket of each distance from -`farthest` to `farthest` tokens (Raffel et al.
    2020, Section 2.1).

    Half of the buckets are for tokens before, half for those after. In each half, the
    first half is of single distances, and the rest of ever longer ranges up to 128.
    """
    half, single = buckets // 2, buckets // 4
    distances = np.arange(-farthest, farthest + 1)
    apart = np.abs(distances)
    # in float32, as transformers has it, so that ranges end at the same distances
    far = np.log(np.maximum(apart, 1).astype("float32") / np.float32(single))
    far = far / np.float32(np.log(128 / single)) * np.float32(half - single)
    ranges = np.minimum(single + far.astype("int32"), half - 1)
    found = np.where(apart < single, apart, ranges) + half * (distances > 0)
    return found.astype("int32")


class SelfAttention(keras.Layer):
    """Attention from each token to each, and the values mixed by it."""

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(**kwargs)
        self.size, self.heads = config.hidden_size, config.num_attention_heads
        bias = config.family.biases
        self.query = dense(self.size, "query", bias=bias)
        self.key = dense(self.size, "key", bias=bias)
        self.value = dense(self.size, "value", bias=bias)

    def build(self) -> None:
        for projection in (self.query, self.key, self.value):
            projection.build((None, self.size))

    def attention(self, x, bias, tokens):  # [B T, D], [B, 1, 1, T], T -> [B, H, T, T]
        """Attention from each token (third axis) to each token (fourth axis)."""
        # scaling the queries is the cheaper place for 1 / sqrt(E)
        query = self.query(x) * (self.size // self.heads) ** -0.5
        keys = ops.transpose(self.split(self.key(x), tokens), (0, 2, 3, 1))
        queries = ops.transpose(self.split(query, tokens), (0, 2, 1, 3))
        # [B, H, T, E] by [B, H, E, T]
        return self.softmax(ops.matmul(queries, keys), bias)

    def softmax(self, scores, bias):
        """Attention [B, H, T, T] by scores, and by what is added to them."""
        # in float32 at least: half precision is too coarse for a softmax
        dtype = keras.backend.result_type(scores.dtype, "float32")
        return ops.softmax(ops.cast(scores, dtype) + ops.cast(bias, dtype))

    def values(self, x, gates, tokens):  # [B T, D], [H], T -> [B, H, T, E]
        """What each token gives to those that attend to it, times each head's gate."""
        values = ops.transpose(self.split(self.value(x), tokens), (0, 2, 1, 3))
        return values * ops.cast(gates, values.dtype)[:, None, None]

    def mix(self, x, attention, gates, tokens):  # .., [B, H, T, T], [H], T -> [B T, D]
        """The values of all tokens, mixed by attention."""
        values = self.values(x, gates, tokens)
        mixed = ops.matmul(ops.cast(attention, values.dtype), values)  # [B, H, T, E]
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, self.size))

    def split(self, x, tokens):  # [B T, D], T -> [B, T, H, E]
        """The parts of vectors that belong to each head."""
        return ops.reshape(x, (-1, tokens, self.heads, self.size // self.heads))


class Output(keras.Layer):
    """A dense layer, the residual connection and layer normalisation."""

    def __init__(self, config: BertConfig, input_size: int, **kwargs):
        super().__init__(**kwargs)
        self.input_size = input_size
        self.dense = dense(config.hidden_size, "dense")
        self.norm = layer_norm(config)

    def build(self) -> None:
        self.dense.build((None, self.input_size))
        self.norm.build((None, self.dense.units))

    def call(self, x, residual):  # [B T, input size], [B T, D] -> [B T, D]
        return self.norm(self.dense(x) + residual)


class EncoderLayer(keras.Layer):
    """One layer of the Transformer's encoder."""

    def __init__(self, config: BertConfig, index: int, **kwargs):
        super().__init__(name=f"layer_{index}", **kwargs)
        self.config = config
        self.self_attention = SelfAttention(config, name="self")
        self.attention_output = Output(config, config.hidden_size, name="output")
        self.intermediate = dense(
            config.intermediate_size, "dense", ACTIVATIONS[config.hidden_act]
        )
        self.layer_output = Output(config, config.intermediate_size, name="output")

    def build(self) -> None:
        with keras.name_scope("attention"):
            self.self_attention.build()
            self.attention_output.build()
        with keras.name_scope("intermediate"):
            self.intermediate.build((None, self.config.hidden_size))
        self.layer_output.build()

    def call(self, x, attention, gates, tokens):  # as `mix`
        mixed = self.self_attention.mix(x, attention, gates, tokens)
        x = self.attention_output(mixed, residual=x)
        return self.layer_output(self.intermediate(x), residual=x)


class Predictions(keras.Layer):
    """The head that predicts masked tokens, its decoder tied to the word embeddings."""

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        activation = ACTIVATIONS[config.head_act or config.hidden_act]
        bias = config.family.biases
        self.dense = dense(config.embedded_size, "dense", activation, bias)
        self.norm = layer_norm(config)

    def build(self) -> None:
        config = self.config
        with keras.name_scope("transform"):
            self.dense.build((None, None, config.hidden_size))
            self.norm.build((None, None, config.embedded_size))
        self.bias = self.add_weight(
            (config.vocab_size,), initializer="zeros", name="output_bias"
        )

    def call(self, x, words):  # [B, M, D], [V, size] -> [B, M, V]
        x = self.norm(self.dense(x))
        return ops.matmul(x, ops.transpose(words)) + self.bias


def dense(
    units: int, name: str, activation=None, bias: bool = True
) -> keras.layers.Dense:
    """A dense layer; zeros, as its weights are loaded or drawn by checkpoint.py."""
    return keras.layers.Dense(
        units,
        activation=activation,
        use_bias=bias,
        kernel_initializer="zeros",
        name=name,
    )


def layer_norm(config: BertConfig) -> keras.layers.LayerNormalization:
    """Layer normalisation over the hidden units, under the checkpoints' name."""
    return keras.layers.LayerNormalization(
        epsilon=config.layer_norm_eps, center=config.family.biases, name="LayerNorm"
    )

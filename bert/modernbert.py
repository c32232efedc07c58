"""The layers of ModernBERT (Warner et al. 2024), under the names of BERT's.

Each part normalises its input (pre-norm), without biases. Positions are rotary: queries
and keys are turned by an angle for each position (Su et al. 2021). Most layers see near
tokens only. The inner layer is gated.

Shapes: B batch, H heads, T tokens, D hidden size, E = D / H, M masked tokens, V words.
"""

import keras
import numpy as np
from keras import ops

from bert import layers
from bert.config import BertConfig
from bert.layers import ACTIVATIONS, NEVER, dense, layer_norm


class Embeddings(keras.Layer):
    """Word embeddings, normalised; positions come in each layer."""

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.norm = layer_norm(config)

    def build(self) -> None:
        shape = self.config.vocab_size, self.config.hidden_size
        self.words = self.add_weight(shape, initializer="zeros", name="word_embeddings")
        self.norm.build((None, shape[1]))

    def call(self, token_ids, segment_ids):  # [B, T], [B, T] -> [B T, D]
        return self.norm(ops.take(self.words, ops.reshape(token_ids, (-1,)), axis=0))

    def biases(self, padding):  # [B, 1, 1, T] -> L times [B, 1, 1 or T, T]
        """What is added to the scores of each layer: NEVER for padding, and in local
        layers for tokens that are too far."""
        rotary = self.config.rotary
        places = ops.arange(ops.shape(padding)[-1])
        far = ops.abs(places[None, :] - places[:, None]) > rotary.window  # [T, T]
        near = ops.minimum(padding, NEVER * ops.cast(far, padding.dtype))
        return [near if local else padding for local in rotary.local]


class SelfAttention(layers.SelfAttention):
    """Attention from each token to each; what comes in is normalised first."""

    def __init__(self, config: BertConfig, index: int, **kwargs):
        super().__init__(config, **kwargs)
        self.norm = layer_norm(config) if index else None  # embeddings are already
        rotary = config.rotary
        base = rotary.local_base if rotary.local[index] else rotary.global_base
        half = np.arange(0, self.size // self.heads, 2) / (self.size // self.heads)
        self.frequencies = (base**-half).astype("float32")  # [E / 2]

    def build(self) -> None:
        super().build()
        if self.norm:
            self.norm.build((None, self.size))

    def attention(self, x, bias, tokens):
        x = self.normalised(x)
        query = self.turned(self.query(x), tokens)
        keys = self.turned(self.key(x), tokens)
        scores = ops.matmul(query, ops.transpose(keys, (0, 1, 3, 2)))
        return self.softmax(scores * (self.size // self.heads) ** -0.5, bias)

    def values(self, x, gates, tokens):
        return super().values(self.normalised(x), gates, tokens)

    def normalised(self, x):
        return self.norm(x) if self.norm else x

    def turned(self, x, tokens):  # [B T, D], T -> [B, H, T, E]
        """Queries or keys, each pair of their numbers turned by its angle."""
        x = ops.transpose(self.split(x, tokens), (0, 2, 1, 3))
        places = ops.cast(ops.arange(tokens), "float32")
        angles = places[:, None] * self.frequencies  # [T, E / 2]
        cos, sin = ops.cos(angles), ops.sin(angles)
        first, second = ops.split(ops.cast(x, "float32"), 2, axis=-1)
        turned = [first * cos - second * sin, second * cos + first * sin]
        return ops.cast(ops.concatenate(turned, -1), x.dtype)


class Output(keras.Layer):
    """A dense layer and the residual connection."""

    def __init__(self, config: BertConfig, input_size: int, **kwargs):
        super().__init__(**kwargs)
        self.input_size = input_size
        self.dense = dense(config.hidden_size, "dense", bias=False)

    def build(self) -> None:
        self.dense.build((None, self.input_size))

    def call(self, x, residual):  # [B T, input size], [B T, D] -> [B T, D]
        return self.dense(x) + residual


class EncoderLayer(keras.Layer):
    """One layer of the encoder."""

    def __init__(self, config: BertConfig, index: int, **kwargs):
        super().__init__(name=f"layer_{index}", **kwargs)
        self.config = config
        self.self_attention = SelfAttention(config, index, name="self")
        self.attention_output = Output(config, config.hidden_size, name="output")
        self.norm = layer_norm(config)
        size, activation = config.intermediate_size, ACTIVATIONS[config.hidden_act]
        self.intermediate = dense(size, "dense", activation, bias=False)
        self.gate = dense(size, "gate", bias=False)
        self.layer_output = Output(config, config.intermediate_size, name="output")

    def build(self) -> None:
        with keras.name_scope("attention"):
            self.self_attention.build()
            self.attention_output.build()
        with keras.name_scope("intermediate"):
            for part in (self.norm, self.intermediate, self.gate):
                part.build((None, self.config.hidden_size))
        self.layer_output.build()

    def call(self, x, attention, gates, tokens):  # as `SelfAttention.mix`
        mixed = self.self_attention.mix(x, attention, gates, tokens)
        x = self.attention_output(mixed, residual=x)
        inner = self.norm(x)
        inner = self.intermediate(inner) * self.gate(inner)
        return self.layer_output(inner, residual=x)


class Predictions(layers.Predictions):
    """The head that predicts masked tokens, after the encoder's last normalisation."""

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(config, **kwargs)
        self.final = layer_norm(config)

    def build(self) -> None:
        super().build()
        with keras.name_scope("final"):
            self.final.build((None, None, self.config.hidden_size))

    def call(self, x, words):  # [B, M, D], [V, D] -> [B, M, V]
        return super().call(self.final(x), words)

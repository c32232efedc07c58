"""BERT's forward pass as far as its attention maps: Keras 3 layers, any backend.

Shapes: B batch, L layers, H heads, T tokens, D hidden size, E = D / H; with the head
for masked tokens, M of them and V words.

Layers are named so that a variable's path is its name in Google's checkpoints, such as
`bert/encoder/layer_0/attention/self/query/kernel`; loading needs no table of names.
All variables of the encoder exist, but the last layer whose maps are asked for ends at
its softmax: only what the maps need is computed. To predict masked tokens, all layers
are run in full. There is no dropout and no pooler.
"""

from collections.abc import Iterable, Sequence

import keras
from keras import ops

from bert.folder import BertConfig
from bert.gates import open_gates

ACTIVATIONS = {
    "gelu": lambda x: ops.gelu(x, approximate=False),  # erf, as the released BERTs
    "gelu_new": lambda x: ops.gelu(x, approximate=True),  # tanh
    "gelu_pytorch_tanh": lambda x: ops.gelu(x, approximate=True),
    "relu": ops.relu,
}
# Added to the scores of padding; exp() of it is exactly 0 in float32, so that padding
# receives no attention at all.
NEVER = -10_000.0

Head = tuple[int, int]  # a layer and a head in it, both from 0


class Embeddings(keras.Layer):
    """Sum of word, position and segment embeddings, normalised."""

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.norm = layer_norm(config)

    def build(self) -> None:
        config = self.config
        self.words = self._table(config.vocab_size, "word_embeddings")
        self.segments = self._table(config.type_vocab_size, "token_type_embeddings")
        self.positions = self._table(
            config.max_position_embeddings, "position_embeddings"
        )
        self.norm.build((None, None, config.hidden_size))

    def _table(self, rows: int, name: str):
        shape = (rows, self.config.hidden_size)
        return self.add_weight(shape, initializer="zeros", name=name)

    def call(self, token_ids, segment_ids):  # [B, T], [B, T] -> [B, T, D]
        positions = self.positions[: ops.shape(token_ids)[1]]  # [T, D]
        x = ops.take(self.words, token_ids, axis=0)
        x = x + ops.take(self.segments, segment_ids, axis=0)
        return self.norm(x + positions)


class SelfAttention(keras.Layer):
    """Attention from each token to each, and the values mixed by it."""

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(**kwargs)
        self.size, self.heads = config.hidden_size, config.num_attention_heads
        self.query = dense(self.size, "query")
        self.key = dense(self.size, "key")
        self.value = dense(self.size, "value")

    def build(self) -> None:
        for projection in (self.query, self.key, self.value):
            projection.build((None, None, self.size))

    def attention(self, x, bias):  # [B, T, D], [B, 1, 1, T] -> [B, H, T, T]
        """Attention from each token (third axis) to each token (fourth axis)."""
        # scaling the queries is the cheaper place for 1 / sqrt(E)
        query = self.query(x) * (self.size // self.heads) ** -0.5
        keys = ops.transpose(self._split(self.key(x)), (0, 2, 3, 1))  # [B, H, E, T]
        queries = ops.transpose(self._split(query), (0, 2, 1, 3))  # [B, H, T, E]
        scores = ops.matmul(queries, keys)
        # in float32 at least: half precision is too coarse for a softmax
        dtype = keras.backend.result_type(scores.dtype, "float32")
        return ops.softmax(ops.cast(scores, dtype) + ops.cast(bias, dtype))

    def values(self, x, gates):  # [B, T, D], [H] -> [B, H, T, E]
        """What each token gives to those that attend to it, times each head's gate."""
        values = ops.transpose(self._split(self.value(x)), (0, 2, 1, 3))
        return values * ops.cast(gates, values.dtype)[:, None, None]

    def mix(self, x, attention, gates):  # [B, T, D], [B, H, T, T], [H] -> [B, T, D]
        """The values of all tokens, mixed by attention."""
        values = self.values(x, gates)
        mixed = ops.matmul(ops.cast(attention, values.dtype), values)  # [B, H, T, E]
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), ops.shape(x))

    def _split(self, x):  # [B, T, D] -> [B, T, H, E]
        batch, tokens, size = ops.shape(x)
        return ops.reshape(x, (batch, tokens, self.heads, size // self.heads))


class Output(keras.Layer):
    """A dense layer, the residual connection and layer normalisation."""

    def __init__(self, config: BertConfig, input_size: int, **kwargs):
        super().__init__(**kwargs)
        self.input_size = input_size
        self.dense = dense(config.hidden_size, "dense")
        self.norm = layer_norm(config)

    def build(self) -> None:
        self.dense.build((None, None, self.input_size))
        self.norm.build((None, None, self.dense.units))

    def call(self, x, residual):  # [B, T, input size], [B, T, D] -> [B, T, D]
        return self.norm(self.dense(x) + residual)


class EncoderLayer(keras.Layer):
    """One layer of the Transformer's encoder."""

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(**kwargs)
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
            self.intermediate.build((None, None, self.config.hidden_size))
        self.layer_output.build()

    def call(self, x, attention, gates):  # [B, T, D], [B, H, T, T], [H] -> [B, T, D]
        mixed = self.self_attention.mix(x, attention, gates)
        x = self.attention_output(mixed, residual=x)
        return self.layer_output(self.intermediate(x), residual=x)


class BertModel(keras.Model):
    """BERT's encoder, which gives its attention maps.

    `layers_kept` are the layers (from 0) whose maps are given, in this order, by
    default all; `maps_dtype` is the type in which the maps leave the model. Subclasses
    in norms.py give maps of another `quantity`.
    """

    quantity = "attention"

    def __init__(
        self,
        config: BertConfig,
        layers_kept: Sequence[int] | None = None,
        maps_dtype: str = "float32",
        **kwargs,
    ):
        super().__init__(name="bert", **kwargs)
        self.config = config
        everything = range(config.num_hidden_layers)
        self.layers_kept = list(everything if layers_kept is None else layers_kept)
        self.maps_dtype = maps_dtype
        self.gates, self.uniform = open_gates(config)  # [L, H]; `gate` changes them
        # set by load_model: the folder, and whether no weight was drawn at random
        self.folder, self.trained = None, None
        self.embeddings = Embeddings(config, name="embeddings")
        self.encoder = [EncoderLayer(config, name=f"layer_{i}") for i in everything]

    def build(self) -> None:
        self.embeddings.build()
        with keras.name_scope("encoder"):
            for layer in self.encoder:
                layer.build()

    def gate(self, ablated: Iterable[Head] = (), uniform: Iterable[Head] = ()) -> None:
        """Take heads out of the model; each is a layer and a head, both from 0.

        The output of an `ablated` head is multiplied by zero (Michel et al. 2019). The
        attention of a `uniform` head is the same to all T tokens of an example, 1 / T
        (Kovaleva et al. 2019). Call before the model is first run.
        """
        for head in ablated:
            self.gates[head] = 0
        for head in uniform:
            self.uniform[head] = True

    def call(self, inputs):
        """Attention maps of a padded batch.

        `inputs` are token ids [B, T], segment ids [B, T] and lengths [B], all integers;
        positions from an example's length on are padding, and receive no attention.
        Returns one array [B, H, T, T] for each layer kept; row i of the map of a head
        is attention from token i and sums to one.
        """
        x, bias = self.embed(*inputs)
        maps, last = {}, max(self.layers_kept)
        for i, layer in enumerate(self.encoder[: last + 1]):
            attention = self.attend(i, x, bias)
            if i in self.layers_kept:
                maps[i] = self.measure(layer, x, attention, self.gates[i])
            if i < last:
                x = layer(x, attention, self.gates[i])
        kinds = zip(*(maps[i] for i in self.layers_kept), strict=True)
        return [array for kind in kinds for array in kind]

    def attend(self, i, x, bias):  # [B, T, D], [B, 1, 1, T] -> [B, H, T, T]
        """The attention of layer i, as far as `gate` left it as it is."""
        attention = self.encoder[i].self_attention.attention(x, bias)
        if not self.uniform[i].any():
            return attention
        real = ops.cast(bias == 0, attention.dtype)  # [B, 1, 1, T]
        equal = real / ops.maximum(ops.sum(real, -1, keepdims=True), 1)
        return ops.where(self.uniform[i][:, None, None], equal, attention)

    def measure(self, layer, x, attention, gates) -> tuple:
        """What is kept of a layer: its map, and whatever else a subclass adds."""
        return (ops.cast(attention, self.maps_dtype),)

    def embed(self, token_ids, segment_ids, lengths):
        """Input of the first layer [B, T, D], and the bias [B, 1, 1, T] that is added
        to the scores to mask padding."""
        places = ops.arange(ops.shape(token_ids)[1])  # [T]
        padding = ops.cast(places[None] >= lengths[:, None], "float32")  # [B, T]
        return self.embeddings(token_ids, segment_ids), NEVER * padding[:, None, None]


class Predictions(keras.Layer):
    """The head that predicts masked tokens, its decoder tied to the word embeddings."""

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.dense = dense(config.hidden_size, "dense", ACTIVATIONS[config.hidden_act])
        self.norm = layer_norm(config)

    def build(self) -> None:
        shape = (None, None, self.config.hidden_size)
        with keras.name_scope("transform"):
            self.dense.build(shape)
            self.norm.build(shape)
        self.bias = self.add_weight(
            (self.config.vocab_size,), initializer="zeros", name="output_bias"
        )

    def call(self, x, words):  # [B, M, D], [V, D] -> [B, M, V]
        x = self.norm(self.dense(x))
        return ops.matmul(x, ops.transpose(words)) + self.bias


class MaskedLanguageModel(BertModel):
    """BERT with the head of its pre-training, which predicts masked tokens.

    All layers are run in full, so that what comes out depends on every map.
    """

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(config, **kwargs)
        self.predictions = Predictions(config, name="predictions")

    def build(self) -> None:
        super().build()
        with keras.name_scope("cls", override_parent=""):  # beside "bert", not in it
            self.predictions.build()

    def call(self, inputs, gates=None):
        """Attention maps of a padded batch, and predictions for its masked tokens.

        `inputs` are those of BertModel and the places of masked tokens [B, M], with -1
        where an example has fewer. `gates` [L, H] are used in place of the model's own.
        Returns the maps, one array [B, H, T, T] for each layer, as they are used in
        what follows, and logits [B, M, V].
        """
        *inputs, masked = inputs
        gates = self.gates if gates is None else gates
        x, bias = self.embed(*inputs)
        maps = []
        for i, layer in enumerate(self.encoder):
            maps.append(self.attend(i, x, bias))  # [B, H, T, T]
            x = layer(x, maps[-1], gates[i])
        chosen = ops.one_hot(masked, ops.shape(x)[1], dtype=x.dtype)  # [B, M, T]
        return maps, self.predictions(ops.matmul(chosen, x), self.embeddings.words)


def dense(units: int, name: str, activation=None) -> keras.layers.Dense:
    """A dense layer; zeros, as its weights are loaded or drawn by checkpoint.py."""
    return keras.layers.Dense(
        units, activation=activation, kernel_initializer="zeros", name=name
    )


def layer_norm(config: BertConfig) -> keras.layers.LayerNormalization:
    """Layer normalisation over the hidden units, under the checkpoints' name."""
    return keras.layers.LayerNormalization(
        epsilon=config.layer_norm_eps, name="LayerNorm"
    )

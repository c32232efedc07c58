"""The forward pass of BERT and its kin as far as their attention maps: Keras 3, any
backend.

Shapes: B batch, L layers, H heads, T tokens, D hidden size; with the head for masked
tokens, M of them and V words.

Layers are named so that a variable's path is its name in Google's checkpoints of BERT,
such as `bert/encoder/layer_0/attention/self/query/kernel`, in every family. All
variables of the encoder exist, but the last layer whose maps are asked for ends at its
softmax: only what the maps need is computed. To predict masked tokens, all layers are
run in full. There is no dropout and no pooler.
"""

import importlib
from collections.abc import Iterable, Sequence

import keras
from keras import ops

from bert.config import BertConfig
from bert.gates import open_gates
from bert.layers import NEVER
from toolkit.compiled_model import CompiledModel

Head = tuple[int, int]  # a layer and a head in it, both from 0


class BertModel(CompiledModel):
    """BERT's encoder, or one of its kin, which gives its attention maps.

    `layers_kept` are the layers (from 0) whose maps are given, in this order, by
    default all; `maps_dtype` is the type in which the maps leave the model. Subclasses
    in norms.py give maps of another `quantity`.
    """

    quantity = "attention"
    ranks = 2, 2, 1

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
        # set by load_model: the folder, whether no weight was drawn at random, and
        # which weights of the folder are not part of this model
        self.folder, self.trained, self.left_over = None, None, None
        parts = importlib.import_module(config.family.layers)
        self.embeddings = parts.Embeddings(config, name="embeddings")
        self.stack = [parts.EncoderLayer(config, i) for i in range(config.groups)]

    def build(self) -> None:
        self.embeddings.build()
        with keras.name_scope("encoder"):
            for layer in self.stack:
                layer.build()

    @property
    def encoder(self) -> list[keras.Layer]:
        """The L layers; the same one several times where they share weights."""
        layers = self.config.num_hidden_layers
        return [self.stack[i * len(self.stack) // layers] for i in range(layers)]

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
        x, biases, tokens = self.embed(*inputs)
        maps, last = {}, max(self.layers_kept)
        for i, layer in enumerate(self.encoder[: last + 1]):
            attention = self.attend(i, x, biases[i], tokens)
            if i in self.layers_kept:
                maps[i] = self.measure(layer, x, attention, self.gates[i], tokens)
            if i < last:
                x = layer(x, attention, self.gates[i], tokens=tokens)
        kinds = zip(*(maps[i] for i in self.layers_kept), strict=True)
        return [array for kind in kinds for array in kind]

    def attend(
        self, i, x, bias, tokens
    ):  # [B T, D], bias of layer i, T -> [B, H, T, T]
        """The attention of layer i, as far as `gate` left it as it is."""
        attention = self.encoder[i].self_attention.attention(x, bias, tokens)
        if not self.uniform[i].any():
            return attention
        real = ops.cast(bias > NEVER / 2, attention.dtype)  # of the shape of the bias
        equal = real / ops.maximum(ops.sum(real, -1, keepdims=True), 1)
        return ops.where(self.uniform[i][:, None, None], equal, attention)

    def measure(self, layer, x, attention, gates, tokens) -> tuple:
        """What is kept of a layer: its map, and whatever else a subclass adds."""
        return (ops.cast(attention, self.maps_dtype),)

    def embed(self, token_ids, segment_ids, lengths):
        """Input of the first layer [B T, D], what is added to the scores of each layer,
        to mask padding and by distance, and T, which layers need to part examples."""
        tokens = ops.shape(token_ids)[1]
        places = ops.arange(tokens)
        padding = ops.cast(places[None] >= lengths[:, None], "float32")  # [B, T]
        biases = self.embeddings.biases(NEVER * padding[:, None, None])
        return self.embeddings(token_ids, segment_ids), biases, tokens


class MaskedLanguageModel(BertModel):
    """BERT with the head of its pre-training, which predicts masked tokens.

    All layers are run in full, so that what comes out depends on every map.
    """

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(config, **kwargs)
        parts = importlib.import_module(config.family.layers)
        self.predictions = parts.Predictions(config, name="predictions")

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
        x, biases, tokens = self.embed(*inputs)
        maps = []
        for i, layer in enumerate(self.encoder):
            maps.append(self.attend(i, x, biases[i], tokens))  # [B, H, T, T]
            x = layer(x, maps[-1], gates[i], tokens=tokens)
        x = ops.reshape(x, (-1, tokens, x.shape[-1]))  # [B, T, D]
        chosen = ops.one_hot(masked, tokens, dtype=x.dtype)  # [B, M, T]
        return maps, self.predictions(ops.matmul(chosen, x), self.embeddings.words)

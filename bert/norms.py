"""How much of each token an attention head carries over, by the norms of vectors
(Kobayashi et al. 2020, 2021).

A head gives token i the sum over j of a_ij f_h(x_j), where a_ij is its attention from i
to j, x_j the vector of token j that enters the layer, and f_h(x) = (x W_V + b_V) W_O
with the parts of value and output projection that belong to head h. The output
projection's bias belongs to no token and is left out. Where layers normalise what comes
in, as ModernBERT's, f_h does so first.

No array [B, T, T, D] is made: the norm of a weighted sum follows from the weights and
the Gram matrix of what is summed. Shapes as in modeling.py.
"""

import functools

import keras
from keras import ops

from bert.config import BertConfig
from bert.modeling import BertModel
from toolkit.files import InputError


class HeadNorms(BertModel):
    """BERT that gives a_ij ||f_h(x_j)|| for each head, maps [B, H, T, T]."""

    quantity = "norms"

    def measure(self, layer, x, attention, gates, tokens) -> tuple:
        values, kernel = _carried(layer, x, gates, tokens)
        gram = ops.matmul(kernel, ops.transpose(kernel, (0, 2, 1)))  # [H, E, E]
        squares = ops.sum(ops.matmul(values, gram) * values, -1)  # [B, H, T]
        return (ops.cast(attention * _root(squares)[:, :, None], self.maps_dtype),)


class LayerNorms(BertModel):
    """BERT that gives the norms of what whole layers carry over, maps [B, 1, T, T].

    Token j gives token i the vector v_ij, the sum over heads of a_ij f_h(x_j). With
    `include` "residual", v_ii also has x_i, which the residual connection carries. With
    "residual-ln" layer normalisation follows: each v_ij less its own mean, divided by
    the standard deviation at i of all that is normalised, times gamma.

    After the maps come the mixing ratios of each layer [B, T]: the norm of the sum of
    v_ij over all j but i, as a part of this norm and that of v_ii together; 0 where
    both are.
    """

    def __init__(self, config: BertConfig, *args, include: str, **kwargs):
        if include == "residual-ln" and config.family.pre_norm:
            raise InputError(
                f"{config.model_type} has no layer normalisation after its heads: take "
                "--with residual"
            )
        super().__init__(config, *args, **kwargs)
        self.include = include
        self.quantity = "layer-norms" + ("" if include == "none" else f"-{include}")

    def measure(self, layer, x, attention, gates, tokens) -> tuple:
        values, kernel = _carried(layer, x, gates, tokens)
        output = layer.attention_output
        parts = ops.matmul(values, kernel)  # [B, H, T, D]
        own = ops.diagonal(attention, axis1=-2, axis2=-1)[..., None]  # [B, H, T, 1]
        itself = ops.sum(own * parts, 1)  # [B, T, D]: v_ii
        mixed = layer.self_attention.mix(x, attention, gates, tokens)
        result, x = (
            ops.cast(ops.reshape(v, (-1, tokens, v.shape[-1])), values.dtype)
            for v in (output.dense(mixed), x)
        )
        # [B, T, D]
        bias = output.dense.bias if output.dense.use_bias else 0
        context = result - bias - itself  # the sum of v_ij but v_ii
        if self.include != "none":
            itself = itself + x
            # the residual connection is one more head, which attends to its own token
            parts = ops.concatenate([parts, x[:, None]], 1)
            alone = ops.eye(ops.shape(x)[1], dtype=attention.dtype)
            alone = ops.broadcast_to(alone, ops.shape(attention[:, :1]))
            attention = ops.concatenate([attention, alone], 1)
        deviation = 1.0
        if self.include == "residual-ln":
            norm = output.norm
            variance = ops.var(result + x, -1, keepdims=True)  # [B, T, 1]
            deviation = ops.sqrt(variance + norm.epsilon)
            parts, itself, context = (
                (v - ops.mean(v, -1, keepdims=True)) * norm.gamma
                for v in (parts, itself, context)
            )
        parts = ops.transpose(parts, (0, 2, 1, 3))  # [B, T, H, D]
        gram = ops.matmul(parts, ops.transpose(parts, (0, 1, 3, 2)))  # [B, T, H, H]
        weights = ops.transpose(attention, (0, 3, 2, 1))  # [B, to, from, H]
        squares = ops.sum(ops.matmul(weights, gram) * weights, -1)  # [B, to, from]
        norms = ops.transpose(_root(squares), (0, 2, 1)) / deviation  # [B, T, T]
        context, itself = (_root(ops.sum(v * v, -1)) for v in (context, itself))
        mixing = context / ops.maximum(context + itself, keras.config.epsilon())
        return ops.cast(norms[:, None], self.maps_dtype), mixing


# by the quantity of their maps
MODELS = {
    "norms": HeadNorms,
    "layer-norms": functools.partial(LayerNorms, include="none"),
    "layer-norms-residual": functools.partial(LayerNorms, include="residual"),
    "layer-norms-residual-ln": functools.partial(LayerNorms, include="residual-ln"),
}


def _carried(layer, x, gates, tokens):
    """Values [B, H, T, E] and each head's part of the output projection [H, E, D], in
    float32 at least."""
    values = layer.self_attention.values(x, gates, tokens)
    dtype = keras.backend.result_type(values.dtype, "float32")
    heads, size = values.shape[1], values.shape[-1]
    kernel = ops.reshape(layer.attention_output.dense.kernel, (heads, size, -1))
    return ops.cast(values, dtype), ops.cast(kernel, dtype)


def _root(squares):
    """Roots of squares, which rounding may have left a little below zero."""
    return ops.sqrt(ops.maximum(squares, 0))

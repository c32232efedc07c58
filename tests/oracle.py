"""BERT in plain NumPy and float64, written apart from bert/: its attention maps, and
its loss on masked tokens with the gradients of it.

Follows Vaswani et al. (2017), Section 3, and Devlin et al. (2019), Section 3.
"""

import numpy as np
from scipy.special import erf


def attention_maps(weights, heads, token_ids, segment_ids, **changes):
    """Maps [L, H, T, T] of one unpadded example; `weights` have Google's names."""
    return _forward(weights, heads, token_ids, segment_ids, **changes)[0]


def carried(weights, heads, token_ids, segment_ids, layer, include="none"):
    """What token j gives to i: of each head [H, T, T, D]; of the whole layer [T, T, D],
    with what is included; and the attention block's output [T, D] as the model has it.
    """
    maps, _, inputs = _forward(weights, heads, token_ids, segment_ids)
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    at = f"bert/encoder/layer_{layer}/attention"
    x, rows = inputs[layer], len(token_ids)
    values = x @ w[f"{at}/self/value/kernel"] + w[f"{at}/self/value/bias"]
    kernels = np.split(w[f"{at}/output/dense/kernel"], heads, axis=0)
    f = [v @ k for v, k in zip(np.split(values, heads, -1), kernels, strict=True)]
    of_heads = np.array(
        [
            [[maps[layer, h, i, j] * f[h][j] for j in range(rows)] for i in range(rows)]
            for h in range(heads)
        ]
    )
    whole = of_heads.sum(0)
    total = whole.sum(1) + w[f"{at}/output/dense/bias"]
    if include != "none":
        whole[np.arange(rows), np.arange(rows)] += x
        total = total + x
    if include == "residual-ln":
        gamma, beta = (w[f"{at}/output/LayerNorm/{n}"] for n in ("gamma", "beta"))
        deviation = np.sqrt(total.var(-1) + 1e-12)[:, None, None]
        whole = (whole - whole.mean(-1, keepdims=True)) / deviation * gamma
        total = _norm(total, gamma, beta)
    return of_heads, whole, total


def masked_loss(weights, heads, token_ids, segment_ids, masked, truth, **changes):
    """Mean cross-entropy, in nats, of the `truth` at the places `masked`."""
    x = _forward(weights, heads, token_ids, segment_ids, **changes)[1]
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    at = "cls/predictions/transform"
    x = _gelu(x[masked] @ w[f"{at}/dense/kernel"] + w[f"{at}/dense/bias"])
    x = _norm(x, w[f"{at}/LayerNorm/gamma"], w[f"{at}/LayerNorm/beta"])
    logits = x @ w["bert/embeddings/word_embeddings"].T
    logits = logits + w["cls/predictions/output_bias"]  # [M, V]
    peak = logits.max(-1, keepdims=True)
    total = peak[:, 0] + np.log(np.exp(logits - peak).sum(-1))
    return (total - logits[np.arange(len(masked)), truth]).mean()


def gradients(weights, heads, token_ids, segment_ids, masked, truth, step=1e-4):
    """Derivatives [L, H, T, T] of the loss by each attention weight alone, from the
    losses a step above and below: nothing is propagated back."""
    shape = attention_maps(weights, heads, token_ids, segment_ids).shape
    found = np.zeros(shape)
    for place in np.ndindex(shape):
        losses = [
            masked_loss(
                weights,
                heads,
                token_ids,
                segment_ids,
                masked,
                truth,
                nudge=(place, size),
            )
            for size in (step, -step)
        ]
        found[place] = (losses[0] - losses[1]) / (2 * step)
    return found


def _norm(x, gamma, beta):
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return centred / deviation * gamma + beta


def _gelu(x):
    return x * (1 + erf(x / np.sqrt(2))) / 2


def _forward(
    weights, heads, token_ids, segment_ids, nudge=None, gates=None, uniform=()
):
    """Maps [L, H, T, T], the last layer's output [T, D] and what enters each layer.

    `nudge` is the place of an attention weight and what is added to it where it is
    used; `gates` [L, H] are factors on the outputs of heads; heads (layer, head) in
    `uniform` attend evenly.
    """
    w = {name: value.astype(np.float64) for name, value in weights.items()}

    def linear(x, name):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    def norm(x, name):
        return _norm(x, w[f"{name}/LayerNorm/gamma"], w[f"{name}/LayerNorm/beta"])

    emb = "bert/embeddings"
    x = w[f"{emb}/word_embeddings"][token_ids]
    x = x + w[f"{emb}/position_embeddings"][: len(token_ids)]
    x = norm(x + w[f"{emb}/token_type_embeddings"][segment_ids], emb)
    layers = len({name.split("/")[2] for name in w if "/layer_" in name})
    maps, inputs = [], []
    for layer in range(layers):
        at = f"bert/encoder/layer_{layer}"
        inputs.append(x)
        q, k, v = (
            np.stack(np.split(linear(x, f"{at}/attention/self/{p}"), heads, axis=-1))
            for p in ("query", "key", "value")
        )  # each [H, T, E]
        scores = np.einsum("hie,hje->hij", q, k) / np.sqrt(q.shape[-1])
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        maps.append(powers / powers.sum(-1, keepdims=True))
        for head in [h for at_layer, h in uniform if at_layer == layer]:
            maps[-1][head] = 1 / len(token_ids)
        if nudge and nudge[0][0] == layer:
            maps[-1][nudge[0][1:]] += nudge[1]
        mixed = maps[-1] @ v
        if gates is not None:
            mixed = mixed * np.asarray(gates)[layer][:, None, None]
        mixed = np.concatenate(list(mixed), axis=-1)
        out = f"{at}/attention/output"
        x = norm(linear(mixed, f"{out}/dense") + x, out)
        inner = _gelu(linear(x, f"{at}/intermediate/dense"))
        x = norm(linear(inner, f"{at}/output/dense") + x, f"{at}/output")
    return np.array(maps), x, inputs

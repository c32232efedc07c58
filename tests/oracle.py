"""BERT's attention maps in plain NumPy and float64, written apart from bert/.

Follows Vaswani et al. (2017), Section 3, and Devlin et al. (2019), Section 3.
"""

import numpy as np
from scipy.special import erf


def attention_maps(weights, heads, token_ids, segment_ids):
    """Maps [L, H, T, T] of one unpadded example; `weights` have Google's names."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}

    def linear(x, name):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        gamma, beta = w[f"{name}/LayerNorm/gamma"], w[f"{name}/LayerNorm/beta"]
        return centred / deviation * gamma + beta

    emb = "bert/embeddings"
    x = w[f"{emb}/word_embeddings"][token_ids]
    x = x + w[f"{emb}/position_embeddings"][: len(token_ids)]
    x = norm(x + w[f"{emb}/token_type_embeddings"][segment_ids], emb)
    layers = len({name.split("/")[2] for name in w if "/layer_" in name})
    maps = []
    for layer in range(layers):
        at = f"bert/encoder/layer_{layer}"
        q, k, v = (
            np.stack(np.split(linear(x, f"{at}/attention/self/{p}"), heads, axis=-1))
            for p in ("query", "key", "value")
        )  # each [H, T, E]
        scores = np.einsum("hie,hje->hij", q, k) / np.sqrt(q.shape[-1])
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        maps.append(powers / powers.sum(-1, keepdims=True))
        mixed = np.concatenate(list(maps[-1] @ v), axis=-1)
        out = f"{at}/attention/output"
        x = norm(linear(mixed, f"{out}/dense") + x, out)
        inner = linear(x, f"{at}/intermediate/dense")
        inner = inner * (1 + erf(inner / np.sqrt(2))) / 2  # GELU
        x = norm(linear(inner, f"{at}/output/dense") + x, f"{at}/output")
    return np.array(maps)

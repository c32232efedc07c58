"""Where information comes from after several layers: rollout and flow
(Abnar and Zuidema 2020).

Both take the graph of layers as it is: A_l = 0.5 W_l + 0.5 I, with W_l the attention of
layer l, the mean over heads, and I for the residual connection. Values and what layers
do with them are left out, so neither shows what a prediction depends on.

Shapes: L layers, H heads, N rows of a map.
"""

import dataclasses
import functools

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from attention.quantities import ATTENTION, FLOW, ROLLOUT
from attention.record import Maps
from attention.source import Source
from toolkit.files import InputError

# SciPy's maximum flow takes whole numbers: capacities are rounded to millionths.
CAPACITY = 1_000_000


def rollout(maps: Maps) -> Maps:
    """Attention of each layer's tokens to those of the input, values [L, 1, N, N].

    R_1 = A_1, R_l = A_l R_(l-1). Rows sum to one. Raises InputError unless the maps are
    of attention in all layers from the first.
    """
    mixed = _with_residual(maps).mean(1)  # [L, N, N]
    return _maps_of(maps, ROLLOUT, np.stack(_below(mixed)[1:])[:, None])


def rollout_by_head(maps: Maps) -> Maps:
    """The same of single heads, values [L, H, N, N]: A_l is of one head, with all that
    is below as in `rollout`."""
    heads = _with_residual(maps)
    below = np.stack(_below(heads.mean(1))[:-1])  # [L, N, N]
    return _maps_of(maps, ROLLOUT, heads @ below[:, None])


def flow(maps: Maps) -> Maps:
    """The maximum flow from each layer's tokens to those of the input, [L, 1, N, N].

    Edges lead from each token of a layer to those of the layer below; the capacities
    are A. Rows do not sum to one, as each flow has all capacities to itself. Takes the
    time of L N^2 maximum flows: for short texts. Raises InputError as `rollout` does.
    """
    mixed = _with_residual(maps).mean(1)
    layers, size = mixed.shape[:2]
    # token i of the input is node i, token i of layer l (from 1) node l N + i
    level, above, below = np.indices(mixed.shape)
    rows, columns = (level + 1) * size + above, level * size + below
    capacities = np.rint(mixed * CAPACITY).astype(np.int32)
    nodes = (layers + 1) * size
    edges = capacities.ravel(), (rows.ravel(), columns.ravel())
    graph = csr_array(edges, shape=(nodes, nodes))
    found = np.empty((layers, 1, size, size))
    for layer, _, i, j in np.ndindex(found.shape):
        # nodes of higher layers cannot be reached from here
        found[layer, 0, i, j] = maximum_flow(
            graph, (layer + 1) * size + i, j
        ).flow_value
    return _maps_of(maps, FLOW, found / CAPACITY)


def _with_residual(maps: Maps) -> np.ndarray:
    """0.5 a + 0.5 I of all heads, [L, H, N, N], in float64."""
    maps.source.require(ATTENTION)
    layers = maps.source.layers
    if layers != tuple(range(len(layers))):
        raise InputError(
            f"maps of layers {', '.join(str(n + 1) for n in layers)}, expected all "
            "from 1 up: extract them without --layers"
        )
    weights = maps.values.astype(np.float64)
    weights /= weights.sum(-1, keepdims=True)  # float16 sums to one only nearly
    return (weights + np.eye(weights.shape[-1])) / 2


def _below(mixed: np.ndarray) -> list[np.ndarray]:
    """What the tokens of the input, and of each layer after it, take from the input."""
    found = [np.eye(mixed.shape[-1])]
    for layer in mixed:
        found.append(layer @ found[-1])
    return found


def _maps_of(maps: Maps, quantity: str, values: np.ndarray) -> Maps:
    source = _source(maps.source, quantity, values.shape[1])
    return Maps(values.astype(np.float32), maps.level, source, maps.example)


@functools.cache
def _source(source: Source, quantity: str, heads: int) -> Source:
    return dataclasses.replace(source, quantity=quantity, heads=heads)

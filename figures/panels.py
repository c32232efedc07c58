"""What the page holds of each text: its maps as bytes, and what is said of them.

Shapes: L layers, H heads, N rows of a map (tokens, or words with special tokens).
"""

import base64
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from attention.quantities import (
    ATTENTION,
    FLOW,
    GRADIENTS,
    LAYER_NORMS,
    NORMS,
    QUANTITIES,
    ROLLOUT,
)
from attention.record import FIRST, SEPARATOR, Maps
from attention.source import Source
from toolkit.files import InputError

ROUNDINGS = {
    "uint8": "to 8 bits a value, by at most 1/510 of the largest in its row",
    "float16": "to float16, by at most 1/2048 of a value",
}
_ALL_HEADS = "the length of the vector that all heads of the layer carry to a token"
# what a reader of the page must know of a quantity
MEANINGS = {
    ATTENTION: "",
    NORMS: "Norms: the length of the vector that the head carries from one token to "
    "another, weight included (Kobayashi et al. 2020). Rows do not sum to one.",
    LAYER_NORMS["none"]: f"Norms of layers: {_ALL_HEADS}.",
    LAYER_NORMS["residual"]: f"Norms of layers: {_ALL_HEADS}, with the residual "
    "connection.",
    LAYER_NORMS["residual-ln"]: f"Norms of layers: {_ALL_HEADS}, with the residual "
    "connection and layer normalisation.",
    GRADIENTS: "Gradients: how much the loss of the masked tokens changes with each "
    "weight, without sign.",
    ROLLOUT: "Rollout: attention to the tokens of the input, through this and all "
    "lower layers (Abnar and Zuidema 2020).",
    FLOW: "Flow: the most that the attention of this and all lower layers lets through "
    "from each token of the input (Abnar and Zuidema 2020).",
}


@dataclasses.dataclass(frozen=True)
class Panel:
    """The maps of one text, and what the page says of them."""

    maps: Maps
    model: str = "model"  # a short name
    # positions of each word's pieces, special tokens included, as Prepared.word_pieces
    word_pieces: Sequence[Sequence[int]] | None = None
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def data(self, dtype: str) -> dict[str, Any]:
        """What the page's scripts read, values rounded to `dtype`, a key of ROUNDINGS;
        positions and heads count from 0."""
        maps, labels = self.maps, self.maps.labels
        special = np.isin(maps.roles, (FIRST, SEPARATOR))
        text = [
            name
            for name, is_special in zip(labels, special, strict=True)
            if not is_special
        ]
        values, largest = _rounded(maps.float32, dtype)
        words = None
        if self.word_pieces:
            words = {
                "pieces": [list(pieces) for pieces in self.word_pieces],
                "labels": [labels[0], *maps.example["words"], labels[-1]],
            }
        return {
            "name": " ".join(maps.example.get("words") or text),
            "model": self.model,
            "facts": _facts(maps, dtype) | dict(self.facts),
            "quantity": maps.quantity,
            "meaning": MEANINGS[maps.quantity],
            "level": maps.level,
            "labels": labels,
            "special": np.flatnonzero(special).tolist(),
            "words": words,
            "heads": maps.source.heads,
            "names": head_names(maps.source),
            "weights": maps.source.weights_sha256,
            "dtype": dtype,
            "values": _base64(values),
            "largest": _base64(largest),
        }


def with_rollout(panels: Iterable[Panel]) -> list[Panel]:
    """The panels, after each of attention one of its rollout.

    Raises InputError where none is of attention in all layers.
    """
    from analysis.rollout import rollout  # imports SciPy: only now

    found = []
    for panel in panels:
        found.append(panel)
        if panel.maps.quantity == ATTENTION:
            found.append(dataclasses.replace(panel, maps=rollout(panel.maps)))
    if all(panel.maps.quantity != ROLLOUT for panel in found):
        raise InputError("rollout is made of attention, and these maps hold none")
    return found


def head_names(source: Source) -> list[str]:
    """The names of all maps of an example, in layer-major order: of heads, as "3-9", or
    where a map is a whole layer's, of layers, as "3"."""
    of_layers = QUANTITIES[source.quantity].of_layers or (
        source.quantity in (ROLLOUT, FLOW) and source.heads == 1
    )
    if of_layers:
        return [str(layer + 1) for layer in source.layers]
    places = np.ndindex(len(source.layers), source.heads)
    return [source.head_name(*place) for place in places]


def group_panels(panels: Sequence[Panel]) -> list[int]:
    """The number of each panel's group, from 0.

    A group is one text through one encoder; its panels are of different quantities,
    between which the page switches.
    """
    groups: list[list[Panel]] = []
    numbers = []
    for panel in panels:
        fitting = (n for n, group in enumerate(groups) if _belongs(panel, group))
        number = next(fitting, len(groups))
        if number == len(groups):
            groups.append([])
        groups[number].append(panel)
        numbers.append(number)
    return numbers


def _belongs(panel: Panel, group: Sequence[Panel]) -> bool:
    """Whether a panel has another quantity of a group's text and encoder, as far as
    these are known."""
    if panel.maps.quantity in {other.maps.quantity for other in group}:
        return False
    sources = panel.maps.source, group[0].maps.source
    digests = {source.weights_sha256 for source in sources} - {None}
    trained = {source.trained for source in sources} - {None}
    same = all(
        (panel.model, panel.maps.labels) == (other.model, other.maps.labels)
        for other in group
    )
    return (
        same
        and sources[0].gates == sources[1].gates
        and len(digests) < 2
        and len(trained) < 2
    )


def _rounded(values: np.ndarray, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Values [L, H, N, N] as `dtype`, and the largest of each row [L, H, N]."""
    largest = values.max(-1)
    if dtype == "float16":
        return values.astype("<f2"), largest.astype("<f4")
    scale = 255 / np.where(largest > 0, largest, 1)
    return np.rint(values * scale[..., None]).astype(np.uint8), largest.astype("<f4")


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array)).decode("ascii")


def _facts(maps: Maps, dtype: str) -> dict[str, str]:
    """What the footer says of maps."""
    source, rows = maps.source, maps.values.shape[-1]
    weights = f"SHA-256 {source.weights_sha256}" if source.weights_sha256 else "unknown"
    if source.trained is False:
        weights = "drawn at random"
    kept = ", ".join(str(layer + 1) for layer in source.layers)
    values = f"{maps.quantity} between {rows} {maps.level}, special tokens included"
    heads = "" if source.heads == 1 else f", with {source.heads} heads"
    facts = {
        "Values": f"{values}; rounded {ROUNDINGS[dtype]}",
        "Layers": f"{kept} of {source.model_layers or 'an unknown number'}{heads}",
        "Family": source.family or "unknown",
        "Weights": weights,
    }
    if source.inferred:
        facts["Inferred"] = f"{', '.join(source.inferred)}: no meta file says"
    return facts

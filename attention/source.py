"""What all maps of one file, or of one run of an encoder, have in common.

It comes from the meta file beside the maps. Files without one, as the original's, are
read too; then, and only then, it is inferred, and says so.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from attention.heads import head_name, read_head_name
from attention.quantities import ATTENTION, GRADIENTS, QUANTITIES
from toolkit.files import InputError

LEVELS = TOKENS, WORDS = "tokens", "words"
INFERRED = "layers", "level", "quantity", "special_tokens"  # without a meta file


@dataclasses.dataclass(frozen=True)
class Source:
    """What all maps of one file, or of one run of an encoder, have in common.

    What is not known is None.
    """

    layers: tuple[int, ...]  # true numbers of the L layers, from 0
    heads: int  # H, in each layer; 1 where a map is a whole layer's
    quantity: str = ATTENTION  # a key of QUANTITIES
    level: str | None = None  # one of LEVELS
    family: str | None = None  # of the encoder, such as "bert"
    weights_sha256: str | None = None
    trained: bool | None = None  # false where any weights were drawn at random
    model_layers: int | None = None  # of the encoder, kept or not
    # names of the first special token and of the separator
    special_tokens: tuple[str, str] = ("[CLS]", "[SEP]")
    gates: tuple[str, ...] = ()  # heads taken out, such as "ablate 3-9", "uniform 5-4"
    inferred: tuple[str, ...] = ()  # fields that no meta file gave

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any], example: Mapping) -> "Source":
        """The source of maps like an example's "attns" [L, H, ...], by their meta file.

        Meta files of older versions lack level, quantity, layers and family; their
        flags say the same. Where there is no meta file ({}), the layers are taken to be
        all, and the quantity is inferred from what lies beside the maps.
        """
        flags, shape = meta.get("flags", {}), example["attns"].shape
        if flags and "layers" not in meta:
            every = range(1, shape[0] + 1)
            meta = {
                "layers": sorted(set(flags.get("layers") or every)),
                "model_layers": None if flags.get("layers") else shape[0],
                "heads": shape[1],
                "level": WORDS if flags.get("word_level") else TOKENS,
                "quantity": GRADIENTS if "mask_rate" in flags else ATTENTION,
                "family": "bert",
            } | dict(meta)
        source = cls(
            layers=tuple(n - 1 for n in meta.get("layers", range(1, shape[0] + 1))),
            heads=meta.get("heads", shape[1]),
            quantity=meta.get("quantity") or _infer_quantity(example),
            level=meta.get("level"),
            family=meta.get("family"),
            weights_sha256=meta.get("weights_sha256"),
            trained=not drawn_at_random(flags) if flags else None,
            model_layers=meta.get("model_layers"),
            special_tokens=tuple(meta.get("special_tokens") or _infer_edges(example)),
            gates=tuple(meta.get("gates", ())),
            inferred=() if "layers" in meta else INFERRED,
        )
        if shape[:2] != (len(source.layers), source.heads):
            raise InputError(
                f"maps of {shape[0]} layers and {shape[1]} heads, but their meta file "
                f"says {len(source.layers)} and {source.heads}: is it another file's?"
            )
        if source.quantity not in QUANTITIES:
            raise InputError(
                f"maps of {source.quantity!r}, expected {' or '.join(QUANTITIES)}: "
                "were they written by a newer version?"
            )
        return source

    def meta(self) -> dict[str, Any]:
        """What a meta file says of it; layers count from 1, as people do."""
        return {
            "family": self.family,
            "quantity": self.quantity,
            "level": self.level,
            "layers": [layer + 1 for layer in self.layers],
            "heads": self.heads,
            "model_layers": self.model_layers,
            "special_tokens": list(self.special_tokens),
            "gates": list(self.gates),
            "weights_sha256": self.weights_sha256,
        }

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise InputError unless maps [L, H, ...] are of these layers and heads."""
        if shape[:2] != (len(self.layers), self.heads):
            raise InputError(
                f"maps of {shape[0]} layers and {shape[1]} heads, but the examples "
                f"before have {len(self.layers)} and {self.heads}"
            )

    def join(self, other: "Source") -> "Source":
        """What is known of maps of this source and of another together.

        They may come from other files, but not from other weights, layers or heads,
        nor be of another quantity: InputError. What one does not know, the other tells.
        """
        self.check_shape((len(other.layers), other.heads))
        known = {"inferred": tuple(sorted({*self.inferred, *other.inferred}))}
        for field in dataclasses.fields(self):
            ours, theirs = getattr(self, field.name), getattr(other, field.name)
            if ours == theirs or field.name in known:
                continue
            if None not in (ours, theirs):
                raise InputError(
                    f"{field.name} of these maps is {theirs}, of the examples before "
                    f"{ours}; a statistic is of one encoder"
                )
            known[field.name] = theirs if ours is None else ours
        return dataclasses.replace(self, **known)

    def require(self, quantity: str) -> None:
        """Raise InputError unless the maps are of this quantity."""
        if self.quantity != quantity:
            raise InputError(
                f"maps of {self.quantity}, expected {quantity}: "
                f"{QUANTITIES[quantity].made_by} writes them"
            )

    @property
    def depth(self) -> int:
        """Layers of the encoder, as far as known: at least to the last one kept."""
        return self.model_layers or self.layers[-1] + 1

    def head_name(self, layer: int, head: int) -> str:
        """The name, by its true layer, of the head at [layer, head] of an array."""
        if QUANTITIES[self.quantity].of_layers:
            return str(self.layers[layer] + 1)
        return head_name(self.layers[layer], head)

    def find_head(self, name: str) -> tuple[int, int]:
        """The place [layer, head] in an array of the head with this name, like "3-9".

        Raises InputError for what is no such name, and for a head that is not there.
        """
        layer, head = read_head_name(name)
        if layer not in self.layers or head >= self.heads:
            kept = ", ".join(str(number + 1) for number in self.layers)
            raise InputError(
                f"no head {name}: the maps have layers {kept} with {self.heads} heads "
                "each"
            )
        return self.layers.index(layer), head

    def state(self) -> dict[str, Any]:
        """All fields as plain values; `Source(**state)` with tuples is the same."""
        return {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in dataclasses.fields(self)
            for value in [getattr(self, field.name)]
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Source":
        """The source that `state()` describes."""
        return cls(**{k: tuple(v) if type(v) is list else v for k, v in state.items()})


def drawn_at_random(flags: Mapping[str, Any]) -> bool:
    """Whether the flags of a run asked for weights drawn at random."""
    return bool(flags.get("debug")) or flags.get("random_init", "none") != "none"


def _infer_edges(example: Mapping[str, Any]) -> tuple[str, str]:
    tokens = example.get("tokens") or [""]
    edges = tokens[0], tokens[-1]
    return edges if edges == ("<s>", "</s>") else Source.special_tokens


def _infer_quantity(example: Mapping[str, Any]) -> str:
    return GRADIENTS if {"masked", "loss"} <= example.keys() else ATTENTION

"""The config of an encoder: the numbers that give it its shape."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bert.families import FAMILIES, Family
from bert.folder import check_folder
from toolkit.files import InputError, printable
from toolkit.files import read_json_object as read_json

CONFIG_FILES = ("bert_config.json", "config.json")  # Google's name, Hugging Face's name
MOST_LAYERS, MOST_WEIGHTS = 1000, 10**10  # what a folder without weights may ask for
MOST_BUCKETS = 1000  # of distances between tokens
TOO_MANY = 10**15  # of anything, or of what a message could show
SMALLEST = 1e-20  # of what float32 still tells from 0 when it is added to a square
EXPECTED = {
    str: "a name",
    int: f"a whole number above 0 and below {TOO_MANY:,}",
    float: f"a number from {SMALLEST} to 1",
}
LOCAL, GLOBAL = "sliding_attention", "full_attention"  # kinds of layers
MAY_BE_0 = ("type_vocab_size", "pad_token_id")
# Keys that change what attention is, and the values under which it is as in BERT. Null,
# or no such key, is as well.
ONLY = {
    "position_embedding_type": ("absolute",),
    "is_decoder": (False,),
    "add_cross_attention": (False,),
    "attention_type": ("original_full",),
    "attention_window": (),
    "attention_chunk_size": (),
    "sliding_window": (),
    "sparse_attention": (False,),
    "relative_attention": (False,),
    "pruned_heads": ({},),
    "quantization_config": (),
}


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """Sizes of an encoder, under BERT's names for them."""

    vocab_size: int
    hidden_size: int  # D
    num_hidden_layers: int  # L
    num_attention_heads: int  # H
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int = 2
    hidden_act: str = "gelu"
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0
    embedding_size: int | None = None  # by default hidden_size
    num_hidden_groups: int | None = None  # of layers that share weights; by default L
    relative_attention_num_buckets: int = 32
    head_act: str | None = None  # of the masked-LM head; by default hidden_act
    model_type: str = "bert"  # a key of FAMILIES
    rotary: "Rotary | None" = None

    @classmethod
    def from_folder(cls, folder: str | Path) -> "BertConfig":
        """Read `bert_config.json` (Google) or `config.json` (Hugging Face).

        Raises InputError for a folder without either, for a family of models that is
        not in FAMILIES, for settings that are not honoured, and for sizes that are
        missing or do not fit each other.
        """
        path = config_file(folder)
        if path is None:
            raise InputError(
                f"{folder}: neither of {' and '.join(CONFIG_FILES)} is there; "
                "expected a Google or a Hugging Face folder of an encoder"
            )
        found = {k: v for k, v in read_json(path).items() if v is not None}
        name = found.setdefault("model_type", "bert")
        if not isinstance(name, str) or name not in FAMILIES:
            raise InputError(
                f"{path}: model_type is {_shown(name)}, expected one of "
                f"{', '.join(FAMILIES)}"
            )
        family = FAMILIES[name]
        values = dict(family.defaults) | found
        for key, only in (ONLY | dict(family.only)).items():
            if key in values and values[key] not in only:
                expected = " or ".join(map(str, only)) or "none"
                raise InputError(
                    f"{path}: {key} is {_shown(values[key])}, expected {expected}: "
                    f"other {name} encoders are not supported"
                )
        if not family.segments:
            values["type_vocab_size"] = 0
        if family.head_act:
            values["head_act"] = family.head_act
        config = cls(**_read_fields(cls, path, values, family))
        config._check(path)
        if family.positions:
            return config
        rotary = _read_rotary(path, values, config.num_hidden_layers)
        return dataclasses.replace(config, rotary=rotary)

    def _check(self, path: Path) -> None:
        """Raise InputError for sizes that do not fit each other."""
        if self.hidden_size % self.num_attention_heads:
            raise InputError(
                f"{path}: hidden_size {self.hidden_size} is no multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        if self.num_hidden_layers > MOST_LAYERS or self.weights > MOST_WEIGHTS:
            raise InputError(
                f"{path}: a model of {self.num_hidden_layers:,} layers and "
                f"{self.weights:,} weights, expected at most {MOST_LAYERS:,} and "
                f"{MOST_WEIGHTS:,}; check the sizes"
            )
        if self.max_tokens < 1:
            raise InputError(
                f"{path}: max_position_embeddings {self.max_position_embeddings} leave "
                f"none to tokens, as the first {self.first_position} stand for padding"
            )
        buckets = self.relative_attention_num_buckets
        if self.family.relative_positions and not 4 <= buckets <= MOST_BUCKETS:
            raise InputError(
                f"{path}: relative_attention_num_buckets is {buckets:,}, expected 4 to "
                f"{MOST_BUCKETS:,}"
            )
        if self.groups > self.num_hidden_layers:
            raise InputError(
                f"{path}: num_hidden_groups {self.groups} is above num_hidden_layers "
                f"{self.num_hidden_layers}"
            )

    @property
    def family(self) -> Family:
        """What tells it from BERT."""
        return FAMILIES[self.model_type]

    @property
    def first_position(self) -> int:
        """The position of an example's first token in the table of positions."""
        return self.pad_token_id + 1 if self.family.offset_positions else 0

    @property
    def max_tokens(self) -> int:
        """How many tokens an example has at most."""
        return self.max_position_embeddings - self.first_position

    @property
    def groups(self) -> int:
        """How many layers there are with weights of their own."""
        return self.num_hidden_groups or self.num_hidden_layers

    @property
    def embedded_size(self) -> int:
        """The size of embeddings, before they are projected to the hidden size."""
        return self.embedding_size or self.hidden_size

    @property
    def projected(self) -> bool:
        """Whether embeddings are projected to the hidden size."""
        return self.family.projected or self.embedded_size != self.hidden_size

    @property
    def weights(self) -> int:
        """How many numbers its embeddings and matrices hold."""
        rows = self.vocab_size + self.type_vocab_size
        if self.family.positions:
            rows += self.max_position_embeddings
        layer = 4 * self.hidden_size + 2 * self.intermediate_size
        return rows * self.embedded_size + self.groups * layer * self.hidden_size

    def tiny(self) -> "BertConfig":
        """The same vocabulary and positions on three small layers (`--debug`)."""
        kinds = self.rotary and dataclasses.replace(
            self.rotary, local=(self.rotary.local * 3)[:3]
        )
        return dataclasses.replace(
            self,
            num_hidden_layers=3,
            hidden_size=144,
            num_attention_heads=12,
            intermediate_size=576,
            embedding_size=None,
            num_hidden_groups=self.num_hidden_groups and min(self.num_hidden_groups, 3),
            rotary=kinds,
        )


@dataclasses.dataclass(frozen=True)
class Rotary:
    """Positions as ModernBERT has them: turned into queries and keys, in each layer."""

    local: tuple[bool, ...]  # whether a layer sees near tokens only; L of them
    window: int  # tokens on either side that it sees
    local_base: float
    global_base: float


def config_file(folder: str | Path) -> Path | None:
    """The file of a folder that holds the config; None where there is none."""
    folder = check_folder(folder)
    return next((folder / n for n in CONFIG_FILES if (folder / n).is_file()), None)


def check_layers(
    config: BertConfig, layers: Iterable[int] | None, folder: str | Path
) -> None:
    """Raise InputError where a layer (from 0) is asked for that the model lacks."""
    if wrong := [i for i in layers or () if not 0 <= i < config.num_hidden_layers]:
        raise InputError(
            f"{folder}: layer {wrong[0] + 1} does not exist; "
            f"the model has {config.num_hidden_layers} layers"
        )


def _read_fields(
    cls: type, path: Path, values: dict[str, Any], family: Family
) -> dict[str, Any]:
    """The fields of a config that a file has; InputError for what does not fit."""
    numbers, missing = {}, []
    for field in dataclasses.fields(cls):
        if field.name == "rotary":
            continue
        kind = field.type if isinstance(field.type, type) else field.type.__args__[0]
        key = family.keys.get(field.name, field.name)
        if key in values or field.name in values:
            value = values.get(key, values.get(field.name))
            if not _fits(value, kind, may_be_0=field.name in MAY_BE_0):
                raise InputError(
                    f"{path}: {key} is {_shown(value)}, expected {EXPECTED[kind]}"
                )
            numbers[field.name] = value
        elif field.default is dataclasses.MISSING:
            missing.append(key)
    if missing:
        raise InputError(f"{path}: {', '.join(missing)} missing")
    return numbers


def _read_rotary(path: Path, values: dict[str, Any], layers: int) -> Rotary:
    """The rotary positions of a config, in today's form or that of before."""
    every = values.get("global_attn_every_n_layers", 3)
    window = values.get("local_attention", 128)
    for key, number in (
        ("global_attn_every_n_layers", every),
        ("local_attention", window),
    ):
        if not _fits(number, int):
            raise InputError(
                f"{path}: {key} is {_shown(number)}, expected {EXPECTED[int]}"
            )
    kinds = values.get("layer_types") or [
        LOCAL if i % every else GLOBAL for i in range(layers)
    ]
    if (
        not isinstance(kinds, list)
        or len(kinds) != layers
        or any(k not in (LOCAL, GLOBAL) for k in kinds)
    ):
        raise InputError(
            f"{path}: layer_types is {_shown(kinds)}, expected {layers} of {LOCAL} or "
            f"{GLOBAL}"
        )
    bases = {
        LOCAL: values.get("local_rope_theta", 10_000.0),
        GLOBAL: values.get("global_rope_theta", 160_000.0),
    }
    for kind, base in bases.items():
        found = values.get("rope_parameters") or {kind: {}}
        given = found.get(kind) if isinstance(found, dict) else None
        given = given if isinstance(given, dict) else {"rope_type": found}
        if given.get("rope_type", "default") != "default" or "rope_scaling" in values:
            raise InputError(
                f"{path}: rotary positions are scaled, which is not supported; "
                "expected rope_parameters of rope_type default"
            )
        bases[kind] = given.get("rope_theta", base)
        base = bases[kind]
        if not isinstance(base, int | float) or not 1 < base < TOO_MANY:
            raise InputError(
                f"{path}: rope_theta is {_shown(base)}, expected a number above 1"
            )
    local = tuple(kind == LOCAL for kind in kinds)
    return Rotary(local, window // 2, bases[LOCAL], bases[GLOBAL])


def _fits(value: object, kind: type, may_be_0: bool = False) -> bool:
    if kind is str:
        return isinstance(value, str)
    if isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, int | float) and SMALLEST <= value <= 1
    return isinstance(value, int) and (0 < value < TOO_MANY or (may_be_0 and not value))


def _shown(value: object) -> str:
    return printable(repr(value))

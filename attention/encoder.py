"""An encoder as the flags of a script name it, before and after its weights are loaded.

Scripts that send examples through an encoder share these flags, whether they keep the
maps (runner.py) or only what is summed over them.
"""

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attention.batch_size import tokens_a_batch
from attention.examples import SEGMENT_IDS, Prepared
from attention.extraction import attention_maps, encoder_source
from attention.heads import head_name, read_head_name
from attention.quantities import ATTENTION, LAYER_NORMS, NORMS
from attention.record import Maps
from attention.source import TOKENS, WORDS, Source
from attention.word_level import MODES
from bert import BertConfig, Tokenizer, load_tokenizer
from bert.config import check_layers
from bert.folder import config_digest, weight_digest
from toolkit import cli
from toolkit.files import InputError

RANDOM_INIT = ("none", "all", "keep-embeddings")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


def add_flags(
    parser: cli.Parser, *, bert: str = "", batch_size: int | str, batch: str = ""
) -> None:
    """The flags of all scripts that run an encoder.

    `bert` and `batch` are what there is to add to the help of --bert-dir and
    --batch-size, whose default is `batch_size`; where that is "auto", the user may say
    so as well.
    """
    if auto := batch_size == "auto":
        batch += "; auto: 1,024 tokens on a CPU, up to 16,384 on a GPU"
    add = parser.add_argument
    add(
        "--bert-dir",
        type=Path,
        metavar="DIR",
        required=True,
        help=f"Google or Hugging Face folder{bert}",
    )
    add("--cased", action="store_true", help="keep case (and accents) of the text")
    add(
        "--max-sequence-length",
        type=cli.positive,
        metavar="N",
        default=128,
        help="in tokens; longer examples are left out, and reported",
    )
    add(
        "--batch-size",
        type=cli.positive_or_auto if auto else cli.positive,
        metavar="N",
        default=batch_size,
        help="examples of that length at once, or as many shorter ones as have the "
        f"same number of tokens{batch}",
    )
    add(
        "--ablate",
        metavar="HEAD",
        nargs="+",
        default=[],
        help="heads, such as 3-9, whose output is multiplied by zero",
    )
    add(
        "--uniform",
        metavar="HEAD",
        nargs="+",
        default=[],
        help="heads whose attention is made the same to all T tokens, 1 / T",
    )


def add_map_flags(parser: cli.Parser) -> None:
    """The flags that say what maps of an encoder are wanted."""
    add = parser.add_argument
    add("--word-level", action="store_true", help="maps between words, not pieces")
    add(
        "--word-level-mode",
        choices=MODES,
        help="attention from a split word: over its pieces, or its first piece's "
        "(default: mean)",
    )
    add(
        "--segment-ids",
        choices=SEGMENT_IDS,
        default="zeros",
        help="all zero as in the paper's released maps, or 1 after the first [SEP]; "
        "a segment_ids field in an example wins",
    )
    add(
        "--quantity",
        choices=(ATTENTION, NORMS, "layer-norms"),
        default=ATTENTION,
        help="attention weights; or the norms of the vectors that each head, or all of "
        "a layer, carries from token to token",
    )
    add(
        "--with",
        dest="parts",
        choices=LAYER_NORMS,
        help="what to add to a layer's heads: the residual connection, and layer "
        "normalisation after it (default: none)",
    )
    add(
        "--layers",
        type=cli.positive,
        metavar="N",
        nargs="+",
        help="which to keep, counted from 1 as in the paper; default: all",
    )
    add(
        "--dtype", choices=("float16", "float32"), default="float16", help="of the maps"
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of the computation; the mixed ones are for GPUs",
    )
    add(
        "--random-init",
        choices=RANDOM_INIT,
        default="none",
        help="draw all weights anew, or all but word and position embeddings (the "
        "control of the paper's Section 5)",
    )
    add(
        "--seed",
        type=cli.seed,
        metavar="N",
        default=0,
        help="of --random-init and --debug",
    )
    add("--debug", action="store_true", help="a tiny random BERT, without the weights")


def check_map_flags(parser: cli.Parser, args: argparse.Namespace) -> None:
    """Refuse flags that do not go together, and name the quantity of layers' norms."""
    if args.word_level_mode and not args.word_level:
        parser.error("--word-level-mode needs --word-level")
    if args.parts and args.quantity != "layer-norms":
        parser.error("--with needs --quantity layer-norms")
    if args.word_level_mode == "max" and args.quantity != ATTENTION:
        parser.error("--word-level-mode max makes rows sum to one, which norms do not")
    if args.quantity == "layer-norms":
        args.quantity = LAYER_NORMS[args.parts or "none"]


@dataclasses.dataclass
class Encoder:
    """An encoder as flags name it, checked, its weights not loaded."""

    args: argparse.Namespace
    config: BertConfig
    tokenizer: Tokenizer
    source: Source  # of the maps that it gives
    ablated: list[tuple[int, int]]  # heads of which --ablate and --uniform speak
    uniform: list[tuple[int, int]]

    @classmethod
    def describe(
        cls,
        args: argparse.Namespace,
        *,
        quantity: str,
        level: str,
        config: BertConfig,
        layers: list[int] | None = None,
        random_init: str = "none",
    ) -> "Encoder":
        """The encoder that flags name, and what its maps will be.

        `layers` (from 0) are those whose maps are kept, by default all. Raises
        InputError for what cannot be used.
        """
        gates = {f: _read_heads(args, f, config) for f in ("ablate", "uniform")}
        tokenizer = load_tokenizer(args.bert_dir, args.cased)
        source = encoder_source(
            config,
            tokenizer,
            layers=range(config.num_hidden_layers) if layers is None else layers,
            level=level,
            quantity=quantity,
            gates=tuple(
                f"{flag} {head_name(*head)}"
                for flag, heads in gates.items()
                for head in sorted({*heads})
            ),
            trained=random_init == "none",
            weights_sha256=None
            if random_init == "all"
            else weight_digest(args.bert_dir),
        )
        return cls(args, config, tokenizer, source, *gates.values())

    @property
    def tokens_a_batch(self) -> int:
        """How many tokens are run at once; call after the model is loaded."""
        length = self.args.max_sequence_length
        return tokens_a_batch(self.args.batch_size, length, self.source)

    def gate(self, model: Any) -> Any:
        """The model, with the heads taken out that the flags name."""
        model.gate(self.ablated, self.uniform)
        return model

    def settings(self) -> dict:
        """All that decides its maps, whatever the examples."""
        return (
            cli.describe_run(self.args)
            | self.source.meta()
            | {"config_sha256": config_digest(self.args.bert_dir)}
        )


def map_options(args: argparse.Namespace) -> dict[str, Any]:
    """What the flags of `add_map_flags` say to `Encoder.describe`.

    Raises InputError for layers that the model lacks.
    """
    config = BertConfig.from_folder(args.bert_dir)
    if args.debug:
        config = config.tiny()
    layers = args.layers and sorted({layer - 1 for layer in args.layers})
    check_layers(config, layers, args.bert_dir)
    return {
        "quantity": args.quantity,
        "level": WORDS if args.word_level else TOKENS,
        "config": config,
        "layers": layers,
        "random_init": "all" if args.debug else args.random_init,
    }


def example_options(args: argparse.Namespace) -> dict[str, Any]:
    """What the same flags say to `prepare_examples`."""
    return {"segment_ids": args.segment_ids, "need_words": args.word_level}


def load_encoder(encoder: Encoder) -> Any:
    """The model of an encoder with these flags. Imports TensorFlow: only now."""
    from bert import load_model

    args = encoder.args
    model = load_model(
        args.bert_dir,
        layers=list(encoder.source.layers),
        random_init=args.random_init,
        seed=args.seed,
        tiny=args.debug,
        maps_dtype="float32" if args.word_level else args.dtype,
        precision=args.precision,
        quantity=args.quantity,
    )
    return encoder.gate(model)


def encoder_maps(
    encoder: Encoder, model: Any, prepared: Sequence[Prepared], **progress: Any
) -> Iterator[Maps]:
    """The maps of examples, as these flags ask for them; see `attention_maps`."""
    args = encoder.args
    return attention_maps(
        prepared,
        model,
        encoder.source,
        tokens_a_batch=encoder.tokens_a_batch,
        mode=(args.word_level_mode or "mean") if args.word_level else None,
        dtype=args.dtype,
        **progress,
    )


def _read_heads(
    args: argparse.Namespace, flag: str, config: BertConfig
) -> list[tuple[int, int]]:
    """The heads that a flag names, from 0; InputError for one that the model lacks."""
    heads = []
    for name in vars(args)[flag]:
        try:
            heads.append(read_head_name(name))
        except InputError as error:
            raise InputError(f"--{flag}: {error}") from None
        sizes = config.num_hidden_layers, config.num_attention_heads
        if any(number >= size for number, size in zip(heads[-1], sizes, strict=True)):
            raise InputError(
                f"--{flag} {name}: there is no such head; {args.bert_dir} has "
                f"{sizes[0]} layers of {sizes[1]} heads"
            )
    return heads

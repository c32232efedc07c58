"""What the scripts share that send examples through an encoder and write maps.

`prepare` reads and checks all input before an encoder is loaded, and says what will be
written; `write` loads the encoder, runs it, shows progress, and reports.
"""

import argparse
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attention.examples import (
    Prepared,
    Skipped,
    prepare_examples,
    read_examples,
    require_examples,
    unknown_tokens,
)
from attention.extraction import encoder_source
from attention.heads import head_name, read_head_name
from attention.record import Maps
from attention.source import Source
from attention.store import AttentionWriter, is_written
from bert import BertConfig, Tokenizer, load_tokenizer
from bert.folder import config_digest, weight_digest
from toolkit import cli
from toolkit.files import InputError, check_outfile, file_digest, partial_path


@dataclasses.dataclass
class Run:
    """Examples ready for an encoder, and what their maps will be."""

    args: argparse.Namespace
    config: BertConfig
    tokenizer: Tokenizer
    examples: int  # read
    prepared: list[Prepared]
    skipped: list[Skipped]
    source: Source
    ablated: list[tuple[int, int]]  # heads of which --ablate and --uniform speak
    uniform: list[tuple[int, int]]

    def gate(self, encoder: Any) -> Any:
        """The encoder, with the heads taken out that the flags name."""
        encoder.gate(self.ablated, self.uniform)
        return encoder

    def settings(self, **more: Any) -> dict:
        """All that decides what is written, for the meta file."""
        unknown = unknown_tokens(self.prepared, self.tokenizer)
        return (
            cli.describe_run(self.args)
            | self.source.meta()
            | {
                "input_sha256": file_digest(self.args.preprocessed_data_file),
                "config_sha256": config_digest(self.args.bert_dir),
                "examples": self.examples,
                "written": len(self.prepared),
                "unknown_share": round(unknown, 4),
                "left_out": [
                    {"example": s.example, "why": f"{s.tokens} tokens"}
                    for s in self.skipped
                ],
            }
            | more
        )


def add_flags(
    parser: cli.Parser, *, bert: str = "", ending: str, batch_size: int, batch: str = ""
) -> None:
    """The flags of scripts that run BERT over examples and write maps.

    `bert` and `batch` are what there is to add to the help of --bert-dir and
    --batch-size, `ending` that of the output's name.
    """
    add = parser.add_argument
    add(
        "--preprocessed-data-file",
        type=cli.file_path,
        metavar="FILE",
        required=True,
        help="JSON of examples",
    )
    add(
        "--bert-dir",
        type=Path,
        metavar="DIR",
        required=True,
        help=f"Google or Hugging Face folder{bert}",
    )
    add(
        "--outfile",
        type=cli.file_path,
        metavar="FILE",
        help=f"default: <data>{ending} beside the data",
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
        type=cli.positive,
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
    add("--resume", action="store_true", help="go on where an interrupted run stopped")


def name_outfile(args: argparse.Namespace, ending: str) -> None:
    """Where no --outfile was given: beside the data, `<data>` and an ending."""
    data = args.preprocessed_data_file
    args.outfile = args.outfile or data.with_name(
        data.name.removesuffix(".json") + ending
    )


def prepare(
    args: argparse.Namespace,
    *,
    quantity: str,
    level: str,
    config: BertConfig,
    layers: list[int] | None = None,
    random_init: str = "none",
    **options: Any,
) -> Run:
    """Read and check everything but the weights.

    `layers` (from 0) are those whose maps are kept, by default all; `options` are
    prepare_examples'. Raises InputError for what cannot be used.
    """
    check_outfile(args.outfile, args.preprocessed_data_file)
    gates = {flag: _read_heads(args, flag, config) for flag in ("ablate", "uniform")}
    tokenizer = load_tokenizer(args.bert_dir, args.cased)
    examples = read_examples(args.preprocessed_data_file)
    prepared, skipped = prepare_examples(
        examples, tokenizer, config, max_length=args.max_sequence_length, **options
    )
    require_examples(prepared, skipped)
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
        weights_sha256=None if random_init == "all" else weight_digest(args.bert_dir),
    )
    return Run(
        args,
        config,
        tokenizer,
        len(examples),
        prepared,
        skipped,
        source,
        *gates.values(),
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


def write(
    run: Run,
    settings: dict,
    load: Callable[[], Any],
    maps_of: Callable[..., Iterator[Maps]],
) -> bool:
    """Load the encoder, run it and write the maps; False if they are there already.

    `load` gives the encoder. `maps_of` takes it, and `done` and `on_batch` as
    `in_batches` does.
    """
    args, started = run.args, time.monotonic()
    if args.resume and is_written(args.outfile, settings):
        print(f"{args.outfile} is whole already")
        return False
    unfinished = partial_path(args.outfile)
    if unfinished.exists() and not args.resume:
        print(f"{unfinished} is overwritten; --resume would go on with it")
    encoder = load()
    from toolkit.backend import device_name

    device = device_name()
    write_records(
        args,
        settings | {"device": device, "weights_left_over": encoder.left_over},
        len(run.prepared),
        functools.partial(maps_of, encoder),
    )
    print(
        f"{cli.plural(len(run.prepared), 'example')} written to {args.outfile} "
        f"({args.outfile.stat().st_size / 1e6:,.1f} MB) in "
        f"{time.monotonic() - started:,.0f} s on {device}"
    )
    if warning := run.tokenizer.unknown_warning(settings["unknown_share"]):
        print(warning)
    if run.skipped:
        print(
            f"{cli.plural(len(run.skipped), 'example')} left out, longer than "
            f"{args.max_sequence_length} tokens: see {args.outfile.stem}.meta.json"
        )
    return True


def write_records(
    args: argparse.Namespace,
    settings: dict,
    total: int | None,
    maps_of: Callable[..., Iterator[Maps]],
) -> int:
    """Write records to `args.outfile`, after those that an interrupted run wrote;
    return how many the file has.

    `maps_of` takes `done`, how many are there already, and `on_batch`, which it tells
    how many more are made; `total` is how many there will be, for the progress bar.
    """
    with (
        AttentionWriter(args.outfile, settings, args.resume) as writer,
        cli.progress(total=total, initial=writer.done, unit=" examples") as bar,
        cli.advise(
            f"stopped; what is done is kept in {writer.partial}, and --resume goes on "
            "from there"
        ),
    ):
        for maps in maps_of(done=writer.done, on_batch=bar.update):
            writer.write(maps.to_example())
    return writer.count

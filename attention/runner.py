"""What the scripts share that send examples through an encoder and write maps.

`prepare` reads and checks all input before an encoder is loaded, and says what will be
written; `write` loads the encoder, runs it, shows progress, and reports.
"""

import argparse
import dataclasses
import functools
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from attention import encoder
from attention.encoder import Encoder
from attention.examples import (
    Prepared,
    Skipped,
    empty_examples,
    example_notes,
    prepare_examples,
    read_examples,
    require_examples,
    unframed_examples,
    unknown_tokens,
)
from attention.record import Maps
from attention.store import AttentionWriter, is_written
from bert import BertConfig
from toolkit import cli
from toolkit.files import check_outfile, file_digest, partial_path


@dataclasses.dataclass
class Run(Encoder):
    """An encoder, and examples ready for it."""

    examples: int  # read
    prepared: list[Prepared]
    skipped: list[Skipped]

    def settings(self, **more: Any) -> dict:
        """All that decides what is written, for the meta file."""
        unknown = unknown_tokens(self.prepared, self.tokenizer)
        return (
            super().settings()
            | {
                "input_sha256": file_digest(self.args.preprocessed_data_file),
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
    parser: cli.Parser,
    *,
    ending: str,
    batch_size: int | str,
    bert: str = "",
    batch: str = "",
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
        "--outfile",
        type=cli.file_path,
        metavar="FILE",
        help=f"default: <data>{ending} beside the data",
    )
    encoder.add_flags(parser, bert=bert, batch_size=batch_size, batch=batch)
    add("--resume", action="store_true", help="go on where an interrupted run stopped")


def name_outfile(args: argparse.Namespace, ending: str) -> None:
    """Where no --outfile was given: beside the data, `<data>` and an ending."""
    data = args.preprocessed_data_file
    args.outfile = args.outfile or data.with_name(
        re.sub(r"\.jsonl?(\.gz)?$", "", data.name) + ending
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

    `options` are prepare_examples', the others are as `Encoder.describe` has them.
    Raises InputError for what cannot be used.
    """
    check_outfile(args.outfile, args.preprocessed_data_file)
    described = Encoder.describe(
        args,
        quantity=quantity,
        level=level,
        config=config,
        layers=layers,
        random_init=random_init,
    )
    examples = read_examples(args.preprocessed_data_file)
    prepared, skipped = prepare_examples(
        examples,
        described.tokenizer,
        config,
        max_length=args.max_sequence_length,
        **options,
    )
    require_examples(prepared, skipped)
    return Run(
        **vars(described), examples=len(examples), prepared=prepared, skipped=skipped
    )


def write(
    run: Run,
    settings: dict,
    load: Callable[[], Any],
    maps_of: Callable[..., Iterator[Maps]],
) -> bool:
    """Load the encoder, run it and write the maps; False if they are there already.

    `load` gives the model. `maps_of` takes it, and `done` and `on_batch` as
    `in_batches` does.
    """
    args, started = run.args, time.monotonic()
    if args.resume and is_written(args.outfile, settings):
        print(f"{args.outfile} is whole already")
        return False
    replaces = args.resume and args.outfile.is_file()
    unfinished = partial_path(args.outfile)
    if unfinished.exists() and not args.resume:
        print(f"{unfinished} is overwritten; --resume would go on with it")
    model = load()
    from toolkit.backend import device_name, idle_gpu_advice

    device = device_name()
    write_records(
        args,
        settings
        | {
            "device": device,
            "tokens_a_batch": run.tokens_a_batch,
            "weights_left_over": model.left_over,
        },
        len(run.prepared),
        functools.partial(maps_of, model),
    )
    print(
        f"{cli.plural(len(run.prepared), 'example')} written to {args.outfile} "
        f"({cli.size(args.outfile)}) in "
        f"{time.monotonic() - started:,.0f} s on {device}"
    )
    if replaces:
        print(f"it replaces {args.outfile} of other settings or input, or not whole")
    if advice := idle_gpu_advice(device):
        print(advice)
    if warning := run.tokenizer.unknown_warning(settings["unknown_share"]):
        print(warning)
    empty, unframed = (
        count(run.prepared, run.tokenizer)
        for count in (empty_examples, unframed_examples)
    )
    for note in example_notes(empty, unframed, run.tokenizer):
        print(note)
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

"""What the scripts share: flags in both spellings, errors in one line, progress."""

import argparse
import errno
import functools
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from files import InputError


class Writer(Protocol):
    """What takes in examples with their maps, and keeps unfinished work."""

    partial: Path

    def write(self, example: dict) -> None:
        """Append one example."""


class Parser(argparse.ArgumentParser):
    """Flags are written with hyphens; underscores, as in the original, do as well."""

    def __init__(self, doc: str):
        super().__init__(
            description=doc,
            formatter_class=_HelpFormatter,
            allow_abbrev=False,
            epilog="Flags may be spelt with underscores too, as in --data_file.",
        )

    def parse_args(self, args=None, namespace=None):
        """Parse `args`, or the command line, after hyphening the flags in it."""
        given = sys.argv[1:] if args is None else map(str, args)
        hyphened = [
            re.sub("^--[^=]+", lambda flag: flag[0].replace("_", "-"), argument)
            for argument in given
        ]
        return super().parse_args(hyphened, namespace)


def add_map_flags(
    parser: Parser, *, bert: str = "", ending: str, batch_size: int, batch: str = ""
) -> None:
    """The flags of scripts that run BERT over examples and write maps.

    `bert` and `batch` are what there is to add to the help of --bert-dir and
    --batch-size, `ending` that of the output's name.
    """
    add = parser.add_argument
    add(
        "--preprocessed-data-file",
        type=file_path,
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
        type=file_path,
        metavar="FILE",
        help=f"default: <data>{ending} beside the data",
    )
    add("--cased", action="store_true", help="keep case (and accents) of the text")
    add(
        "--max-sequence-length",
        type=positive,
        metavar="N",
        default=128,
        help="in tokens; longer examples are left out, and reported",
    )
    add(
        "--batch-size",
        type=positive,
        metavar="N",
        default=batch_size,
        help="examples of that length at once, or as many shorter ones as have the "
        f"same number of tokens{batch}",
    )
    add("--resume", action="store_true", help="go on where an interrupted run stopped")


def name_outfile(args: argparse.Namespace, ending: str) -> None:
    """Where no --outfile was given: beside the data, `<data>` and an ending."""
    data = args.preprocessed_data_file
    args.outfile = args.outfile or data.with_name(
        data.name.removesuffix(".json") + ending
    )


class _HelpFormatter(
    argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter
):
    """Docstrings as they are written, and the default after each flag's help."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        # "(default: None)" and "(default: False)" tell nobody anything
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


def script(main: Callable[..., None]) -> Callable[..., int]:
    """Wrap a script's `main`, so that bad input ends in one line and a status of 1."""

    @functools.wraps(main)
    def run(argv: list[str] | None = None) -> int:
        try:
            main(argv)
        except (InputError, OSError) as error:
            print(f"error: {_sentence(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        return 0

    return run


def _sentence(error: InputError | OSError) -> str:
    """What is wrong, without "[Errno 2]", and what to do about it."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    advice = {
        errno.ENOENT: "; is the name right?",
        errno.EISDIR: "; expected a file",
        errno.ENOSPC: "; free some space, then run the same command again",
    }.get(error.errno, "")
    place = "" if error.filename is None else f"{error.filename}: "
    return f"{place}{error.strerror}{advice}"


def file_path(value: str) -> Path:
    """A flag's value that must name a file, which an empty or unset one does not."""
    path = Path(value)
    if not path.name:
        raise argparse.ArgumentTypeError(
            f"expected the name of a file, found {value!r}"
        )
    return path


def seed(value: str) -> int:
    """A flag's value that seeds random numbers: a whole number from 0."""
    number = int(value)
    if number < 0:
        raise argparse.ArgumentTypeError(f"expected a number from 0, found {value}")
    return number


def positive(value: str) -> int:
    """A flag's value that must be a whole number above zero."""
    number = int(value)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {value}")
    return number


def share(value: str) -> float:
    """A flag's value that must be a share: above 0, and 1 at most."""
    number = float(value)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(
            f"expected a number above 0 and up to 1, found {value}"
        )
    return number


def progress(**options):
    """A tqdm bar with an estimate; quiet when standard error is no terminal."""
    from tqdm import tqdm

    return tqdm(disable=None, dynamic_ncols=True, **options)


def warn_of_restart(args: argparse.Namespace) -> None:
    """Say so where the work of an interrupted run is about to be thrown away."""
    unfinished = args.outfile.with_name(args.outfile.name + ".partial")
    if unfinished.exists() and not args.resume:
        print(f"{unfinished} is begun anew; --resume would go on with it")


def write_maps(writer: Writer, maps: Iterable[dict]) -> None:
    """Write examples with their maps; when stopped, say how to go on."""
    try:
        for example in maps:
            writer.write(example)
    except BaseException:
        print(
            f"stopped; what is done is kept in {writer.partial}, and --resume "
            "goes on from there",
            file=sys.stderr,
        )
        raise


def report_maps(
    args: argparse.Namespace, written: int, left_out: int, seconds: float
) -> None:
    """Say what was written, and how many examples were too long."""
    print(
        f"{plural(written, 'example')} written to {args.outfile} "
        f"({args.outfile.stat().st_size / 1e6:,.1f} MB) in {seconds:,.0f} s"
    )
    if left_out:
        print(
            f"{plural(left_out, 'example')} left out, longer than "
            f"{args.max_sequence_length} tokens: see {args.outfile.stem}.meta.json"
        )


def describe_run(args: argparse.Namespace) -> dict:
    """What decides, beside the input, what a script writes: flags and versions."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if importlib.util.find_spec(backend) is None:
        raise InputError(f"KERAS_BACKEND is {backend!r}, which is not installed")
    return {
        "flags": {
            name: str(value) if isinstance(value, Path) else value
            for name, value in vars(args).items()
            if name not in ("outfile", "resume")
        },
        "versions": {
            package: importlib.metadata.version(package)
            for package in ("keras", backend, "numpy", "tokenizers")
        },
    }


def plural(count: int, noun: str) -> str:
    """ "1 span", "1,000 spans"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")

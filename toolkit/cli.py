"""What the scripts share: flags in both spellings, errors in one line, progress."""

import argparse
import contextlib
import errno
import functools
import importlib.metadata
import importlib.util
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from toolkit.files import InputError


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
        _prepare_streams()
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


def _prepare_streams() -> None:
    """Let no message fail: not of a file name that the terminal cannot show, and not
    where standard error or output is closed, whose number a file would get instead."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # a new file takes the lowest free number
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def threads() -> int:
    """How many threads TensorFlow computes with, on which the last bits depend."""
    if (given := os.environ.get("TF_NUM_INTRAOP_THREADS", "")).isdigit() and int(given):
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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


def positive_or_auto(value: str) -> int | str:
    """A flag's value that must be a whole number above zero, or "auto"."""
    return value if value == "auto" else positive(value)


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


@contextlib.contextmanager
def advise(message: str) -> Iterator[None]:
    """Where the block is stopped by whatever, say on standard error what to do."""
    try:
        yield
    except BaseException:
        print(message, file=sys.stderr)
        raise


def describe_run(args: argparse.Namespace) -> dict:
    """What decides, beside the input, what a script writes: flags, versions and the
    number of threads, as sums in another order differ in their last bits."""
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
        "threads": threads(),
    }


def size(path: Path) -> str:
    """The size of a file, such as "1.5 MB"."""
    size = path.stat().st_size
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def plural(count: int, noun: str) -> str:
    """ "1 span", "1,000 spans"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")

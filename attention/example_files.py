"""Examples from a file one at a time: a JSON list, or JSON Lines (`.jsonl`)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from files import DEEPEST, InputError, check_input, is_deep, json_kind, printable

BOM = b"\xef\xbb\xbf"


def iter_examples(path: str | Path) -> Iterator[dict]:
    """Each object of a JSON list, or of the lines of a file whose name ends in .jsonl.

    No two need be in memory. Lines without content are passed over. Raises InputError,
    which names the example (from 0) or the line (from 1), for what is not JSON, not an
    object or nested more than DEEPEST deep. What an object holds is not looked at.
    """
    path = Path(path)
    check_input(path)
    with open(path, "rb") as file:
        if file.read(len(BOM)) != BOM:
            file.seek(0)
        values = _lines(file) if path.suffix == ".jsonl" else _items(file)
        where = "the beginning"
        while True:
            try:
                where, value = next(values)
            except StopIteration:
                return
            except (ValueError, RecursionError, ijson.JSONError) as error:
                reason = printable(" ".join(str(error).split()))
                raise InputError(f"{path}: not JSON after {where} ({reason})") from None
            if not isinstance(value, dict):
                raise InputError(
                    f"{path}: {where}: expected an object, found {json_kind(value)}"
                )
            if is_deep(value):
                raise InputError(f"{path}: {where}: nested more than {DEEPEST} deep")
            yield value


def _lines(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield f"line {number}", json.loads(line)


def _items(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    place = file.tell()
    if (first := file.read(1024).lstrip()[:1]) != b"[":
        raise ValueError(
            f"expected a list of examples, found {printable(first)}"
            if first
            else "the file is empty"
        )
    file.seek(place)
    for number, value in enumerate(ijson.items(file, "item", use_float=True)):
        yield f"example {number}", value

"""Examples from a file one at a time: a JSON list, or JSON Lines (`.jsonl`); either
may be compressed by gzip (`.gz`)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from corpora.lines import is_called
from toolkit.files import (
    DEEPEST,
    InputError,
    check_input,
    is_deep,
    json_kind,
    open_text,
    printable,
)

BLOCK = 1 << 16  # characters read at once
BEFORE_FIRST = re.compile(r"\s*")
BETWEEN = re.compile(r"\s*(?=\])|\s*,\s*(?=[^\s\]])")


class TwiceError(Exception):
    """A key is twice in an object. It is no ValueError, which an object that goes on in
    the next block gives."""


def iter_examples(path: str | Path, opened: BinaryIO | None = None) -> Iterator[dict]:
    """Each object of a JSON list, or of the lines of a file whose name ends in .jsonl
    or .jsonl.gz. `opened` is the file where it is open already.

    No two need be in memory. Lines without content are passed over. Raises InputError,
    which names the example (from 0) or the line (from 1), for what is not JSON, not an
    object, an object with a key twice or nested more than DEEPEST deep. What else an
    object holds is not looked at.
    """
    path = Path(path)
    check_input(path)
    with open_text(path, opened) as file:
        is_lines = is_called(path, ".jsonl")
        values = _lines(file) if is_lines else _items(file)
        where = "the beginning"
        while True:
            try:
                where, value = next(values)
            except StopIteration:
                return
            except (ValueError, RecursionError) as error:
                reason = printable(" ".join(str(error).split()))
                raise InputError(f"{path}: not JSON after {where} ({reason})") from None
            except TwiceError as error:
                raise InputError(f"{path}: after {where}: {error}") from None
            if not isinstance(value, dict):
                raise InputError(
                    f"{path}: {where}: expected an object, found {json_kind(value)}"
                )
            if is_deep(value):
                raise InputError(f"{path}: {where}: nested more than {DEEPEST} deep")
            yield value


def _lines(file: TextIO) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield f"line {number}", json.loads(line, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; TwiceError where a key is there twice."""
    if len(made := dict(pairs)) < len(pairs):
        seen = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise TwiceError(f"{printable(repr(name))} is there twice; leave one out")
    return made


def _items(text: TextIO) -> Iterator[tuple[str, Any]]:
    """The items of a JSON list. The text is read in blocks, each of which is dropped
    when its items have been decoded."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    buffer, place, block = text.read(BLOCK).lstrip(), 1, BLOCK
    if buffer[:1] != "[":
        raise ValueError(
            f"expected a list of examples, found {printable(buffer[:1])}; the name of "
            "JSON Lines must end in .jsonl"
            if buffer
            else "the file is empty"
        )
    number, separator = 0, BEFORE_FIRST
    while True:
        try:
            if not (found := separator.match(buffer, place)):
                raise ValueError("expected a comma and an item, or ]")
            if buffer[found.end()] == "]":
                break
            value, end = decoder.raw_decode(buffer, found.end())
            buffer[end]  # else a number may go on in the next block
        except (ValueError, IndexError) as error:
            if not (more := text.read(block)):
                reason = "it ends early" if type(error) is IndexError else error
                raise ValueError(str(reason)) from None
            # an item as long as many blocks is not decoded anew for each of them
            buffer, place, block = buffer[place:] + more, 0, 2 * block
            continue
        yield f"example {number}", value
        place, block, number, separator = end, BLOCK, number + 1, BETWEEN
    place = found.end()
    if (buffer[place + 1 :] + text.read()).strip():
        raise ValueError("text after the end of the list")

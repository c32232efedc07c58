"""Text files by lines with their numbers, which errors name."""

from collections.abc import Iterator
from pathlib import Path

from files import InputError

Lines = list[tuple[int, str]]  # each with its number in the file, from 1


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file, empty ones too; InputError where it is not UTF-8."""
    with open(path, encoding="utf-8-sig") as file:
        try:
            for number, line in enumerate(file, 1):
                yield number, line.rstrip("\n")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 text ({error})") from None


def paragraphs(path: Path) -> Iterator[Lines]:
    """Stretches of lines without an empty one; the last may end with the file."""
    lines: Lines = []
    for number, line in numbered_lines(path):
        if line.strip():
            lines.append((number, line))
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines

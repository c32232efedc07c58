"""Examples on disk, as every preprocessing script writes them."""

import json
from collections.abc import Iterable
from pathlib import Path

from toolkit.files import InputError, open_whole

BEGINNING = b"[\n{"  # of a file that `write_examples` wrote


def spare_others(path: Path) -> None:
    """InputError where a file of somebody else has the name that examples are given
    when no other is asked for."""
    if path.is_file():
        with open(path, "rb") as file:
            start = file.read(len(BEGINNING))
        if start and start != BEGINNING:
            raise InputError(
                f"{path}: is there, and not of this project; name another --outfile"
            )


def write_examples(path: str | Path, examples: Iterable[dict]) -> None:
    """Write a JSON list of examples, one a line; the file appears only when whole."""
    with open_whole(path, "w", encoding="utf-8") as file:
        file.write("[")
        for i, example in enumerate(examples):
            file.write(",\n" if i else "\n")
            json.dump(example, file, ensure_ascii=False)
        file.write("\n]\n")

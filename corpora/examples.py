"""Examples on disk, as every preprocessing script writes them."""

import json
from collections.abc import Iterable
from pathlib import Path

from toolkit.files import open_whole


def write_examples(path: str | Path, examples: Iterable[dict]) -> None:
    """Write a JSON list of examples, one a line; the file appears only when whole."""
    with open_whole(path, "w", encoding="utf-8") as file:
        file.write("[")
        for i, example in enumerate(examples):
            file.write(",\n" if i else "\n")
            json.dump(example, file, ensure_ascii=False)
        file.write("\n]\n")

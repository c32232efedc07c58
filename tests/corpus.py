"""A small corpus for the tests of corpus_statistics.py, and running it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
WORDS = ["the", "fox", "dog", "over", "jumping", "red", "Café", "unaffable", ".", ","]


def treebank(count: int, seed: int = 0) -> list[dict]:
    """Sentences of 3 to 12 words, with heads and relations drawn at random."""
    rng = np.random.default_rng(seed)
    examples = []
    for _ in range(count):
        size = int(rng.integers(3, 13))
        root = int(rng.integers(1, size + 1))
        examples.append(
            {
                "words": [str(word) for word in rng.choice(WORDS, size)],
                "heads": [root if i != root else 0 for i in range(1, size + 1)],
                "relns": [
                    "root" if i == root else str(rng.choice(["nsubj", "obj", "det"]))
                    for i in range(1, size + 1)
                ],
            }
        )
    return examples


def write(path: Path, examples: list[dict]) -> Path:
    """Examples as JSON, or JSON Lines where the name says so."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(example) + "\n" for example in examples))
    else:
        path.write_text(json.dumps(examples))
    return path


def command(*flags: object) -> list[str]:
    """The script in a process of its own."""
    return [sys.executable, str(ROOT / "corpus_statistics.py"), *map(str, flags)]


def start(*flags: object, **environment: str) -> subprocess.Popen:
    """The script, begun on one thread."""
    return subprocess.Popen(
        command(*flags),
        cwd=ROOT,
        env=os.environ | {"TF_NUM_INTRAOP_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*flags: object, **environment: str) -> tuple[int, str, str]:
    """The script from beginning to end on one thread: status, output, errors."""
    process = start(*flags, **environment)
    output, errors = process.communicate()
    return process.returncode, output, errors

"""Synthetic heads whose behaviour is known."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from attention.meta import SIZE
from attention.record import Maps
from attention.source import Source


def uniform(tokens: list[str]) -> np.ndarray:
    size = len(tokens)
    return np.full((size, size), 1 / size)


def to_offset(tokens: list[str], offset: int) -> np.ndarray:
    """All attention to the token that many places on; at the ends, to itself."""
    size = len(tokens)
    target = np.arange(size) + offset
    target = np.where((target < 0) | (target >= size), np.arange(size), target)
    return np.eye(size)[target]


def to_token(tokens: list[str], names: set[str]) -> np.ndarray:
    """All attention to tokens of these names, shared equally."""
    row = np.array([token in names for token in tokens], float)
    return np.tile(row / row.sum(), (len(tokens), 1))


def example_of(tokens: list[str], *heads: np.ndarray, layers: int = 1) -> dict:
    """An example as a file of maps has it, heads split over so many layers."""
    maps = np.stack(heads).reshape(layers, -1, len(tokens), len(tokens))
    return {"tokens": tokens, "attns": maps.astype(np.float16)}


def record(example: dict, meta: dict | None = None, **known) -> Maps:
    """The record of an example as a file holds it, with what is known of its source."""
    source = Source.from_meta(meta or {}, example)
    return Maps.from_example(example, dataclasses.replace(source, **known))


def interrupt(path: Path) -> None:
    """Leave a file of maps as a run does that is stopped within the last example."""
    meta = json.loads(path.with_suffix(".meta.json").read_text())
    del meta[SIZE]
    path.with_name(f"{path.name}.partial.json").write_text(json.dumps(meta))
    path.with_suffix(".meta.json").unlink()
    content = path.read_bytes()
    path.with_name(f"{path.name}.partial").write_bytes(content[:-30])
    path.unlink()

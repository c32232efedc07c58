"""Sentences on their way into a probe: shuffled, bucketed by length, packed or padded.

Shapes: B sentences, N words in the longest of them, K = L * H heads, D size of a word
vector.
"""

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from analysis.word_vectors import WordVectors
from attention.record import Maps

if TYPE_CHECKING:
    from analysis.probe_models import Probe

SHUFFLE_BUFFER = 256 << 20  # bytes of maps
BUCKET = 8  # lengths that share a bucket

Item = TypeVar("Item")


def shuffled(sentences: Iterable[Maps], rng: np.random.Generator) -> Iterator[Maps]:
    """Sentences in random order, drawn from a buffer of SHUFFLE_BUFFER bytes."""
    buffer, size = [], 0
    for maps in sentences:
        # a copy that lacks what the record caches, which is larger than the maps
        buffer.append(dataclasses.replace(maps))
        size += maps.values.nbytes
        while size > SHUFFLE_BUFFER:
            drawn = rng.integers(len(buffer))
            buffer[drawn], buffer[-1] = buffer[-1], buffer[drawn]
            size -= buffer[-1].values.nbytes
            yield buffer.pop()
    for drawn in rng.permutation(len(buffer)):
        yield buffer[drawn]


def bucketed(sentences: Iterable[Maps], size: int) -> Iterator[list[Maps]]:
    """Batches of `size` sentences of similar length; smaller ones at the end."""
    buckets = collections.defaultdict(list)  # by length, rounded up
    for maps in sentences:
        bucket = buckets[-(-len(maps.require_words()) // BUCKET)]
        bucket.append(maps)
        if len(bucket) == size:
            yield bucket.copy()
            bucket.clear()
    yield from filter(None, buckets.values())


def in_lists(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`; the last one may be shorter."""
    while some := list(itertools.islice(items, size)):
        yield some


class Packed(NamedTuple):
    """B sentences of S steps end to end, without padding."""

    maps: np.ndarray  # all their values, float16 by their bits, uint16
    rows: np.ndarray  # of word vectors; ROOT's is 0, before or after a sentence's words
    heads: np.ndarray  # of the words, in the same places
    starts: np.ndarray  # [B + 1] of sentences among rows, and the last one's end
    steps: np.ndarray  # [S + 1] of steps among sentences, and the last one's end


def packed(
    batches: list[list[Maps]], vectors: WordVectors | None, root_first: bool
) -> Packed:
    """The sentences of a step from each batch."""
    sentences = list(itertools.chain.from_iterable(batches))
    words = [maps.require_words() for maps in sentences]
    heads = [maps.example["heads"] for maps in sentences]
    ends = np.cumsum([len(sentence) for sentence in words])
    every = list(itertools.chain.from_iterable(words))
    rows = vectors[every] if vectors else np.zeros(len(every), int)
    roots = np.append(0, ends[:-1]) if root_first else ends
    return Packed(
        np.concatenate(
            [maps.values.astype(np.float16, copy=False).ravel() for maps in sentences]
        ).view(np.uint16),
        np.insert(rows, roots, 0),
        np.insert(np.array([*itertools.chain(*heads)], int), roots, 0),
        np.append(0, ends + np.arange(1, len(ends) + 1)),
        np.cumsum([0, *map(len, batches)]),
    )


def padded(
    sentences: list[Maps], model: "Probe", vectors: WordVectors | None
) -> dict[str, np.ndarray]:
    """Inputs of a model, padded to the longest sentence, as `probe_models` lists them,
    and "heads" [B, N]: IGNORED in padding, and where a word is its own head."""
    from analysis.probe_models import IGNORED

    lengths = [len(maps.require_words()) for maps in sentences]
    count, longest = len(sentences), max(lengths)
    inputs = {
        "lengths": np.array(lengths, np.int32),
        "heads": np.full((count, longest), IGNORED, np.int32),
    }
    if model.uses_attention:
        inputs["maps"] = np.zeros((count, longest, longest, model.heads), np.float16)
        inputs["specials"] = np.zeros((count, longest, 2, model.heads), np.float16)
    if model.uses_words:
        rows = np.zeros((count, longest + 1), int)
    for i, (maps, words) in enumerate(zip(sentences, lengths, strict=True)):
        inputs["heads"][i, :words] = maps.example["heads"]
        if model.uses_attention:
            values = maps.values.reshape(model.heads, words + 2, words + 2)
            values = np.moveaxis(values, 0, 2)  # [words + 2, words + 2, K]
            inputs["maps"][i, :words, :words] = values[1:-1, 1:-1]
            inputs["specials"][i, :words] = values[1:-1, [0, -1]]
        if model.uses_words:
            rows[i, :words] = vectors[maps.require_words()]
    if model.uses_words:
        inputs["vectors"] = vectors.matrix[rows]
    inputs["heads"][inputs["heads"] == np.arange(1, longest + 1)] = IGNORED
    return inputs


def joined(steps: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The inputs of several steps end to end, without padding to a common length.

    Axes of sentences and words are flattened into one, [-1, K] for "maps".
    """
    axes = {"lengths": 1, "maps": 3}  # of sentences and words; 2 in all others
    return {
        name: np.concatenate(
            [a.reshape(-1, *a.shape[axes.get(name, 2) :]) for a in arrays]
        )
        for name in steps[0]
        for arrays in [[inputs[name] for inputs in steps]]
    }

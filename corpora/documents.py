"""A document with coreference, whatever format it was read from."""

import dataclasses
import itertools


@dataclasses.dataclass
class Document:
    """A document, or a part of one, as its file has it; words count from 0.

    Where the file does not say, `tags` and `governors` are None and `constituents` is
    empty.
    """

    name: str
    part: int
    words: list[str]
    sentences: list[tuple[int, int]]  # first and last word
    mentions: list[tuple[int, int, int]]  # first and last word, cluster
    tags: list[str] | None = None
    governors: list[int | None] | None = None  # of each word; None for the root
    relations: list[str] | None = None  # to the governors
    features: list[dict[str, str]] | None = None  # CoNLL-U's FEATS
    repeated: int = 0  # mentions left out: the span is in the cluster already
    zeros: int = 0  # mentions left out: of empty nodes only
    in_pieces: int = 0  # mentions left out: with words between that are not theirs
    # by first word: last word and label, the outermost first
    constituents: dict[int, list[tuple[int, str]]] = dataclasses.field(
        default_factory=dict
    )


def sentence_bounds(sentences: list[list]) -> list[tuple[int, int]]:
    """The first and the last word of each sentence."""
    ends = itertools.accumulate(map(len, sentences))
    return [(end - len(s), end - 1) for s, end in zip(sentences, ends, strict=True)]

"""Passages that show a head finding antecedents (Figure 5's panel of coreference)."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from analysis.mentions import link_mentions, read_mentions, same_head_word
from attention.record import Maps

LINK_WORDS = (8, 24)  # in a passage shown, at least and at most


@dataclasses.dataclass(frozen=True)
class Link:
    """A mention and an antecedent, in the sentences from one to the other."""

    maps: Maps  # of these sentences; rows need not sum to one
    mention: int  # the row of its head word in the maps
    antecedent: int  # that of the antecedent's


def find_links(maps: Iterable[Maps], head: str) -> list[Link]:
    """A pronoun, and a name or noun, whose antecedent a head, named like "3-9", finds
    (Figure 5).

    The antecedent, found among all other words, is a name or noun with another head
    word, so that more is shown than a repeated word. Of each kind the pair, in a
    passage of 8 to 24 words, with the most attention from one to the other, if there is
    any. In the maps of the passage, attention of words to themselves, which is not
    counted, is zero. Raises InputError where the maps have no such head.
    """
    best: dict[bool, tuple[float, Link]] = {}
    for stretch in maps:
        place = stretch.source.find_head(head)
        mentions, sentences = read_mentions(stretch), stretch.example["sentences"]
        _, antecedent = link_mentions(mentions)
        for i, j in np.argwhere(antecedent):
            mention, other = mentions[i], mentions[j]
            if other.type == "pronoun" or same_head_word(mention, other):
                continue
            start, end = _passage(sentences, mention.head, other.head)
            if not LINK_WORDS[0] <= end - start + 1 <= LINK_WORDS[1]:
                continue
            row = stretch.values[place][1 + mention.head, 1:-1].copy()
            row[mention.head] = -1
            kind, weight = mention.type == "pronoun", float(row[other.head])
            most = best[kind][0] if kind in best else 0
            if row.argmax() == other.head and weight > most:
                places = mention.head - start + 1, other.head - start + 1
                best[kind] = weight, Link(_cut(stretch, start, end), *places)
    return [best[kind][1] for kind in (True, False) if kind in best]


def _passage(sentences: Sequence[Sequence[int]], *words: int) -> tuple[int, int]:
    """The first and the last word of the sentences from one word to another."""
    holding = [(s, e) for s, e in sentences if any(s <= word <= e for word in words)]
    return holding[0][0], holding[-1][1]


def _cut(maps: Maps, start: int, end: int) -> Maps:
    """The maps of the words from `start` to `end`, with the special tokens around."""
    shown = [0, *range(start + 1, end + 2), maps.values.shape[-1] - 1]
    values = maps.values[..., shown, :][..., shown]
    words = np.arange(1, len(shown) - 1)
    values[..., words, words] = 0
    example = {"words": maps.example["words"][start : end + 1]}
    return Maps(values, maps.level, maps.source, example)

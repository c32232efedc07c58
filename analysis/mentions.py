"""Mentions, their antecedents, and the baselines of Table 2 (Section 4.3).

A mention's antecedents are the mentions of its cluster that stand before it. Mentions
are in the order in which they begin, an outer one before an inner one that begins at
the same word; "before" and "nearest" go by this order. A mention with the same head
word in the text (as in "[[Anna] and Tom]") is no candidate, since a word would have to
point to itself.

Shapes: M mentions.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from attention.record import Maps
from toolkit.files import InputError, printable

TYPES = ("pronoun", "proper", "nominal")
# what the attributes of a mention may be
ATTRIBUTES = {
    "type": TYPES,
    "number": (None, "singular", "plural"),
    "gender": (None, "masculine", "feminine", "neuter"),
    "person": (None, 1, 2, 3),
}


@dataclasses.dataclass(frozen=True)
class Mention:
    """A mention as preprocess_coref.py describes it; words count from 0."""

    start: int
    end: int  # its last word
    head: int  # its head word
    cluster: int  # of all mentions of one entity
    type: str  # one of TYPES
    number: str | None  # None where unknown, as the next two
    gender: str | None
    person: int | None
    words: tuple[str, ...]  # case-folded

    @property
    def head_word(self) -> str:
        """The head word, case-folded."""
        return self.words[self.head - self.start]


def same_string(mention: Mention, candidate: Mention) -> bool:
    """The first sieve: the same words throughout."""
    return mention.words == candidate.words


def same_head_word(mention: Mention, candidate: Mention) -> bool:
    """The second sieve: the same head word."""
    return mention.head_word == candidate.head_word


def agree(mention: Mention, candidate: Mention) -> bool:
    """The third sieve: the same number, gender and person. What is unknown agrees with
    anything, as in the system that the paper's rules follow (Lee et al. 2011)."""
    pairs = (
        (mention.number, candidate.number),
        (mention.gender, candidate.gender),
        (mention.person, candidate.person),
    )
    return all(None in pair or pair[0] == pair[1] for pair in pairs)


def any_mention(mention: Mention, candidate: Mention) -> bool:
    """The last sieve: all other mentions."""
    return True


Sieve = Callable[[Mention, Mention], bool]
CHANCE = "any other mention, at random"  # as many as are right on average
BASELINES: dict[str, tuple[Sieve, ...]] = {
    "nearest other mention": (any_mention,),
    "nearest with the same head word": (same_head_word,),
    "rules": (same_string, same_head_word, agree, any_mention),
}


def sift(
    mention: Mention, candidates: Sequence[Mention], sieves: Iterable[Sieve]
) -> Mention | None:
    """The nearest of those candidates (in order) that satisfy the earliest sieve that
    any of them satisfies; None where there is no such sieve."""
    for sieve in sieves:
        for candidate in reversed(candidates):
            if sieve(mention, candidate):
                return candidate
    return None


def read_mentions(maps: Maps) -> list[Mention]:
    """The mentions of an example, in order. Raises InputError where one does not fit,
    or the maps are not between words."""
    example = maps.example
    if missing := {"document", "sentences", "words", "mentions"} - example.keys():
        raise InputError(f"no {min(missing)!r}; preprocess_coref.py writes it")
    words, mentions = [word.casefold() for word in maps.require_words()], []
    names = [field.name for field in dataclasses.fields(Mention)[:-1]]
    for i, entry in enumerate(example["mentions"]):
        if missing := set(names) - entry.keys():
            raise InputError(f"mention {i}: no {min(missing)!r}")
        numbers = {key: entry[key] for key in ("start", "head", "end", "cluster")}
        if wrong := [k for k, value in numbers.items() if type(value) is not int]:
            raise InputError(
                f"mention {i}: {wrong[0]} is {printable(repr(numbers[wrong[0]]))}, "
                "expected a whole number"
            )
        start, head, end, _ = numbers.values()
        if not 0 <= start <= head <= end < len(words):
            raise InputError(
                f"mention {i}: expected start <= head <= end < {len(words)} words, "
                f"found {start}, {head}, {end}"
            )
        for name, allowed in ATTRIBUTES.items():
            if entry[name] not in allowed:
                raise InputError(
                    f"mention {i}: {name} is {printable(repr(entry[name]))}, expected "
                    f"one of {', '.join(map(str, allowed))}"
                )
        values = (entry[name] for name in names)
        mentions.append(Mention(*values, words=tuple(words[start : end + 1])))
    return sorted(mentions, key=lambda m: (m.start, -m.end))


def link_mentions(
    mentions: Sequence[Mention], *, nested: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Which mentions [M, M] each may choose from, and which of them are antecedents.

    A mention may choose from those before it with another head word in the text, but
    not from those that enclose it or that it encloses, as in "[[his] work]": the
    i-within-i constraint (Chomsky 1981), which the system that the paper's rules follow
    applies (Lee et al. 2011, 2013). With `nested` it may choose from these too.
    """
    heads = np.array([m.head for m in mentions], int)
    clusters = np.array([m.cluster for m in mentions], int)
    starts = np.array([m.start for m in mentions], int)
    ends = np.array([m.end for m in mentions], int)
    candidate = np.tri(len(mentions), k=-1, dtype=bool) & (heads[:, None] != heads)
    if not nested:
        inside = (starts[:, None] >= starts) & (ends[:, None] <= ends)
        candidate &= ~(inside | inside.T)
    return candidate, candidate & (clusters[:, None] == clusters)

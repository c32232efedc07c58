"""Coreference (Section 4.3): do heads attend to antecedents? Table 2, with baselines.

A mention's antecedents are the mentions of its cluster that stand before it. Mentions
are in the order in which they begin, an outer one before an inner one that begins at
the same word; "before" and "nearest" go by this order. Scored are mentions that have an
antecedent to choose in the same stretch of text.

No mention may choose one that encloses it, as in "[[his] work]", or that it encloses:
the i-within-i constraint (Chomsky 1981) of the system that the paper's rules follow.
Lee et al. (2013) state it for the sieves that compare head words; their code applies it
to pronouns too, and to every sieve on the CoNLL corpora. Here it holds for baselines
and attention heads alike; `nested` lifts it. Never a choice is a mention with the same
head word in the text, as in "[[Anna] and Tom]": a word would have to point to itself.

Shapes: L layers, H attention heads, W words without [CLS] and [SEP], M mentions, I
mentions scored, S documents, C types of mentions, D ranges of distance.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from analysis.maps import check_heads, head_name, word_maps
from analysis.resampling import bootstrap_intervals, split_half_accuracy
from files import InputError

TYPES = ("pronoun", "proper", "nominal")
DISTANCES = (1, 5, 10, 20, 40)  # in words, where each range begins
RANGES = ("1-4", "5-9", "10-19", "20-39", "40+")
LINK_WORDS = (8, 24)  # in a passage shown, at least and at most

# The words among which the one attended to most is looked for; the paper leaves it open
READINGS = {
    "mentions": "among the mentions before",  # their head words
    "words": "among all other words",
}

# Table 2 of the paper, BERT-base on CoNLL-2012: all, pronoun, proper, nominal
PAPER = {
    "nearest other mention": (27, 29, 29, 19),
    "nearest with the same head word": (52, 47, 67, 40),
    "rules": (69, 70, 77, 60),
    "head": (65, 64, 73, 58),
}
PAPER_HEAD = (4, 3)  # from 0


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


def read_mentions(example: dict) -> list[Mention]:
    """The mentions of an example, in order. Raises InputError where one is unfit."""
    if missing := {"document", "sentences", "words", "mentions"} - example.keys():
        raise InputError(f"no {min(missing)!r}; preprocess_coref.py writes it")
    words, mentions = [word.casefold() for word in example["words"]], []
    names = [field.name for field in dataclasses.fields(Mention)[:-1]]
    for i, entry in enumerate(example["mentions"]):
        if missing := set(names) - entry.keys():
            raise InputError(f"mention {i}: no {min(missing)!r}")
        start, head, end = entry["start"], entry["head"], entry["end"]
        if not 0 <= start <= head <= end < len(words):
            raise InputError(
                f"mention {i}: expected start <= head <= end < {len(words)} words, "
                f"found {start}, {head}, {end}"
            )
        if entry["type"] not in TYPES:
            raise InputError(
                f"mention {i}: type is {entry['type']!r}, expected {', '.join(TYPES)}"
            )
        values = (entry[name] for name in names)
        mentions.append(Mention(*values, words=tuple(words[start : end + 1])))
    return sorted(mentions, key=lambda m: (m.start, -m.end))


def link_mentions(
    mentions: Sequence[Mention], *, nested: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Which mentions [M, M] each may choose from, and which of them are antecedents.

    Mentions are in order. `nested` admits those that enclose the mention.
    """
    heads = np.array([m.head for m in mentions], int)
    clusters = np.array([m.cluster for m in mentions], int)
    candidate = np.tri(len(mentions), k=-1, dtype=bool) & (heads[:, None] != heads)
    if not nested:
        # in order, a mention before encloses this one unless it ends before its end
        ends = np.array([m.end for m in mentions], int)
        candidate &= ends < ends[:, None]
    return candidate, candidate & (clusters[:, None] == clusters)


class CoreferenceScores:
    """How often each attention head, and each baseline, finds an antecedent.

    A head finds one if the word that the mention's head word attends to most, among
    those of a reading (READINGS), is the head word of an antecedent; of equals the
    first counts. A baseline finds one if the mention that its sieves leave is of the
    same cluster, and does not where they leave none.

    Counts are kept for each document, since intervals are drawn over documents;
    stretches of the same document are one. With `nested` mentions that enclose a
    mention may be chosen for it, and Table 2 says so.
    """

    def __init__(self, *, nested: bool = False):
        self.nested = nested
        self.stretches = 0  # taken in
        self.mentions = 0  # in these, with or without antecedent
        self._shape: tuple[int, int] | None = None  # (L, H)
        # by document: trials; right ones by chance, of each baseline, and of each head
        # in each reading
        self._counts: dict[str, np.ndarray] = {}  # [2 + baselines + 2 * L * H, C, D]

    def update(self, example: dict) -> None:
        """Take in one stretch of text, an example of a file of word-level maps.

        Raises InputError where it lacks what preprocess_coref.py writes, its maps do
        not fit its words, or they have other layers or heads than before.
        """
        mentions, attns = read_mentions(example), word_maps(example)
        self._shape = check_heads(attns.shape[:2], self._shape)
        candidate, antecedent = link_mentions(mentions, nested=self.nested)
        scored = antecedent.any(1)
        candidate, antecedent = candidate[scored], antecedent[scored]  # [I, M]
        heads = np.array([m.head for m in mentions], int)

        trials = np.ones((1, len(antecedent)))
        chance = antecedent.sum(1, keepdims=True) / candidate.sum(1, keepdims=True)
        by_baseline = _baselines_right(mentions, scored, candidate, antecedent)
        by_head = _heads_right(attns, heads, scored, candidate, antecedent)
        right = np.concatenate([trials, chance.T, by_baseline, by_head])  # [.., I]

        distances = np.abs(heads[scored, None] - heads)  # [I, M]
        nearest = np.where(antecedent, distances, np.inf).min(1, initial=np.inf)
        types = np.array([TYPES.index(m.type) for m in mentions], int)[scored]
        cells = types * len(DISTANCES) + np.digitize(nearest, DISTANCES) - 1
        sums = right @ np.eye(len(TYPES) * len(DISTANCES))[cells]
        self._add(example["document"], sums.reshape(-1, len(TYPES), len(DISTANCES)))
        self.stretches += 1
        self.mentions += len(mentions)

    def merge(self, other: "CoreferenceScores") -> None:
        """Take in all that another accumulator has taken in.

        Raises InputError where only one of them admits nested mentions.
        """
        if other.nested != self.nested:
            raise InputError(
                f"scores with nested={self.nested} cannot take in scores with "
                f"nested={other.nested}; score both alike"
            )
        if other._shape:
            self._shape = check_heads(other._shape, self._shape)
        for document, counts in other._counts.items():
            self._add(document, counts)
        self.stretches += other.stretches
        self.mentions += other.mentions

    @property
    def documents(self) -> int:
        """How many documents the stretches are of."""
        return len(self._counts)

    @property
    def total(self) -> np.ndarray:
        """Mentions scored [S, C, D], by document, type and distance to the nearest
        antecedent; documents are in the order of their names."""
        return self._stack()[:, 0]

    @property
    def baselines(self) -> dict[str, np.ndarray]:
        """Of these, how many each baseline has right [S, C, D]; chance comes first."""
        counts = self._stack()
        return {name: counts[:, 1 + i] for i, name in enumerate([CHANCE, *BASELINES])}

    @property
    def heads(self) -> dict[str, np.ndarray]:
        """Of these, how many each attention head has right [L, H, S, C, D], by
        reading."""
        counts = np.moveaxis(self._stack()[:, 2 + len(BASELINES) :], 0, 1)
        halves = counts.reshape(2, *self._shape, *counts.shape[1:])
        return dict(zip(READINGS, halves, strict=True))

    def accuracies(self, reading: str) -> np.ndarray:
        """The share of mentions that each attention head has right [L, H]."""
        return self.heads[reading].sum((2, 3, 4)) / self.total.sum()

    def best_head(self, reading: str) -> tuple[int, int]:
        """The attention head (layer, head; from 0) that has most right."""
        accuracies = self.accuracies(reading)
        layer, head = np.unravel_index(accuracies.argmax(), accuracies.shape)
        return int(layer), int(head)

    def _add(self, document: str, counts: np.ndarray) -> None:
        self._counts[document] = counts + self._counts.get(document, 0)

    def _stack(self) -> np.ndarray:  # [S, 2 + baselines + 2 * L * H, C, D]
        counts = [self._counts[document] for document in sorted(self._counts)]
        if not sum(c[0].sum() for c in counts):
            raise InputError("no mention has an antecedent: is the file empty?")
        return np.stack(counts)


def _baselines_right(
    mentions: Sequence[Mention],
    scored: np.ndarray,
    candidate: np.ndarray,
    antecedent: np.ndarray,
) -> np.ndarray:  # [baselines, I]
    right = np.zeros((len(BASELINES), len(candidate)), bool)
    for i, place in enumerate(np.flatnonzero(scored)):
        candidates = [mentions[j] for j in np.flatnonzero(candidate[i])]
        for b, sieves in enumerate(BASELINES.values()):
            found = sift(mentions[place], candidates, sieves)
            right[b, i] = found is not None and found.cluster == mentions[place].cluster
    return right


def _heads_right(
    attns: np.ndarray,
    heads: np.ndarray,
    scored: np.ndarray,
    candidate: np.ndarray,
    antecedent: np.ndarray,
) -> np.ndarray:  # [readings * L * H, I]
    words = np.eye(attns.shape[-1] - 2, dtype=bool)  # [W, W]
    targets = antecedent @ words[heads]  # [I, W]: head words of antecedents
    allowed = {"mentions": candidate @ words[heads], "words": ~words[heads[scored]]}
    picks = [pick_words(attns, heads[scored], allowed[name]) for name in READINGS]
    right = targets[np.arange(len(targets)), np.concatenate(picks)]  # [2 * L, H, I]
    return right.reshape(right.shape[0] * right.shape[1], -1)


def pick_words(
    attns: np.ndarray, sources: np.ndarray, allowed: np.ndarray
) -> np.ndarray:
    """The word that each attention head attends to most from each of some words.

    Maps [L, H, W + 2, W + 2], positions of the words in the text [I], and the words
    [I, W] that may be picked; the picks are positions [L, H, I].
    """
    rows = attns[:, :, 1 + sources, 1:-1]  # [L, H, I, W]
    return np.where(allowed, rows, -1).argmax(-1)


@dataclasses.dataclass(frozen=True)
class Link:
    """A mention and an antecedent, in the sentences from one to the other."""

    example: dict  # these sentences and their maps
    mention: int  # the place of its head word in the maps
    antecedent: int  # that of the antecedent's


def find_links(examples: Iterable[dict], layer: int, head: int) -> list[Link]:
    """A pronoun, and a name or noun, whose antecedent a head finds (Figure 5).

    The antecedent, found among all other words, is a name or noun with another head
    word, so that more is shown than a repeated word. Of each kind the pair, in a
    passage of 8 to 24 words, with the most attention from one to the other, if there is
    any. In the maps of the passage, attention of words to themselves, which is not
    counted, is zero. `layer` and `head` count from 0.
    """
    best: dict[bool, tuple[float, Link]] = {}
    for example in examples:
        mentions, attns = read_mentions(example), word_maps(example)
        _, antecedent = link_mentions(mentions)
        for i, j in np.argwhere(antecedent):
            mention, other = mentions[i], mentions[j]
            if other.type == "pronoun" or same_head_word(mention, other):
                continue
            start, end = _passage(example["sentences"], mention.head, other.head)
            if not LINK_WORDS[0] <= end - start + 1 <= LINK_WORDS[1]:
                continue
            row = attns[layer, head, 1 + mention.head, 1:-1].copy()
            row[mention.head] = -1
            kind, weight = mention.type == "pronoun", float(row[other.head])
            most = best[kind][0] if kind in best else 0
            if row.argmax() == other.head and weight > most:
                places = mention.head - start + 1, other.head - start + 1
                best[kind] = weight, Link(_cut(example, start, end), *places)
    return [best[kind][1] for kind in (True, False) if kind in best]


def _passage(sentences: Sequence[Sequence[int]], *words: int) -> tuple[int, int]:
    """The first and the last word of the sentences from one word to another."""
    holding = [(s, e) for s, e in sentences if any(s <= word <= e for word in words)]
    return holding[0][0], holding[-1][1]


def _cut(example: dict, start: int, end: int) -> dict:
    shown = [0, *range(start + 1, end + 2), example["attns"].shape[-1] - 1]
    attns = example["attns"][..., shown, :][..., shown]
    words = np.arange(1, len(shown) - 1)
    attns[..., words, words] = 0
    return {"words": example["words"][start : end + 1], "attns": attns}


def count_mentions(scores: CoreferenceScores) -> pd.DataFrame:
    """Mentions scored, by type and by distance to the nearest antecedent, in words from
    head word to head word."""
    counts = pd.DataFrame(scores.total.sum(0).astype(int), TYPES, RANGES)
    counts["all"] = counts.sum(axis=1)
    counts.loc["all"] = counts.sum()
    return counts


def table_2(scores: CoreferenceScores, *, seed: int = 0) -> pd.DataFrame:
    """Accuracies in percent, for all mentions and by type, with the paper's beside.

    A row for each baseline and, in each reading, for the attention head that has most
    of all mentions right; for a model of 12 x 12 heads also for the paper's head 5-4.
    Intervals are bootstrapped over documents. "held out" is what the heads chosen on
    either half of the documents reach on the other half, the mean of 20 random splits,
    and "±" its standard deviation. Where nested mentions may be chosen, the accuracies
    stand under "here, nested too" instead of "here".
    """
    heads = {reading: [scores.best_head(reading)] for reading in READINGS}
    papers, held_out, spread = dict(PAPER), {}, {}
    for reading, by_head in scores.heads.items():
        if by_head.shape[:2] == (12, 12):
            heads[reading].append(PAPER_HEAD)
        for head in heads[reading]:
            papers[_head_label(head, reading)] = PAPER["head"]
        every = by_head.sum((3, 4)).reshape(-1, scores.documents).T  # [S, L * H]
        halves = split_half_accuracy(every, scores.total.sum((1, 2)), seed=seed)
        label = _head_label(heads[reading][0], reading)
        held_out[label], spread[label] = (100 * value for value in halves)
    groups = ["all", *TYPES]
    measured = _measure(_methods(scores, heads), scores.total, _by_type, groups, seed)
    here = measured["accuracy"].unstack(sort=False)
    low, high = (measured[end].map("{:.1f}".format) for end in ("low", "high"))
    interval = (low + "-" + high).where(measured["accuracy"].notna())
    paper = pd.DataFrame(papers, groups).T.reindex(here.index).astype("Int64")
    columns = {
        "here, nested too" if scores.nested else "here": here,
        "95 % interval": interval.unstack(sort=False),
        "held out": pd.DataFrame({"all": held_out}, here.index),
        "±": pd.DataFrame({"all": spread}, here.index),
        "paper": paper,
    }
    return pd.concat(columns, axis=1).rename_axis(index=None)


def accuracy_by_distance(scores: CoreferenceScores, *, seed: int = 0) -> pd.DataFrame:
    """Accuracies in percent by distance to the nearest antecedent.

    Rows are methods (the baselines, and the best attention head in each reading) by
    ranges of the distance between head words, in words; columns "mentions", "accuracy",
    and "low" and "high" of its 95 % bootstrap interval over documents.
    """
    heads = {reading: [scores.best_head(reading)] for reading in READINGS}
    methods = _methods(scores, heads)
    return _measure(methods, scores.total, lambda c: c.sum(1), RANGES, seed)


def _methods(
    scores: CoreferenceScores, heads: dict[str, list[tuple[int, int]]]
) -> dict[str, np.ndarray]:
    """Right ones [S, C, D] of the baselines and of some heads of each reading."""
    by_head = scores.heads
    return scores.baselines | {
        _head_label(head, reading): by_head[reading][head]
        for reading, chosen in heads.items()
        for head in chosen
    }


def _head_label(head: tuple[int, int], reading: str) -> str:
    return f"head {head_name(*head)}, {READINGS[reading]}"


def _by_type(counts: np.ndarray) -> np.ndarray:  # [S, C, D] -> [S, 1 + C]
    by_type = counts.sum(2)
    return np.hstack([by_type.sum(1, keepdims=True), by_type])


def _measure(
    methods: dict[str, np.ndarray],
    total: np.ndarray,
    group: Callable[[np.ndarray], np.ndarray],
    names: Sequence[str],
    seed: int,
) -> pd.DataFrame:
    """Accuracies of methods [S, C, D] in groups of mentions, in percent."""
    right = np.hstack([group(counts) for counts in methods.values()])
    trials = np.tile(group(total), len(methods))
    with np.errstate(invalid="ignore"):  # of a group without mentions: NaN
        accuracy = right.sum(0) / trials.sum(0)
    low, high = bootstrap_intervals(right, trials, seed=seed)
    return pd.DataFrame(
        {
            "mentions": trials.sum(0).astype(int),
            "accuracy": 100 * accuracy,
            "low": 100 * low,
            "high": 100 * high,
        },
        index=pd.MultiIndex.from_product([methods, names], names=["method", "group"]),
    )

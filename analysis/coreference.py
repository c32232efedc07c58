"""Coreference (Section 4.3): do heads attend to antecedents?

Scored are mentions that have an antecedent in the same stretch of text. mentions.py
says what an antecedent is, and what the baselines choose; table_2.py makes the tables.

Shapes: L layers, H attention heads, W words without special tokens, M mentions, I
mentions scored, S blocks of documents, C types of mentions, D ranges of distance.
"""

from collections.abc import Sequence

import numpy as np

from analysis.mentions import (
    BASELINES,
    CHANCE,
    TYPES,
    Mention,
    link_mentions,
    read_mentions,
    sift,
)
from analysis.statistic import BLOCKS, Statistic, block_of
from attention.record import Maps
from toolkit.files import InputError

DISTANCES = (1, 5, 10, 20, 40)  # in words, where each range begins
RANGES = ("1-4", "5-9", "10-19", "20-39", "40+")

# The words among which the one attended to most is looked for; the paper leaves it open
READINGS = {
    "mentions": "among the mentions before",  # their head words
    "words": "among all other words",
}


class CoreferenceScores(Statistic):
    """How often each attention head, and each baseline, finds an antecedent.

    A head finds one if the word that the mention's head word attends to most, among
    those of a reading (READINGS), is the head word of an antecedent; of equals the
    first counts. A baseline finds one if the mention that its sieves leave is of the
    same cluster, and does not where they leave none. `nested` admits mentions that
    enclose each other as antecedents (see `link_mentions`).

    Counts are kept in BLOCKS blocks of documents, since intervals are drawn over
    documents; all stretches of a document are in one block.
    """

    def __init__(self, nested: bool = False):
        super().__init__(nested=nested)

    def update(self, maps: Maps) -> None:
        """Take in one stretch of text; see `Statistic.update`.

        Raises InputError where it lacks what preprocess_coref.py writes.
        """
        self.accept(maps)
        mentions, attns = read_mentions(maps), maps.values
        candidate, antecedent = link_mentions(mentions, **self.settings)
        scored = antecedent.any(1)
        candidate, antecedent = candidate[scored], antecedent[scored]  # [I, M]
        heads = np.array([m.head for m in mentions], int)

        trials = np.ones((1, len(antecedent)), bool)
        by_baseline = _baselines_right(mentions, scored, candidate)
        by_head = _heads_right(attns, heads, scored, candidate, antecedent)
        right = np.concatenate([trials, by_baseline, by_head])  # [.., I]
        chance = antecedent.sum(1) / candidate.sum(1)  # [I]

        distances = np.abs(heads[scored, None] - heads)  # [I, M]
        nearest = np.where(antecedent, distances, np.inf).min(1, initial=np.inf)
        types = np.array([TYPES.index(m.type) for m in mentions], int)[scored]
        cells = types * len(DISTANCES) + np.digitize(nearest, DISTANCES) - 1
        in_cell = np.eye(len(TYPES) * len(DISTANCES))[cells]  # [I, C * D]
        shape = len(TYPES), len(DISTANCES)

        block = block_of(maps.example["document"])
        sums = np.rint(right @ in_cell).astype(np.int64)
        self.count_in_block("right", block, sums.reshape(-1, *shape))
        by_chance = np.zeros((BLOCKS, *shape))
        by_chance[block] = (chance @ in_cell).reshape(shape)
        self.add("chance", by_chance)
        self.count("documents", int(maps.example.get("stretch", 0) == 0))
        self.count("stretches", 1)
        self.count("mentions", len(mentions))

    @property
    def documents(self) -> int:
        """How many documents began in what was taken in; parts of one count each."""
        return int(self.counted("documents"))

    @property
    def stretches(self) -> int:
        """How many stretches of text were taken in."""
        return int(self.counted("stretches"))

    @property
    def mentions(self) -> int:
        """How many mentions these have, with or without an antecedent."""
        return int(self.counted("mentions"))

    @property
    def total(self) -> np.ndarray:
        """Mentions scored [S, C, D], by block, type and distance to the nearest
        antecedent. Blocks in which no mention was scored are left out."""
        return self._by_block()[0][:, 0]

    @property
    def baselines(self) -> dict[str, np.ndarray]:
        """Of these, how many each baseline has right [S, C, D]; chance comes first."""
        counts, chance = self._by_block()
        names = enumerate(BASELINES, 1)
        return {CHANCE: chance} | {name: counts[:, i] for i, name in names}

    @property
    def heads(self) -> dict[str, np.ndarray]:
        """Of these, how many each attention head has right [L, H, S, C, D], by
        reading."""
        counts, _ = self._by_block()
        by_head = np.moveaxis(counts[:, 1 + len(BASELINES) :], 0, 1)
        halves = by_head.reshape(2, *self.shape, *by_head.shape[1:])
        return dict(zip(READINGS, halves, strict=True))

    def accuracies(self, reading: str) -> np.ndarray:
        """The share of mentions that each attention head has right [L, H]."""
        return self.heads[reading].sum((2, 3, 4)) / self.total.sum()

    def best_head(self, reading: str) -> tuple[int, int]:
        """The attention head, a place in arrays [L, H], that has most right."""
        accuracies = self.accuracies(reading)
        layer, head = np.unravel_index(accuracies.argmax(), accuracies.shape)
        return int(layer), int(head)

    def _by_block(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts [S, 1 + baselines + 2 * L * H, C, D], and right ones by chance."""
        counts = self.counted("right")
        if not np.any(counts):
            raise InputError("no mention has an antecedent: is the file empty?")
        scored = counts[:, 0].any((1, 2))
        return counts[scored], self.summed("chance")[scored]


def _baselines_right(
    mentions: Sequence[Mention],
    scored: np.ndarray,
    candidate: np.ndarray,
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
    picks = [attended_words(attns, heads[scored], allowed[name]) for name in READINGS]
    right = targets[np.arange(len(targets)), np.concatenate(picks)]  # [2 * L, H, I]
    return right.reshape(right.shape[0] * right.shape[1], -1)


def attended_words(
    attns: np.ndarray, sources: np.ndarray, allowed: np.ndarray
) -> np.ndarray:
    """The word that each attention head attends to most from each of some words.

    Maps are [L, H, W + 2, W + 2], `sources` the positions of the words in the text [I],
    `allowed` the words [I, W] that may be picked; the picks are positions [L, H, I].
    """
    rows = attns[:, :, 1 + sources, 1:-1]  # [L, H, I, W]
    return np.where(allowed, rows, -1).argmax(-1)

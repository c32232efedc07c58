"""Which attention heads follow which dependency relations (Section 4.2, Table 1).

An attention head picks, for each word, the word that it attends to most; itself, [CLS]
and [SEP] are left out. The pick is right where it is the word's syntactic head. Maps
are read in two directions: as they are, and transposed, where the pick is the word that
attends to the dependent most. Of equal values the first counts.

Shapes: L layers, H attention heads, W words without [CLS] and [SEP], S sentences, P
predictors: each direction, layer and head, then each of OFFSETS, then right-branching.
"""

import functools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.maps import check_heads, head_name, word_maps
from analysis.resampling import bootstrap_intervals, split_half_accuracy
from files import InputError

DIRECTIONS = ("dependent to head", "head to dependent")  # who attends to whom
OFFSETS = (-3, -2, -1, 1, 2, 3)

# relations by their names in Stanford Dependencies and in Universal Dependencies
ROOT, PUNCTUATION = "root", "punct"
POSSESSORS = ("poss", "nmod:poss")
# the clitic after a possessor, straight or curly; of plurals that end in s, without one
CLITICS = ("'s", "\u2019s", "'", "\u2019")
# which a quotation mark does not have: its relation (Stanford's, UD's), its tag
CLITIC_RELATIONS, CLITIC_TAGS = ("possessive", "case"), ("POS", "PART")

# Table 1: BERT-base on the Penn Treebank. Head, its accuracy, best offset, its accuracy
PAPER_COLUMNS = ("head", "accuracy", "offset", "offset accuracy")
PAPER = {
    "all": ("7-6", 34.5, "+1", 26.3),
    "prep": ("7-4", 66.7, "-1", 61.8),
    "pobj": ("9-6", 76.3, "-2", 34.6),
    "det": ("8-11", 94.3, "+1", 51.7),
    "nn": ("4-10", 70.4, "+1", 70.2),
    "nsubj": ("8-2", 58.5, "+1", 45.5),
    "amod": ("4-10", 75.6, "+1", 68.3),
    "dobj": ("8-10", 86.8, "-2", 40.0),
    "advmod": ("7-6", 48.8, "+1", 40.2),
    "aux": ("4-10", 81.1, "+1", 71.5),
    "poss": ("7-6", 80.5, "+1", 47.7),
    "auxpass": ("4-10", 82.5, "+1", 40.5),
    "ccomp": ("8-1", 48.8, "-2", 12.4),
    "mark": ("8-2", 50.7, "+2", 14.5),
    "prt": ("6-7", 99.1, "-1", 91.4),
}


class DirectedHead(NamedTuple):
    """An attention head, read in one of two directions; all count from 0."""

    direction: int
    layer: int
    head: int


class SyntaxScores:
    """How often each attention head picks the syntactic heads of words.

    Takes in sentences of a treebank, with "words", "heads" (counted from 1; 0 is ROOT)
    and "relns", and their word-level maps. Resampling sentences takes more than sums:
    a bit is kept for each word and predictor, 37 bytes a word for 12 x 12 heads.
    """

    def __init__(self):
        self.shape: tuple[int, int] | None = None  # (L, H)
        self._relations: list[str] = []  # of each word
        self._lengths: list[int] = []  # of each sentence
        self._right: list[np.ndarray] = []  # of each sentence: bits [W, P / 8]

    def update(self, example: dict) -> None:
        """Take in one sentence of a file of maps.

        Raises InputError for maps that are not of its words or hold no attention, for
        heads and relations that do not fit the words, and for a model of other layers
        or heads than before.
        """
        attns, heads, relations = check_sentence(example)
        self.shape = check_heads(attns.shape[:2], self.shape)
        owners = _possessors(example)
        picks = np.hstack([pick_words(attns), _fixed_picks(len(heads))])  # [W, P]
        right = picks == heads[:, None]
        right[owners, :-1] |= picks[owners + 1, :-1] == heads[owners, None]
        self._relations += relations
        self._lengths.append(len(heads))
        self._right.append(np.packbits(right, axis=1))

    def merge(self, other: "SyntaxScores") -> None:
        """Take in all that another accumulator has taken in."""
        if other.shape:
            self.shape = check_heads(other.shape, self.shape)
        self._relations += other._relations
        self._lengths += other._lengths
        self._right += other._right

    @property
    def sentences(self) -> int:
        """How many sentences were taken in."""
        return len(self._lengths)

    @property
    def counts(self) -> Counter[str]:
        """How many words have each relation."""
        return Counter(self._relations)

    def accuracies(self, *relations: str) -> np.ndarray:
        """Accuracy [2, L, H] of each direction and head on words of these relations.

        Raises InputError where no word has any of them.
        """
        right, total = self.by_sentence(*relations)
        heads = right.sum(0)[: -len(OFFSETS) - 1] / total.sum()
        return heads.reshape(2, *self.shape)

    def best_head(self, *relations: str) -> DirectedHead:
        """The direction and head that are most accurate on words of these relations."""
        return _best(self.accuracies(*relations))

    def right_branching(self, *relations: str) -> float:
        """Accuracy on words of these relations of the baseline that takes the next word
        for a word's head, and ROOT for the last word's."""
        right, total = self.by_sentence(*relations)
        return float(right[:, -1].sum() / total.sum())

    def by_sentence(self, *relations: str) -> tuple[np.ndarray, np.ndarray]:
        """In each of the S sentences that have words of these relations, how many picks
        are right [S, P] of how many words [S]."""
        words = np.flatnonzero(np.isin(self._relations, relations))
        if not len(words):
            raise InputError(f"no word has the relation {' or '.join(relations)}")
        sentence = np.repeat(np.arange(self.sentences), self._lengths)[words]
        _, starts, total = np.unique(sentence, return_index=True, return_counts=True)
        layers, heads = self.shape
        right = np.unpackbits(
            np.concatenate(self._right)[words],
            axis=1,
            count=2 * layers * heads + len(OFFSETS) + 1,
        )
        return np.add.reduceat(right, starts, axis=0, dtype=np.int32), total


def check_sentence(example: dict) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Word-level maps [L, H, W + 2, W + 2], heads [W] and relations of a sentence.

    Raises InputError where they do not fit each other.
    """
    if missing := [key for key in ("words", "heads", "relns") if key not in example]:
        raise InputError(f"no {missing[0]!r}, which preprocess_depparse.py writes")
    attns, words = word_maps(example), len(example["words"])
    if not all(type(head) is int for head in example["heads"]):
        raise InputError(f"heads must be whole numbers, found {example['heads']}")
    heads, relations = np.array(example["heads"], int), example["relns"]
    if not words == len(heads) == len(relations):
        raise InputError(
            f"{words} words, but {len(heads)} heads and {len(relations)} relations"
        )
    if words and not 0 <= heads.min() <= heads.max() <= words:
        raise InputError(
            f"heads go from {heads.min()} to {heads.max()}, expected 0 to {words}"
        )
    return attns, heads, relations


def pick_words(attns: np.ndarray) -> np.ndarray:
    """The word, counted from 1, that each head picks for each word, [W, 2 x L x H].

    Maps are [L, H, W + 2, W + 2]; columns are directions, layers and heads. The only
    word of a sentence picks itself.
    """
    heads, words = attns.shape[0] * attns.shape[1], attns.shape[-1] - 2
    # floats from 0 on are ordered as their bits are, and integers are faster
    bits = attns.view(f"i{attns.itemsize}")
    between = bits[..., 1:-1, 1:-1].reshape(heads, words * words)
    # heads last, so that every step is one for all of them
    keys = between.T.astype(f"i{2 * attns.itemsize}", order="C")
    keys = keys.reshape(words, words, heads)
    keys <<= 16
    itself = np.arange(words)
    keys[itself, itself] = nothing = -1 << 16
    # lower bits that tell places apart: the largest value says where it is
    from_end = (words - itself).astype(keys.dtype)
    keys += from_end[:, None]
    by_rows = keys.max(1, initial=nothing)  # [W, L * H]
    keys += from_end[:, None, None] - from_end[:, None]
    by_columns = keys.max(0, initial=nothing)
    return words + 1 - (np.hstack([by_rows, by_columns]) & 0xFFFF)


@functools.cache
def _fixed_picks(words: int) -> np.ndarray:
    """The picks of OFFSETS and of right-branching, from 1, [W, offsets + 1].

    Before the first word stands ROOT, as in the original; offsets beyond the last word
    pick the last word.
    """
    place = np.arange(1, words + 1)[:, None]
    offsets = np.clip(place + OFFSETS, 0, words)
    return np.hstack([offsets, (place + 1) % (words + 1)])


def _possessors(example: Mapping) -> np.ndarray:
    """Positions of the possessors that a clitic follows.

    In "Anna 's hat", Anna is the dependent of hat, but attention links hat and 's; the
    paper counts that as right, for fixed offsets too. Right-branching, which is no
    row of Table 1, has no such rule. A clitic has the form, and the relation or the tag
    of one; in "his ' perfect ' dog" a quotation mark follows.
    """
    words, relations = example["words"], example["relns"]
    tags = example.get("tags") or [None] * len(words)
    positions = [
        i
        for i in range(len(words) - 1)
        if relations[i] in POSSESSORS
        and words[i + 1] in CLITICS
        and (relations[i + 1] in CLITIC_RELATIONS or tags[i + 1] in CLITIC_TAGS)
    ]
    return np.array(positions, int)


def _best(values: np.ndarray) -> DirectedHead:
    """The direction and head of the largest of values [2, L, H]."""
    return DirectedHead(*map(int, np.unravel_index(values.argmax(), values.shape)))


def table_1(
    scores: SyntaxScores,
    *,
    minimum: int = 100,
    root: bool = True,
    punctuation: bool = True,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Table 1: the best attention head and fixed offset for all words, and by relation.

    Relations of at least `minimum` words, the most frequent first. ROOT and punctuation
    have no rows; `root` and `punctuation` say whether they are among all words, as in
    the paper. Accuracies are in per cent; between "low" and "high" lies the head's by a
    bootstrap over sentences (95 %); "held out" is what the heads chosen on either half
    of the sentences reach on the other, the mean of 20 random splits, and "±" its
    standard deviation. A model of BERT-base's size on Stanford Dependencies has the
    paper's numbers beside.
    """
    counts = scores.counts
    everything = [
        relation
        for relation in counts
        if (root or relation != ROOT) and (punctuation or relation != PUNCTUATION)
    ]
    rows = {"all": _row(scores, everything, resamples, seed)}
    for relation, count in counts.most_common():
        if count >= minimum and relation not in (ROOT, PUNCTUATION):
            rows[relation] = _row(scores, [relation], resamples, seed)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("relation")
    if scores.shape == (12, 12) and "dobj" in counts:
        paper = pd.DataFrame.from_dict(PAPER, orient="index", columns=PAPER_COLUMNS)
        table = table.join(paper.add_prefix("paper: "))
    return table


def _row(
    scores: SyntaxScores, relations: Collection[str], resamples: int, seed: int
) -> dict:
    right, total = scores.by_sentence(*relations)
    heads, offsets = np.split(right[:, :-1], [-len(OFFSETS)], axis=1)
    best = _best(heads.sum(0).reshape(2, *scores.shape))
    chosen = heads[:, [np.ravel_multi_index(best, (2, *scores.shape))]]
    low, high = bootstrap_intervals(
        chosen, total[:, None], resamples=resamples, seed=seed
    )
    held_out, spread = split_half_accuracy(heads, total, seed=seed)
    by_offset = 100 * offsets.sum(0) / total.sum()
    return {
        "count": total.sum(),
        "head": head_name(best.layer, best.head),
        "direction": DIRECTIONS[best.direction],
        "accuracy": 100 * chosen.sum() / total.sum(),
        "low": 100 * low[0],
        "high": 100 * high[0],
        "held out": 100 * held_out,
        "±": 100 * spread,
        "offset": f"{OFFSETS[by_offset.argmax()]:+d}",
        "offset accuracy": by_offset.max(),
    }


def find_examples(
    examples: Iterable[dict],
    heads: Mapping[str, DirectedHead],
    *,
    each: int = 2,
    longest: int = 10,
) -> dict[str, list[dict]]:
    """Sentences that show what the head of each relation does (Figure 5), by a rule.

    Of at most `longest` words, and with no wrong pick for any word of the relation; the
    `each` with the most words of that relation, and of these the shortest and first.
    """
    found: dict[str, list[tuple[int, int, dict]]] = {relation: [] for relation in heads}
    for example in examples:
        words = len(example["words"])
        if words > longest:
            continue
        scores = SyntaxScores()
        scores.update(example)
        for relation in heads.keys() & scores.counts.keys():
            if scores.accuracies(relation)[heads[relation]] == 1:
                rank = (-scores.counts[relation], words)
                found[relation].append((*rank, example))
                found[relation].sort(key=lambda candidate: candidate[:2])
                del found[relation][each:]
    return {r: [example for *_, example in best] for r, best in found.items()}

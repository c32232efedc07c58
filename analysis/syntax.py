"""Which attention heads follow which dependency relations (Section 4.2, Table 1).

An attention head picks, for each word, the word that it attends to most; the word
itself and special tokens are left out. The pick is right where it is the word's
syntactic head. Maps are read in two directions: as they are, and transposed, where the
pick is the word that attends to the dependent most. Of equal values the first counts.

Shapes: L layers, H attention heads, W words without special tokens, S blocks, P
predictors: each direction, layer and head, then each of OFFSETS, then right-branching,
then the truth, which is right for every word and so counts them.
"""

import collections
import functools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from analysis.statistic import Statistic, block_of
from attention.record import Maps
from toolkit.files import InputError

DIRECTIONS = ("dependent to head", "head to dependent")  # who attends to whom
OFFSETS = (-3, -2, -1, 1, 2, 3)

# relations by their names in Stanford Dependencies and in Universal Dependencies
PUNCTUATION_RELATION = "punct"
POSSESSORS = ("poss", "nmod:poss")
# the clitic after a possessor, straight or curly; of plurals that end in s, without one
CLITICS = ("'s", "\u2019s", "'", "\u2019")

CLITIC_RELATIONS, CLITIC_TAGS = ("possessive", "case"), ("POS", "PART")


class DirectedHead(NamedTuple):
    """An attention head, read in one of two directions; all count from 0."""

    direction: int
    layer: int
    head: int


class SyntaxScores(Statistic):
    """How often each attention head picks the syntactic heads of words.

    Takes in sentences of a treebank, with "words", "heads" (counted from 1; 0 is ROOT)
    and "relns", and their maps between words. For each relation, right picks and words
    are counted in BLOCKS blocks of sentences, a sentence's being decided by its words,
    so that intervals and held-out halves can be drawn over blocks.
    """

    def update(self, maps: Maps) -> None:
        """Take in one sentence; see `Statistic.update`.

        Raises InputError for maps that are not between its words, and for heads and
        relations that do not fit the words.
        """
        self.accept(maps)
        heads, relations = check_sentence(maps)
        owners = possessors(maps.example, relations)
        names = {name: place for place, name in enumerate(dict.fromkeys(relations))}
        groups = np.array([names[name] for name in relations], int)
        right = right_picks(maps.values, heads, owners, groups, len(names))
        block = block_of(" ".join(maps.example["words"]))
        self.count("sentences", 1)
        for name, picks in zip(names, right, strict=True):
            self.count_in_block(f"relation:{name}", block, picks)

    @property
    def sentences(self) -> int:
        """How many sentences were taken in."""
        return int(self.counted("sentences"))

    @property
    def counts(self) -> collections.Counter[str]:
        """How many words have each relation."""
        names = self.names("relation:")
        words = {n: self.counted(f"relation:{n}")[:, -1].sum() for n in names}
        return collections.Counter({n: int(count) for n, count in words.items()})

    def accuracies(self, *relations: str) -> np.ndarray:
        """Accuracy [2, L, H] of each direction and head on words of these relations.

        Raises InputError where no word has any of them.
        """
        right, total = self.by_block(*relations)
        heads = right.sum(0)[: -len(OFFSETS) - 1] / total.sum()
        return heads.reshape(2, *self.shape)

    def best_head(self, *relations: str) -> DirectedHead:
        """The direction and head that are most accurate on words of these relations."""
        return largest(self.accuracies(*relations))

    def right_branching(self, *relations: str) -> float:
        """Accuracy on words of these relations of the baseline that takes the next word
        for a word's head, and ROOT for the last word's."""
        right, total = self.by_block(*relations)
        return float(right[:, -1].sum() / total.sum())

    def by_block(self, *relations: str) -> tuple[np.ndarray, np.ndarray]:
        """In each of the BLOCKS blocks, how many picks are right [S, P - 1], those of
        the truth left out, of how many words [S] of these relations."""
        names = [f"relation:{relation}" for relation in relations]
        found = [self._counts[name] for name in names if name in self._counts]
        if not found:
            raise InputError(f"no word has the relation {' or '.join(relations)}")
        right = found[0].copy()
        for more in found[1:]:
            right += more
        return right[:, :-1], right[:, -1]


def check_sentence(maps: Maps) -> tuple[np.ndarray, list[str]]:
    """Heads [W], counted from 1, and relations of a sentence's words.

    Raises InputError where maps, words, heads and relations do not fit each other.
    """
    example = maps.example
    if missing := [key for key in ("words", "heads", "relns") if key not in example]:
        raise InputError(f"no {missing[0]!r}, which preprocess_depparse.py writes")
    words = len(maps.require_words())
    heads, relations = example["heads"], example["relns"]
    if not {*map(type, heads)} <= {int}:
        raise InputError(f"heads must be whole numbers, found {heads}")
    if not {*map(type, relations)} <= {str}:
        raise InputError(f"relns must be names of relations, found {relations}")
    if not words == len(heads) == len(relations):
        raise InputError(
            f"{words} words, but {len(heads)} heads and {len(relations)} relations"
        )
    if words and not 0 <= min(heads) <= max(heads) <= words:
        raise InputError(
            f"heads go from {min(heads)} to {max(heads)}, expected 0 to {words}"
        )
    return np.array(heads, int), relations


def right_picks(
    attns: np.ndarray,
    heads: np.ndarray,
    owners: np.ndarray,
    groups: np.ndarray,
    number: int,
) -> np.ndarray:
    """For how many words of each group each predictor is right, [G, P].

    Maps are [L, H, W + 2, W + 2]; `heads` [W] are as `check_sentence` gives them,
    `owners` as `possessors` does; `groups` [W] are the words' groups, below `number`.
    """
    from analysis.picks import count_right

    count, size = attns.shape[0] * attns.shape[1], attns.shape[-1]
    bits = np.ascontiguousarray(attns).view(f"i{attns.itemsize}")
    fixed = _fixed_picks(size - 2)
    right = np.zeros((number, 2 * count + fixed.shape[1] + 1), np.int64)
    bits = bits.reshape(count, size, size)
    count_right(bits, fixed, heads, owners, groups, right)
    return right


@functools.cache
def _fixed_picks(words: int) -> np.ndarray:
    """The picks of OFFSETS and of right-branching, from 1, [W, offsets + 1].

    Offsets before the first word pick ROOT, as in the original; offsets beyond the last
    word pick the last word.
    """
    place = np.arange(1, words + 1)[:, None]
    offsets = np.clip(place + OFFSETS, 0, words)
    return np.hstack([offsets, (place + 1) % (words + 1)])


def possessors(example: Mapping, relations: list[str]) -> np.ndarray:
    """Positions of the possessors that a clitic follows.

    In "Anna 's hat", Anna is the dependent of hat, but attention links hat and 's; the
    paper counts that as right, for fixed offsets too. The clitic's own relation or tag
    tells it from a quotation mark, as in "his ' perfect ' dog". Right-branching, which
    is no row of Table 1, has no such rule.
    """
    words, tags = example["words"], example.get("tags") or [None] * len(relations)
    positions = [
        i
        for i, relation in enumerate(relations[:-1])
        if relation in POSSESSORS
        and words[i + 1] in CLITICS
        and (
            relations[i + 1].split(":")[0] in CLITIC_RELATIONS
            or tags[i + 1] in CLITIC_TAGS
        )
    ]
    return np.array(positions, int)


def largest(values: np.ndarray) -> DirectedHead:
    """The direction and head of the largest of values [2, L, H]."""
    return DirectedHead(*map(int, np.unravel_index(values.argmax(), values.shape)))


def is_root(relation: str) -> bool:
    """Whether a relation is that of a sentence's root, however it is spelt."""
    return relation.lower() == "root"


def find_examples(
    maps: Iterable[Maps],
    heads: Mapping[str, DirectedHead],
    *,
    each: int = 2,
    longest: int = 10,
) -> dict[str, list[Maps]]:
    """Sentences that show what the head of each relation does (Figure 5), by a rule.

    Of at most `longest` words, and with no wrong pick for any word of the relation; the
    `each` with the most words of that relation, and of these the shortest and first.
    """
    found: dict[str, list[tuple[int, int, Maps]]] = {relation: [] for relation in heads}
    for sentence in maps:
        words = len(sentence.require_words())
        if words > longest:
            continue
        tops, relations = check_sentence(sentence)
        owners = possessors(sentence.example, relations)
        each_word = np.arange(words)
        right = right_picks(sentence.values, tops, owners, each_word, words)
        shape = (2, *sentence.values.shape[:2])
        for relation in heads.keys() & {*relations}:
            rows = [row for row, name in enumerate(relations) if name == relation]
            if right[rows, np.ravel_multi_index(heads[relation], shape)].all():
                found[relation].append((-len(rows), words, sentence))
                found[relation].sort(key=lambda candidate: candidate[:2])
                del found[relation][each:]
    return {r: [sentence for *_, sentence in best] for r, best in found.items()}

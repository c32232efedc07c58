"""How often the head predicted for a word is the treebank's (Section 5)."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from analysis.statistic import Statistic, stream
from analysis.syntax import PUNCTUATION_RELATION, check_sentence
from attention.record import Maps
from toolkit.files import InputError


class AttachmentScores(Statistic):
    """Words, and words whose predicted head is right, by relation."""

    def update(self, maps: Maps, predicted: Sequence[int]) -> None:
        """Take in the heads predicted for the W words of a sentence.

        Heads are as in the example's "heads": 0 is ROOT, 1 the first word. Raises
        InputError as `check_sentence` does.
        """
        self.accept(maps)
        heads, relations = check_sentence(maps)
        for relation, head, found in zip(relations, heads, predicted, strict=True):
            self.count(f"words:{relation}", 1)
            self.count(f"correct:{relation}", head == found)

    def uas(self, punctuation: bool = False) -> float:
        """Unlabelled attachment score from 0 to 1, with or without words whose relation
        is "punct"; NaN where there are none."""
        left_out = () if punctuation else (PUNCTUATION_RELATION,)
        names = {*self.names("words:")}.difference(left_out)
        words, correct = (
            sum(int(self.counted(f"{what}:{name}")) for name in names)
            for what in ("words", "correct")
        )
        return correct / words if words else math.nan

    @property
    def relations(self) -> pd.DataFrame:
        """Words and score in per cent of each relation, by frequency."""
        rows = {}
        for name in self.names("words:"):
            words = int(self.counted(f"words:{name}"))
            rows[name] = words, 100 * int(self.counted(f"correct:{name}")) / words
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["words", "UAS"])
        table = table.sort_values("words", ascending=False, kind="stable")
        return table.rename_axis("relation")


def right_branching(path: str | Path) -> AttachmentScores:
    """The baseline that takes the next word as the head, and ROOT for the last word."""
    scores = AttachmentScores()
    for maps in read_sentences(path):
        words = len(maps.require_words())
        scores.update(maps, [*range(2, words + 1), 0][:words])
    return scores


def read_sentences(
    path: str | Path, *checks: Callable[[Maps], object]
) -> Iterator[Maps]:
    """The sentences of a file of maps between words, with progress.

    Raises InputError, which names file and example, where `check_sentence` or one of
    `checks` does, and for a file without examples.
    """
    maps = None
    for maps in stream(path, check_sentence, *checks):
        yield maps
    if maps is None:
        raise InputError(f"{path}: has no examples; was every sentence left out?")

"""Table 1: the best head and the best fixed offset for each relation (Section 4.2).

Shapes: L layers, H attention heads, S blocks of sentences, P predictors (syntax.py).
"""

import numpy as np
import pandas as pd

from analysis.paper import is_paper_model
from analysis.resampling import bootstrap_intervals, split_half_accuracy
from analysis.syntax import (
    DIRECTIONS,
    OFFSETS,
    PUNCTUATION_RELATION,
    DirectedHead,
    SyntaxScores,
    is_root,
    largest,
)
from toolkit.files import InputError

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


def table_1(
    scores: SyntaxScores,
    *,
    minimum: int = 100,
    root: bool = True,
    punctuation: bool = True,
    resamples: int = 1000,
    seed: int = 0,
    paper_model: bool | None = None,
) -> pd.DataFrame:
    """Table 1: the best attention head and fixed offset for all words, and by relation.

    Relations of at least `minimum` words, the most frequent first. ROOT and punctuation
    have no rows; `root` and `punctuation` say whether they are among all words, as in
    the paper. Accuracies are in per cent; between "low" and "high" lies the head's by a
    bootstrap over blocks of sentences (95 %); "held out" is what heads chosen on one
    half of the blocks reach on the other, and "±" its deviation over random halves. The
    paper's numbers stand beside where the model is the paper's (`is_paper_model` tells
    what `paper_model` does) and the relations are Stanford's.
    """
    counts = scores.counts
    everything = [
        relation
        for relation in counts
        if (root or not is_root(relation))
        and (punctuation or relation != PUNCTUATION_RELATION)
    ]
    rows = {"all": everything} | {
        relation: [relation]
        for relation, count in counts.most_common()
        if count >= minimum
        and not is_root(relation)
        and relation != PUNCTUATION_RELATION
    }
    blocks = {name: scores.by_block(*relations) for name, relations in rows.items()}
    # blocks without any word are no part of the corpus
    filled = sum(total for _, total in blocks.values()) > 0
    blocks = {n: (right[filled], total[filled]) for n, (right, total) in blocks.items()}
    best = {name: _best(right, scores.shape) for name, (right, _) in blocks.items()}
    chosen = [
        blocks[name][0][:, np.ravel_multi_index(head, (2, *scores.shape))]
        for name, head in best.items()
    ]
    intervals = bootstrap_intervals(
        np.stack(chosen, axis=1),
        np.stack([total for _, total in blocks.values()], axis=1),
        resamples=resamples,
        seed=seed,
    )
    table = pd.DataFrame.from_dict(
        {
            name: _row(scores, best[name], *blocks[name], interval, seed)
            for name, interval in zip(rows, intervals.T, strict=True)
        },
        orient="index",
    ).rename_axis("relation")
    if is_paper_model(scores.source, paper_model) and "dobj" in counts:
        paper = pd.DataFrame.from_dict(PAPER, orient="index", columns=PAPER_COLUMNS)
        table = table.join(paper.add_prefix("paper: "))
    return table


def relations_that_gain(
    scores: SyntaxScores, *, most: int = 6, minimum: int = 20
) -> list[str]:
    """The relations whose best head is farthest ahead of the best fixed offset.

    Heads are those chosen on the other half of the sentences ("held out" in Table 1),
    so that choosing the best of many is no advantage. Relations of fewer than `minimum`
    words are left out, and so are those that gain nothing. Raises InputError where none
    is left.
    """
    gains = {}
    for relation, count in scores.counts.items():
        if count < minimum or is_root(relation) or relation == PUNCTUATION_RELATION:
            continue
        right, total = scores.by_block(relation)
        heads, offsets = np.split(right[:, :-1], [-len(OFFSETS)], axis=1)
        held_out, _ = split_half_accuracy(heads, total)
        gain = held_out - offsets.sum(0).max() / total.sum()
        if gain > 0:  # nor where it is NaN
            gains[relation] = gain
    if not gains:
        raise InputError(
            f"of {len(scores.counts)} relations, none of {minimum} words or more has a "
            "head that is, held out, ahead of the best fixed offset: too few sentences?"
        )
    return sorted(gains, key=gains.get, reverse=True)[:most]


def _best(right: np.ndarray, shape: tuple[int, int]) -> DirectedHead:
    """The head with most right picks [S, P] among those of heads."""
    heads = right[:, : -len(OFFSETS) - 1].sum(0)
    return largest(heads.reshape(2, *shape))


def _row(
    scores: SyntaxScores,
    best: DirectedHead,
    right: np.ndarray,
    total: np.ndarray,
    interval: np.ndarray,
    seed: int,
) -> dict:
    heads, offsets = np.split(right[:, :-1], [-len(OFFSETS)], axis=1)
    chosen = heads[:, np.ravel_multi_index(best, (2, *scores.shape))]
    held_out, deviation = split_half_accuracy(heads, total, seed=seed)
    by_offset = 100 * offsets.sum(0) / total.sum()
    return {
        "count": total.sum(),
        "head": scores.head_name(best.layer, best.head),
        "direction": DIRECTIONS[best.direction],
        "accuracy": 100 * chosen.sum() / total.sum(),
        "low": 100 * interval[0],
        "high": 100 * interval[1],
        "held out": 100 * held_out,
        "±": 100 * deviation,
        "offset": f"{OFFSETS[by_offset.argmax()]:+d}",
        "offset accuracy": by_offset.max(),
    }

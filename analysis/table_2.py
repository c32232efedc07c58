"""Table 2: who finds antecedents, by type of mention and by distance (Section 4.3).

Shapes: L layers, H attention heads, S blocks of documents, C types of mentions, D
ranges of distance.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from analysis.coreference import RANGES, READINGS, CoreferenceScores
from analysis.mentions import TYPES
from analysis.paper import is_paper_model
from analysis.resampling import bootstrap_intervals, split_half_accuracy

# Table 2 of the paper, BERT-base on CoNLL-2012: all, pronoun, proper, nominal
PAPER = {
    "nearest other mention": (27, 29, 29, 19),
    "nearest with the same head word": (52, 47, 67, 40),
    "rules": (69, 70, 77, 60),
    "head": (65, 64, 73, 58),
}
PAPER_HEAD = (4, 3)  # from 0


def count_mentions(scores: CoreferenceScores) -> pd.DataFrame:
    """Mentions scored, by type and by distance to the nearest antecedent, in words from
    head word to head word."""
    counts = pd.DataFrame(scores.total.sum(0).astype(int), TYPES, RANGES)
    counts["all"] = counts.sum(axis=1)
    counts.loc["all"] = counts.sum()
    return counts


def table_2(
    scores: CoreferenceScores, *, seed: int = 0, paper_model: bool | None = None
) -> pd.DataFrame:
    """Accuracies in per cent, for all mentions and by type.

    A row for each baseline and, in each reading, for the attention head that has most
    of all mentions right. Where the model is the paper's (`is_paper_model` tells what
    `paper_model` does), its numbers stand beside, and its head 5-4 has a row too.
    Intervals are bootstrapped over blocks of documents. "held out" is what heads chosen
    on one half of the blocks reach on the other, and "±" its deviation over random
    halves. Where nested mentions could be chosen, accuracies stand under "here, nested
    too".
    """
    heads = {reading: [scores.best_head(reading)] for reading in READINGS}
    is_paper = is_paper_model(scores.source, paper_model)
    papers, held_out = dict(PAPER), {}
    total = scores.total.sum((1, 2))
    for reading, by_head in scores.heads.items():
        if is_paper and PAPER_HEAD[0] in scores.source.layers:
            layer = scores.source.layers.index(PAPER_HEAD[0])
            heads[reading].append((layer, PAPER_HEAD[1]))
        labels = [_head_label(scores, head, reading) for head in heads[reading]]
        papers |= dict.fromkeys(labels, PAPER["head"])
        every = by_head.sum((3, 4)).reshape(-1, len(total)).T  # [S, L * H]
        held_out[labels[0]] = split_half_accuracy(every, total, seed=seed)
    groups = ["all", *TYPES]
    measured = _measure(_methods(scores, heads), scores.total, _by_type, groups, seed)
    here = measured["accuracy"].unstack(sort=False)
    low, high = (measured[end].map("{:.1f}".format) for end in ("low", "high"))
    interval = (low + "-" + high).where(measured["accuracy"].notna())
    columns = {
        "here, nested too" if scores.settings["nested"] else "here": here,
        "95 % interval": interval.unstack(sort=False),
        "held out": 100 * pd.DataFrame(held_out, ["all", "±"]).T.reindex(here.index),
    }
    if is_paper:
        paper = pd.DataFrame(papers, groups).T.reindex(here.index)
        columns["paper"] = paper.astype("Int64")
    return pd.concat(columns, axis=1).rename_axis(index=None)


def accuracy_by_distance(scores: CoreferenceScores, *, seed: int = 0) -> pd.DataFrame:
    """Accuracies in per cent by distance to the nearest antecedent.

    Rows are methods (the baselines, and the best attention head in each reading) by
    ranges of the distance between head words, in words; columns "mentions", "accuracy",
    and "low" and "high" of its 95 % bootstrap interval over blocks of documents.
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
        _head_label(scores, head, reading): by_head[reading][head]
        for reading, chosen in heads.items()
        for head in chosen
    }


def _head_label(scores: CoreferenceScores, head: tuple[int, int], reading: str) -> str:
    return f"head {scores.head_name(*head)}, {READINGS[reading]}"


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
    """Accuracies of methods [S, C, D] in groups of mentions, in per cent."""
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

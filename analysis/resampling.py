"""How far an accuracy can be trusted: bootstrap intervals, and held-out halves.

What is drawn are clusters (sentences, documents), as the words of one are no
independent trials. Shapes: S clusters, K accuracies, N candidates.
"""

import numpy as np

LEVEL = 0.95  # of intervals


def bootstrap_intervals(
    correct: np.ndarray, total: np.ndarray, *, resamples: int = 1000, seed: int = 0
) -> np.ndarray:
    """Percentile bootstrap intervals of accuracies, low and high [2, K], at 95 %.

    `correct` [S, K] and `total` [S, K] count right and all trials in each cluster. As
    many clusters as there are get drawn with replacement, `resamples` times; an
    accuracy is the ratio of the sums drawn (Efron and Tibshirani 1993, chapter 13).
    Draws without a trial are left out; NaN where no draw has any.
    """
    clusters = len(correct)
    counts = np.hstack([correct, total]).astype(np.float64)
    rng = np.random.default_rng(seed)
    draws = np.empty((resamples, counts.shape[1]))
    for draw in draws:
        chosen = rng.integers(clusters, size=clusters)
        draw[:] = np.bincount(chosen, minlength=clusters) @ counts
    right, trials = np.split(draws, 2, axis=1)
    intervals = np.full((2, correct.shape[1]), np.nan)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    for k, drawn in enumerate((trials > 0).T):
        if drawn.any():
            intervals[:, k] = np.quantile(right[drawn, k] / trials[drawn, k], ends)
    return intervals


def split_half_accuracy(
    correct: np.ndarray, total: np.ndarray, *, seed: int = 0
) -> float:
    """Accuracy of the candidate that is best on one half, scored on the other half.

    `correct` [S, N] counts right trials of each candidate in each cluster, `total` [S]
    all trials. The clusters are split in halves at random, each half chooses for the
    other, and both are scored together: what is left of the best of N accuracies once
    choosing it is no advantage. NaN where a half has no trial.
    """
    order = np.random.default_rng(seed).permutation(len(correct))
    halves = np.array_split(order, 2)
    if not all(total[half].sum() for half in halves):
        return float("nan")
    right = 0
    for chooses, scores in (halves, halves[::-1]):
        best = correct[chooses].sum(0).argmax()
        right += correct[scores, best].sum()
    return float(right / total.sum())

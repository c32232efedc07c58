"""How far an accuracy can be trusted: bootstrap intervals, and held-out halves.

What is drawn are clusters (sentences, documents), as the words of one are no
independent trials. Shapes: S clusters, K accuracies, N candidates.
"""

import numpy as np

LEVEL = 0.95  # of intervals
SPLITS = 20  # in halves, over which held-out accuracies are averaged


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
) -> tuple[float, float]:
    """Accuracy of the candidate that is best on one half, scored on the other half:
    mean and standard deviation over SPLITS random splits.

    `correct` [S, N] counts right trials of each candidate in each cluster, `total` [S]
    all trials. Each split halves the clusters; each half chooses a candidate for the
    other, and both are scored together, so that having been chosen among N is no
    advantage. Splits with a half that has no trial are left out; NaN where all are.
    """
    clusters = len(correct)
    in_first = np.tile(np.arange(clusters) % 2 == 0, (SPLITS, 1))
    in_first = np.random.default_rng(seed).permuted(in_first, axis=1)
    halves = np.stack([in_first, ~in_first]).astype(np.float64)  # [2, SPLITS, S]
    trials = halves @ total
    halves = halves[:, trials.all(0)]
    if not halves.size:
        return float("nan"), float("nan")
    right = halves @ correct  # [2, SPLITS, N]
    chosen = right.argmax(-1)[::-1, :, None]  # by the other half
    accuracies = np.take_along_axis(right, chosen, -1).sum((0, 2)) / total.sum()
    return float(accuracies.mean()), float(accuracies.std())

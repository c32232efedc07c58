"""How far an accuracy can be trusted: bootstrap intervals, and held-out halves.

Clusters of trials (blocks of sentences or documents) are drawn, since the words of one
sentence are not independent. Shapes: S clusters, K accuracies, N candidates.
"""

import functools

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
    chosen = rng.integers(clusters, size=(resamples, clusters))
    chosen += np.arange(0, chosen.size, clusters)[:, None]
    weights = np.bincount(chosen.ravel(), minlength=chosen.size).reshape(chosen.shape)
    draws = weights @ counts  # weights say how often each cluster was drawn
    right, trials = np.split(draws, 2, axis=1)
    intervals = np.full((2, correct.shape[1]), np.nan)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    for k, drawn in enumerate((trials > 0).T):
        if drawn.any():
            intervals[:, k] = np.quantile(right[drawn, k] / trials[drawn, k], ends)
    return intervals


def split_half_accuracy(
    correct: np.ndarray, total: np.ndarray, *, splits: int = 20, seed: int = 0
) -> tuple[float, float]:
    """Accuracy of the candidate that is best on one half, scored on the other half.

    `correct` [S, N] counts right trials of each candidate in each cluster, `total` [S]
    all trials. The clusters are split in halves at random, each half chooses for the
    other, and both are scored together: what is left of the best of N accuracies once
    choosing it is no advantage. Returned are the mean over `splits` random splits and
    their standard deviation. Splits with a half that has no trial do not count; NaN
    where none counts.
    """
    both = _random_halves(len(total), splits, seed)
    trials, right = both @ total, both @ correct  # [2, splits], [2, splits, N]
    chosen = right.argmax(-1)[::-1]  # by the other half
    scored = np.take_along_axis(right, chosen[..., None], -1)[..., 0].sum(0)
    accuracies = (scored / total.sum())[(trials > 0).all(0)] if total.any() else []
    if not len(accuracies):
        return float("nan"), float("nan")
    return float(np.mean(accuracies)), float(np.std(accuracies))


@functools.lru_cache(maxsize=1)  # as many relations are split alike
def _random_halves(clusters: int, splits: int, seed: int) -> np.ndarray:
    """Which clusters are in either half [2, splits, S], 1 or 0."""
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(clusters), (splits, 1)), axis=1)
    first = order < (clusters + 1) // 2
    return np.stack([first, ~first]).astype(np.float64)

"""Intervals and held-out accuracies, against hand calculation."""

import numpy as np
import pytest

from analysis.resampling import bootstrap_intervals, split_half_accuracy


def test_interval_of_two_clusters_by_hand():
    """One cluster all right, one all wrong: draws of two are 0, 1/2 and 1 with
    probabilities 1/4, 1/2 and 1/4, so 2.5 % and 97.5 % of them lie at 0 and 1. The
    second accuracy is 2/3 in either cluster, and in every draw."""
    correct = np.array([[3, 2], [0, 4]])
    total = np.array([[3, 3], [5, 6]])
    low, high = bootstrap_intervals(correct, total)
    np.testing.assert_allclose(low, [0, 2 / 3])
    np.testing.assert_allclose(high, [1, 2 / 3])


def test_clusters_count_by_their_size():
    """Four clusters, one of them right and nine times as large. With k draws of it out
    of four, the ratio is 9k / (9k + 4 - k); P(k = 0) = 0.316 is above 2.5 %, and P(k >=
    3) = 0.051, of which P(k = 4) = 0.004: the upper end is k = 3, 27/28."""
    correct, total = np.array([[9], [0], [0], [0]]), np.array([[9], [1], [1], [1]])
    low, high = bootstrap_intervals(correct, total, resamples=4000)
    assert low[0] == 0
    assert high[0] == pytest.approx(27 / 28)


def test_interval_is_about_two_standard_errors():
    """400 clusters of one trial, half of them right: 0.5 +- 1.96 x 0.025."""
    correct = np.tile([[1], [0]], (200, 1))
    interval = bootstrap_intervals(correct, np.ones((400, 1), int), resamples=4000)
    np.testing.assert_allclose(interval[:, 0], [0.451, 0.549], atol=0.004)


def test_draws_without_a_trial_are_left_out():
    """Only one of three clusters has trials: 1/2 in every draw that has any."""
    correct, total = (
        np.array([[1, 0], [0, 0], [0, 0]]),
        np.array([[2, 0]] + [[0, 0]] * 2),
    )
    intervals = bootstrap_intervals(correct, total)
    np.testing.assert_array_equal(intervals[:, 0], [0.5, 0.5])
    assert np.isnan(intervals[:, 1]).all()


def test_same_seed_same_interval():
    rng = np.random.default_rng(0)
    total = rng.integers(1, 5, (30, 2))
    correct = rng.binomial(total, 0.5)
    first, again, other = (
        bootstrap_intervals(correct, total, resamples=50, seed=s) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_head_chosen_by_luck_loses_its_luck_on_the_other_half():
    """Two clusters, two candidates, each right where the other is wrong: each half
    chooses the one that fails on the other half. A third, right half of the time in
    both, is never chosen."""
    correct = np.array([[4, 0, 2], [0, 4, 2]])
    assert split_half_accuracy(correct, np.array([4, 4])) == (0, 0)


def test_a_head_that_is_good_everywhere_stays_good():
    """Candidate 1 is right 3 of 4 times in each of five clusters."""
    correct = np.tile([1, 3, 0], (5, 1))
    assert split_half_accuracy(correct, np.full(5, 4)) == (0.75, 0)


def test_no_trial_in_a_half_is_no_number():
    correct, total = np.array([[1], [0]]), np.array([1, 0])
    assert np.isnan(split_half_accuracy(correct, total)).all()


def test_held_out_is_the_mean_over_splits_with_their_spread():
    """Four clusters of one trial. Candidate 0 is right in the first two, candidate 1 in
    the others. Where a half holds the first two, each half chooses what fails on the
    other: 0. Any other half has one of each kind; of equals candidate 0 counts, which
    is right for one of two: 1/2. That split is one of three: with a share p of splits
    like it the mean is (1 - p) / 2 and the standard deviation sqrt(p (1 - p)) / 2."""
    correct, total = np.array([[1, 0], [1, 0], [0, 1], [0, 1]]), np.ones(4, int)
    means = []
    for seed in range(40):
        mean, spread = split_half_accuracy(correct, total, seed=seed)
        share = 1 - 2 * mean
        assert 20 * share == pytest.approx(round(20 * share))  # of 20 splits
        assert spread == pytest.approx(np.sqrt(share * (1 - share)) / 2)
        means.append(mean)
    assert len(set(means)) > 1
    assert means[0] == split_half_accuracy(correct, total, seed=0)[0]
    assert np.mean(means) == pytest.approx(1 / 3, abs=0.03)


def test_splits_with_an_empty_half_are_left_out():
    """Two of four clusters have trials; only splits that part them count, and in these
    the only candidate is right for three of four."""
    correct, total = np.array([[1], [2], [0], [0]]), np.array([2, 2, 0, 0])
    assert split_half_accuracy(correct, total) == (0.75, 0)

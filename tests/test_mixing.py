"""Mixing ratios and shares, by hand and by their identities."""

import numpy as np
import pytest
from heads import example_of, record, to_token, uniform

from analysis.general import GeneralStatistics
from analysis.mixing import KINDS, MixingRatios, Shares, mixing_table
from attention.quantities import LAYER_NORMS
from toolkit.files import InputError

TOKENS = ["[CLS]", "the", "fox", ".", "[SEP]"]


def norms_example(quantity, tokens, mixing):
    """Maps of two layers whose mixing ratios are given."""
    layers = len(mixing)
    example = {
        "tokens": tokens,
        "attns": np.ones((layers, 1, len(tokens), len(tokens)), "f4"),
        "mixing": np.array(mixing),
    }
    return record(example, quantity=quantity)


def test_mixing_of_weights_by_hand():
    """Two layers of two heads. Even attention to 5 tokens leaves 1/5 to the token
    itself, attention to [SEP] all for [SEP] and nothing for others: the mean over heads
    is 1/10 to each other token itself, 6/10 for [SEP]."""
    even, separator = uniform(TOKENS), to_token(TOKENS, {"[SEP]"})
    statistic = MixingRatios()
    statistic.update(record(example_of(TOKENS, even, separator, even, even, layers=2)))
    weights, residual = statistic.by_kind
    assert list(KINDS) == ["word", "punct", "cls", "sep"]
    np.testing.assert_allclose(weights[0], [0.9, 0.9, 0.9, 0.4], atol=1e-3)
    np.testing.assert_allclose(weights[1], [0.8] * 4, atol=1e-3)
    np.testing.assert_array_equal(residual, weights / 2)
    mean = (4 * 0.9 + 0.4) / 5
    np.testing.assert_allclose(statistic.ratios[0], [mean, 0.8], atol=1e-3)
    table = mixing_table([statistic], paper_model=True)
    assert table["mean"]["weights"] == pytest.approx(100 * (mean + 0.8) / 2, abs=0.1)
    assert table["largest layer"]["weights with residual"] == pytest.approx(40, abs=0.1)
    assert table["paper"]["weights with residual"] == 48.21


def test_mixing_of_norms_is_the_mean_of_what_the_encoder_gives():
    quantity = LAYER_NORMS["residual"]
    statistic = MixingRatios(quantity)
    statistic.update(norms_example(quantity, ["[CLS]", "a", "b"], [[0.5, 0.1, 0.3]]))
    statistic.update(norms_example(quantity, ["[CLS]", "a"], [[0.7, 0.2]]))
    assert statistic.ratios == pytest.approx(np.array([[1.8 / 5]]))
    by_kind = statistic.by_kind[0, 0]
    np.testing.assert_allclose(by_kind, [0.2, np.nan, 0.6, np.nan])
    assert list(mixing_table([statistic])) == [
        "mean",
        "largest layer",
        "smallest layer",
    ]
    with pytest.raises(InputError, match="expected layer-norms-residual: extract_"):
        statistic.update(record(example_of(TOKENS, uniform(TOKENS))))


def test_correlation_with_frequency():
    """Five words, the more frequent the less mixed but for one pair swapped. Ranks 1 to
    5 against 2 1 3 4 5: 1 - 6 x 2 / (5 x 24) = 0.9; words below the minimum are out."""
    quantity = LAYER_NORMS["none"]
    statistic = MixingRatios(quantity)
    ratio = {"a": 0.2, "b": 0.1, "c": 0.3, "d": 0.4, "e": 0.5, "rare": 0.0}
    tokens = list("aaaaaabbbbbccccdddee") + ["rare"]
    mixing = np.array([[ratio[t] for t in tokens]] * 2) + [[0.05], [-0.05]]
    statistic.update(norms_example(quantity, tokens, mixing))
    found, words = statistic.frequency_correlation(minimum=2)
    assert (found, words) == (pytest.approx(0.9), 5)
    assert np.isnan(statistic.frequency_correlation(minimum=6)[0])


def test_shares_of_attention_are_the_papers_averages():
    rng = np.random.default_rng(1)
    shares, general = Shares(), GeneralStatistics()
    for size in (4, 7):
        tokens = ["[CLS]", *["a"] * (size - 3), ".", "[SEP]"]
        maps = record(
            example_of(tokens, *rng.dirichlet(np.ones(size), (6, size)), layers=2)
        )
        shares.update(maps)
        general.update(maps)
    for kind in ("cls", "sep", "punct"):
        np.testing.assert_allclose(
            shares.shares[kind], general.averages[kind], rtol=1e-3
        )
    assert sum(shares.shares.values()) == pytest.approx(np.ones((2, 3)))


def test_shares_of_norms_are_shares_of_weights_reweighted():
    """Two heads; [SEP]'s vector has norm 1/4, the others 2, and one head gives 0."""
    tokens = ["[CLS]", "a", "[SEP]"]
    norms = np.array([2, 2, 0.25])
    weights = np.array([[0.1, 0.1, 0.8], [0.2, 0.2, 0.6], [0.0, 0.0, 1.0]])
    example = {
        "tokens": tokens,
        "attns": np.stack([weights * norms, 0 * weights])[None],
    }
    statistic = Shares("norms")
    statistic.update(record(example, quantity="norms"))
    kept = weights[:, 2].sum() * 0.25
    expected = kept / (kept + weights[:, :2].sum() * 2)
    assert statistic.shares["sep"][0, 0] == pytest.approx(expected, rel=1e-6)
    assert np.isnan(statistic.shares["sep"][0, 1])


def test_merged_parts_equal_one_pass():
    whole, parts = MixingRatios(), [MixingRatios(), MixingRatios()]
    rng = np.random.default_rng(2)
    for n, size in enumerate((4, 6, 3)):
        tokens = ["[CLS]", *["a", "b", ".", "c"][: size - 2], "[SEP]"]
        maps = record(example_of(tokens, *rng.dirichlet(np.ones(size), (2, size))))
        whole.update(maps)
        parts[n % 2].update(maps)
    parts[1].merge(parts[0])
    found, expected = parts[1].state(), whole.state()
    np.testing.assert_equal(found, expected)
    again = MixingRatios.from_state(expected)
    np.testing.assert_array_equal(again.ratios, whole.ratios)

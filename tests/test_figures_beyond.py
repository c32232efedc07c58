"""Figures of what came after the paper: points, lines, maps. Not pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from heads import example_of, record, to_offset, to_token, uniform
from test_figures_layers import points_of

from analysis.mixing import MixingRatios, Shares
from analysis.roles import HeadRoles
from attention.quantities import LAYER_NORMS
from figures.beyond import (
    plot_ablation,
    plot_maps,
    plot_mixing,
    plot_received,
    plot_shares,
)

pytestmark = pytest.mark.usefixtures("closed_figures")
TOKENS = ["[CLS]", "the", "fox", ".", "[SEP]"]


def maps_of(layers=2):
    """Two heads a layer."""
    heads = uniform(TOKENS), to_offset(TOKENS, 1), to_token(TOKENS, {"[SEP]"})
    return record(example_of(TOKENS, *heads, heads[0], layers=layers))


def test_shares_of_weights_stand_beside_those_of_norms():
    weights, norms = Shares(), Shares("norms")
    maps = maps_of()
    weights.update(maps)
    example = maps.to_example()
    example["attns"] = example["attns"] * [1, 1, 1, 1, 0.25]  # [SEP] carries little
    norms.update(record(example, quantity="norms"))
    _, axes = plt.subplots(1, 3)
    plot_shares(weights, norms, axes)
    for ax, kind in zip(axes, ("cls", "sep", "punct"), strict=True):
        for points, statistic in zip(points_of(ax), (weights, norms), strict=True):
            np.testing.assert_allclose(points[:, 1], statistic.shares[kind].ravel())
    assert axes[1].lines[0].get_ydata()[1] > axes[1].lines[1].get_ydata()[1]
    assert axes[1].get_ylabel() == "share of [SEP]"


def test_mixing_has_a_line_for_each_variant():
    statistics = [MixingRatios(), MixingRatios(LAYER_NORMS["residual"])]
    statistics[0].update(maps_of())
    example = maps_of().to_example()
    example |= {"attns": example["attns"][:, :1], "mixing": np.full((2, 5), 0.25)}
    statistics[1].update(record(example, quantity=LAYER_NORMS["residual"]))
    _, ax = plt.subplots()
    plot_mixing(statistics, ax)
    names = {text.get_text() for text in ax.get_legend().get_texts()}
    assert names == {"weights", "weights with residual", "norms with residual"}
    np.testing.assert_allclose(ax.lines[0].get_ydata(), statistics[0].ratios[0])
    assert ax.lines[2].get_ydata().tolist() == [0.25, 0.25]
    assert list(ax.lines[0].get_xdata()) == [1, 2]


def test_maps_share_a_scale():
    figure, axes = plt.subplots(1, 2)
    shown = {"one": uniform(TOKENS), "two": to_offset(TOKENS, 1)}
    plot_maps(shown, TOKENS, axes)
    for ax, (title, values) in zip(axes, shown.items(), strict=True):
        mesh = ax.collections[0]
        assert ax.get_title() == title
        np.testing.assert_allclose(np.ravel(mesh.get_array()), values.ravel())
        assert mesh.get_clim() == (0, 1)
        assert [t.get_text() for t in ax.get_xticklabels()] == TOKENS
    figure.canvas.draw()
    assert not axes[0].child_axes
    bar, panel = axes[1].child_axes[0].get_window_extent(), axes[1].get_window_extent()
    assert (bar.y0, bar.y1) == pytest.approx((panel.y0, panel.y1))


def test_kinds_that_are_not_there_have_no_line():
    """No punctuation; the threshold is the dashed line."""
    tokens = ["[CLS]", "a", "[SEP]"]
    roles = HeadRoles(sink=0.4)
    roles.update(record(example_of(tokens, uniform(tokens))))
    _, ax = plt.subplots()
    plot_received(roles, ax)
    names = {text.get_text() for text in ax.get_legend().get_texts()}
    assert names == {"words", "[CLS]", "[SEP]"}
    assert ax.lines[-1].get_ydata() == [0.4, 0.4]


def test_ablation_foretold_is_minus_the_derivative():
    _, ax = plt.subplots()
    plot_ablation(np.array([[1, -2]]), np.array([[0.5, 3]]), ax)
    assert points_of(ax)[0].tolist() == [[-1, 0.5], [2, 3]]

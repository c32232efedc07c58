"""Figures by layer: points, lines of means, legends. Not pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from heads import example_of, record
from matplotlib.collections import PathCollection

from analysis.general import GeneralStatistics, GradientStatistics
from figures.heads import BEHAVIOURS
from figures.layers import (
    GRADIENTS,
    PANELS,
    plot_average_attention,
    plot_by_layer,
    plot_entropies,
    plot_gradients,
)
from toolkit.files import InputError

pytestmark = pytest.mark.usefixtures("closed_figures")
TOKENS = ["[CLS]", "the", "fox", ".", "[SEP]"]


def points_of(ax):
    """All points of all scatters of an axes."""
    return [
        np.asarray(c.get_offsets())
        for c in ax.collections
        if isinstance(c, PathCollection)
    ]


def test_average_attention_has_a_point_a_head_and_a_line_of_means(statistics):
    _, axes = plt.subplots(1, 3)
    plot_average_attention(statistics, axes)
    kinds = [
        ["cls", "sep", "punct"],
        ["rest_sep", "sep_sep"],
        ["left", "right", "self"],
    ]
    for ax, panel in zip(axes, kinds, strict=True):
        for kind, points, line in zip(panel, points_of(ax), ax.lines, strict=True):
            values = statistics.averages[kind]
            assert points[:, 0].tolist() == [1, 1, 2, 2, 3, 3]
            np.testing.assert_allclose(points[:, 1], values.ravel())
            np.testing.assert_allclose(line.get_ydata(), values.mean(1))
    legends = [[t.get_text() for t in ax.get_legend().get_texts()] for ax in axes]
    assert [{*names} for names in legends] == [
        {"[CLS]", "[SEP]", ". or ,"},
        {"other → [SEP]", "[SEP] → [SEP]"},
        {"previous token", "next token", "current token"},
    ]


def test_legends_name_the_special_tokens_of_the_model():
    tokens = ["<s>", "the", "fox", ".", "</s>"]
    statistics = GeneralStatistics()
    example = example_of(tokens, *[np.eye(5)] * 4, layers=2)
    statistics.update(record(example, special_tokens=("<s>", "</s>")))
    _, axes = plt.subplots(1, 5)
    plot_average_attention(statistics, axes[:3])
    plot_entropies(statistics, axes[3:])
    texts = {t.get_text() for ax in axes for t in ax.get_legend().get_texts()}
    assert {"<s>", "</s>", "other → </s>", "</s> → </s>", "from <s>"} <= texts
    assert not any("[" in text for text in texts)


def test_next_and_previous_are_drawn_in_the_colours_of_their_legend(statistics):
    """In the original they carry each other's."""
    _, axes = plt.subplots(1, 3)
    plot_average_attention(statistics, axes)
    legend = axes[2].get_legend()
    for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True):
        kind = {"previous token": "left", "next token": "right"}.get(text.get_text())
        if kind:
            (line,) = (
                line
                for line in axes[2].lines
                if np.allclose(line.get_ydata(), statistics.averages[kind].mean(1))
            )
            assert line.get_color() == handle.get_color()


def test_no_legend_covers_a_point(statistics):
    figure, axes = plt.subplots(1, 3, figsize=(12, 3))
    plot_average_attention(statistics, axes)
    figure.canvas.draw()
    for ax in axes:
        assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1 - 1


def test_gradients_have_a_point_a_head_and_a_line_of_means():
    """[SEP], "." and other tokens have three gradients each, times 1 to 6 by head."""
    columns = np.array([0.5, 0.5, 0.5, 0.25, 0.125])  # of TOKENS
    statistics = GradientStatistics()
    example = example_of(TOKENS, *(n * np.tile(columns, (5, 1)) for n in range(1, 7)))
    example["attns"] = example["attns"].reshape(3, 2, 5, 5)
    statistics.update(record(example | {"masked": [1], "loss": 1.0}))
    figure, ax = plt.subplots()
    plot_gradients(statistics, ax)
    figure.canvas.draw()
    handles = ax.get_legend().get_texts()
    assert {t.get_text() for t in handles} == {"other tokens", "[SEP]", ". or ,"}
    for size, points, line in zip(
        (0.5, 0.125, 0.25), points_of(ax), ax.lines, strict=True
    ):
        assert points[:, 0].tolist() == [1, 1, 2, 2, 3, 3]
        np.testing.assert_allclose(points[:, 1], size * np.arange(1, 7))
        np.testing.assert_allclose(line.get_ydata(), size * np.array([1.5, 3.5, 5.5]))
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1 - 1
    assert ax.get_ylim()[0] == 0
    assert "nats" in ax.get_ylabel()


def test_entropies_have_a_dashed_line_at_uniform_attention(statistics):
    _, axes = plt.subplots(1, 2)
    plot_entropies(statistics, axes)
    for ax, values in zip(
        axes, (statistics.entropies, statistics.cls_entropies), strict=True
    ):
        (points,) = points_of(ax)
        np.testing.assert_allclose(points[:, 1], values.ravel())
        means, dashed = ax.lines
        np.testing.assert_allclose(means.get_ydata(), values.mean(1))
        assert dashed.get_linestyle() == "--"
        assert dashed.get_ydata()[0] == pytest.approx(np.log(5))
        assert "nats" in ax.get_ylabel()


def test_colours_of_a_panel_differ_for_colour_blind_readers():
    """Luminance differs too, or the markers do."""
    for panel in (*PANELS, GRADIENTS):
        assert len({marker for *_, marker in panel}) == len(panel)
    assert len({marker for *_, marker in BEHAVIOURS.values()}) == 6 + 1


def test_layers_stand_at_their_true_numbers():
    """Layers 3 and 5 of an encoder, two heads each."""
    statistics = GeneralStatistics()
    example = example_of(TOKENS, *[np.eye(5)] * 4, layers=2)
    statistics.update(record(example, layers=(2, 4)))
    figure, axes = plt.subplots(1, 5)
    plot_average_attention(statistics, axes[:3])
    plot_entropies(statistics, axes[3:])
    figure.canvas.draw()
    for ax in axes:
        for points in points_of(ax):
            assert points[:, 0].tolist() == [3, 3, 5, 5]
        assert ax.lines[0].get_xdata().tolist() == [3, 5]
        assert [t.get_text() for t in ax.get_xticklabels()] == ["3", "5"]
        assert ax.get_xlim() == (2.5, 5.5)


def test_values_of_other_layers_or_heads_are_refused(statistics):
    _, ax = plt.subplots()
    with pytest.raises(InputError, match="2 layers and 3 heads"):
        plot_by_layer(
            np.ones((2, 3)), statistics.source, ax, label="", color="0", marker="o"
        )

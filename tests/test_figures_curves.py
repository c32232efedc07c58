"""Counts, accuracy by distance, learning curves, and files of figures. Not pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from figures.curves import plot_by_distance, plot_counts, plot_learning_curves
from figures.style import save_figure

pytestmark = pytest.mark.usefixtures("closed_figures")


def test_counts_are_bars_the_highest_first():
    _, ax = plt.subplots()
    plot_counts({"det": 3, "obj": 1, "nsubj": 7}, ax)
    assert [bar.get_width() for bar in ax.patches] == [7, 3, 1]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["nsubj", "det", "obj"]
    assert ax.yaxis_inverted()


def test_accuracy_by_distance_has_a_line_with_intervals_for_each_method():
    """Six methods over two ranges, the second without intervals in the last method."""
    names = ["chance", "nearest", "same", "rules", "head 1-2, a", "head 3-4, b"]
    index = pd.MultiIndex.from_product(
        [names, ["1-4", "5+"]], names=["method", "group"]
    )
    accuracy = np.arange(20.0, 80.0, 5)
    table = pd.DataFrame({"mentions": [1200, 34] * 6, "accuracy": accuracy}, index)
    table["low"], table["high"] = accuracy - 3, accuracy + 4
    table.loc[("head 3-4, b", "5+"), ["accuracy", "low", "high"]] = np.nan
    figure, ax = plt.subplots()
    plot_by_distance(table, ax)
    figure.canvas.draw()
    lines = [container.lines[0] for container in ax.containers]
    np.testing.assert_array_equal(
        np.array([line.get_ydata() for line in lines], float).ravel(), table["accuracy"]
    )
    assert [line.get_linestyle() for line in lines] == ["--"] * 4 + ["-"] * 2
    assert len({line.get_marker() for line in lines}) == 6
    ends = ax.containers[3].lines[2][0].get_segments()[0][:, 1]
    assert ends.tolist() == [50 - 3, 50 + 4]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1-4\n1,200", "5+\n34"]
    legend = ax.get_legend()
    assert {t.get_text() for t in legend.get_texts()} == {*names}
    assert legend.get_window_extent().y0 >= ax.get_window_extent().y1 - 1


def test_learning_curves():
    curves = {
        "attention": pd.Series({100: 0.3, 200: 0.5}),
        "attention + GloVe": pd.Series({100: 0.4, 250: 0.7}),
    }
    figure, ax = plt.subplots(layout="constrained")
    plot_learning_curves(curves, ax)
    figure.canvas.draw()
    for line, (name, curve) in zip(ax.lines, curves.items(), strict=True):
        assert line.get_label() == name
        assert line.get_xdata().tolist() == curve.index.tolist()
        assert line.get_ydata().tolist() == curve.tolist()
    assert len({(line.get_color(), line.get_marker()) for line in ax.lines}) == 2
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1 - 1


def test_figures_are_saved_twice_and_the_same_each_time(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTN_DATA_DIR", str(tmp_path))
    figure, ax = plt.subplots()
    ax.plot([0, 1])
    paths = save_figure(figure, "figure_2")
    assert paths == [
        tmp_path / "figures" / "figure_2.pdf",
        tmp_path / "figures" / "figure_2.png",
    ]
    assert [path.name for path in save_figure(figure, "figure_2", "Two points.")] == [
        "figure_2.pdf",
        "figure_2.png",
        "figure_2.txt",
    ]
    assert (tmp_path / "figures" / "figure_2.txt").read_text() == "Two points.\n"
    first = [path.read_bytes() for path in paths]
    assert first[0].startswith(b"%PDF")
    assert first[1].startswith(b"\x89PNG")
    save_figure(figure, "figure_2")
    assert [path.read_bytes() for path in paths] == first


def test_more_curves_than_colours_are_all_drawn():
    curves = {f"probe {n}": pd.Series({100: n / 10, 200: n / 10}) for n in range(7)}
    _, ax = plt.subplots()
    plot_learning_curves(curves, ax)
    assert [line.get_ydata()[0] for line in ax.lines] == [n / 10 for n in range(7)]

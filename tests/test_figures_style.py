"""Figures at the widths of print: type, what is cut, what overlaps. Not pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axis import Axis
from matplotlib.text import Text

from analysis.general import describe_heads
from attention.source import Source
from figures import curves, heads, layers
from figures.style import PAGE_HEIGHT, WIDTHS, panels, save_figure, set_style

pytestmark = pytest.mark.usefixtures("closed_figures")
BASE = Source(tuple(range(12)), 12)
RANDOM = np.random.default_rng(0).random((12, 12))


def average_attention(statistics):
    figure, axes = panels(3, width=2.2, height=2.1)
    layers.plot_average_attention(statistics, axes)
    return figure


def twelve_layers(statistics):
    figure, axes = panels(3, width=2.2, height=2.1)
    for ax in axes:
        layers.plot_by_layer(RANDOM, BASE, ax, label="{first}", color="0", marker="o")
    return figure


def entropies(statistics):
    figure, axes = panels(2, width=2.6, height=2.2)
    layers.plot_entropies(statistics, axes)
    return figure


def figure_6(statistics):
    figure, axes = panels(2, width=3.2, height=3.7)
    points = np.random.default_rng(0).normal(size=(6, 2))
    behaviours, source = describe_heads(statistics), statistics.source
    heads.plot_heads(points, behaviours, source, axes, {"2-2": "dobj, coreference"})
    return figure


def heat_maps(statistics):
    maps = {f"relation {i}": RANDOM for i in range(6)}
    figure, axes = panels(6, width=1.6, height=heads.map_height(BASE))
    heads.plot_heat_maps(maps, BASE, axes, "accuracy (%)")
    return figure


def learning_curves(statistics):
    sizes = [100 * 2**n for n in range(7)] + [12539]
    names = ("attention", "attention + GloVe", "distances + GloVe")
    figure, [ax] = panels(1, width=2.6, height=2.6)
    curve = pd.Series(np.linspace(0.3, 0.6, 8), sizes)
    curves.plot_learning_curves(dict.fromkeys(names, curve), ax)
    return figure


def by_distance(statistics):
    methods = ["any other mention, at random", "nearest other mention", "same"]
    methods += ["rules", "head 3-5, among the mentions before", "head 3-10, among all"]
    ranges = ["1-4", "5-9", "10-19", "20-39", "40+"]
    index = pd.MultiIndex.from_product([methods, ranges], names=["method", "group"])
    columns = {"mentions": 12345, "accuracy": 50.0, "low": 45.0, "high": 55.0}
    figure, [ax] = panels(1, width=3.2, height=3)
    curves.plot_by_distance(pd.DataFrame(columns, index), ax)
    return figure


def counts(statistics):
    figure, [ax] = panels(1, width=3.2, height=3)
    curves.plot_counts({f"nmod:unmarked{i}": i for i in range(1, 50)}, ax)
    return figure


def texts_of(figure):
    """The texts of a figure; not those of ticks beyond the ends of an axis."""
    beyond = set()
    for axis in figure.findobj(Axis):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                beyond |= {tick.label1, tick.label2}
    found = [t for t in figure.findobj(Text) if t not in beyond]
    return [t for t in found if t.get_visible() and t.get_text().strip()]


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(
    "draw",
    [
        average_attention,
        twelve_layers,
        entropies,
        figure_6,
        heat_maps,
        learning_curves,
        by_distance,
        counts,
    ],
)
def test_figures_are_fit_to_print(draw, columns, statistics):
    """They are as wide as asked at most, fit on a page, all type is of 7 to 9 points,
    and no text is cut or runs into another."""
    set_style(columns)
    figure = draw(statistics)
    figure.canvas.draw()
    assert figure.get_figwidth() <= WIDTHS[columns]
    assert figure.get_figheight() <= PAGE_HEIGHT
    texts = texts_of(figure)
    assert len(texts) > 10
    boxes = []
    for text in texts:
        assert 7 <= text.get_fontsize() <= 9
        box = text.get_window_extent()
        assert figure.bbox.x0 - 1 <= box.x0 < box.x1 <= figure.bbox.x1 + 1
        assert figure.bbox.y0 - 1 <= box.y0 < box.y1 <= figure.bbox.y1 + 1
        assert not any(box.shrunk(0.9, 0.7).overlaps(other) for other in boxes)
        boxes.append(box)


def test_panels_reflow():
    """Of at least 2.2 inches, three stand side by side in 6.9, and one in 3.3."""
    set_style(2)
    figure, axes = panels(3, width=2.2, height=2)
    assert len({ax.get_subplotspec().rowspan.start for ax in axes}) == 1
    assert tuple(figure.get_size_inches()) == pytest.approx((6.9, 2))
    figure, axes = panels(5, width=1.6, height=2)  # three and two, not four and one
    assert [ax.get_subplotspec().rowspan.start for ax in axes] == [0, 0, 0, 1, 1]
    assert len(figure.axes) == 5
    set_style(1)
    figure, axes = panels(3, width=2.2, height=2)
    assert [ax.get_subplotspec().rowspan.start for ax in axes] == [0, 1, 2]
    assert tuple(figure.get_size_inches()) == pytest.approx((3.3, 6))
    figure, _ = panels(9, width=2.2, height=2)
    assert figure.get_figheight() == PAGE_HEIGHT
    with pytest.raises(ValueError, match="3 columns, expected 1 or 2"):
        set_style(3)


def test_saved_figures_are_as_wide_as_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTN_DATA_DIR", str(tmp_path))
    set_style(1)
    figure, [ax] = panels(1, width=3.2, height=2)
    ax.set(xlabel="a label", ylabel="another")
    _, png = save_figure(figure, "some")
    assert plt.imread(png).shape[:2] == (600, 990)  # at 300 dpi

"""Heads side by side: points, names, cells, trees. Not pixels."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.transforms import Bbox

from analysis.general import describe_heads
from attention.source import Source
from figures.heads import (
    plot_dendrogram,
    plot_heads_by_behaviour,
    plot_heads_by_layer,
    plot_heat_map,
    plot_heat_maps,
    plot_probe_weights,
)
from figures.style import PAGE_HEIGHT, panels, set_style
from toolkit.files import InputError

pytestmark = pytest.mark.usefixtures("closed_figures")


def source_of(layers, heads):
    """That of all layers of an encoder."""
    return Source(tuple(range(layers)), heads)


def points_of(ax):
    """All points of all scatters of an axes."""
    return [
        np.asarray(c.get_offsets())
        for c in ax.collections
        if isinstance(c, PathCollection)
    ]


def test_heads_by_behaviour(statistics):
    behaviours = describe_heads(statistics, broad=1.5)
    points = np.arange(12.0).reshape(6, 2)
    figure, ax = plt.subplots(layout="constrained")
    plot_heads_by_behaviour(points, behaviours, statistics.source, ax, {"2-2": "dobj"})
    figure.canvas.draw()
    drawn = np.concatenate(points_of(ax))
    assert sorted(map(tuple, drawn.tolist())) == sorted(map(tuple, points.tolist()))
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    # the head to [SEP] is the named one, and so no S
    assert legend == [
        "broadly",
        "to the next token",
        "to the previous token",
        "to [CLS]",
        "to . or ,",
        "by known function",
    ]
    assert [t.get_text() for t in ax.texts if t.get_text()] == ["2-2 dobj"]
    assert ax.get_legend().get_window_extent().y1 <= ax.get_window_extent().y0 + 1


def test_behaviours_name_the_special_tokens_of_the_model():
    source = dataclasses.replace(source_of(1, 2), special_tokens=("<s>", "</s>"))
    _, ax = plt.subplots()
    plot_heads_by_behaviour(np.eye(2), np.array([["sep", "cls"]]), source, ax)
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend == ["to </s>", "to <s>"]


def test_names_of_heads_neither_overlap_nor_leave_the_frame():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(72, 2))
    behaviours = np.full((6, 12), "")
    names = {f"{i}-{i}": "object" for i in range(1, 7)}
    figure, ax = plt.subplots(figsize=(6, 5))
    plot_heads_by_behaviour(points, behaviours, source_of(6, 12), ax, names)
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.texts if t.get_text()]
    assert len(boxes) == 6
    frame = ax.get_window_extent().padded(1e-6)
    crosses = ax.transData.transform(points_of(ax)[-1])
    arms = 0.5 * np.sqrt(30) / 72 * figure.dpi  # of a marker of 30 square points
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1
        assert frame.y0 <= box.y0 and box.y1 <= frame.y1
        for x, y in crosses:
            cross = Bbox([[x - arms, y - arms], [x + arms, y + arms]])
            assert not box.overlaps(cross)


def test_heads_by_layer():
    points = np.arange(12.0).reshape(6, 2)
    _, ax = plt.subplots()
    plot_heads_by_layer(points, source_of(3, 2), ax)
    (collection,) = (c for c in ax.collections if isinstance(c, PathCollection))
    assert collection.get_array().tolist() == [1, 1, 2, 2, 3, 3]
    np.testing.assert_array_equal(collection.get_offsets(), points)
    (bar,) = ax.child_axes
    assert [t.get_text() for t in bar.get_xticklabels()] == ["1", "2", "3"]


@pytest.mark.parametrize("layers", [(4,), (2, 3, 9), tuple(range(24))])
def test_each_layer_has_a_colour_of_its_own_and_whole_numbers(layers):
    source = Source(layers, 2)
    figure, ax = plt.subplots(figsize=(3.3, 3))
    plot_heads_by_layer(
        np.random.default_rng(0).random((2 * len(layers), 2)), source, ax
    )
    figure.canvas.draw()
    (points,) = (c for c in ax.collections if isinstance(c, PathCollection))
    colours = {tuple(colour) for colour in points.get_facecolors()}
    assert len(colours) == len(layers)
    shown = [int(t.get_text()) for t in ax.child_axes[0].get_xticklabels()]
    assert {*shown} <= {layer + 1 for layer in layers}
    assert len(shown) <= 13


def test_heat_map_counts_from_one():
    values = np.arange(6.0).reshape(3, 2)
    _, ax = plt.subplots()
    plot_heat_map(values, source_of(3, 2), ax, "entropy (nats)")
    np.testing.assert_array_equal(ax.collections[0].get_array(), values)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["1", "2", "3"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("head", "layer")
    ax.figure.canvas.draw()
    (bar,) = ax.child_axes
    assert bar.get_ylabel() == "entropy (nats)"
    panel, beside = ax.get_window_extent(), bar.get_window_extent()
    assert (beside.y0, beside.y1) == pytest.approx((panel.y0, panel.y1))


def test_heat_maps_are_titled_and_axes_left_over_are_empty():
    _, axes = plt.subplots(1, 3)
    values = {"det": np.arange(6).reshape(2, 3), "obj": np.ones((2, 3))}
    plot_heat_maps(values, source_of(2, 3), axes, "accuracy (%)")
    assert [ax.get_title() for ax in axes] == ["det", "obj", ""]
    assert [ax.axison for ax in axes] == [True, True, False]
    assert axes[0].collections[0].get_array().ravel().tolist() == [0, 1, 2, 3, 4, 5]
    assert {ax.collections[0].get_clim() for ax in axes[:2]} == {(0, 5)}  # one scale
    bars = [bar.get_ylabel() for ax in axes for bar in ax.child_axes]
    assert bars == ["accuracy (%)"]  # and so one bar
    with pytest.raises(ValueError, match="2 panels to draw, but 1 axes"):
        plot_heat_maps(values, source_of(2, 3), axes[:1], "accuracy (%)")


def test_probe_weights_share_a_scale_around_zero():
    weights = {
        "to head": np.arange(6.0).reshape(3, 2),
        "from head": -2 * np.arange(6.0).reshape(3, 2),
    }
    _, axes = plt.subplots(1, 2)
    plot_probe_weights(weights, source_of(3, 2), axes)
    for ax, values in zip(axes, weights.values(), strict=True):
        drawn = ax.collections[0]
        np.testing.assert_array_equal(drawn.get_array(), values)
        assert drawn.get_clim() == (-10, 10)
    assert [ax.get_title() for ax in axes] == [
        "attention from dependent to head",
        "attention from head to dependent",
    ]


def test_dendrogram_joins_the_nearest_heads_first():
    """Heads at 0, 1, 10 and 12 on a line: 1-1 joins 1-2 at distance 1, 2-1 joins 2-2 at
    2, and both pairs at the mean of 10, 12, 9 and 11, which is 10.5."""
    place = np.array([0, 1, 10, 12.0])
    _, ax = plt.subplots()
    plot_dendrogram(np.abs(place[:, None] - place), source_of(2, 2), ax)
    heights = sorted(
        path.vertices[:, 0].max() for path in ax.collections[0].get_paths()
    )
    assert heights == [1, 2, 10.5]
    names = [t.get_text() for t in ax.texts]
    assert {frozenset(names[:2]), frozenset(names[2:])} == {
        frozenset({"1-1", "1-2"}),
        frozenset({"2-1", "2-2"}),
    }
    colours = {t.get_text()[0]: t.get_color() for t in ax.texts}
    assert colours["1"] != colours["2"]
    (key,) = ax.child_axes
    assert [t.get_text() for t in key.get_xticklabels()] == ["1", "2"]
    with pytest.raises(InputError, match="a single head"):
        plot_dendrogram(np.zeros((1, 1)), source_of(1, 1), ax)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_dendrogram_of_144_heads_is_legible_on_a_page(columns):
    points = np.random.default_rng(0).normal(size=(144, 3))
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    set_style(columns)
    figure, [ax] = panels(1, width=3.2, height=4)
    plot_dendrogram(distances, source_of(12, 12), ax)
    figure.canvas.draw()
    assert figure.get_figheight() <= PAGE_HEIGHT
    assert len({t.get_text() for t in ax.texts}) == 144
    assert {t.get_fontsize() for t in ax.texts} == {7}
    boxes = [t.get_window_extent() for t in ax.texts]
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert not any(box.shrunk(1, 0.8).overlaps(other) for other in boxes[:i])


KEPT = Source((2, 4), heads=2)  # layers 3 and 5 of an encoder


def test_heads_are_named_by_their_true_layers():
    points = np.arange(8.0).reshape(4, 2)
    distances = np.abs(points[:, :1] - points[:, 0])
    figure, axes = plt.subplots(1, 4, layout="constrained")
    plot_heads_by_behaviour(points, np.full((2, 2), ""), KEPT, axes[0], {"5-1": "det"})
    plot_heads_by_layer(points, KEPT, axes[1])
    plot_dendrogram(distances, KEPT, axes[2])
    plot_heat_map(np.ones((2, 2)), KEPT, axes[3], "entropy (nats)")
    figure.canvas.draw()
    assert [t.get_text() for t in axes[0].texts if t.get_text()] == ["5-1 det"]
    assert points_of(axes[0])[-1].tolist() == [[4, 5]]  # the third head's
    assert axes[1].collections[0].get_array().tolist() == [3, 3, 5, 5]
    (bar,) = axes[1].child_axes
    assert [t.get_text() for t in bar.get_xticklabels()] == ["3", "5"]
    names = {t.get_text() for t in axes[2].texts}
    assert names == {"3-1", "3-2", "5-1", "5-2"}
    assert [t.get_text() for t in axes[3].get_yticklabels()] == ["3", "5"]


def test_functions_and_values_of_heads_that_are_not_there_are_refused():
    points, none = np.arange(8.0).reshape(4, 2), np.full((2, 2), "")
    _, ax = plt.subplots()
    with pytest.raises(InputError, match="no head 2-1: the maps have layers 3, 5"):
        plot_heads_by_behaviour(points, none, KEPT, ax, {"2-1": "det"})
    with pytest.raises(InputError, match="maps of 3 layers and 2 heads"):
        plot_heat_map(np.ones((3, 2)), KEPT, ax, "")


def test_without_known_heads_there_are_no_crosses():
    points, none = np.arange(8.0).reshape(4, 2), np.full((2, 2), "")
    _, ax = plt.subplots()
    plot_heads_by_behaviour(points, none, KEPT, ax, {})
    assert not ax.texts
    assert len(points_of(ax)) == 1

"""What the figures draw: positions, labels, counts. Not pixels."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from heads import example_of, to_offset, to_token, uniform
from matplotlib.collections import LineCollection, PathCollection

from analysis import plots
from analysis.coreference import Link
from analysis.general import GeneralStatistics, GradientStatistics, describe_heads
from analysis.syntax import DirectedHead

mpl.use("agg")
TOKENS = ["[CLS]", "the", "fox", ".", "[SEP]"]


@pytest.fixture(autouse=True)
def closed():
    """Every test's figures are closed."""
    yield
    plt.close("all")


@pytest.fixture
def statistics():
    """Three layers of two heads: uniform, next; previous, [SEP]; [CLS], "."."""
    statistics = GeneralStatistics()
    statistics.update(
        example_of(
            TOKENS,
            uniform(TOKENS),
            to_offset(TOKENS, 1),
            to_offset(TOKENS, -1),
            to_token(TOKENS, {"[SEP]"}),
            to_token(TOKENS, {"[CLS]"}),
            to_token(TOKENS, {"."}),
            layers=3,
        )
    )
    return statistics


def lines_of(ax):
    """The opacity of each line, by the rows that it joins."""
    (collection,) = (c for c in ax.collections if isinstance(c, LineCollection))
    return {
        (int(a[1]), int(b[1])): colour
        for (a, b), colour in zip(
            collection.get_segments(), collection.get_colors(), strict=True
        )
    }


def test_attention_lines_are_as_opaque_as_the_attention():
    maps = np.arange(1, 26).reshape(5, 5) ** 2.0
    maps /= maps.sum(-1, keepdims=True)
    example = example_of(TOKENS, uniform(TOKENS), maps)
    _, ax = plt.subplots()
    plots.plot_attention(example, 0, 1, ax)
    lines = lines_of(ax)
    assert len(lines) == 25
    for (i, j), colour in lines.items():
        assert colour[3] == pytest.approx(maps[i, j], abs=1e-3)
    assert ax.get_title() == "1-2"
    texts = [t.get_text() for t in ax.texts]
    assert texts == [t for token in TOKENS for t in (token, token)]
    # row by row from the top
    heights = [t.get_position()[1] for t in ax.texts[::2]]
    assert heights == [0, 1, 2, 3, 4]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_attention_to_what_is_shown_is_renormalised_and_marked_words_are_red():
    """Of a uniform head, two tokens of the last three without [SEP] and the full stop
    each keep 1/2."""
    _, ax = plt.subplots()
    example = example_of(TOKENS, uniform(TOKENS))
    plots.plot_attention(example, 0, 0, ax, last=2, hidden={"[SEP]", "."}, marked={2})
    assert [t.get_text() for t in ax.texts] == ["the", "the", "fox", "fox"]
    lines = lines_of(ax)
    assert {round(float(c[3]), 3) for c in lines.values()} == {0.5}
    red = mpl.colors.to_rgb(plots.RED)
    for (i, _), colour in lines.items():
        assert (tuple(colour[:3]) == pytest.approx(red)) == (i == 1)
    assert [t.get_color() == plots.RED for t in ax.texts] == [False, False, True, True]


def test_words_that_are_attended_to_can_be_red_without_their_lines():
    _, ax = plt.subplots()
    example = example_of(TOKENS, uniform(TOKENS))
    plots.plot_attention(example, 0, 0, ax, marked={3}, targets={1})
    red = [t.get_text() for t in ax.texts if t.get_color() == plots.RED]
    assert red == ["the", "the", ".", "."]
    lines = lines_of(ax).items()
    drawn = {
        i for (i, _), c in lines if np.allclose(c[:3], mpl.colors.to_rgb(plots.RED))
    }
    assert drawn == {3}


def test_links_show_a_mention_and_its_antecedent():
    """Passages without [CLS] and [SEP]; the axes of a third one stay empty."""
    example = example_of(TOKENS, uniform(TOKENS), to_offset(TOKENS, -1))
    links = [Link(example, 3, 2), Link(example, 2, 1)]
    _, axes = plt.subplots(1, 3)
    plots.plot_links(links, 0, 1, axes)
    for ax, red in zip(axes, ({"fox", "."}, {"the", "fox"}), strict=False):
        assert {t.get_text() for t in ax.texts if t.get_color() == plots.RED} == red
        assert [t.get_text() for t in ax.texts[::2]] == ["the", "fox", "."]
        assert ax.get_title() == "coreference: head 1-2"
    assert not axes[2].texts
    assert not axes[2].axison


def points_of(ax):
    """All points of all scatters of an axes."""
    return [
        np.asarray(c.get_offsets())
        for c in ax.collections
        if isinstance(c, PathCollection)
    ]


def test_average_attention_has_a_point_a_head_and_a_line_of_means(statistics):
    _, axes = plt.subplots(1, 3)
    plots.plot_average_attention(statistics, axes)
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
    assert legends[0] == ["[CLS]", "[SEP]", ". or ,"]
    assert legends[2] == ["previous token", "next token", "current token"]


def test_next_and_previous_are_drawn_in_the_colours_of_their_legend(statistics):
    """In the original they carry each other's."""
    _, axes = plt.subplots(1, 3)
    plots.plot_average_attention(statistics, axes)
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
    plots.plot_average_attention(statistics, axes)
    figure.canvas.draw()
    for ax in axes:
        assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1 - 1


def test_gradients_have_a_point_a_head_and_a_line_of_means():
    """[SEP], "." and other tokens have three gradients each, times 1 to 6 by head."""
    columns = np.array([0.5, 0.5, 0.5, 0.25, 0.125])  # of TOKENS
    statistics = GradientStatistics()
    example = example_of(TOKENS, *(n * np.tile(columns, (5, 1)) for n in range(1, 7)))
    example["attns"] = example["attns"].reshape(3, 2, 5, 5)
    statistics.update(example | {"masked": [1], "loss": 1.0})
    figure, ax = plt.subplots()
    plots.plot_gradients(statistics, ax)
    figure.canvas.draw()
    handles = ax.get_legend().get_texts()
    assert [t.get_text() for t in handles] == ["other tokens", "[SEP]", ". or ,"]
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
    plots.plot_entropies(statistics, axes)
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


def test_heads_by_behaviour(statistics):
    behaviours = describe_heads(statistics, broad=1.5)
    points = np.arange(12.0).reshape(6, 2)
    figure, ax = plt.subplots(layout="constrained")
    plots.plot_heads_by_behaviour(points, behaviours, ax, {(1, 1): "dobj"})
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
    ]
    assert [t.get_text() for t in ax.texts if t.get_text()] == ["2-2 dobj"]
    assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1 - 1


def test_names_of_heads_neither_overlap_nor_leave_the_frame():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(72, 2))
    behaviours = np.full((6, 12), "")
    names = {(i, i): "object" for i in range(6)}
    figure, ax = plt.subplots(figsize=(6, 5))
    plots.plot_heads_by_behaviour(points, behaviours, ax, names)
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.texts if t.get_text()]
    assert len(boxes) == 6
    frame = ax.get_window_extent()
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1
        assert frame.y0 <= box.y0 and box.y1 <= frame.y1


def test_heads_by_layer():
    points = np.arange(12.0).reshape(6, 2)
    _, ax = plt.subplots()
    plots.plot_heads_by_layer(points, 3, ax)
    (collection,) = (c for c in ax.collections if isinstance(c, PathCollection))
    assert collection.get_array().tolist() == [1, 1, 2, 2, 3, 3]
    np.testing.assert_array_equal(collection.get_offsets(), points)


def test_heat_map_counts_from_one():
    values = np.arange(6.0).reshape(3, 2)
    _, ax = plt.subplots()
    plots.plot_heat_map(values, ax, "entropy (nats)")
    np.testing.assert_array_equal(ax.collections[0].get_array(), values)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["1", "2", "3"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("head", "layer")
    assert ax.figure.axes[-1].get_ylabel() == "entropy (nats)"


def test_relations_have_a_row_each_with_the_words_that_attend_in_red():
    """Read as it is, det's head attends from "the"; read the other way, from "fox".
    Where most of that goes to [CLS], it and [SEP] are left out. One example is
    missing, and its axes stay empty."""
    example = example_of(TOKENS, to_offset(TOKENS, 1), to_token(TOKENS, {"[CLS]"}))
    example |= {
        "words": TOKENS[1:-1],
        "heads": [2, 0, 2],
        "relns": ["det", "root", "x"],
    }
    heads = {"det": DirectedHead(0, 0, 0), "x": DirectedHead(1, 0, 1)}
    _, axes = plt.subplots(2, 2)
    plots.plot_relations({"det": [example, example], "x": [example]}, heads, axes)
    red = [
        [t.get_text() for t in ax.texts if t.get_color() == plots.RED]
        for ax in axes.flat
    ]
    assert red == [["the", "the"], ["the", "the"], ["fox", "fox"], []]
    assert [len(ax.texts) for ax in axes.flat] == [10, 10, 6, 0]
    assert axes[0, 0].get_title() == "det: head 1-1"
    assert axes[1, 0].get_title() == "x: head 1-2\nwithout [CLS] and [SEP]"
    assert not axes[1, 1].axison


def test_heat_maps_are_titled_and_axes_left_over_are_empty():
    figure, axes = plt.subplots(1, 3)
    values = {"det": np.arange(6).reshape(2, 3), "obj": np.ones((2, 3))}
    plots.plot_heat_maps(values, axes, "accuracy (%)")
    assert [ax.get_title() for ax in axes] == ["det", "obj", ""]
    assert [ax.axison for ax in axes] == [True, True, False]
    assert axes[0].collections[0].get_array().ravel().tolist() == [0, 1, 2, 3, 4, 5]
    assert [ax.get_ylabel() for ax in figure.axes[3:]] == ["accuracy (%)"] * 2


def test_counts_are_bars_the_highest_first():
    _, ax = plt.subplots()
    plots.plot_counts({"det": 3, "obj": 1, "nsubj": 7}, ax)
    assert [bar.get_height() for bar in ax.patches] == [7, 3, 1]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["nsubj", "det", "obj"]


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
    plots.plot_by_distance(table, ax)
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
    assert [t.get_text() for t in legend.get_texts()] == names
    assert legend.get_window_extent().x0 >= ax.get_window_extent().x1 - 1


def test_probe_weights_share_a_scale_around_zero():
    weights = {
        "to head": np.arange(6.0).reshape(3, 2),
        "from head": -2 * np.arange(6.0).reshape(3, 2),
    }
    _, axes = plt.subplots(1, 2)
    plots.plot_probe_weights(weights, axes)
    for ax, values in zip(axes, weights.values(), strict=True):
        drawn = ax.collections[0]
        np.testing.assert_array_equal(drawn.get_array(), values)
        assert drawn.get_clim() == (-10, 10)
    assert [ax.get_title() for ax in axes] == [
        "attention from dependent to head",
        "attention from head to dependent",
    ]


def test_learning_curves():
    curves = {
        "attention": pd.Series({100: 0.3, 200: 0.5}),
        "attention + GloVe": pd.Series({100: 0.4, 250: 0.7}),
    }
    figure, ax = plt.subplots(layout="constrained")
    plots.plot_learning_curves(curves, ax)
    figure.canvas.draw()
    for line, (name, curve) in zip(ax.lines, curves.items(), strict=True):
        assert line.get_label() == name
        assert line.get_xdata().tolist() == curve.index.tolist()
        assert line.get_ydata().tolist() == curve.tolist()
    assert len({(line.get_color(), line.get_marker()) for line in ax.lines}) == 2
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1 - 1


def test_dendrogram_joins_the_nearest_heads_first():
    """Heads at 0, 1, 10 and 12 on a line: 1-1 joins 1-2 at distance 1, 2-1 joins 2-2 at
    2, and both pairs at the mean of 10, 12, 9 and 11, which is 10.5."""
    place = np.array([0, 1, 10, 12.0])
    _, ax = plt.subplots()
    plots.plot_dendrogram(np.abs(place[:, None] - place), 2, ax)
    heights = sorted(
        path.vertices[:, 1].max() for path in ax.collections[0].get_paths()
    )
    assert heights == [1, 2, 10.5]
    names = [t.get_text() for t in ax.get_xticklabels()]
    assert {frozenset(names[:2]), frozenset(names[2:])} == {
        frozenset({"1-1", "1-2"}),
        frozenset({"2-1", "2-2"}),
    }
    colours = {t.get_text()[0]: t.get_color() for t in ax.get_xticklabels()}
    assert colours["1"] != colours["2"]


def test_figures_are_saved_twice_and_the_same_each_time(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTN_DATA_DIR", str(tmp_path))
    figure, ax = plt.subplots()
    ax.plot([0, 1])
    paths = plots.save_figure(figure, "figure_2")
    assert paths == [
        tmp_path / "figures" / "figure_2.pdf",
        tmp_path / "figures" / "figure_2.png",
    ]
    first = [path.read_bytes() for path in paths]
    assert first[0].startswith(b"%PDF")
    assert first[1].startswith(b"\x89PNG")
    plots.save_figure(figure, "figure_2")
    assert [path.read_bytes() for path in paths] == first


def test_colours_of_a_panel_differ_for_colour_blind_readers():
    """Luminance differs too, or the markers do."""
    for panel in (*plots.PANELS, plots.GRADIENTS):
        assert len({marker for *_, marker in panel}) == len(panel)
    assert len({marker for *_, marker in plots.BEHAVIOURS.values()}) == 6 + 1

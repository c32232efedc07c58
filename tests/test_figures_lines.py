"""Heads drawn on sentences: what is shown of them, lines, labels. Not pixels."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from heads import example_of, record, to_offset, to_token, uniform
from matplotlib.collections import LineCollection

from analysis.passages import Link
from analysis.syntax import DirectedHead
from attention.record import FIRST, PUNCTUATION, SEPARATOR, WORD, Maps
from figures.lines import (
    PANEL,
    percent,
    plot_attention,
    plot_links,
    plot_relations,
    plot_typical_heads,
    plot_view,
    relation_pages,
    view_height,
)
from figures.style import PAGE_HEIGHT, RED, WIDTHS, panels, set_style
from figures.views import SPECIAL, view_head
from toolkit.files import InputError

pytestmark = pytest.mark.usefixtures("closed_figures")
TOKENS = ["[CLS]", "the", "fox", ".", "[SEP]"]


def lines_of(ax):
    """The opacity of each line, by the rows that it joins."""
    (collection,) = (c for c in ax.collections if isinstance(c, LineCollection))
    return {
        (int(a[1]), int(b[1])): colour
        for (a, b), colour in zip(
            collection.get_segments(), collection.get_colors(), strict=True
        )
    }


def red_rows(ax):
    """The rows whose lines are red."""
    lines = lines_of(ax).items()
    return {i for (i, _), c in lines if np.allclose(c[:3], mpl.colors.to_rgb(RED))}


def framed(ax):
    """The labels with a frame, which stand on the right."""
    found = [t for t in ax.texts if t.get_bbox_patch()]
    assert all(t.get_position()[0] > 1 for t in found)
    return [t.get_text() for t in found]


def test_attention_lines_are_as_opaque_as_the_attention():
    maps = np.arange(1, 26).reshape(5, 5) ** 2.0
    maps /= maps.sum(-1, keepdims=True)
    _, ax = plt.subplots()
    plot_attention(record(example_of(TOKENS, uniform(TOKENS), maps)), "1-2", ax)
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
    maps = record(example_of(TOKENS, uniform(TOKENS)))
    hidden = {SEPARATOR, PUNCTUATION}
    plot_view(view_head(maps, "1-1", last=2, hidden=hidden, marked={2}), ax)
    assert [t.get_text() for t in ax.texts] == ["the", "the", "fox", "fox"]
    lines = lines_of(ax)
    assert {round(float(c[3]), 3) for c in lines.values()} == {0.5}
    red = mpl.colors.to_rgb(RED)
    for (i, _), colour in lines.items():
        assert (tuple(colour[:3]) == pytest.approx(red)) == (i == 1)
    assert [t.get_color() == RED for t in ax.texts] == [False, False, True, True]


def test_words_that_are_attended_to_can_be_red_without_their_lines():
    _, ax = plt.subplots()
    maps = record(example_of(TOKENS, uniform(TOKENS)))
    plot_view(view_head(maps, "1-1", marked={3}, targets={1}), ax)
    red = [t.get_text() for t in ax.texts if t.get_color() == RED]
    assert red == ["the", "the", ".", "."]
    assert red_rows(ax) == {3}
    assert framed(ax) == ["the"]


def test_links_show_a_mention_and_its_antecedent():
    """Passages without [CLS] and [SEP]; the axes of a third one stay empty."""
    maps = record(example_of(TOKENS, uniform(TOKENS), to_offset(TOKENS, -1)))
    links = [Link(maps, 3, 2), Link(maps, 2, 1)]
    _, axes = plt.subplots(1, 3)
    plot_links(links, "1-2", axes)
    for ax, red in zip(axes, ({"fox", "."}, {"the", "fox"}), strict=False):
        assert {t.get_text() for t in ax.texts if t.get_color() == RED} == red
        assert [t.get_text() for t in ax.texts[::2]] == ["the", "fox", "."]
        assert ax.get_title() == "coreference: head 1-2"
    assert not axes[2].texts
    assert not axes[2].axison


def test_relations_have_a_row_each_with_the_words_that_attend_in_red():
    """Read as it is, det's head attends from "the", and should to "fox"; read the other
    way, x's attends from "fox", and should to ".". Where most of that goes to [CLS], it
    and [SEP] are left out. One example is missing, and its axes stay empty."""
    example = example_of(TOKENS, to_offset(TOKENS, 1), to_token(TOKENS, {"[CLS]"}))
    example |= {
        "words": TOKENS[1:-1],
        "heads": [2, 0, 2],
        "relns": ["det", "root", "x"],
    }
    heads = {"det": DirectedHead(0, 0, 0), "x": DirectedHead(1, 0, 1)}
    _, axes = plt.subplots(2, 2)
    maps = record(example)
    plot_relations({"det": [maps, maps], "x": [maps]}, heads, axes)
    red = [{t.get_text() for t in ax.texts if t.get_color() == RED} for ax in axes.flat]
    assert red == [{"the", "fox"}, {"the", "fox"}, {"fox", "."}, set()]
    drawn = [red_rows(ax) for ax in axes.flat[:3]]  # "the"; "fox", without [CLS]
    assert drawn == [{1}, {1}, {1}]
    assert [framed(ax) for ax in axes.flat[:3]] == [["fox"], ["fox"], ["."]]
    assert [len(ax.texts) for ax in axes.flat] == [10, 10, 6, 0]
    assert axes[0, 0].get_title() == "det: head 1-1"
    assert axes[1, 0].get_title() == "x: head 1-2\nwithout [CLS] and [SEP]"
    assert not axes[1, 1].axison


def kept_layers(**known):
    """Layers 3 and 5 of an encoder, two heads each; only head 5-2 goes to the next."""
    maps = [uniform(TOKENS)] * 3 + [to_offset(TOKENS, 1)]
    return record(example_of(TOKENS, *maps, layers=2), layers=(2, 4), **known)


def test_a_head_is_found_and_named_by_its_true_layer():
    _, ax = plt.subplots()
    plot_attention(kept_layers(), "5-2", ax)
    assert ax.get_title() == "5-2"
    opaque = {rows for rows, colour in lines_of(ax).items() if colour[3] == 1}
    assert opaque == {(0, 1), (1, 2), (2, 3), (3, 4), (4, 4)}


@pytest.mark.parametrize("name", ["1-1", "4-1", "6-1", "3-3"])
def test_a_head_that_was_not_kept_is_refused(name):
    _, ax = plt.subplots()
    message = f"no head {name}: the maps have layers 3, 5 with 2 heads each"
    with pytest.raises(InputError, match=message):
        plot_attention(kept_layers(), name, ax)
    with pytest.raises(InputError, match="expected a head as <layer>-<head>"):
        plot_attention(kept_layers(), "5", ax)


def test_typical_heads_are_titled_by_true_layers_and_show_the_last_tokens():
    _, axes = plt.subplots(1, 2)
    heads = [("3-1", "broad: 1.6 nats"), ("5-2", "80% to the next token")]
    plot_typical_heads(kept_layers(), heads, axes, last=3)
    assert [ax.get_title() for ax in axes] == [
        "Head 3-1\nbroad: 1.6 nats",
        "Head 5-2\n80% to the next token",
    ]
    assert [t.get_text() for t in axes[0].texts[::2]] == ["fox", ".", "[SEP]"]


def test_special_tokens_are_hidden_by_role_whatever_they_are_called():
    """Between words only the first and the last row are special; between tokens those
    that the source names."""
    words = {"words": ["[SEP]", "fox", "[CLS]"]}
    maps = record(example_of(TOKENS, uniform(TOKENS)) | words)
    view = view_head(maps, "1-1", hidden=SPECIAL)
    assert view.labels == ["[SEP]", "fox", "[CLS]"]

    tokens = ["<s>", "[CLS]", "fox", "</s>"]
    example = example_of(tokens, uniform(tokens))
    other = record(example, level="tokens", special_tokens=("<s>", "</s>"))
    assert view_head(other, "1-1", hidden=SPECIAL).labels == ["[CLS]", "fox"]
    assert view_head(other, "1-1", hidden={FIRST}).labels == ["[CLS]", "fox", "</s>"]


def test_titles_name_the_special_tokens_that_are_left_out():
    tokens = ["<s>", "the", "fox", "</s>"]
    tree = {"words": tokens[1:-1], "heads": [2, 0], "relns": ["det", "root"]}
    example = example_of(tokens, to_token(tokens, {"<s>"})) | tree
    maps = record(example, special_tokens=("<s>", "</s>"), layers=(4,))
    _, axes = plt.subplots(1, 1, squeeze=False)
    plot_relations({"det": [maps]}, {"det": DirectedHead(0, 0, 0)}, axes)
    assert axes[0, 0].get_title() == "det: head 5-1\nwithout <s> and </s>"


def test_the_share_of_attention_that_is_shown_stands_below():
    """Of five tokens that attend evenly, two give two fifths to each other; of those
    that attend to the next, the last two give all; all five show all."""
    views = [
        view_head(kept_layers(), "3-1", last=2),
        view_head(kept_layers(), "5-2", last=2),
        view_head(kept_layers(), "3-1"),
    ]
    assert [view.share for view in views] == pytest.approx([0.4, 1, 1], abs=1e-3)
    _, axes = plt.subplots(1, 3)
    for view, ax in zip(views, axes, strict=True):
        plot_view(view, ax)
        np.testing.assert_allclose(view.weights.sum(-1), 1)
    labels = [ax.get_xlabel() for ax in axes]
    assert labels == ["40% of attention shown", "", ""]


def test_rows_that_keep_little_are_faded_not_drawn_as_if_it_were_all():
    """Of what is left without [CLS] and [SEP], the first of three rows keeps 0.004 %,
    the second 5 %, the third 20 %: renormalised, all would be equally opaque. Rows that
    keep less than 10 % are faded in proportion."""
    kept = np.array([0, 4e-5, 0.05, 0.2, 0])
    maps = np.zeros((5, 5))
    maps[:, 0], maps[:, 2] = 1 - kept, kept
    example = example_of(TOKENS, maps)
    view = view_head(record(example), "1-1", hidden=SPECIAL)
    np.testing.assert_allclose(view.weights[:, 1], 1, rtol=1e-6)
    np.testing.assert_allclose(view.kept, kept[1:4], rtol=1e-3)  # from float16
    _, ax = plt.subplots()
    plot_view(view, ax)
    lines = lines_of(ax)
    opacities = [lines[row, 1][3] for row in range(3)]
    assert opacities == pytest.approx([4e-4, 0.5, 1], rel=1e-3)
    assert ax.get_xlabel() == "8% of attention shown"  # (0.00004 + 0.05 + 0.2) / 3


def test_a_small_share_is_said_by_its_first_digit():
    shares = {1: "100%", 0.404: "40%", 0.01: "1%", 0.0042: "0.4%", 4e-5: "0.004%"}
    assert {percent(share) for share in shares} == {*shares.values()}
    assert percent(0) == "0%"


@pytest.mark.parametrize("columns", [1, 2])
def test_long_words_and_sentences_neither_overprint_nor_are_cut(columns):
    """Forty tokens, one of them an address, four panels side by side."""
    set_style(columns)
    tokens = ["[CLS]", *["incomprehensibility"] * 37, "http://www.example.org/", "a"]
    maps = record(example_of(tokens, uniform(tokens)), level="tokens")
    figure, axes = panels(4, width=PANEL, height=view_height(15))
    for ax in axes:
        plot_attention(maps, "1-1", ax)
    figure.canvas.draw()
    boxes = [t.get_window_extent() for ax in axes for t in ax.texts]
    for ax in axes:  # lines are longer than nothing
        assert ax.get_window_extent().width > 0.25 * figure.dpi
    page = figure.bbox
    assert len(boxes) == 4 * 2 * 40
    for i, box in enumerate(boxes):
        assert page.x0 <= box.x0 < box.x1 <= page.x1
        assert page.y0 <= box.y0 < box.y1 <= page.y1
        assert not any(box.shrunk(1, 0.7).overlaps(other) for other in boxes[:i])


def test_figure_5_fits_on_pages():
    """Ten relations, two examples each of eleven tokens, in rows of 1.85 inches, four
    to a page: at one column two panels stand side by side, at two columns four."""
    tokens = ["[CLS]", *["word"] * 9, "[SEP]"]
    example = example_of(tokens, uniform(tokens))
    names = [f"r{i}" for i in range(10)]
    heads = dict.fromkeys(names, DirectedHead(0, 0, 0))
    example |= {"words": tokens[1:-1], "heads": [2] * 9}
    examples = {n: [record(example | {"relns": [n] * 9})] * 2 for n in names}
    examples["r9"] = []  # no example: left out
    for columns, sizes in ((1, [4, 4, 1]), (2, [8, 1])):
        set_style(columns)
        figures = relation_pages(examples, heads)
        assert [len(figure.axes) for figure in figures] == [2 * n for n in sizes]
        for figure in figures:
            assert figure.get_figwidth() <= WIDTHS[columns]
            assert figure.get_figheight() <= PAGE_HEIGHT
    with pytest.raises(InputError, match="best head for r0 makes no mistake"):
        relation_pages({"r0": []}, {"r0": DirectedHead(0, 0, 0)})


def test_more_panels_than_axes_are_refused():
    maps = record(example_of(TOKENS, uniform(TOKENS)))
    example = maps.example | {"heads": [2, 0, 2], "relns": ["det", "root", "x"]}
    tree = Maps(maps.values, "words", maps.source, example | {"words": TOKENS[1:-1]})
    heads = dict.fromkeys(["det", "x"], DirectedHead(0, 0, 0))
    _, axes = plt.subplots(1, 1, squeeze=False)
    for plot, given in (
        (plot_links, ([Link(maps, 3, 2), Link(maps, 2, 1)], "1-1", axes.flat)),
        (plot_typical_heads, (maps, [("1-1", ""), ("1-1", "")], axes.flat)),
        (plot_relations, ({"det": [tree], "x": [tree]}, heads, axes)),
        (plot_relations, ({"det": [tree] * 2}, {"det": heads["det"]}, axes)),
    ):
        with pytest.raises(ValueError, match="2 panels to draw, but 1 axes"):
            plot(*given)
    with pytest.raises(InputError, match="head 1-1 finds no antecedent"):
        plot_links([], "1-1", axes.flat)


def test_what_cannot_be_shown_is_refused():
    maps = kept_layers()
    with pytest.raises(InputError, match="nothing to show: all 5 tokens are hidden"):
        view_head(maps, "3-1", hidden={*SPECIAL, PUNCTUATION, WORD})
    with pytest.raises(InputError, match="1 token or more, found last=0"):
        view_head(maps, "3-1", last=0)
    with pytest.raises(
        InputError, match="token 1 is marked, but not among those shown"
    ):
        view_head(maps, "3-1", last=2, marked={3}, targets={1})
    gradients = example_of(TOKENS, uniform(TOKENS)) | {"masked": [1], "loss": 1.0}
    with pytest.raises(InputError, match="maps of gradients, expected attention"):
        view_head(record(gradients), "1-1")

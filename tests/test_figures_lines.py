"""Heads drawn on sentences: what is shown of them, lines, labels. Not pixels."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from heads import example_of, record, to_offset, to_token, uniform
from matplotlib.collections import LineCollection

from analysis.passages import Link
from analysis.syntax import DirectedHead
from attention.record import FIRST, PUNCTUATION, SEPARATOR
from figures.lines import (
    plot_attention,
    plot_links,
    plot_relations,
    plot_typical_heads,
    plot_view,
)
from figures.style import RED
from figures.views import SPECIAL, view_head
from files import InputError

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
    lines = lines_of(ax).items()
    drawn = {i for (i, _), c in lines if np.allclose(c[:3], mpl.colors.to_rgb(RED))}
    assert drawn == {3}


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
    maps = record(example)
    plot_relations({"det": [maps, maps], "x": [maps]}, heads, axes)
    red = [[t.get_text() for t in ax.texts if t.get_color() == RED] for ax in axes.flat]
    assert red == [["the", "the"], ["the", "the"], ["fox", "fox"], []]
    assert [len(ax.texts) for ax in axes.flat] == [10, 10, 6, 0]
    assert axes[0, 0].get_title() == "det: head 1-1"
    assert axes[1, 0].get_title() == "x: head 1-2\nwithout [CLS] and [SEP]"
    assert not axes[1, 1].axison

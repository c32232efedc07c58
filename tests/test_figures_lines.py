"""Heads drawn on sentences: what is shown of them, lines, labels. Not pixels."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from heads import example_of, record, to_offset, to_token, uniform
from matplotlib.collections import LineCollection

from analysis.passages import Link
from analysis.syntax import DirectedHead
from attention.record import FIRST, PUNCTUATION, SEPARATOR, WORD
from figures.lines import (
    plot_attention,
    plot_links,
    plot_relations,
    plot_typical_heads,
    plot_view,
)
from figures.style import RED
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
    heads = [((0, 0), "broad: 1.6 nats"), ((1, 1), "80% to the next token")]
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

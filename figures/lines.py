"""Attention as lines between tokens (Section 3, Figure 1; Section 4, Figure 5)."""

import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from analysis.passages import LINK_WORDS, Link
from analysis.syntax import DirectedHead
from attention.record import Maps
from figures.style import BLUE, PAGE_HEIGHT, RED, panels, with_axes
from figures.views import SPECIAL, View, view_head
from toolkit.files import InputError

FAINT = 0.1  # rows that keep less of their attention than this are faded
LABELS = 0.75  # of a panel's width, what labels may take at most; longer ones are cut
TYPE, PITCH = 7, 8.5  # points of a label, and from row to row
FRAME = {"boxstyle": "square,pad=0.1", "fc": "none", "ec": RED, "lw": 0.8}
FRAME = {"boxstyle": "square,pad=0.1", "fc": "none", "ec": RED, "lw": 0.8}
PANEL = 1.6  # inches, the width of a panel
AROUND = 0.55  # inches, the height of what stands above and below the rows


def view_height(tokens: int) -> float:
    """How high, in inches, a panel for `plot_view` must be for so many tokens."""
    return tokens * PITCH / 72 + AROUND


def plot_attention(maps: Maps, head: str, ax: Axes, *, last: int | None = None) -> Axes:
    """One head, named like "3-9", on one example, or on its `last` tokens.

    Raises InputError where the maps have no such head. Other choices of what is shown
    are made by `figures.views.view_head`, and drawn by `plot_view`.
    """
    return plot_view(view_head(maps, head, last=last), ax)


def plot_view(view: View, ax: Axes) -> Axes:
    """A line from each token on the left to each on the right, the more opaque the more
    attention.

    Rows that keep less than FAINT of their attention are faded in proportion. Marked
    tokens and the lines from them are red; targets are red and framed on the right.
    Where not all attention is shown, the share stands below. Labels that would leave no
    room for lines are cut. The figure is made higher where the rows would overlap.
    """
    size = len(view.labels)
    rgb = mpl.colors.to_rgb
    colours = np.where(view.marked[:, None], rgb(RED), rgb(BLUE))
    rows, columns = np.indices((size, size)).reshape(2, -1)
    lines = np.stack([np.zeros_like(rows), rows, np.ones_like(rows), columns], axis=1)
    opacities = view.weights * (view.kept / FAINT).clip(0, 1)[:, None]
    ax.add_collection(
        LineCollection(
            lines.reshape(-1, 2, 2),
            colors=np.hstack([colours[rows], opacities.reshape(-1, 1).clip(0, 1)]),
            linewidths=1.2,
        )
    )
    longest = _longest_label(ax)
    for row, label in enumerate(view.labels):
        style = {"fontsize": TYPE, "va": "center_baseline"}
        style["parse_math"] = False  # a "$" is a token
        if view.marked[row] or view.targets[row]:
            style |= {"color": RED, "weight": "bold"}
        short = label if len(label) <= longest else f"{label[: longest - 1]}…"
        ax.text(-0.06, row, short, ha="right", **style)
        on_the_right = ax.text(1.06, row, short, ha="left", **style)
        if view.targets[row]:
            on_the_right.set_bbox(FRAME)
    ax.set(xlim=(-0.02, 1.02), ylim=(size - 0.5, -0.5), title=view.title)
    ax.set(xticks=[], yticks=[])
    if view.share < 0.995:
        ax.set_xlabel(f"{percent(view.share)} of attention shown", fontsize=TYPE)
    sns.despine(ax=ax, left=True, bottom=True)
    _make_room(ax, size)
    return ax


def percent(share: float) -> str:
    """A share in per cent, to the first digit where it is small."""
    digits = 0 if share >= 0.01 or share <= 0 else -math.floor(math.log10(share)) - 2
    return f"{share:.{digits}%}"


def _longest_label(ax: Axes) -> int:
    """How many characters a label may have in this panel."""
    place = ax.get_subplotspec()
    columns = place.get_gridspec().ncols if place else 1
    room = ax.get_figure(root=True).get_figwidth() * 72 / columns  # in points
    return int(LABELS * room / 2 / (0.62 * TYPE))  # a character's mean width


def _make_room(ax: Axes, rows: int) -> None:
    """Make the figure so high that rows of labels stand PITCH points apart."""
    figure = ax.get_figure(root=True)
    height = ax.get_window_extent().height * 72 / figure.dpi  # in points
    if height < rows * PITCH:
        figure.set_figheight(figure.get_figheight() * rows * PITCH / height)


def plot_typical_heads(
    maps: Maps,
    heads: Sequence[tuple[str, str]],
    axes: Sequence[Axes],
    last: int = 15,
) -> Sequence[Axes]:
    """Heads, and what they do, on the last tokens of one example (Figure 1).

    Heads are named like "3-9", as `typical_heads` gives them.
    """
    for ax, (name, behaviour) in with_axes(heads, axes):
        title = f"Head {name}\n{behaviour}"
        plot_view(view_head(maps, name, last=last, title=title), ax)
    return axes


def plot_relations(
    examples: Mapping[str, Sequence[Maps]],
    heads: Mapping[str, DirectedHead],
    axes: np.ndarray,
) -> np.ndarray:
    """A row for each relation: its head's attention on example sentences (Figure 5).

    Red are the words from which the head attends along the relation, dependents or, for
    the other direction, syntactic heads; and, framed, the words that it should attend
    to. Special tokens are hidden where they get over half of the attention from these,
    as in the paper's panel of prepositions.
    """
    for row, (relation, directed) in with_axes(heads.items(), axes):
        for ax, maps in with_axes(examples[relation], row):
            plot_view(_view_relation(maps, relation, directed), ax)
    return axes


def relation_pages(
    examples: Mapping[str, Sequence[Maps]], heads: Mapping[str, DirectedHead]
) -> list[Figure]:
    """The same on as many figures as it takes for each to fit on a page.

    Relations without an example are left out. Raises InputError where none has one.
    """
    relations = [relation for relation in heads if examples[relation]]
    if not relations:
        raise InputError(
            f"no sentence on which the best head for {', '.join(heads)} makes no "
            "mistake is short enough to be shown"
        )
    each = max(len(examples[relation]) for relation in relations)
    height = view_height(max(len(m.labels) for r in relations for m in examples[r]))
    columns = int(plt.rcParams["figure.figsize"][0] // PANEL)
    fit = max(1, columns * int(PAGE_HEIGHT // height) // each)
    figures = []
    for start in range(0, len(relations), fit):
        shown = {r: heads[r] for r in relations[start : start + fit]}
        figure, axes = panels(len(shown) * each, width=PANEL, height=height)
        plot_relations(examples, shown, np.reshape(axes, (-1, each)))
        figures.append(figure)
    return figures


def _view_relation(maps: Maps, relation: str, directed: DirectedHead) -> View:
    direction, layer, head = directed
    arcs = zip(maps.example["heads"], maps.example["relns"], strict=True)
    governors = {i: h for i, (h, r) in enumerate(arcs, 1) if r == relation}
    marked, targets = {*governors}, {*governors.values()}
    if direction:
        marked, targets = targets, marked
    from_marked = maps.float32[layer, head, sorted(marked)]  # [marked, N]
    to_special = from_marked[:, np.isin(maps.roles, SPECIAL)].sum(-1).mean()
    hidden = SPECIAL if to_special > 0.5 else ()
    name = maps.source.head_name(layer, head)
    title = f"{relation}: head {name}"
    if hidden:
        title += "\nwithout {} and {}".format(*maps.source.special_tokens)
    return view_head(
        maps, name, hidden=hidden, marked=marked, targets=targets, title=title
    )


def plot_links(
    links: Sequence[Link], head: str, axes: Sequence[Axes]
) -> Sequence[Axes]:
    """A head on passages with coreference, without special tokens (Figure 5).

    The head is named like "3-9". Red are a mention, its lines, and its antecedent,
    which is framed; axes left over stay empty. Raises InputError for no link.
    """
    if not links:
        raise InputError(
            f"head {head} finds no antecedent, with another head word, in a passage of "
            f"{LINK_WORDS[0]} to {LINK_WORDS[1]} words: too few documents?"
        )
    for ax, link in with_axes(links, axes):
        view = view_head(
            link.maps,
            head,
            hidden=SPECIAL,
            marked={link.mention},
            targets={link.antecedent},
            title=f"coreference: head {head}",
        )
        plot_view(view, ax)
    return axes

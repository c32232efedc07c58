"""Attention as lines between tokens (Section 3, Figure 1; Section 4, Figure 5)."""

import itertools
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from analysis.passages import Link
from analysis.syntax import DirectedHead
from attention.record import Maps
from figures.style import BLUE, RED
from figures.views import SPECIAL, View, view_head


def plot_attention(maps: Maps, head: str, ax: Axes, *, last: int | None = None) -> Axes:
    """One head, named like "3-9", on one example, or on its `last` tokens.

    Raises InputError where the maps have no such head. Other choices of what is shown
    are made by `figures.views.view_head`, and drawn by `plot_view`.
    """
    return plot_view(view_head(maps, head, last=last), ax)


def plot_view(view: View, ax: Axes) -> Axes:
    """A line from each token on the left to each on the right, the more opaque the more
    attention.

    Marked tokens and the lines from them are red; targets are red too, without lines.
    Where not all attention is shown, the share stands below.
    """
    size = len(view.labels)
    rgb = mpl.colors.to_rgb
    colours = np.where(view.marked[:, None], rgb(RED), rgb(BLUE))
    rows, columns = np.indices((size, size)).reshape(2, -1)
    lines = np.stack([np.zeros_like(rows), rows, np.ones_like(rows), columns], axis=1)
    opacities = view.weights.reshape(-1, 1).clip(0, 1)
    ax.add_collection(
        LineCollection(
            lines.reshape(-1, 2, 2),
            colors=np.hstack([colours[rows], opacities]),
            linewidths=1.5,
        )
    )
    for row, label in enumerate(view.labels):
        red = view.marked[row] or view.targets[row]
        style = {"color": RED, "weight": "bold"} if red else {}
        style["parse_math"] = False  # a "$" is a token
        for x, side in ((-0.04, "right"), (1.04, "left")):
            ax.text(x, row, label, ha=side, va="center_baseline", **style)
    ax.set(xlim=(-1.3, 2.3), ylim=(size - 0.5, -0.5), title=view.title)
    ax.set(xticks=[], yticks=[])
    if view.share < 0.995:
        ax.set_xlabel(f"{view.share:.0%} of attention shown", fontsize="small")
    sns.despine(ax=ax, left=True, bottom=True)
    return ax


def plot_typical_heads(
    maps: Maps,
    heads: Sequence[tuple[tuple[int, int], str]],
    axes: Sequence[Axes],
    last: int = 15,
) -> Sequence[Axes]:
    """Heads, and what they do, on the last tokens of one example (Figure 1).

    `heads` are places [layer, head] in arrays, as `typical_heads` gives them.
    """
    for ax, (place, behaviour) in zip(axes, heads, strict=True):
        name = maps.source.head_name(*place)
        title = f"Head {name}\n{behaviour}"
        plot_view(view_head(maps, name, last=last, title=title), ax)
    return axes


def plot_relations(
    examples: Mapping[str, Sequence[Maps]],
    heads: Mapping[str, DirectedHead],
    axes: np.ndarray,
) -> np.ndarray:
    """A row for each relation: its head's attention on example sentences (Figure 5).

    Red are the words from which the head attends along the relation: dependents or,
    for the other direction, syntactic heads. Special tokens are hidden where they get
    over half of the attention from these, as in the paper's panel of prepositions.
    """
    for row, (relation, directed) in zip(axes, heads.items(), strict=True):
        for ax, maps in itertools.zip_longest(row, examples[relation]):
            if maps is None:
                ax.axis("off")
            else:
                plot_view(_view_relation(maps, relation, directed), ax)
    return axes


def _view_relation(maps: Maps, relation: str, directed: DirectedHead) -> View:
    direction, layer, head = directed
    arcs = zip(maps.example["heads"], maps.example["relns"], strict=True)
    governors = {i: h for i, (h, r) in enumerate(arcs, 1) if r == relation}
    marked = {*governors.values()} if direction else {*governors}
    from_marked = maps.float32[layer, head, sorted(marked)]  # [marked, N]
    to_special = from_marked[:, np.isin(maps.roles, SPECIAL)].sum(-1).mean()
    hidden = SPECIAL if to_special > 0.5 else ()
    name = maps.source.head_name(layer, head)
    title = f"{relation}: head {name}"
    if hidden:
        title += "\nwithout {} and {}".format(*maps.source.special_tokens)
    return view_head(maps, name, hidden=hidden, marked=marked, title=title)


def plot_links(
    links: Sequence[Link], head: str, axes: Sequence[Axes]
) -> Sequence[Axes]:
    """A head on passages with coreference, without special tokens (Figure 5).

    The head is named like "3-9". Red are a mention, its lines, and its antecedent; axes
    left over stay empty.
    """
    for ax, link in itertools.zip_longest(axes, links):
        if link is None:
            ax.axis("off")
            continue
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

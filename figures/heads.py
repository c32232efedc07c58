"""Heads side by side: in the plane, as a tree, as heat maps (Section 6, Figure 6).

Layers and heads carry their true numbers, which a `Source` gives. Shapes: L layers, H
heads, K = L * H heads in layer-major order.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from adjustText import adjust_text
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from analysis.general import name_special
from attention.heads import read_head_name
from attention.source import Source
from figures.style import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    bar_beside,
    layer_colours,
    layer_key,
    layer_numbers,
    with_axes,
    with_bars,
)
from toolkit.files import InputError

# Figure 6: legend, colour and marker of each behaviour
BEHAVIOURS = {
    "broad": ("broadly", ORANGE, "^"),
    "next": ("to the next token", BLUE, ">"),
    "previous": ("to the previous token", GREEN, "<"),
    "sep": ("to {separator}", RED, "$S$"),
    "cls": ("to {first}", PURPLE, "$C$"),
    "punct": ("to . or ,", "#56b4e9", "s"),
    "": ("other", "#b0b0b0", "o"),
}
PITCH = 9.6  # points from one name of a leaf in the dendrogram to the next below it
STEPS = 3  # columns in which these names stand where they are many


def plot_heads(
    points: np.ndarray,
    behaviours: np.ndarray,
    source: Source,
    axes: Sequence[Axes],
    functions: Mapping[str, str] | None = None,
) -> Sequence[Axes]:
    """Heads in two dimensions [K, 2], by behaviour and by layer (Figure 6)."""
    left, right = axes
    plot_heads_by_layer(points, source, right)
    plot_heads_by_behaviour(points, behaviours, source, left, functions)
    return axes


def plot_heads_by_behaviour(
    points: np.ndarray,
    behaviours: np.ndarray,
    source: Source,
    ax: Axes,
    functions: Mapping[str, str] | None = None,
) -> Axes:
    """Heads in two dimensions [K, 2], marked by behaviour [L, H] (Figure 6, left).

    Heads of known function, by their names, are black crosses with name and function;
    `analysis.known_heads.known_heads` finds them. Other panels of the figure come
    first: names are placed by the room that there is.
    """
    source.check_shape(behaviours.shape)
    functions = functions or {}
    places = [source.find_head(name) for name in functions]
    known = np.zeros(behaviours.shape, bool)
    for place in places:
        known[place] = True
    for behaviour, (legend, colour, marker) in BEHAVIOURS.items():
        chosen = ((behaviours == behaviour) & ~known).ravel()
        if chosen.any():
            ax.scatter(
                *points[chosen].T,
                s=30 if behaviour else 12,
                marker=marker,
                color=colour,
                linewidths=0.5 if marker.startswith("$") else 0,
                label=name_special(legend, source),
            )
    _frame(points, ax)
    if functions:
        grid = points.reshape(*behaviours.shape, 2)
        crosses = np.array([grid[place] for place in places])
        ax.scatter(
            *crosses.T,
            s=30,
            marker="x",
            color="black",
            linewidths=1.2,
            label="by known function",
        )
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        ncols=2,
        title="attends",
        handletextpad=0.1,
        columnspacing=0.8,
    )
    if functions:
        _name_crosses(points, crosses, functions, ax)
    return ax


def _name_crosses(
    points: np.ndarray, crosses: np.ndarray, functions: Mapping[str, str], ax: Axes
) -> None:
    """Names beside crosses, clear of each other and of all points."""
    ax.figure.draw_without_rendering()  # lays the panels out
    texts = [
        ax.text(
            *point,
            textwrap.fill(f"{name} {function}", 18),
            fontsize=7,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
        for point, (name, function) in zip(crosses, functions.items(), strict=True)
    ]
    # crosses are wider than points: their corners are to be avoided too
    (zero, _), (one, _) = ax.transData.transform([[0, 0], [1, 0]])
    radius = 5 / 72 * ax.figure.dpi / (one - zero)  # 5 points, in units of data
    corners = [crosses + radius * np.subtract(c, 0.5) * 2 for c in np.ndindex(2, 2)]
    adjust_text(
        texts,
        *np.concatenate([points, *corners]).T,
        ax=ax,
        expand=(1.3, 1.6),
        arrowprops={"arrowstyle": "-", "color": "0.5", "linewidth": 0.5},
    )


def plot_heads_by_layer(points: np.ndarray, source: Source, ax: Axes) -> Axes:
    """Heads in two dimensions [K, 2], coloured by layer (Figure 6, right)."""
    colours = layer_colours(source)
    ax.scatter(
        *points.T,
        c=np.repeat(layer_numbers(source), source.heads),
        cmap=colours.cmap,
        norm=colours.norm,
        s=20,
        edgecolors="0.3",
        linewidths=0.4,
    )
    _frame(points, ax)
    layer_key(source, ax)
    return ax


def plot_dendrogram(distances: np.ndarray, source: Source, ax: Axes) -> Axes:
    """Heads [K, K] joined by average distance, names coloured by layer (Section 6).

    A name for every head, one below the other; the figure is made as high as that
    takes.
    """
    names = [source.head_name(*p) for p in np.ndindex(len(source.layers), source.heads)]
    if len(names) < 2:
        raise InputError("a single head: there are no distances to show")
    tree = hierarchy.linkage(squareform(distances, checks=False), "average")
    drawn = hierarchy.dendrogram(
        tree,
        ax=ax,
        orientation="left",
        link_color_func=lambda link: "0.4",
        no_labels=True,
    )
    step = 1 if len(names) * PITCH < 300 else STEPS
    figure = ax.get_figure(root=True)
    figure.set_figheight(max(2, len(names) * PITCH / step / 72 + 0.9))
    # SciPy puts the leaves at 5, 15, 25, ...
    ax.set_yticks(np.arange(len(names)) * 10 + 5, [""] * len(names))
    ax.yaxis.tick_right()
    colours = layer_colours(source)
    for place, tick in enumerate(ax.yaxis.get_major_ticks()):
        name = names[drawn["leaves"][place]]
        length = 3 + 24 * (place % step)
        tick.tick2line.set(
            markersize=length, markeredgecolor="0.8", markeredgewidth=0.5
        )
        ax.annotate(
            name,
            (1, tick.get_loc()),
            (length + 1, 0),
            xycoords=ax.get_yaxis_transform(),
            textcoords="offset points",
            fontsize=7,
            color=colours.to_rgba(read_head_name(name)[0] + 1),
            va="center_baseline",
            bbox={"fc": "white", "ec": "none", "pad": 0.3},
        )
    sns.despine(ax=ax, left=True)
    ax.set_xlabel("Jensen-Shannon divergence (nats)")
    layer_key(source, ax)
    return ax


def map_height(source: Source) -> float:
    """How high, in inches, a panel for `plot_heat_map` should be."""
    return 0.12 * len(source.layers) + 0.75


def plot_heat_map(
    values: np.ndarray,
    source: Source,
    ax: Axes,
    label: str,
    limits: tuple[float, float] | None = None,
    around_zero: float | None = None,
    bar: bool = True,
) -> Axes:
    """Any statistic of heads [L, H], a row for each layer.

    Colours go from the least to the largest value, or between `limits`. Values of
    either sign are coloured from white at zero up to `around_zero`, where that is
    given. Raises InputError where the values are not of the source's layers and heads.
    """
    source.check_shape(values.shape)
    low, high = limits or (None, None)
    scale = {"cmap": "viridis", "vmin": low, "vmax": high}
    if around_zero is not None:
        scale = {"cmap": "PuOr_r", "vmin": -around_zero, "vmax": around_zero}
    sns.heatmap(
        pd.DataFrame(values, layer_numbers(source), range(1, source.heads + 1)),
        ax=ax,
        **scale,
        linewidths=0.5,
        cbar=bar,
        cbar_ax=bar_beside(ax) if bar else None,
        cbar_kws={"label": label},
    )
    ax.tick_params(length=0, rotation=0)
    ax.set(xlabel="head", ylabel="layer")
    return ax


def plot_heat_maps(
    values: Mapping[str, np.ndarray], source: Source, axes: Iterable[Axes], label: str
) -> None:
    """A heat map [L, H] for each title, all of one scale; axes that are left over stay
    empty."""
    limits = min(map(np.min, values.values())), max(map(np.max, values.values()))
    panels = list(with_axes(values.items(), axes))
    bars = with_bars([ax for ax, _ in panels])
    for ax, (title, shown) in panels:
        plot_heat_map(shown, source, ax, label, limits, bar=ax in bars)
        ax.set_title(title)


def plot_probe_weights(
    weights: Mapping[str, np.ndarray], source: Source, axes: Sequence[Axes]
) -> Sequence[Axes]:
    """What the attention probe makes of each head (Section 5): the weights [L, H] of
    attention from the dependent to the syntactic head, and back.

    Both panels have the same scale, symmetric around zero.
    """
    largest = max(np.abs(values).max() for values in weights.values())
    panels = (
        ("to head", "from dependent to head"),
        ("from head", "from head to dependent"),
    )
    for ax, (direction, name) in with_axes(panels, axes):
        plot_heat_map(weights[direction], source, ax, "weight", around_zero=largest)
        ax.set_title(f"attention {name}")
    return axes


def _frame(points: np.ndarray, ax: Axes) -> None:
    """Equal scales, a margin around the points, and no ticks: only distances count."""
    low, high = points.min(0), points.max(0)
    margin = 0.08 * max(*(high - low), 1e-9)
    ax.set(
        aspect="equal",
        xlim=(low[0] - margin, high[0] + margin),
        ylim=(low[1] - margin, high[1] + margin),
        xticks=[],
        yticks=[],
    )
    sns.despine(ax=ax, left=True, bottom=True)

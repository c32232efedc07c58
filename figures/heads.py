"""Heads side by side: in the plane, as a tree, as heat maps (Section 6, Figure 6).

Layers and heads carry their true numbers, which a `Source` gives. Shapes: L layers, H
heads, K = L * H heads in layer-major order.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import matplotlib as mpl
import numpy as np
import seaborn as sns
from adjustText import adjust_text
from matplotlib.axes import Axes
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from attention.heads import read_head_name
from attention.source import Source
from figures.style import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RAMP,
    RED,
    layer_numbers,
    layer_ticks,
)

# Figure 6: legend, colour and marker of each behaviour
BEHAVIOURS = {
    "broad": ("broadly", ORANGE, "^"),
    "next": ("to the next token", BLUE, ">"),
    "previous": ("to the previous token", GREEN, "<"),
    "sep": ("to [SEP]", RED, "$S$"),
    "cls": ("to [CLS]", PURPLE, "$C$"),
    "punct": ("to . or ,", "#56b4e9", "s"),
    "": ("other", "#b0b0b0", "o"),
}


def plot_heads_by_behaviour(
    points: np.ndarray,
    behaviours: np.ndarray,
    source: Source,
    ax: Axes,
    functions: Mapping[str, str] | None = None,
) -> Axes:
    """Heads in two dimensions [K, 2], marked by behaviour [L, H] (Figure 6, left).

    Heads of known function, by their names, are black crosses with name and function;
    `analysis.known_heads.known_heads` finds them.
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
                s=36 if behaviour else 14,
                marker=marker,
                color=colour,
                linewidths=0.5 if marker.startswith("$") else 0,
                label=legend,
            )
    _frame(points, ax)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), title="attends")
    if functions:
        grid = points.reshape(*behaviours.shape, 2)
        crosses = np.array([grid[place] for place in places])
        ax.scatter(*crosses.T, s=36, marker="x", color="black", linewidths=1.2)
        texts = [
            ax.text(*point, f"{name} {function}", fontsize="small")
            for point, (name, function) in zip(crosses, functions.items(), strict=True)
        ]
        adjust_text(
            texts,
            *points.T,
            ax=ax,
            expand=(1.15, 1.5),
            arrowprops={"arrowstyle": "-", "color": "0.5", "linewidth": 0.5},
        )
    return ax


def plot_heads_by_layer(points: np.ndarray, source: Source, ax: Axes) -> Axes:
    """Heads in two dimensions [K, 2], coloured by layer (Figure 6, right)."""
    layer = np.repeat(layer_numbers(source), source.heads)
    drawn = ax.scatter(
        *points.T, c=layer, cmap=RAMP, s=24, edgecolors="0.3", linewidths=0.4
    )
    _frame(points, ax)
    ax.figure.colorbar(
        drawn, ax=ax, label="layer", shrink=0.8, ticks=layer_ticks(source)
    )
    return ax


def plot_dendrogram(distances: np.ndarray, source: Source, ax: Axes) -> Axes:
    """Heads [K, K] joined by average distance, names coloured by layer (Section 6)."""
    places = np.ndindex(len(source.layers), source.heads)
    tree = hierarchy.linkage(squareform(distances, checks=False), "average")
    hierarchy.dendrogram(
        tree,
        ax=ax,
        labels=[source.head_name(*place) for place in places],
        link_color_func=lambda link: "0.4",
        leaf_rotation=90,
        leaf_font_size=6,
    )
    depth = mpl.colors.Normalize(source.layers[0], source.layers[-1])
    for text in ax.get_xticklabels():
        layer, _ = read_head_name(text.get_text())
        text.set(color=RAMP(depth(layer)), weight="bold")
    ax.set_ylabel("Jensen-Shannon\ndivergence (nats)")
    return ax


def plot_heat_map(
    values: np.ndarray,
    source: Source,
    ax: Axes,
    label: str,
    around_zero: float | None = None,
) -> Axes:
    """Any statistic of heads [L, H], a row for each layer.

    Values of either sign are coloured from white at zero up to `around_zero`, where
    that is given. Raises InputError where the values are not of the source's layers and
    heads.
    """
    source.check_shape(values.shape)
    if around_zero is None:
        scale = {"cmap": "viridis"}
    else:
        scale = {"cmap": "PuOr_r", "vmin": -around_zero, "vmax": around_zero}
    sns.heatmap(
        values,
        ax=ax,
        **scale,
        square=True,
        linewidths=0.5,
        xticklabels=range(1, source.heads + 1),
        yticklabels=layer_numbers(source),
        cbar_kws={"label": label, "shrink": 0.8},
    )
    ax.tick_params(length=0, rotation=0)
    ax.set(xlabel="head", ylabel="layer")
    return ax


def plot_heat_maps(
    values: Mapping[str, np.ndarray], source: Source, axes: Iterable[Axes], label: str
) -> None:
    """A heat map [L, H] for each title; axes that are left over stay empty."""
    for ax, title in itertools.zip_longest(axes, values):
        if title is None:
            ax.axis("off")
        else:
            plot_heat_map(values[title], source, ax, label)
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
    for ax, (direction, name) in zip(axes, panels, strict=True):
        plot_heat_map(weights[direction], source, ax, "weight", around_zero=largest)
        ax.set_title(f"attention {name}")
    return axes


def _frame(points: np.ndarray, ax: Axes) -> None:
    """Equal scales, a margin around the points, and no ticks: only distances count."""
    low, high = points.min(0), points.max(0)
    margin = 0.08 * max(high - low)
    ax.set(
        aspect="equal",
        xlim=(low[0] - margin, high[0] + margin),
        ylim=(low[1] - margin, high[1] + margin),
        xticks=[],
        yticks=[],
    )
    sns.despine(ax=ax, left=True, bottom=True)

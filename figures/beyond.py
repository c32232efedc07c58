"""What the field asked after the paper: norms, mixing, rollout, sinks, importance.

Shapes: L layers, H heads, N tokens of an example, K kinds of token.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from analysis.general import name_special
from analysis.mixing import KINDS, MixingRatios, Shares
from analysis.roles import HeadRoles
from figures.layers import plot_by_layer
from figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    bar_beside,
    layer_numbers,
    layer_ticks,
    legend_above,
    with_axes,
    with_bars,
)

# by kind; `name_special` fills them in
NAMES = {"cls": "{first}", "sep": "{separator}", "punct": ". or ,", "word": "words"}
MOST_LABELS = 12  # of the rows of a small map
COLOURS = {"cls": ORANGE, "sep": BLUE, "punct": GREEN, "word": GREY}
VARIANT_STYLES = (
    (ORANGE, "o"),
    (RED, "^"),
    (BLUE, "s"),
    (GREEN, "D"),
    (PURPLE, "v"),
)


def plot_shares(weights: Shares, norms: Shares, axes: Sequence[Axes]) -> Sequence[Axes]:
    """The share of each special token and of punctuation in attention weights, beside
    that in norms: a panel for each kind of token."""
    for ax, kind in with_axes(("cls", "sep", "punct"), axes):
        for statistic, name, colour, marker in (
            (weights, "weights", ORANGE, "^"),
            (norms, "norms", BLUE, "o"),
        ):
            shares = statistic.shares[kind]
            plot_by_layer(
                shares, statistic.source, ax, label=name, color=colour, marker=marker
            )
        name = name_special(NAMES[kind], weights.source)
        ax.set(ylabel=f"share of {name}", ylim=(-0.02, 1.02))
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    return axes


def plot_mixing(statistics: Iterable[MixingRatios], ax: Axes) -> Axes:
    """Mean mixing ratio by layer, a line for each variant."""
    lines = [
        (variant, ratios, statistic.source)
        for statistic in statistics
        for variant, ratios in zip(statistic.variants, statistic.ratios, strict=True)
    ]
    for (variant, ratios, source), (colour, marker) in zip(
        lines, VARIANT_STYLES, strict=False
    ):
        x = layer_numbers(source)
        ax.plot(x, ratios, color=colour, marker=marker, markersize=3.5, label=variant)
        ax.xaxis.set_major_locator(layer_ticks(source, ax))
    ax.set(xlabel="layer", ylabel="mixing ratio", ylim=(0, 1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    legend_above(ax)
    return ax


def plot_maps(
    values: Mapping[str, np.ndarray], labels: Sequence[str], axes: Sequence[Axes]
) -> Sequence[Axes]:
    """A map [N, N] for each title, rows from, columns to; all of one scale. Of many
    labels, as many are shown as there is room for."""
    step = -(-len(labels) // MOST_LABELS)
    largest = max(v.max() for v in values.values())
    panels = list(with_axes(values.items(), axes))
    bars = with_bars([ax for ax, _ in panels])
    for ax, (title, shown) in panels:
        bar = ax in bars
        sns.heatmap(
            pd.DataFrame(shown, labels, labels),
            ax=ax,
            vmin=0,
            vmax=largest,
            cmap="viridis",
            square=True,
            xticklabels=step,
            yticklabels=step,
            cbar=bar,
            cbar_ax=bar_beside(ax) if bar else None,
        )
        ax.tick_params("x", length=0, rotation=90)
        ax.tick_params("y", length=0, rotation=0)
        ax.set_title(title)
    return axes


def plot_received(roles: HeadRoles, ax: Axes) -> Axes:
    """Mean attention that a token of each kind receives, with the threshold above which
    a token is a sink as a dashed line."""
    for i, kind in enumerate(KINDS):
        values = roles.received[..., i]
        if np.isfinite(values).all():
            plot_by_layer(
                values,
                roles.source,
                ax,
                label=NAMES[kind],
                color=COLOURS[kind],
                marker="osD^"[i],
            )
    ax.axhline(roles.settings["sink"], color="0.3", linestyle="--")
    ax.set(ylabel="attention received\nby a token (mean)", ylim=(-0.02, 1.02))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return ax


def plot_ablation(signed: np.ndarray, change: np.ndarray, ax: Axes) -> Axes:
    """What the loss changes by without each head [L, H], over what its importance, the
    derivative by a factor on its output [L, H], foretells: minus that (dashed)."""
    ax.scatter(-signed, change, color=BLUE, s=8, alpha=0.6, linewidths=0)
    ax.axline((0, 0), slope=1, color="0.3", linestyle="--")
    ax.locator_params("x", nbins=4)
    ax.set(
        xlabel="change foretold by importance (nats)",
        ylabel="change of the loss\nwithout the head (nats)",
    )
    return ax

"""Results of corpora: counts of relations (Section 4.2), accuracy by distance (Section
4.3), learning curves of probes (Section 5)."""

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, legend_above


def plot_counts(counts: Mapping[str, int], ax: Axes) -> Axes:
    """How often each relation occurs, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    names, numbers = zip(*ordered, strict=True)
    ax.barh(names, numbers, color=BLUE)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.margins(y=0.01)
    ax.set_xlabel("words")
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    figure = ax.get_figure(root=True)
    figure.set_figheight(max(1.2, len(names) * 9 / 72 + 0.5))  # 9 points a name
    return ax


def plot_by_distance(table: pd.DataFrame, ax: Axes) -> Axes:
    """How often an antecedent is found by its distance, with 95 % intervals: a line for
    each method of `accuracy_by_distance`, dashed for baselines."""
    methods = list(table.groupby(level="method", sort=False))
    colours = ("0.3", GREY, PURPLE, ORANGE, BLUE, GREEN)
    for i, ((name, rows), colour) in enumerate(zip(methods, colours, strict=True)):
        ax.errorbar(
            np.arange(len(rows)) + 0.08 * (i - (len(methods) - 1) / 2),  # side by side
            rows["accuracy"],
            yerr=[rows["accuracy"] - rows["low"], rows["high"] - rows["accuracy"]],
            color=colour,
            marker="xv^soD"[i],
            markersize=3.5,
            elinewidth=0.8,
            linestyle="-" if name.startswith("head") else "--",
            label=name,
        )
    groups = rows.index.get_level_values("group")
    mentions = rows["mentions"].map("{:,}".format)
    ax.set_xticks(range(len(rows)), groups + "\n" + mentions)
    ax.set(
        xlabel="distance to the nearest antecedent (words),\nand number of mentions",
        ylabel="accuracy (%)",
        ylim=(-2, 102),
    )
    legend_above(ax)
    return ax


def plot_learning_curves(curves: Mapping[str, pd.Series], ax: Axes) -> Axes:
    """UAS of probes, by name, over the number of sentences trained on."""
    styles = zip((BLUE, ORANGE, GREEN, RED, PURPLE), "o^sDv", strict=True)
    styled = zip(curves.items(), itertools.cycle(styles), strict=False)
    for (name, curve), (colour, marker) in styled:
        ax.plot(
            curve.index, curve, label=name, color=colour, marker=marker, markersize=3.5
        )
    ax.set(xscale="log", xlabel="sentences trained on", ylabel="UAS, no punctuation")
    ax.set_xticks(curve.index)
    ax.minorticks_off()
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.tick_params(axis="x", rotation=90)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    legend_above(ax)
    return ax

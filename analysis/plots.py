"""The paper's figures, each from data and Axes.

Heads are named as in the paper, `<layer>-<head>` counted from 1; layers on an axis
count from 1 too. Colours are told apart by colour-blind readers, and markers differ.
Shapes: L layers, H heads, N = L * H heads in layer-major order.
"""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from adjustText import adjust_text
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from analysis.coreference import Link
from analysis.general import GeneralStatistics, GradientStatistics
from analysis.maps import CLS, SEP, head_name, labels
from analysis.syntax import DirectedHead
from files import data_dir

BLUE, ORANGE, GREEN, RED, PURPLE, *_, GREY, _, _ = sns.color_palette("colorblind")
# of layers, from blue to red, dark enough for type
RAMP = ListedColormap(mpl.colormaps["plasma"](np.linspace(0, 0.75, 256)))

# Figure 2: (kind, legend, colour, marker) of each panel
PANELS = (
    (
        ("cls", "[CLS]", ORANGE, "^"),
        ("sep", "[SEP]", BLUE, "o"),
        ("punct", ". or ,", GREEN, "s"),
    ),
    (
        ("rest_sep", "other → [SEP]", ORANGE, "^"),
        ("sep_sep", "[SEP] → [SEP]", BLUE, "o"),
    ),
    (
        ("left", "previous token", ORANGE, "<"),
        ("right", "next token", BLUE, ">"),
        ("self", "current token", GREEN, "o"),
    ),
)

# Figure 3: the same of its only panel
GRADIENTS = (
    ("other", "other tokens", ORANGE, "^"),
    ("sep", "[SEP]", BLUE, "o"),
    ("punct", ". or ,", GREEN, "s"),
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


def set_style() -> None:
    """Settings for print: small sans-serif type, thin lines, fonts kept in PDFs."""
    sns.set_theme(context="paper", style="ticks")
    plt.rcParams |= {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.dpi": 100,
        "legend.frameon": False,
        "pdf.fonttype": 42,
        "savefig.bbox": "tight",
        "savefig.dpi": 300,
    }


def save_figure(figure: Figure, name: str) -> list[Path]:
    """Save as PDF and PNG in the data folder's `figures/`; the same each time."""
    folder = data_dir() / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.pdf", folder / f"{name}.png"]
    figure.savefig(paths[0], metadata={"CreationDate": None})
    figure.savefig(paths[1])
    return paths


def plot_attention(
    example: dict,
    layer: int,
    head: int,
    ax: Axes,
    *,
    last: int | None = None,
    hidden: Collection[str] = (),
    marked: Collection[int] = (),
    targets: Collection[int] = (),
) -> Axes:
    """One head's attention on one example (Figures 1 and 5).

    A line from each token on the left to each on the right, the more opaque the more
    attention. Tokens in `hidden` are left out, and only the `last` are shown; rows are
    renormalised over what is shown. The words at the positions in `marked`, and the
    lines from them, are red; so are the words in `targets`. `layer` and `head` count
    from 0.
    """
    names = labels(example)
    shown = [i for i, name in enumerate(names) if name not in hidden][-(last or 0) :]
    weights = example["attns"][layer, head][np.ix_(shown, shown)].astype(np.float64)
    weights /= np.maximum(weights.sum(-1, keepdims=True), 1e-12)

    size = len(shown)
    red = np.array([position in marked for position in shown])
    colours = np.where(red[:, None], mpl.colors.to_rgb(RED), mpl.colors.to_rgb(BLUE))
    rows, columns = np.indices((size, size)).reshape(2, -1)
    lines = np.stack([np.zeros_like(rows), rows, np.ones_like(rows), columns], axis=1)
    opacities = weights.reshape(-1, 1).clip(0, 1)
    ax.add_collection(
        LineCollection(
            lines.reshape(-1, 2, 2),
            colors=np.hstack([colours[rows], opacities]),
            linewidths=1.5,
        )
    )
    for row, position in enumerate(shown):
        named = red[row] or position in targets
        style = {"color": RED, "weight": "bold"} if named else {}
        for x, side in ((-0.04, "right"), (1.04, "left")):
            ax.text(x, row, names[position], ha=side, va="center_baseline", **style)
    ax.set(xlim=(-1.3, 2.3), ylim=(size - 0.5, -0.5), title=head_name(layer, head))
    ax.axis("off")
    return ax


def plot_typical_heads(
    example: dict,
    heads: Sequence[tuple[tuple[int, int], str]],
    axes: Sequence[Axes],
    last: int = 15,
) -> Sequence[Axes]:
    """Some heads, and what they do, on the last tokens of one example (Figure 1)."""
    for ax, ((layer, head), behaviour) in zip(axes, heads, strict=True):
        plot_attention(example, layer, head, ax, last=last)
        ax.set_title(f"Head {head_name(layer, head)}\n{behaviour}")
    return axes


def plot_relations(
    examples: Mapping[str, Sequence[dict]],
    heads: Mapping[str, DirectedHead],
    axes: np.ndarray,
) -> np.ndarray:
    """A row for each relation: its head's attention on example sentences (Figure 5).

    Red are the words from which the head attends along the relation: dependents or,
    for the other direction, syntactic heads. [CLS] and [SEP] are hidden where they get
    over half of the attention from these, as in the paper's panel of prepositions.
    """
    for row, (relation, (direction, layer, head)) in zip(
        axes, heads.items(), strict=True
    ):
        for ax, example in itertools.zip_longest(row, examples[relation]):
            if example is None:
                ax.axis("off")
                continue
            arcs = zip(example["heads"], example["relns"], strict=True)
            governors = {i: h for i, (h, r) in enumerate(arcs, 1) if r == relation}
            marked = set(governors.values() if direction else governors)
            special = example["attns"][layer, head][sorted(marked)][:, [0, -1]]
            hidden = {CLS, SEP} if special.sum(-1).mean() > 0.5 else set()
            plot_attention(example, layer, head, ax, hidden=hidden, marked=marked)
            without = "\nwithout [CLS] and [SEP]" * bool(hidden)
            ax.set_title(f"{relation}: head {head_name(layer, head)}{without}")
    return axes


def plot_links(
    links: Sequence[Link], layer: int, head: int, axes: Sequence[Axes]
) -> Sequence[Axes]:
    """A head's attention on passages with coreference, without [CLS] and [SEP] (Figure
    5). Red are a mention, its lines, and its antecedent; axes left over stay empty."""
    for ax, link in itertools.zip_longest(axes, links):
        if link is None:
            ax.axis("off")
            continue
        plot_attention(
            link.example,
            layer,
            head,
            ax,
            hidden={CLS, SEP},
            marked={link.mention},
            targets={link.antecedent},
        )
        ax.set_title(f"coreference: head {head_name(layer, head)}")
    return axes


def plot_average_attention(
    statistics: GeneralStatistics, axes: Sequence[Axes]
) -> Sequence[Axes]:
    """Average attention by layer in three panels (Figure 2): to [CLS], [SEP] and
    punctuation; from [SEP] and from other tokens to [SEP]; to neighbours."""
    averages = statistics.averages
    for ax, panel in zip(axes, PANELS, strict=True):
        for kind, name, colour, marker in panel:
            plot_by_layer(averages[kind], ax, label=name, color=colour, marker=marker)
        ax.set(ylabel="average attention", ylim=(-0.02, 1.02))
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    return axes


def plot_gradients(statistics: GradientStatistics, ax: Axes) -> Axes:
    """Mean absolute gradient of the masked-LM loss by layer, for attention to [SEP], to
    punctuation and to other tokens (Figure 3)."""
    for kind, name, colour, marker in GRADIENTS:
        values = statistics.averages[kind]
        plot_by_layer(values, ax, label=name, color=colour, marker=marker)
    ax.set(ylabel="mean |∂ loss / ∂ attention| (nats)", ylim=(0, None))
    return ax


def plot_entropies(
    statistics: GeneralStatistics, axes: Sequence[Axes]
) -> Sequence[Axes]:
    """Entropy of attention by layer, from all tokens and from [CLS] only, with that of
    uniform attention as a dashed line (Figure 4)."""
    uniform = statistics.uniform_entropy
    panels = (
        (statistics.entropies, "from all tokens"),
        (statistics.cls_entropies, "from [CLS]"),
    )
    for ax, (entropies, name) in zip(axes, panels, strict=True):
        plot_by_layer(entropies, ax, label=name, color=BLUE, marker="o")
        ax.axhline(uniform, color="0.3", linestyle="--", label="uniform attention")
        _legend_above(ax)
        ax.set(ylabel="entropy (nats)", ylim=(0, uniform * 1.05))
    return axes


def plot_by_layer(values: np.ndarray, ax: Axes, *, label: str, color, marker) -> Axes:
    """A point for each head [L, H] over its layer, and a line of layer means."""
    layers, heads = values.shape
    x = np.arange(1, layers + 1)
    ax.scatter(
        np.repeat(x, heads),
        values.ravel(),
        s=14,
        marker=marker,
        color=color,
        alpha=0.6,
        linewidths=0,
    )
    ax.plot(x, values.mean(-1), color=color, marker=marker, markersize=4, label=label)
    ax.set(xlabel="layer", xlim=(0.5, layers + 0.5))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend_above(ax)
    return ax


def plot_heads_by_behaviour(
    points: np.ndarray,
    behaviours: np.ndarray,
    ax: Axes,
    names: Mapping[tuple[int, int], str] | None = None,
) -> Axes:
    """Heads in two dimensions [N, 2], marked by behaviour [L, H] (Figure 6, left).

    Heads in `names`, by layer and head from 0, are black crosses with that name.
    """
    names = names or {}
    _, heads = behaviours.shape
    named = np.zeros(len(points), bool)
    named[[layer * heads + head for layer, head in names]] = True
    for behaviour, (legend, colour, marker) in BEHAVIOURS.items():
        chosen = (behaviours.ravel() == behaviour) & ~named
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
    if names:
        places = points[named]
        ax.scatter(*places.T, s=36, marker="x", color="black", linewidths=1.2)
        ordered = sorted(names.items())
        texts = [
            ax.text(*point, f"{head_name(*head)} {name}", fontsize="small")
            for point, (head, name) in zip(places, ordered, strict=True)
        ]
        adjust_text(
            texts,
            *points.T,
            ax=ax,
            expand=(1.15, 1.5),
            arrowprops={"arrowstyle": "-", "color": "0.5", "linewidth": 0.5},
        )
    return ax


def plot_heads_by_layer(points: np.ndarray, layers: int, ax: Axes) -> Axes:
    """Heads in two dimensions [N, 2], coloured by layer (Figure 6, right)."""
    layer = np.repeat(np.arange(1, layers + 1), len(points) // layers)
    drawn = ax.scatter(
        *points.T, c=layer, cmap=RAMP, s=24, edgecolors="0.3", linewidths=0.4
    )
    _frame(points, ax)
    bar = ax.figure.colorbar(drawn, ax=ax, label="layer", shrink=0.8)
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def plot_probe_weights(
    weights: Mapping[str, np.ndarray], axes: Sequence[Axes]
) -> Sequence[Axes]:
    """What the attention probe makes of each head (Section 5): the weights [L, H] of
    attention from the dependent to the head, and back. Both panels share one scale, on
    which what speaks against an arc is as far from white as what speaks for it."""
    largest = max(np.abs(values).max() for values in weights.values())
    panels = (
        ("to head", "from dependent to head"),
        ("from head", "from head to dependent"),
    )
    for ax, (direction, name) in zip(axes, panels, strict=True):
        plot_heat_map(weights[direction], ax, "weight", around_zero=largest)
        ax.set_title(f"attention {name}")
    return axes


def plot_learning_curves(curves: Mapping[str, pd.Series], ax: Axes) -> Axes:
    """UAS of probes, by name, over how many sentences they have seen so far."""
    styles = zip((BLUE, ORANGE, GREEN, RED, PURPLE), "o^sDv", strict=True)
    for (name, curve), (colour, marker) in zip(curves.items(), styles, strict=False):
        ax.plot(
            curve.index, curve, label=name, color=colour, marker=marker, markersize=4
        )
    ax.set(xscale="log", xlabel="sentences trained on", ylabel="UAS, no punctuation")
    ax.set_xticks(curve.index, [f"{sentences:,}" for sentences in curve.index])
    ax.minorticks_off()
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _legend_above(ax)
    return ax


def plot_heat_map(
    values: np.ndarray, ax: Axes, label: str, around_zero: float | None = None
) -> Axes:
    """Any statistic of heads [L, H], a row for each layer. Values of either sign are
    coloured from white at zero up to `around_zero`, where that is given."""
    layers, heads = values.shape
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
        xticklabels=range(1, heads + 1),
        yticklabels=range(1, layers + 1),
        cbar_kws={"label": label, "shrink": 0.8},
    )
    ax.tick_params(length=0, rotation=0)
    ax.set(xlabel="head", ylabel="layer")
    return ax


def plot_by_distance(table: pd.DataFrame, ax: Axes) -> Axes:
    """How often an antecedent is found by its distance, with 95 % intervals: a line for
    each method of `coreference.accuracy_by_distance`, dashed for baselines."""
    methods = list(table.groupby(level="method", sort=False))
    colours = ("0.3", GREY, PURPLE, ORANGE, BLUE, GREEN)
    for i, ((name, rows), colour) in enumerate(zip(methods, colours, strict=True)):
        ax.errorbar(
            np.arange(len(rows)) + 0.08 * (i - (len(methods) - 1) / 2),  # side by side
            rows["accuracy"],
            yerr=[rows["accuracy"] - rows["low"], rows["high"] - rows["accuracy"]],
            color=colour,
            marker="xv^soD"[i],
            markersize=4,
            linewidth=1.2,
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
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def plot_heat_maps(
    values: Mapping[str, np.ndarray], axes: Iterable[Axes], label: str
) -> None:
    """A heat map [L, H] for each title; axes that are left over stay empty."""
    for ax, title in itertools.zip_longest(axes, values):
        if title is None:
            ax.axis("off")
        else:
            plot_heat_map(values[title], ax, label)
            ax.set_title(title)


def plot_counts(counts: Mapping[str, int], ax: Axes) -> Axes:
    """How often each relation occurs, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    names, numbers = zip(*ordered, strict=True)
    ax.bar(names, numbers, color=BLUE)
    ax.tick_params(axis="x", length=0, rotation=90)
    ax.margins(x=0.01)
    ax.set_ylabel("words")
    return ax


def plot_dendrogram(distances: np.ndarray, layers: int, ax: Axes) -> Axes:
    """Heads [N, N] joined by average distance, names coloured by layer."""
    heads = len(distances) // layers
    tree = hierarchy.linkage(squareform(distances, checks=False), "average")
    hierarchy.dendrogram(
        tree,
        ax=ax,
        labels=[head_name(*divmod(i, heads)) for i in range(len(distances))],
        link_color_func=lambda link: "0.4",
        leaf_rotation=90,
        leaf_font_size=6,
    )
    for text in ax.get_xticklabels():
        layer = int(text.get_text().split("-")[0])
        text.set(color=RAMP((layer - 1) / max(layers - 1, 1)), weight="bold")
    ax.set_ylabel("Jensen-Shannon\ndivergence (nats)")
    return ax


def _legend_above(ax: Axes) -> None:
    """A legend over the panel, where it covers no point."""
    handles, _ = ax.get_legend_handles_labels()
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=len(handles),
        columnspacing=1,
        handlelength=1.4,
        handletextpad=0.4,
    )


def _frame(points: np.ndarray, ax: Axes) -> None:
    """Equal scales, room around the points, and no ticks: only distances mean much."""
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

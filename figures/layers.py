"""Statistics of heads by layer (Sections 3.1 to 3.3, Figures 2, 3 and 4).

A point for each head, a line through the means of layers; layers stand at their true
numbers. Shapes: L layers, H heads.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from analysis.general import GeneralStatistics, GradientStatistics, name_special
from attention.source import Source
from figures.style import (
    BLUE,
    GREEN,
    ORANGE,
    layer_numbers,
    layer_ticks,
    legend_above,
    with_axes,
)

# Figure 2: (kind, legend, colour, marker) of each panel; `name_special` fills them in
PANELS = (
    (
        ("cls", "{first}", ORANGE, "^"),
        ("sep", "{separator}", BLUE, "o"),
        ("punct", ". or ,", GREEN, "s"),
    ),
    (
        ("rest_sep", "other → {separator}", ORANGE, "^"),
        ("sep_sep", "{separator} → {separator}", BLUE, "o"),
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
    ("sep", "{separator}", BLUE, "o"),
    ("punct", ". or ,", GREEN, "s"),
)


def plot_average_attention(
    statistics: GeneralStatistics, axes: Sequence[Axes]
) -> Sequence[Axes]:
    """Average attention by layer in three panels (Figure 2): to the special tokens and
    punctuation; from the separator and from other tokens to the separator; to
    neighbours."""
    averages, source = statistics.averages, statistics.source
    for ax, panel in with_axes(PANELS, axes):
        for kind, name, colour, marker in panel:
            plot_by_layer(
                averages[kind], source, ax, label=name, color=colour, marker=marker
            )
        ax.set(ylabel="average attention", ylim=(-0.02, 1.02))
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    return axes


def plot_gradients(statistics: GradientStatistics, ax: Axes) -> Axes:
    """Mean absolute gradient of the masked-LM loss by layer, for attention to the
    separator, to punctuation and to other tokens (Figure 3)."""
    averages, source = statistics.averages, statistics.source
    for kind, name, colour, marker in GRADIENTS:
        plot_by_layer(
            averages[kind], source, ax, label=name, color=colour, marker=marker
        )
    ax.set(ylabel="mean |∂ loss / ∂ attention| (nats)", ylim=(0, None))
    return ax


def plot_entropies(
    statistics: GeneralStatistics, axes: Sequence[Axes]
) -> Sequence[Axes]:
    """Entropy of attention by layer, from all tokens and from the first only, with that
    of uniform attention as a dashed line (Figure 4)."""
    uniform, source = statistics.uniform_entropy, statistics.source
    panels = (
        (statistics.entropies, "from all tokens"),
        (statistics.cls_entropies, "from {first}"),
    )
    for ax, (entropies, name) in with_axes(panels, axes):
        plot_by_layer(entropies, source, ax, label=name, color=BLUE, marker="o")
        ax.axhline(uniform, color="0.3", linestyle="--", label="uniform attention")
        legend_above(ax)
        ax.set(ylabel="entropy (nats)", ylim=(0, uniform * 1.05))
    return axes


def plot_by_layer(
    values: np.ndarray, source: Source, ax: Axes, *, label: str, color, marker
) -> Axes:
    """A point for each head [L, H] at its layer, and a line of layer means.

    `label` may name special tokens as `name_special` takes them. Raises InputError
    where the values are not of the source's layers and heads.
    """
    source.check_shape(values.shape)
    x = layer_numbers(source)
    ax.scatter(
        np.repeat(x, source.heads),
        values.ravel(),
        s=8,
        marker=marker,
        color=color,
        alpha=0.6,
        linewidths=0,
    )
    ax.plot(
        x,
        values.mean(-1),
        color=color,
        marker=marker,
        markersize=3.5,
        label=name_special(label, source),
    )
    ax.set(xlabel="layer", xlim=(x[0] - 0.5, x[-1] + 0.5))
    ax.xaxis.set_major_locator(layer_ticks(source, ax))
    legend_above(ax)
    return ax

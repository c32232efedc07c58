"""What all figures share: widths, type and colours for print, panels, files.

Colours are told apart by colour-blind readers, and markers differ.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from attention.source import Source
from toolkit.files import data_dir

BLUE, ORANGE, GREEN, RED, PURPLE, *_, GREY, _, _ = sns.color_palette("colorblind")
# of layers, from blue to red, dark enough for text
RAMP = ListedColormap(mpl.colormaps["plasma"](np.linspace(0, 0.75, 256)))

WIDTHS = {1: 3.3, 2: 6.9}  # of one or two columns of a paper, in inches
PAGE_HEIGHT = 8.9  # of a figure at most, in inches
TICK = 0.17  # inches that the number of a layer takes
WIDEST = 1.5  # a panel becomes at most so many times as wide as it asks to be


def set_style(columns: int = 2) -> None:
    """Settings for print: figures as wide as 1 or 2 columns of a paper, type of 7 or 8
    points.

    `panels` makes figures of that width. Fonts are kept in PDFs, and the layout leaves
    room for all labels and legends. Raises ValueError for another number of columns.
    """
    if columns not in WIDTHS:
        raise ValueError(f"figures as wide as {columns} columns, expected 1 or 2")
    width = WIDTHS[columns]
    sns.set_theme(context="paper", style="ticks")
    plt.rcParams |= {
        "axes.labelsize": 8,
        "axes.linewidth": 0.8,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 8,
        "figure.constrained_layout.use": True,
        "figure.dpi": 100,
        "figure.figsize": (width, 0.6 * width),
        "font.size": 7.5,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "legend.title_fontsize": 7,
        "lines.linewidth": 1.2,
        "pdf.fonttype": 42,
        "savefig.dpi": 300,
        "xtick.labelsize": 7,
        "xtick.major.size": 3,
        "ytick.labelsize": 7,
        "ytick.major.size": 3,
    }


def panels(count: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of the width that `set_style` set, and the axes of its panels.

    As many panels stand side by side as have at least `width` inches each, the others
    below; each row is `height` inches high, or less where a page would not hold them.
    A figure of few panels is narrower.
    """
    page = plt.rcParams["figure.figsize"][0]
    columns = min(count, max(1, int(page // width)))
    rows = -(-count // columns)
    columns = -(-count // rows)  # rows of even length
    size = min(page, WIDEST * width * columns), min(rows * height, PAGE_HEIGHT)
    figure, axes = plt.subplots(
        rows, columns, figsize=size, squeeze=False, layout="constrained"
    )
    for ax in axes.flat[count:]:
        ax.remove()
    return figure, list(axes.flat[:count])


def with_axes(items: Iterable[Any], axes: Iterable[Axes]) -> Iterator[tuple[Axes, Any]]:
    """Each item with the axes to draw it on; axes that are left over are emptied.

    Raises ValueError, before anything is drawn, where there are too few.
    """
    items, axes = list(items), list(axes)
    if len(items) > len(axes):
        raise ValueError(f"{len(items)} panels to draw, but {len(axes)} axes")
    for ax in axes[len(items) :]:
        ax.axis("off")
    return zip(axes, items, strict=False)


def save_figure(figure: Figure, name: str, caption: str = "") -> list[Path]:
    """Save as PDF and PNG, and the caption as text, in the data folder's `figures/`.

    The same figure gives the same bytes each time.
    """
    folder = data_dir() / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.pdf", folder / f"{name}.png"]
    figure.savefig(paths[0], metadata={"CreationDate": None})
    figure.savefig(paths[1])
    if caption:
        paths.append(folder / f"{name}.txt")
        paths[-1].write_text(f"{caption}\n", encoding="utf-8")
    return paths


def layer_numbers(source: Source) -> list[int]:
    """The true numbers of the layers, from 1, as people read them."""
    return [layer + 1 for layer in source.layers]


def layer_ticks(source: Source, ax: Axes) -> FixedLocator:
    """Ticks at the layers that were kept; of many, as many as there is room for."""
    width = ax.get_window_extent().width / ax.get_figure(root=True).dpi  # in inches
    return FixedLocator(layer_numbers(source), nbins=max(1, int(width / TICK)))


def layer_colours(source: Source) -> ScalarMappable:
    """A colour for each layer that was kept, by its true number from 1."""
    numbers = np.array(layer_numbers(source), float)
    between = (numbers[1:] + numbers[:-1]) / 2
    bounds = [numbers[0] - 0.5, *between, numbers[-1] + 0.5]
    colours = ListedColormap(RAMP(np.linspace(0, 1, len(numbers))))
    return ScalarMappable(BoundaryNorm(bounds, len(numbers)), colours)


def layer_key(source: Source, ax: Axes) -> None:
    """A bar of the layers' colours above a panel, as wide as the panel."""
    inch = ax.get_figure(root=True).dpi / ax.get_window_extent().height  # of the panel
    bar = ax.inset_axes([0, 1 + 0.05 * inch, 1, 0.08 * inch])
    ax.figure.colorbar(
        layer_colours(source),
        cax=bar,
        label="layer",
        orientation="horizontal",
        ticks=layer_ticks(source, ax),
    )
    bar.xaxis.set(label_position="top", ticks_position="top")
    bar.minorticks_off()
    bar.tick_params(length=0, pad=1)


def with_bars(axes: Sequence[Axes]) -> list[Axes]:
    """Of the panels of maps that share a scale, those beside which its bar stands."""
    return [ax for ax in axes if ax.get_subplotspec().is_last_col()] or [axes[-1]]


def bar_beside(ax: Axes) -> Axes:
    """The axes of a colour bar beside a map, as tall as the map itself."""
    return ax.inset_axes([1.04, 0, 0.05, 1])


def legend_above(ax: Axes) -> None:
    """A legend above the panel, where it covers no point, as wide as the panel."""
    handles, labels = ax.get_legend_handles_labels()
    for columns in range(len(handles), 0, -1):
        # read along rows, where Matplotlib fills columns
        order = [
            i for start in range(columns) for i in range(len(handles))[start::columns]
        ]
        legend = ax.legend(
            [handles[i] for i in order],
            [labels[i] for i in order],
            loc="lower center",
            bbox_to_anchor=(0.5, 1),
            ncols=columns,
            columnspacing=1,
            handlelength=1.4,
            handletextpad=0.4,
            borderpad=0.2,
        )
        if legend.get_window_extent().width <= 1.1 * ax.get_window_extent().width:
            break

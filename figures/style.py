"""What all figures share: colours, settings for print, files.

Colours are told apart by colour-blind readers, and markers differ.
"""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from attention.source import Source
from toolkit.files import data_dir

BLUE, ORANGE, GREEN, RED, PURPLE, *_, GREY, _, _ = sns.color_palette("colorblind")
# of layers, from blue to red, dark enough for text
RAMP = ListedColormap(mpl.colormaps["plasma"](np.linspace(0, 0.75, 256)))


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
    """Save as PDF and PNG in the data folder's `figures/`.

    The same figure gives the same bytes each time.
    """
    folder = data_dir() / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.pdf", folder / f"{name}.png"]
    figure.savefig(paths[0], metadata={"CreationDate": None})
    figure.savefig(paths[1])
    return paths


def layer_numbers(source: Source) -> list[int]:
    """The true numbers of the layers, from 1, as people read them."""
    return [layer + 1 for layer in source.layers]


def layer_ticks(source: Source) -> FixedLocator:
    """Ticks at the layers that were kept; at most a dozen or so of many."""
    return FixedLocator(layer_numbers(source), nbins=12)


def legend_above(ax: Axes) -> None:
    """A legend above the panel, where it covers no point."""
    handles, _ = ax.get_legend_handles_labels()
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=len(handles),
        columnspacing=1,
        handlelength=1.4,
        handletextpad=0.4,
    )

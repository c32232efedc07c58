"""One head on one example in print: lines beside a matrix, both from one view."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from attention.record import Maps
from attention.source import WORDS
from attention.word_level import word_attention
from figures.lines import plot_view
from figures.panels import Panel
from figures.style import RED, set_style
from figures.views import View, view_head
from toolkit.files import InputError, open_whole

INCHES = 0.23  # a token takes


def plot_head(view: View) -> Figure:
    """A head as lines, and beside them as a matrix, in the size of its n tokens."""
    side = INCHES * max(8, len(view.labels))
    lines = 3.6  # inches wide
    figure, axes = plt.subplots(
        ncols=2,
        figsize=(lines + side + 1.6, side + 1.2),
        width_ratios=(lines, side + 1.6),
        layout="constrained",
    )
    plot_view(dataclasses.replace(view, title=""), axes[0])
    plot_matrix(view, axes[1])
    figure.suptitle(view.title, parse_math=False)
    return figure


def plot_matrix(view: View, ax: Axes) -> Axes:
    """The weights of a view, from the row's token to the column's, darker the larger.

    The names of marked tokens are red at the rows, those of targets at the columns.
    """
    sns.heatmap(
        view.weights,
        ax=ax,
        cmap="Blues",
        vmin=0,
        square=True,
        linewidths=0.5,
        cbar_kws={"label": "attention", "shrink": 0.6},
    )
    middles = [place + 0.5 for place in range(len(view.labels))]
    ax.set_xticks(middles, view.labels, rotation=90, parse_math=False)
    ax.set_yticks(middles, view.labels, rotation=0, parse_math=False)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    for axis, red in ((ax.xaxis, view.targets), (ax.yaxis, view.marked)):
        for label, is_red in zip(axis.get_ticklabels(), red, strict=True):
            label.set(color=RED if is_red else "black")
    ax.set(xlabel="to", ylabel="from")
    ax.xaxis.set_label_position("top")
    return ax


def save_heads(
    panels: Iterable[Panel], head: str, path: str | Path, words: bool = False
) -> None:
    """A PDF of one head, a page a text; `words` asks for maps between words.

    The same panels give the same bytes. Raises InputError for maps that lack the head,
    or are not of attention, and where words are not known.
    """
    set_style()
    with (
        open_whole(path) as file,
        PdfPages(file, metadata={"CreationDate": None}) as pages,
    ):
        for panel in panels:
            maps = _between_words(panel) if words else panel.maps
            title = f"{panel.model}: head {head}"
            figure = plot_head(view_head(maps, head, title=title))
            pages.savefig(figure)
            plt.close(figure)


def _between_words(panel: Panel) -> Maps:
    maps = panel.maps
    if maps.level == WORDS:
        return maps
    if not panel.word_pieces:
        raise InputError(
            "which pieces make a word is not known of these maps between tokens: make "
            "them with extract_attention.py --word-level"
        )
    source = dataclasses.replace(maps.source, level=WORDS)
    values = word_attention(maps.float32, panel.word_pieces)
    return Maps(values, WORDS, source, maps.example)

"""What a notebook is made of: parts that show a result, or say what is missing."""

import contextlib
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure

from figures.style import save_figure
from figures.tables import save_table, show_table
from toolkit.files import InputError


class Parts:
    """The parts of a notebook that needs files: `with part(): ...`.

    Where a part lacks a file, or has too little data, it says so in place of its
    result, and the notebook goes on. `made_by` are the commands that make each file.
    """

    def __init__(self, made_by: Mapping[Path, str]):
        self.made_by = made_by

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """A part; bad input and missing files in it are said in one line."""
        before = plt.get_fignums()
        try:
            yield
        except (InputError, OSError) as error:
            for number in {*plt.get_fignums()}.difference(before):
                plt.close(number)  # it is blank or half drawn
            self._say(error)

    def found(self, *paths: Path) -> bool:
        """Whether these files are there; if not, says what makes the first missing."""
        missing = [path for path in paths if not path.is_file()]
        if missing:
            self._say(FileNotFoundError(2, "No such file", str(missing[0])))
        return not missing

    def _say(self, error: InputError | OSError) -> None:
        if not isinstance(error, OSError) or error.filename is None:
            print(f"Left out: {error}")
            return
        path = Path(error.filename)
        if not isinstance(error, FileNotFoundError):
            print(f"Left out: {path}: {error.strerror}")
        elif path in self.made_by:
            print(f"Left out: {path} is not there. To make it:")
            print(textwrap.indent(textwrap.dedent(self.made_by[path]).strip(), "  "))
        else:
            print(f"Left out: {path} is not there.")


def present(
    result: Figure | pd.DataFrame,
    name: str,
    caption: str,
    shown: pd.DataFrame | None = None,
) -> None:
    """Save a figure or a table with its caption in the data folder, and show both.

    Of a long table, `shown` are the rows to show.
    """
    caption = " ".join(caption.split())
    if isinstance(result, Figure):
        save_figure(result, name, caption)
        display(result)
        plt.close(result)
    else:
        save_table(result, name, caption)
        display(show_table(result if shown is None else shown))
    print(textwrap.fill(caption, 88))

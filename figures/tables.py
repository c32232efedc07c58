"""The paper's tables, as they are shown and saved."""

from pathlib import Path

import pandas as pd

from toolkit.files import data_dir


def show_table(table: pd.DataFrame) -> pd.DataFrame:
    """A table as text for reading: one decimal, nothing where there is no value."""

    def text(value: object) -> str:
        if pd.isna(value):
            return ""
        return f"{value:.1f}" if isinstance(value, float) else str(value)

    return table.map(text)


def save_table(table: pd.DataFrame, name: str) -> list[Path]:
    """Save as CSV, unrounded, and as LaTeX, in the data folder's `tables/`."""
    folder = data_dir() / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.csv", folder / f"{name}.tex"]
    table.to_csv(paths[0])
    show_table(table).to_latex(paths[1], escape=True, multicolumn_format="c")
    return paths

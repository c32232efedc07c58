"""The paper's tables, as they are shown and saved."""

import re
from pathlib import Path

import pandas as pd
from pandas.api.types import is_integer_dtype, is_numeric_dtype

from toolkit.files import data_dir

PACKAGES = "% \\usepackage{booktabs, siunitx}\n"
ESCAPES = str.maketrans({c: f"\\{c}" for c in "&%$#_{}"})  # of characters in captions


def show_table(table: pd.DataFrame) -> pd.DataFrame:
    """A table as text for reading: one decimal, nothing where there is no value."""

    def text(value: object) -> str:
        if pd.isna(value):
            return ""
        return f"{value:.1f}" if isinstance(value, float) else str(value)

    return table.map(text)


def save_table(table: pd.DataFrame, name: str, caption: str = "") -> list[Path]:
    """Save as CSV, unrounded, and as LaTeX, in the data folder's `tables/`.

    LaTeX has one decimal, numbers right-aligned by it, and needs PACKAGES.
    """
    folder = data_dir() / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.csv", folder / f"{name}.tex"]
    table.to_csv(paths[0])
    paths[1].write_text(PACKAGES + _latex(table, name, caption), encoding="utf-8")
    return paths


def _latex(table: pd.DataFrame, name: str, caption: str) -> str:
    whole = table.reset_index(names=[table.index.name or ""])  # a column like others
    styler = whole.style.hide(axis="index")
    styler.format(precision=1, na_rep="", escape="latex")
    styler.format_index(escape="latex", axis="columns")
    return styler.to_latex(
        column_format="".join(_alignment(column) for _, column in whole.items()),
        position_float="centering",
        hrules=True,
        siunitx=True,
        multicol_align="c",
        caption=re.sub('"(.*?)"', r"``\1''", caption.translate(ESCAPES)),
        label=f"tab:{name}",
    )


def _alignment(column: pd.Series) -> str:
    """Text to the left; of numbers, siunitx aligns the decimal points."""
    if not is_numeric_dtype(column):
        return "l"
    numbers = column.dropna().astype(float)
    digits = max(len(f"{abs(number):.0f}") for number in [0.0, *numbers])
    sign = "-" if (numbers < 0).any() else ""
    return f"S[table-format={sign}{digits}.{0 if is_integer_dtype(column) else 1}]"

"""Tables as LaTeX: columns, packages, captions."""

import numpy as np
import pandas as pd
import pytest

from figures.tables import PACKAGES, save_table


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTN_DATA_DIR", str(tmp_path))
    return tmp_path / "tables"


def test_numbers_are_aligned_by_their_decimal_points(folder):
    """25,147 has five digits, 80.6 two before the point, -3.25 one and a sign."""
    table = pd.DataFrame(
        {
            "count": [25147, 391],
            "head": ["3-2", "3-9"],
            "accuracy, %": [39.84, 80.6],
            "±": [np.nan, 0.1],
            "gain": [-3.25, 0.0],
        },
        index=pd.Index(["all", "nmod:poss_x"], name="relation"),
    )
    save_table(table, "table_1", 'The "best" head, 95 % & more.')
    assert (folder / "table_1.tex").read_text(encoding="utf-8") == PACKAGES + (
        r"""\begin{table}
\centering
\caption{The ``best'' head, 95 \% \& more.}
\label{tab:table_1}
\begin{tabular}{lS[table-format=5.0]lS[table-format=2.1]S[table-format=1.1]"""
        r"""S[table-format=-1.1]}
\toprule
{relation} & {count} & {head} & {accuracy, \%} & {±} & {gain} \\
\midrule
all & 25147 & 3-2 & 39.8 &  & -3.2 \\
nmod:poss\_x & 391 & 3-9 & 80.6 & 0.1 & 0.0 \\
\bottomrule
\end{tabular}
\end{table}
"""
    )
    # unrounded
    assert "\nall,25147,3-2,39.84,,-3.25\n" in (folder / "table_1.csv").read_text()


def test_columns_of_two_levels_and_an_index_without_a_name(folder):
    names = [("here", "all"), ("here", "±"), ("paper", "all")]
    columns = pd.MultiIndex.from_tuples(names)
    table = pd.DataFrame([[74.7, 0.6, 65]], ["head 3-5"], columns)
    save_table(table.astype({("paper", "all"): "Int64"}), "table_2", "Who finds one.")
    lines = (folder / "table_2.tex").read_text(encoding="utf-8").splitlines()
    top = lines.index(r"\toprule")
    assert lines[top + 1 : -3] == [
        r"{} & \multicolumn{2}{c}{here} & {paper} \\",
        r"{} & {all} & {±} & {all} \\",
        r"\midrule",
        r"head 3-5 & 74.7 & 0.6 & 65 \\",
    ]

"""Tell what `make demo` made, and what three of the heads look at.

Usage: python -m examples.summarize out
"""

import sys
from pathlib import Path

import numpy as np

from analysis.general import ATTENTION_KINDS, GeneralStatistics
from analysis.statistic import accumulate
from attention.record import describe_maps

SHOWN = (("left", "right"), ("sep", "cls"), ("self", "punct"))


def main(folder: Path) -> None:
    """Print the summary of one folder."""
    maps = folder / "unlabeled_attn.pkl"
    statistics = GeneralStatistics()
    accumulate(maps, statistics)
    averages = statistics.averages
    layers, heads = statistics.shape
    print(f"""
  {describe_maps(maps)}
  {layers} layers x {heads} heads, {maps.stat().st_size / 1e6:,.0f} MB

  What three of the heads look at (layer-head, counted from 1):
""")
    for kinds in SHOWN:  # the head that is the strongest in either kind
        kind = max(kinds, key=lambda k: averages[k].max())
        place = np.unravel_index(averages[kind].argmax(), (layers, heads))
        name, share = statistics.head_name(*place), averages[kind][place]
        what = ATTENTION_KINDS[kind]
        print(f"    {name:>5}  gives {share:.0%} of its attention {what}")
    print(f"""
  Open {folder / "look.html"} in a browser, or with Jupyter the notebooks in {folder}.
  Their figures are in {folder / "figures"}, their tables in {folder / "tables"}.

  Load the maps with

    from attention.record import read_maps
    for maps in read_maps("{maps}"):
        maps.labels, maps.values  # [layers, heads, tokens, tokens]
""")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

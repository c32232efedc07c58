"""Tell what a file of attention maps holds, and what three of the heads look at.

Usage: python -m examples.summarize out/unlabeled_attn.pkl
"""

import json
import sys
from pathlib import Path

import numpy as np

from analysis.general import KINDS, GeneralStatistics
from analysis.maps import head_name
from attention.store import read_attention

SHOWN = (("left", "right"), ("sep", "cls"), ("self", "punct"))


def main(path: Path) -> None:
    """Print the summary of one file."""
    statistics = GeneralStatistics()
    for example in read_attention(path):
        statistics.update(example)
    meta = json.loads(path.with_suffix(".meta.json").read_text(encoding="utf-8"))
    averages = statistics.averages
    layers, heads = statistics.entropies.shape
    print(f"""
  {statistics.documents:,} spans of text went through {meta["flags"]["bert_dir"]}:
  {layers} layers x {heads} heads. Their attention maps are in
  {path} ({path.stat().st_size / 1e6:,.0f} MB), beside a .meta.json
  that says what made them.

  What three of the heads look at (layer-head, counted from 1):
""")
    for kinds in SHOWN:  # the head that is the strongest in either kind
        kind = max(kinds, key=lambda k: averages[k].max())
        layer, head = np.unravel_index(averages[kind].argmax(), (layers, heads))
        share = averages[kind][layer, head]
        print(
            f"    {head_name(layer, head):>5}  gives {share:.0%} of its attention "
            f"{KINDS[kind]}"
        )
    print(f"""
  Load the maps with

    from attention.store import read_attention
    for example in read_attention("{path}"):
        example["tokens"], example["attns"]  # [layers, heads, tokens, tokens]
""")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

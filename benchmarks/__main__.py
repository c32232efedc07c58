"""All benchmarks but that of GPUs in turn, and at the end a table of their medians.

Usage: python -m benchmarks --bert-dir models/all-MiniLM-L6-v2 --ewt FOLDER
"""

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path

import pandas as pd

from benchmarks.harness import ROOT


def main() -> None:
    """Run each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bert-dir", type=Path, required=True, help="a small BERT")
    parser.add_argument("--ewt", type=Path, required=True, help="UD English EWT")
    parser.add_argument("--runs", default="3", help="of each measurement")
    args = parser.parse_args()
    train, dev = (args.ewt / f"en_ewt-ud-{part}.conllu" for part in ("train", "dev"))
    vocabulary = ["--vocabulary", args.bert_dir / "vocab.txt"]
    rows = []
    for name, flags in {
        "head_distances": [],
        "syntax": ["--bert-dir", args.bert_dir, "--treebank", dev],
        "probes": ["--treebank", train],
        "norms": [],
        "gradients": vocabulary,
        "scale": [*vocabulary, "--treebank", dev],
        "extraction": [*vocabulary, "--treebank", dev],
    }.items():
        command = [sys.executable, "-m", f"benchmarks.{name}", "--runs", args.runs]
        done = subprocess.run(
            [*command, *flags], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        print(done.stdout)
        medians = json.loads(done.stdout.splitlines()[-1])
        rows += [(name, result, f"{median:.3f}") for result, median in medians.items()]
    table = pd.DataFrame(rows, columns=["benchmark", "result", "median"])
    print(f"{_processor()}; medians of {args.runs} runs")
    print(table.to_string(index=False))


def _processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor()
    named = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return f"{len(named)} x {named[0]}" if named else platform.machine()


if __name__ == "__main__":
    main()

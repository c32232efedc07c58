"""Scoring every head on a treebank, in both directions, beside just loading its maps.

The maps are made first, at word level, as for Table 1. Each run is a process of its
own, A B A B, as a second load in one process finds its memory at hand. Imports are not
timed. Given are ratios pair by pair.

Usage: python -m benchmarks.syntax --treebank FILE.conllu --bert-dir BERT
The last line is JSON.
"""

import argparse
import json
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent


def load(path: Path) -> None:
    """What `pickle.load` takes for the whole file."""
    with open(path, "rb") as file:
        pickle.load(file)


def score(path: Path) -> None:
    """What a pass of SyntaxScores takes, reading included."""
    from analysis.maps import accumulate

    from analysis.syntax import SyntaxScores

    accumulate(path, SyntaxScores())


def table(path: Path) -> None:
    """The same, and Table 1 with its intervals."""
    from analysis.maps import accumulate

    from analysis.syntax import SyntaxScores, table_1

    scores = SyntaxScores()
    accumulate(path, scores)
    table_1(scores)


JOBS = {job.__name__: job for job in (load, score, table)}


def main() -> None:
    """Run every job in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--treebank", type=Path, help="CoNLL-U file")
    parser.add_argument("--bert-dir", type=Path, help="whose heads are scored")
    parser.add_argument("--runs", type=int, default=7, help="of each job")
    parser.add_argument(
        "--job", choices=JOBS, help=argparse.SUPPRESS
    )  # its own process
    parser.add_argument("--maps", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(timed(JOBS[args.job], args.maps))
        return
    seconds = {job: [] for job in JOBS}
    with tempfile.TemporaryDirectory() as temporary:
        maps = make_maps(args.treebank, args.bert_dir, Path(temporary))
        command = [sys.executable, "-m", "benchmarks.syntax", "--maps", maps, "--job"]
        for _ in range(args.runs):
            for job, found in seconds.items():
                process = subprocess.run(
                    [*command, job],
                    cwd=ROOT,
                    check=True,
                    capture_output=True,
                    text=True,
                )
                found.append(float(process.stdout))
    results = {"pickle.load, seconds": statistics.median(seconds["load"])}
    for job in ("score", "table"):
        pairs = zip(seconds[job], seconds["load"], strict=True)
        ratios = [ours / loading for ours, loading in pairs]
        results[f"{job} / pickle.load"] = middle = statistics.median(ratios)
        print(
            f"{job} / pickle.load {middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            f", {statistics.median(seconds[job]):.2f} s"
        )
    print(json.dumps(results))


def make_maps(treebank: Path, bert_dir: Path, folder: Path) -> Path:
    """Word-level maps of a treebank's sentences, by the scripts themselves."""
    import extract_attention
    import preprocess_depparse

    data = folder / "dev.json"
    assert preprocess_depparse.main(["--data-file", treebank, "--outfile", data]) == 0
    flags = ["--preprocessed-data-file", data, "--bert-dir", bert_dir, "--word-level"]
    assert extract_attention.main(flags) == 0
    return folder / "dev_attn.pkl"


def timed(job: Callable[[Path], None], maps: Path) -> float:
    """Seconds of a job, after all that it imports is there."""
    import analysis.syntax  # noqa: F401

    start = time.perf_counter()
    job(maps)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

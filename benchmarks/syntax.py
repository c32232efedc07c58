"""Scoring every head on a treebank, in both directions, beside just loading its maps.

The maps are made first, at word level, as for Table 1. Imports are not timed, nor that
Numba starts and loads its code. Each job has a process of its own, as a second load in
one process finds its memory at hand.

Usage: python -m benchmarks.syntax --treebank FILE.conllu --bert-dir BERT
"""

import functools
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import measure, parser, ratio, report, spread


def main() -> None:
    """Run every job in turn and print the ratios."""
    flags = parser(__doc__, runs=7)
    flags.add_argument("--treebank", type=Path, help="CoNLL-U file", required=True)
    flags.add_argument(
        "--bert-dir", type=Path, help="whose heads are scored", required=True
    )
    args = flags.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        make_maps(args.treebank, args.bert_dir, Path(temporary))
        measured = measure("benchmarks.syntax", JOBS, Path(temporary), args.runs)
    seconds = {job: found["seconds"] for job, found in measured.items()}
    report(
        {f"{job}, seconds": spread(seconds[job]) for job in JOBS}
        | {
            f"{job} / pickle.load": ratio(seconds[job], seconds["load"])
            for job in ("score", "table")
        }
    )


def make_maps(treebank: Path, bert_dir: Path, folder: Path) -> None:
    """Word-level maps of a treebank's sentences, by the scripts themselves."""
    import extract_attention
    import preprocess_depparse

    data = folder / "dev.json"
    assert preprocess_depparse.main(["--data-file", treebank, "--outfile", data]) == 0
    flags = ["--preprocessed-data-file", data, "--bert-dir", bert_dir, "--word-level"]
    assert extract_attention.main(flags) == 0


def load(maps: Path) -> None:
    """`pickle.load` of the whole file."""
    with open(maps, "rb") as file:
        pickle.load(file)


def score(maps: Path) -> None:
    """A pass of SyntaxScores, reading included."""
    from analysis.statistic import accumulate
    from analysis.syntax import SyntaxScores

    accumulate(maps, SyntaxScores())


def table(maps: Path) -> None:
    """The same, and Table 1 with its intervals."""
    from analysis.statistic import accumulate
    from analysis.syntax import SyntaxScores
    from analysis.table_1 import table_1

    scores = SyntaxScores()
    accumulate(maps, scores)
    table_1(scores)


def timed(job: Callable[[Path], None], folder: Path) -> dict:
    """Seconds of a job, after all that it imports is there."""
    import analysis.table_1  # noqa: F401
    from analysis.syntax import SyntaxScores
    from attention.record import read_maps

    maps = folder / "dev_attn.pkl"
    SyntaxScores().update(next(read_maps(maps)))
    start = time.perf_counter()
    job(maps)
    return {"seconds": time.perf_counter() - start}


JOBS = {job.__name__: functools.partial(timed, job) for job in (load, score, table)}

if __name__ == "__main__":
    main()

"""Table 3: unlabelled attachment scores of all probes (Section 5)."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.attachment import AttachmentScores, right_branching
from analysis.paper import is_paper_model
from analysis.probes import AS_IN_PAPER, ProbeSettings, TrainedProbe, train_probe
from analysis.word_vectors import WordVectors

# without punctuation, in per cent; of BERT-base, on the Penn Treebank
PAPER = {
    "right-branching": 26,
    "distances + words": 58,
    "random-init attention + words": 30,
    "attention": 61,
    "attention + words": 77,
}


@dataclasses.dataclass(frozen=True)
class ProbeRun:
    """A row of Table 3 in the making: its paper's name, and the scores of each seed."""

    paper: str  # a key of PAPER, if the paper has this row
    scores: list[AttachmentScores]
    probes: list[TrainedProbe]
    control: bool = False  # of random-init maps


def probe_runs(
    train: str | Path,
    dev: str | Path,
    vectors: WordVectors | None,
    settings: ProbeSettings = AS_IN_PAPER,
    *,
    control: tuple[str | Path, str | Path] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
) -> dict[str, ProbeRun]:
    """Train and score all probes of Table 3, by the name of their row.

    `control` are random-init maps of the same sentences, to train and to score on;
    without them, or without `vectors`, their rows are left out. Raises ValueError for
    settings with `aligned` or `seed`, which rows and `seeds` decide.
    """
    if not settings.aligned or settings.seed:
        raise ValueError("rows set `aligned`, and `seeds` the seed: leave both out")
    words = vectors.name if vectors else ""
    rows = [  # name, kind, files, aligned
        (f"distances + {words}", "distances + words", (train, dev), True),
        (f"distances + {words}, misaligned", "distances + words", (train, dev), False),
        ("random-init attention", "attention", control, True),
        (f"random-init attention + {words}", "attention + words", control, True),
        ("attention", "attention", (train, dev), True),
        (f"attention + {words}", "attention + words", (train, dev), True),
        (f"attention + {words}, misaligned", "attention + words", (train, dev), False),
    ]
    runs = {"right-branching": ProbeRun("right-branching", [right_branching(dev)], [])}
    for name, kind, files, aligned in rows:
        if files is None or ("words" in kind and vectors is None):
            continue
        is_control = files is control
        paper = f"random-init {kind}" if is_control else kind
        runs[name] = ProbeRun(paper, [], [], is_control)
        for seed in seeds:
            probe = train_probe(
                files[0],
                kind,
                dataclasses.replace(settings, aligned=aligned, seed=seed),
                vectors=vectors if "words" in kind else None,
            )
            runs[name].probes.append(probe)
            runs[name].scores.append(probe.score(files[1]))
    return runs


def table_3(runs: dict[str, ProbeRun], paper_model: bool | None = None) -> pd.DataFrame:
    """Table 3 from `probe_runs`: unlabelled attachment scores in per cent.

    "UAS" is the mean over seeds without punctuation, "±" their standard deviation.
    "Misaligned" rows leave ROOT's column where the paper's code had it. "paper" are the
    paper's numbers (Penn Treebank), where the trained maps are of the paper's model
    (`is_paper_model` tells what `paper_model` does); the control's row is in the paper
    too, and has its number then. For any other model there is no such column.
    """
    trained = [run.scores[0].source for run in runs.values() if not run.control]
    of_paper = [is_paper_model(source, paper_model) for source in trained]
    rows = {}
    for name, run in runs.items():
        without = [100 * scores.uas() for scores in run.scores]
        with_punctuation = [100 * scores.uas(punctuation=True) for scores in run.scores]
        rows[name] = {
            "UAS": np.mean(without),
            "±": np.std(without, ddof=1) if len(without) > 1 else np.nan,
            "with punctuation": np.mean(with_punctuation),
            "seeds": len(run.probes),
        }
        if of_paper and all(of_paper):
            rows[name]["paper"] = PAPER.get(run.paper, np.nan)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
    return table.astype({"seeds": int})

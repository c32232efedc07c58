"""What all benchmarks share: jobs run in turn, their ratios, and how both are printed.

A benchmark is a module with JOBS, functions that take a folder with prepared files and
return numbers by name. `measure` runs each job in a process of its own, so that none
has another's threads or memory, in the order A B A B, so that a drift of the machine's
speed meets all of them. Ratios are taken pair by pair.
"""

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Spread(NamedTuple):
    """What several runs gave."""

    low: float
    median: float
    high: float


def spread(values: Iterable[float]) -> Spread:
    """Least, median and greatest of the values of some runs."""
    values = list(values)
    return Spread(min(values), statistics.median(values), max(values))


def ratio(a: Iterable[float], b: Iterable[float]) -> Spread:
    """Least, median and greatest ratio, pair by pair."""
    return spread(x / y for x, y in zip(a, b, strict=True))


def parser(doc: str, *, runs: int) -> argparse.ArgumentParser:
    """A parser with --runs, described by the first line of a module's docstring."""
    made = argparse.ArgumentParser(description=doc.split("\n")[0])
    made.add_argument("--runs", type=int, default=runs, help="of each measurement")
    return made


def measure(
    module: str, jobs: Iterable[str], folder: Path, runs: int
) -> dict[str, dict[str, list[float]]]:
    """What each job of a module measured in each run: job, name, one number a run."""
    measured = {job: {} for job in jobs}
    for number in range(1, runs + 1):
        for job, found in measured.items():
            command = [sys.executable, "-m", "benchmarks.harness", module, job, folder]
            process = subprocess.run(
                command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
            )
            numbers = json.loads(process.stdout.splitlines()[-1])
            print(f"run {number}, {job}: {numbers}", file=sys.stderr)
            for name, value in numbers.items():
                found.setdefault(name, []).append(value)
    return measured


def report(results: Mapping[str, Spread]) -> None:
    """Print results, medians first; the last line is JSON of the medians."""
    widest = max(map(len, results))
    for name, (low, median, high) in results.items():
        print(f"{name:{widest}} {median:9.3f}   ({low:.3f} to {high:.3f})")
    print(json.dumps({name: found.median for name, found in results.items()}))


def peak_mb() -> float:
    """Peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_job(module: str, job: str, folder: str) -> None:
    """Run one job in this process; the last line it prints is JSON of its numbers."""
    numbers = importlib.import_module(module).JOBS[job](Path(folder))
    print(json.dumps(numbers))


if __name__ == "__main__":
    run_job(*sys.argv[1:])

"""Gradients by attention weights: cost beside plain extraction of attention.

BERT-base size with random weights, the same 128-token segments, float32, each in the
batches that its script makes. Each figure comes from a process of its own, in turn, and
ratios are taken pair by pair. What counts is the time between the first batch and the
last, so that compiling, which is done once, does not.

Usage: python -m benchmarks.gradients --vocabulary vocab.txt
The last line is JSON.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.extraction import ROOT, TOKENS, median, prepare, ratio

BATCHES = {"extraction": 16, "gradients": 8}  # segments at once, the scripts' defaults


def main() -> None:
    """Run both in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--vocabulary", type=Path, help="vocab.txt", required=True)
    parser.add_argument("--runs", type=int, default=5, help="of each measurement")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(json.dumps(measure(args.job, args.folder)))
        return

    runs = {job: [] for job in JOBS}
    command = [sys.executable, "-m", "benchmarks.gradients"]
    command += ["--vocabulary", args.vocabulary]
    with tempfile.TemporaryDirectory() as temporary:
        prepare(Path(temporary), None, args.vocabulary)
        for number in range(args.runs):
            for job, found in runs.items():
                process = subprocess.run(
                    [*command, "--folder", temporary, "--job", job],
                    cwd=ROOT,
                    check=True,
                    capture_output=True,
                    text=True,
                )
                found.append(json.loads(process.stdout.splitlines()[-1]))
                print(f"run {number + 1} {job}: {found[-1]}", file=sys.stderr)
    rates, peaks = (
        {job: [run[key] for run in found] for job, found in runs.items()}
        for key in ("rate", "peak_mb")
    )
    results = {
        "time of gradients / of extraction": ratio(
            rates["extraction"], rates["gradients"]
        ),
        "gradients, segments per second": median(rates["gradients"]),
        "peak memory of gradients, MB": median(peaks["gradients"]),
        "peak memory of gradients / of extraction": ratio(
            peaks["gradients"], peaks["extraction"]
        ),
    }
    for name, (low, middle, high) in results.items():
        print(f"{name:52} {middle:8.3f}   ({low:.3f} to {high:.3f})")
    print(json.dumps({name: value[1] for name, value in results.items()}))


def measure(job: str, folder: Path) -> dict:
    """Segments a second, those of the first batch left out, and peak memory."""
    from attention.examples import prepare_examples
    from bert import BertConfig, load_tokenizer

    examples = json.loads((folder / "segments.json").read_text())
    tokenizer = load_tokenizer(folder / "model")
    config = BertConfig.from_folder(folder / "model")
    prepared, _ = prepare_examples(examples, tokenizer, config)
    finished = []  # when each batch was
    for _ in JOBS[job](prepared, tokenizer, folder / "model", finished):
        pass
    return {
        "rate": (len(prepared) - BATCHES[job]) / (finished[-1] - finished[0]),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def run_extraction(prepared, tokenizer, model_folder: Path, finished: list):
    """Attention maps in float16, as extract_attention.py makes them."""
    from attention.extraction import attention_maps
    from bert import load_model

    model = load_model(model_folder, random_init="all", maps_dtype="float16")
    return attention_maps(
        prepared,
        model,
        tokens_a_batch=BATCHES["extraction"] * TOKENS,
        on_batch=lambda examples: finished.append(time.perf_counter()),
    )


def run_gradients(prepared, tokenizer, model_folder: Path, finished: list):
    """Gradients, as attention_gradients.py makes them."""
    from attention.gradients import gradient_maps
    from attention.masking import mask_examples
    from bert import load_model

    model = load_model(model_folder, random_init="all", masked_lm=True)
    return gradient_maps(
        prepared,
        mask_examples(prepared, tokenizer, rate=0.15, seed=0),
        model,
        tokens_a_batch=BATCHES["gradients"] * TOKENS,
        on_batch=lambda examples: finished.append(time.perf_counter()),
    )


JOBS = {"extraction": run_extraction, "gradients": run_gradients}

if __name__ == "__main__":
    main()

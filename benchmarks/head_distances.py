"""Head distances: speed beside the original's formula, and memory.

The original's formula, Jensen-Shannon divergence from its definition for each head
against all others in NumPy, is computed on one span of 128 tokens in float64 and in
float16, as the original does; ours on five such spans. All in one process, in turn, for
models of several sizes. Beyond 144 heads the formula is computed for the first 48 heads
against all, and its time multiplied.

Usage: python -m benchmarks.head_distances
The last line is JSON.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
TOKENS = 128
SIZES = ((6, 12), (12, 12), (24, 16))  # layers, heads; BERT-base is the second


def main() -> None:
    """Run every measurement and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="of each measurement")
    parser.add_argument("--memory", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory:
        print(peak_memory(args.memory))
        return
    results = {}
    for layers, heads in SIZES:
        for dtype in ("float64", "float16"):
            name = f"{layers} x {heads} heads: original's formula in {dtype} / ours"
            runs = [compare(layers, heads, dtype) for _ in range(args.runs)]
            ratios = [theirs / ours for theirs, ours in runs]
            results[name] = statistics.median(ratios)
            seconds = statistics.median(ours for _, ours in runs)
            print(
                f"{name:60} {results[name]:8.1f}   ({min(ratios):.1f} to "
                f"{max(ratios):.1f}); ours {seconds * 1000:.0f} ms a span",
                flush=True,
            )
    with tempfile.TemporaryDirectory() as temporary:
        for documents in (200, 800):
            path = Path(temporary, f"{documents}_attn.pkl")
            write_maps(path, documents)
            command = [sys.executable, "-m", "benchmarks.head_distances", "--memory"]
            process = subprocess.run(
                [*command, path], cwd=ROOT, check=True, capture_output=True, text=True
            )
            name = f"peak memory for {documents} spans, MB"
            results[name] = float(process.stdout.splitlines()[-1])
            print(f"{name:60} {results[name]:8.1f}", flush=True)
            path.unlink()
    print(json.dumps(results))


def compare(layers: int, heads: int, dtype: str) -> tuple[float, float]:
    """Seconds a span by the original's formula, and by ours."""
    from analysis.distances import HeadDistances

    example = random_example(layers, heads, seed=0)
    ours = HeadDistances()
    ours.update(example)  # compiles
    count = 5
    start = time.perf_counter()
    for _ in range(count):
        ours.update(example)
    our_seconds = (time.perf_counter() - start) / count

    some = layers * heads if layers * heads <= 144 else 48
    start = time.perf_counter()
    theirs = by_definition(example["attns"], dtype, some)
    their_seconds = (time.perf_counter() - start) * layers * heads / some
    # float64 is also the check that both compute the same
    tolerance = 1e-3 if dtype == "float64" else 0.1
    assert np.abs(theirs / TOKENS - ours.distances[:some]).max() < tolerance
    return their_seconds, our_seconds


def by_definition(attns: np.ndarray, dtype: str, some: int) -> np.ndarray:
    """Sums over tokens of JS(p, q) = (KL(p || m) + KL(q || m)) / 2, m = (p + q) / 2.

    For the first `some` heads against all.
    """
    tokens = attns.shape[-1]
    maps = attns.reshape(-1, tokens, tokens).astype(dtype)
    maps = (0.999 * maps + 0.001 / tokens).astype(dtype)
    divergences = np.zeros((some, len(maps)))
    for i, own in enumerate(maps[:some]):
        mean = (own + maps) / 2  # [N, T, T]
        to_own = (own * np.log(own / mean)).sum(-1)
        to_others = (maps * np.log(maps / mean)).sum(-1)
        divergences[i] = ((to_own + to_others) / 2).sum(-1)
    return divergences


def random_example(layers: int, heads: int, seed: int) -> dict:
    """Maps of 128 tokens, some sharp and some broad."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(layers, heads, TOKENS, TOKENS))
    powers = np.exp(logits * rng.uniform(0.1, 4, (layers, heads, 1, 1)))
    attns = (powers / powers.sum(-1, keepdims=True)).astype(np.float16)
    return {"tokens": ["a"] * TOKENS, "attns": attns}


def write_maps(path: Path, documents: int) -> None:
    """A file of maps of BERT-base's size."""
    from attention.store import AttentionWriter

    examples = [random_example(12, 12, seed) for seed in range(4)]
    with AttentionWriter(path, {}) as writer:
        for i in range(documents):
            writer.write(examples[i % len(examples)])


def peak_memory(path: Path) -> float:
    """Peak memory in MB of the script itself on a file."""
    import head_distances

    assert head_distances.main(["--attn-data-file", path]) == 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

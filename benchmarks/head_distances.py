"""Head distances: speed beside the original's formula, and memory.

The original's formula, Jensen-Shannon divergence from its definition for each head
against all others in NumPy, is computed on one span of 128 tokens in float64 and in
float16, as the original does; ours on five such spans, in the same process. Beyond 144
heads the formula is computed for the first 48 heads against all, and its time
multiplied.

Usage: python -m benchmarks.head_distances
"""

import functools
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import measure, parser, peak_mb, ratio, report, spread

TOKENS = 128
SIZES = ((6, 12), (12, 12), (24, 16))  # layers, heads; BERT-base is the second
DTYPES = ("float64", "float16")
DOCUMENTS = (200, 800)


def main() -> None:
    """Run every measurement in turn and print the ratios."""
    args = parser(__doc__, runs=3).parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for documents in DOCUMENTS:
            write_maps(folder / f"{documents}_attn.pkl", documents)
        measured = measure("benchmarks.head_distances", SPEED, folder, args.runs)
        memory = measure("benchmarks.head_distances", MEMORY, folder, runs=1)
    for job, found in measured.items():
        name = f"{job}: original's formula / ours"
        results[name] = ratio(found["theirs"], found["ours"])
        results[f"{job}: ours, ms a span"] = spread(1000 * s for s in found["ours"])
    for job, found in memory.items():
        results[f"peak memory for {job}, MB"] = spread(found["peak_mb"])
    report(results)


def compare(layers: int, heads: int, dtype: str, folder: Path) -> dict:
    """Seconds a span by the original's formula, and by ours."""
    from analysis.distances import HeadDistances
    from attention.record import Maps
    from attention.source import Source

    example = random_example(layers, heads, seed=0)
    maps = Maps.from_example(example, Source.from_meta({}, example))
    ours = HeadDistances()
    ours.update(maps)  # compiles
    count = 5
    start = time.perf_counter()
    for _ in range(count):
        # a span as it is read: checked, and nothing of it cached before
        ours.update(Maps.from_example(example, maps.source))
    our_seconds = (time.perf_counter() - start) / count

    some = layers * heads if layers * heads <= 144 else 48
    start = time.perf_counter()
    theirs = by_definition(example["attns"], dtype, some)
    their_seconds = (time.perf_counter() - start) * layers * heads / some
    # float64 is also the check that both compute the same
    tolerance = 1e-3 if dtype == "float64" else 0.1
    assert np.abs(theirs / TOKENS - ours.distances[:some]).max() < tolerance
    return {"theirs": their_seconds, "ours": our_seconds}


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


def peak_memory(documents: int, folder: Path) -> dict:
    """Peak memory of the script itself on a file."""
    import head_distances

    path = folder / f"{documents}_attn.pkl"
    assert head_distances.main(["--attn-data-file", path]) == 0
    return {"peak_mb": peak_mb()}


SPEED = {
    f"{layers} x {heads} heads, {dtype}": functools.partial(
        compare, layers, heads, dtype
    )
    for layers, heads in SIZES
    for dtype in DTYPES
}
MEMORY = {f"{n} spans": functools.partial(peak_memory, n) for n in DOCUMENTS}
JOBS = SPEED | MEMORY

if __name__ == "__main__":
    main()

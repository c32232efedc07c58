"""The probe of attention and words: factored, beside vectors of pairs end to end.

One epoch on a treebank's sentences, read from disk, with maps of random numbers, which
are as fast as real ones. The original makes an array [N, N, 2 D] of both words' vectors
for each pair in a sentence and multiplies it by a kernel [2 D, 2 K], sentence by
sentence; here in the same model and training as ours, first run by TensorFlow's own
kernels, as the original was, and then compiled by XLA, as ours. All in one process, in
turn; the time of compilation counts. By default at the paper's size: 12 x 12 heads,
vectors of 100 numbers.

Usage: python -m benchmarks.probes --treebank FILE.conllu
The last line is JSON.
"""

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from keras import ops

from analysis import probes
from analysis.probe_models import AttentionWordsProbe
from analysis.word_vectors import WordVectors, corpus_vocabulary
from attention.store import AttentionWriter, read_attention
from corpora.treebank import read_treebank

LONGEST = 126  # words; about 128 tokens with [CLS] and [SEP]
BATCH = 32


class PairsProbe(AttentionWordsProbe):
    """The same function of the same size, from both vectors of each pair end to end."""

    def build(self):
        """One kernel for both vectors."""
        self.kernel = self.normal("kernel", (2 * self.dimensions, 2 * self.heads))
        self.root = self.add_weight((2,), initializer="ones", name="root")
        self.built = True

    def scores(self, sentences):
        """Scores [B, N, N + 1]."""
        maps = ops.transpose(sentences["maps"], (0, 2, 3, 1))  # [B, N, N, K]
        root = ops.swapaxes(sentences["specials"] @ self.root, 1, 2)  # [B, N, K]
        vectors = sentences["vectors"]
        batch, candidates = ops.shape(vectors)[:2]
        shape = (batch, candidates - 1, candidates, self.dimensions)
        of_dependent = ops.broadcast_to(vectors[:, :-1, None], shape)
        of_candidate = ops.broadcast_to(self.candidates(vectors)[:, None], shape)
        pairs = ops.concatenate([of_dependent, of_candidate], axis=-1)
        weights = pairs @ self.kernel  # [B, N, N + 1, 2 K]
        to_head, from_head = ops.split(weights, 2, axis=-1)
        words = ops.sum(maps * to_head[:, :, 1:], axis=-1)
        words += ops.sum(ops.swapaxes(maps, 1, 2) * from_head[:, :, 1:], axis=-1)
        root = ops.sum(root * to_head[:, :, 0], axis=-1)
        return ops.concatenate([root[..., None], words], axis=-1)


class UncompiledPairsProbe(PairsProbe):
    """Run by TensorFlow's own kernels."""

    def compile(self, *args, jit_compile, **kwargs):
        """Without XLA."""
        super().compile(*args, jit_compile=False, **kwargs)


def main() -> None:
    """Run every measurement in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--treebank", type=Path, help="CoNLL-U file", required=True)
    parser.add_argument("--runs", type=int, default=3, help="of each measurement")
    parser.add_argument("--shape", type=int, nargs=2, default=(12, 12), help="L and H")
    parser.add_argument("--dimensions", type=int, default=100, help="of word vectors")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        maps = Path(temporary, "maps.pkl")
        sentences = write_maps(maps, args.treebank, args.shape)
        words = corpus_vocabulary(maps)
        rng = np.random.default_rng(0)
        matrix = rng.normal(size=(len(words), args.dimensions))
        vectors = WordVectors.from_matrix("random", words, matrix)
        start = time.perf_counter()
        for _ in read_attention(maps):
            pass
        print(f"{sentences} sentences, read in {time.perf_counter() - start:.1f} s")
        ways = {
            "ours, a sentence a step": (AttentionWordsProbe, 1),
            "pairs, a sentence a step": (UncompiledPairsProbe, 1),
            "pairs compiled, a sentence a step": (PairsProbe, 1),
            f"ours, {BATCH} a step": (AttentionWordsProbe, BATCH),
            f"pairs, {BATCH} a step": (UncompiledPairsProbe, BATCH),
            f"pairs compiled, {BATCH} a step": (PairsProbe, BATCH),
        }
        seconds = {way: [] for way in ways}
        for _ in range(args.runs):
            for way, (model, batch_size) in ways.items():
                seconds[way].append(epoch(maps, vectors, model, batch_size))
                print(f"{way:40} {seconds[way][-1]:8.1f} s", flush=True)
    results = {f"{way}, seconds": statistics.median(s) for way, s in seconds.items()}
    for size in ("a sentence a step", f"{BATCH} a step"):
        for way in ("pairs", "pairs compiled"):
            name = f"{way} / ours, {size}"
            results[name] = ratio(seconds[f"{way}, {size}"], seconds[f"ours, {size}"])
    name = f"pairs, a sentence a step, as the original / ours, {BATCH} a step"
    results[name] = ratio(
        seconds["pairs, a sentence a step"], seconds[f"ours, {BATCH} a step"]
    )
    print(json.dumps(results))


def ratio(theirs: list[float], ours: list[float]) -> float:
    """The median of the ratios, pair by pair."""
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
    return statistics.median(ratios)


def epoch(
    maps: Path,
    vectors: WordVectors,
    model: type[AttentionWordsProbe],
    batch_size: int,
) -> float:
    """Seconds for one epoch, with compilation."""
    start = time.perf_counter()
    probe = probes._new_probe(maps, "attention + words", vectors, True, seed=0)
    size = vectors.matrix.shape[1]
    probe = dataclasses.replace(probe, model=model(probe.shape, size, True, seed=0))
    for _ in probes._training(probe, maps, 1, batch_size, 0.002, seed=0):
        pass
    return time.perf_counter() - start


def write_maps(path: Path, treebank: Path, shape: tuple[int, int]) -> int:
    """Maps of a treebank's sentences, cut out of one array; how many there are."""
    rng = np.random.default_rng(0)
    noise = rng.random((*shape, LONGEST + 2, LONGEST + 2), np.float32)
    examples = [e for e in read_treebank(treebank)[0] if len(e["words"]) <= LONGEST]
    with AttentionWriter(path, {"written": len(examples)}) as writer:
        for example in examples:
            size = len(example["words"]) + 2
            attns = noise[..., :size, :size]
            attns = attns / attns.sum(-1, keepdims=True)
            writer.write({**example, "attns": attns.astype(np.float16)})
    return len(examples)


if __name__ == "__main__":
    main()

"""The probe of attention and words: factored, beside vectors of pairs end to end.

One epoch on a treebank's sentences, read from disk, with maps of random numbers, which
are as fast as real ones. The original makes an array [N, N, 2 D] of both words' vectors
for each pair in a sentence and multiplies it by a kernel [2 D, 2 K], a sentence and a
call at a time. Here that is done in the same model and training as ours: once as there,
and once with as many sentences in a step, and steps in a call, as ours has. The time of
compilation counts. By default at the paper's size: 12 x 12 heads, vectors of 100
numbers.

Usage: python -m benchmarks.probes --treebank FILE.conllu
"""

import dataclasses
import functools
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from analysis import probes
from analysis.word_vectors import WordVectors, corpus_vocabulary
from attention.store import AttentionWriter
from benchmarks.harness import measure, parser, ratio, report, spread
from corpora.treebank import read_treebank
from toolkit.backend import start_keras

start_keras()  # before what imports Keras
from keras import ops  # noqa: E402

from analysis.probe_models import AttentionWordsProbe  # noqa: E402

LONGEST = 126  # words; about 128 tokens with [CLS] and [SEP]
BATCH = 32


class PairsProbe(AttentionWordsProbe):
    """The same function of the same size, from both vectors of each pair end to end."""

    differentiated = False

    def build(self):
        """One kernel for both vectors."""
        self.kernel = self.normal("kernel", (2 * self.dimensions, 2 * self.heads))
        self.root = self.add_weight((2,), initializer="ones", name="root")
        self.built = True

    def scores(self, sentences):
        """Scores [B, N, N + 1]."""
        maps, root = self.attention(sentences)
        vectors = sentences["vectors"]
        batch, candidates, _ = ops.shape(vectors)
        shape = (batch, candidates - 1, candidates, self.dimensions)
        of_dependent = ops.broadcast_to(vectors[:, :-1, None], shape)
        of_candidate = ops.broadcast_to(self.candidates(vectors)[:, None], shape)
        pairs = ops.concatenate([of_dependent, of_candidate], axis=-1)
        to_head, from_head = ops.split(pairs @ self.kernel, 2, axis=-1)
        words = ops.sum(maps * to_head[:, :, 1:], axis=-1)
        words += ops.sum(ops.swapaxes(maps, 1, 2) * from_head[:, :, 1:], axis=-1)
        root = ops.sum(root * to_head[:, :, 0], axis=-1)
        return ops.concatenate([root[..., None], words], axis=-1)


def main() -> None:
    """Run every way in turn and print the ratios."""
    flags = parser(__doc__, runs=3)
    flags.add_argument("--treebank", type=Path, help="CoNLL-U file", required=True)
    flags.add_argument("--shape", type=int, nargs=2, default=(12, 12), help="L and H")
    flags.add_argument("--dimensions", type=int, default=100, help="of word vectors")
    args = flags.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_maps(folder / "maps.pkl", args.treebank, args.shape)
        (folder / "dimensions.json").write_text(json.dumps(args.dimensions))
        measured = measure("benchmarks.probes", JOBS, folder, args.runs)
    seconds = {way: found["seconds"] for way, found in measured.items()}
    report(
        {f"{way}, seconds": spread(found) for way, found in seconds.items()}
        | {
            f"{theirs} / {ours}": ratio(seconds[theirs], seconds[ours])
            for theirs, ours in (
                ("pairs, as the original", "ours"),
                ("pairs", "ours"),
                (f"pairs, {BATCH} a step", f"ours, {BATCH} a step"),
                ("pairs, as the original", f"ours, {BATCH} a step"),
            )
        }
    )


def epoch(
    model: type[AttentionWordsProbe],
    batch_size: int,
    sentences_a_call: int,
    folder: Path,
) -> dict:
    """Seconds for one epoch, with compilation."""
    maps = folder / "maps.pkl"
    size = json.loads((folder / "dimensions.json").read_text())
    words = corpus_vocabulary(maps)
    matrix = np.random.default_rng(0).normal(size=(len(words), size))
    vectors = WordVectors.from_matrix("random", words, matrix)
    probes.TRAINED_AT_ONCE = sentences_a_call
    settings = probes.ProbeSettings(batch_size=batch_size)
    probe = probes.new_probe(maps, "attention + words", settings, vectors)
    shape = len(probe.source.layers), probe.source.heads
    probe = dataclasses.replace(probe, model=model(shape, size, True, seed=0))
    start = time.perf_counter()
    probes.training(probe, maps, settings)
    return {"seconds": time.perf_counter() - start}


def write_maps(path: Path, treebank: Path, shape: tuple[int, int]) -> None:
    """Maps of a treebank's sentences, cut out of one array."""
    rng = np.random.default_rng(0)
    noise = rng.random((*shape, LONGEST + 2, LONGEST + 2), np.float32)
    examples = [e for e in read_treebank(treebank)[0] if len(e["words"]) <= LONGEST]
    with AttentionWriter(path, {"written": len(examples)}) as writer:
        for example in examples:
            size = len(example["words"]) + 2
            attns = noise[..., :size, :size]
            attns = attns / attns.sum(-1, keepdims=True)
            writer.write({**example, "attns": attns.astype(np.float16)})


WAYS = {  # model, sentences a step, sentences a call
    "pairs, as the original": (PairsProbe, 1, 1),
    "pairs": (PairsProbe, 1, probes.TRAINED_AT_ONCE),
    "ours": (AttentionWordsProbe, 1, probes.TRAINED_AT_ONCE),
    f"pairs, {BATCH} a step": (PairsProbe, BATCH, BATCH),
    f"ours, {BATCH} a step": (AttentionWordsProbe, BATCH, BATCH),
}
JOBS = {way: functools.partial(epoch, *how) for way, how in WAYS.items()}

if __name__ == "__main__":
    main()

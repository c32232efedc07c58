"""Statistics in shards: beside extraction to memory, and with more workers and text.

A model of BERT-base's size with random weights (--debug's are too small to tell) reads
segments of 128 tokens cut from the words of a treebank. Every measurement is a process
of its own on one thread, in turn with what it is compared with; start-up is not part of
speed. Beside extraction, processor time counts, which other work disturbs less than the
clock. "Workers" are two processes side by side, each with a thread, as --shard runs.

Usage: python -m benchmarks.scale --vocabulary vocab.txt --treebank dev.conllu
The last line is JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.extraction import BERT_BASE, TOKENS
from benchmarks.harness import ROOT, measure, parser, peak_mb, ratio, report, spread

SEGMENTS, SHARD = 96, 8


def main() -> None:
    """Run all in turn and print the ratios."""
    made = parser(__doc__, runs=3)
    made.add_argument("--vocabulary", type=Path, required=True)
    made.add_argument("--treebank", type=Path, required=True)
    args = made.parse_args()
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(folder, args.vocabulary, args.treebank)
        found = measure("benchmarks.scale", JOBS, folder, args.runs)
    bare, taken = found["extraction"]["seconds"], found["general"]["seconds"]
    report(
        {
            "speed of general statistics / of extraction": ratio(bare, taken),
            "speed of two workers / of one": ratio(
                found["one"]["seconds"], found["two"]["seconds"]
            ),
            "memory for ten times the corpus / for one": ratio(
                found["ten times"]["peak MB"], found["once"]["peak MB"]
            ),
            "peak memory, MB": spread(found["once"]["peak MB"]),
            "seconds for the file of a shard": spread(found["files"]["seconds"]),
            "size of the file of a shard, MB": spread(found["files"]["MB"]),
        }
    )


def _prepare(folder: Path, vocabulary: Path, treebank: Path) -> None:
    """A model without weights, and segments of words that the vocabulary has."""
    (folder / "config.json").write_text(json.dumps(BERT_BASE))
    (folder / "vocab.txt").write_bytes(vocabulary.read_bytes())
    known = set(vocabulary.read_text(encoding="utf-8").split())
    rows = treebank.read_text(encoding="utf-8").splitlines()
    words = [row.split("\t")[1].lower() for row in rows if row[:1].isdigit()]
    words = [word for word in words if word in known]
    for name, count in (("short", 40), ("segments", SEGMENTS), ("long", 400)):
        size = TOKENS if name == "segments" else 24
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for number in range(count):
                start = number * (size - 2) % (len(words) - size)
                tokens = ["[CLS]", *words[start : start + size - 2], "[SEP]"]
                file.write(json.dumps({"tokens": tokens}) + "\n")


def _args(folder: Path, name: str, *flags: object):
    import corpus_statistics

    return corpus_statistics.parse_args(
        [
            "--preprocessed-data-file", folder / f"{name}.jsonl",
            "--bert-dir", folder, "--random-init", "all",
            "--statistics", "general", "--shard-size", SHARD, *flags,
        ]
    )  # fmt: skip


def extraction(folder: Path) -> dict[str, float]:
    """Maps to memory, shard by shard, after one that does not count."""
    from attention.encoder import encoder_maps
    from attention.examples import prepare_examples

    def run(worker, shard) -> None:
        prepared, _ = prepare_examples(
            shard.examples, worker.encoder.tokenizer, worker.encoder.config
        )
        for _ in encoder_maps(worker.encoder, worker.model, prepared):
            pass

    return {"seconds": _timed(folder, run)}


def general(folder: Path) -> dict[str, float]:
    """The same with general statistics in place of nothing."""
    return {"seconds": _timed(folder, lambda worker, shard: worker.run(shard))}


def _timed(folder: Path, run) -> float:
    from scale.corpus import Corpus
    from scale.worker import Worker

    worker = Worker(_args(folder, "segments"))
    shards = list(Corpus(worker.args, worker.encoder.tokenizer).shards())
    run(worker, shards[0])
    started = time.process_time()
    for shard in shards[1:]:
        run(worker, shard)
    return time.process_time() - started


WORKER = """
import sys
from pathlib import Path
from benchmarks.scale import _args
from scale.corpus import Corpus
from scale.worker import Worker
folder, part, parts = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
worker = Worker(_args(folder, "segments"))
shards = list(Corpus(worker.args, worker.encoder.tokenizer).shards())
worker.run(shards[0])
print("ready", flush=True)
input()
for shard in shards[part::parts]:
    worker.run(shard)
print("done", flush=True)
"""


def workers(folder: Path, parts: int) -> dict[str, float]:
    """Seconds from when all workers are ready until all shards are done."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, folder, str(part), str(parts)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in range(parts)
    ]
    for process in processes:
        process.stdout.readline()
    started = time.perf_counter()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout.readline() == "done\n"
    seconds = time.perf_counter() - started
    for process in processes:
        process.wait()
    return {"seconds": seconds}


def memory(folder: Path, name: str) -> dict[str, float]:
    """Peak memory of a whole run, from the corpus to the merged file."""
    from scale.run import Run

    run = Run(_args(folder, name, "--outfile", folder / f"{name}.stats.pkl"))
    run.merge(run.compute())
    return {"peak MB": peak_mb()}


def files(folder: Path) -> dict[str, float]:
    """Writing the states of a shard, and reading them again."""
    from scale.run import Run
    from scale.worker import Worker

    run = Run(_args(folder, "short", "--outfile", folder / "files.stats.pkl"))
    worker = Worker(run.args)
    shard = next(run.corpus.shards())
    result = worker.run(shard)
    with run.folder.lock(1, 1):
        started = time.perf_counter()
        run.folder.write(shard, result)
        path = run.folder.file(shard)
        list(run.folder.read([path.name]))
        seconds = time.perf_counter() - started
    size = path.stat().st_size / 1e6
    run.folder.remove()
    return {"seconds": seconds, "MB": size}


JOBS = {
    "extraction": extraction,
    "general": general,
    "one": lambda folder: workers(folder, 1),
    "two": lambda folder: workers(folder, 2),
    "once": lambda folder: memory(folder, "short"),
    "ten times": lambda folder: memory(folder, "long"),
    "files": files,
}


if __name__ == "__main__":
    main()

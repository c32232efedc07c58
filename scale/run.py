"""From a corpus to merged statistics: in this process, in parts, or on a cluster."""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from analysis.statistic import Statistic, save_statistics
from attention.examples import example_notes
from attention.meta import is_written
from scale.corpus import Corpus, Shard
from scale.kinds import KINDS, choose_statistics
from scale.shard_files import ShardFolder
from scale.worker import Worker, describe_encoder, shard_settings
from toolkit import cli
from toolkit.files import InputError, file_digest

MOST_FAILURES = 3  # shards that fail before the run is stopped
MOST_LISTED = 100  # examples left out, in the meta file

# What a shard gave, or why it failed
Results = Iterator[tuple[Shard, dict | InputError]]


class Run:
    """The statistics of one corpus by one encoder.

    `args` are the flags of corpus_statistics.py. Raises InputError for what cannot be
    used, before any encoder is loaded.
    """

    def __init__(self, args: argparse.Namespace):
        self.args, self.started = args, time.monotonic()
        encoder = describe_encoder(args)
        self.tokenizer = encoder.tokenizer
        self.corpus = Corpus(args, encoder.tokenizer)
        args.statistics = choose_statistics(args, self.corpus.first())
        self.settings = shard_settings(encoder)
        self.folder = ShardFolder(args.outfile, self.settings)

    def is_done(self) -> bool:
        """Whether the statistics are there already, of this corpus and settings."""
        if not self.args.outfile.is_file():
            return False
        wanted = self.settings | {"input_sha256": file_digest(self.corpus.path)}
        return is_written(self.args.outfile, wanted)

    def compute(self) -> list[str]:
        """Compute the shards of this part that are not there; return all shards' names.

        Raises InputError, which names the shards that failed, after all others are
        kept.
        """
        part, parts = self.args.shard or (1, 1)
        names: list[str] = []
        failed: dict[int, InputError] = {}
        with (
            self.folder.lock(part, parts),
            cli.progress(
                total=self.corpus.path.stat().st_size, unit="B", unit_scale=True
            ) as bar,
            cli.advise(
                f"stopped; finished shards are kept in {self.folder.path}, and "
                "--resume goes on from there"
            ),
        ):
            self.folder.begin(part, parts, self.args.resume)

            def missing() -> Iterator[Shard]:
                for shard in self.corpus.shards():
                    file = self.folder.file(shard)
                    names.append(file.name)
                    if shard.number % parts == part - 1 and not file.exists():
                        yield shard
                    else:
                        bar.update(shard.size)

            for shard, result in self._results(missing(), bar.update):
                if isinstance(result, InputError):
                    failed[shard.number] = result
                    print(f"shard {shard.number}: {result}", file=sys.stderr)
                    if len(failed) == MOST_FAILURES:
                        break
                else:
                    self.folder.write(shard, result)
            if failed:
                raise InputError(
                    f"{cli.plural(len(failed), 'shard')} failed: "
                    + "; ".join(f"shard {n}: {e}" for n, e in failed.items())
                    + "; correct the input, then --resume computes what is missing"
                )
        return names

    def _results(
        self, shards: Iterable[Shard], advance: Callable[[float], Any]
    ) -> Results:
        if self.args.ray is None:
            return compute_here(self.args, shards, advance)
        from scale.cluster import compute_on_ray

        return compute_on_ray(self.args, shards, advance)

    def names(self) -> list[str]:
        """The names that the files of all shards have."""
        return [self.folder.file(shard).name for shard in self.corpus.shards()]

    def report_text(self) -> None:
        """Say what of the text is in no span."""
        for note in self.corpus.counts.notes(self.args.keep_all):
            print(note)

    def merge(self, names: list[str]) -> None:
        """Add up the shards in order, write the statistics, delete the shards, report.

        Raises InputError, which names them, for shards that are missing or do not
        belong to this run, and where no example is left.
        """
        summary, merged = Summary(), []
        for result in self.folder.read(names):
            summary.add(result)
            found = [
                KINDS[name].cls.from_state(state)
                for name, state in zip(
                    self.args.statistics, result["states"], strict=True
                )
            ]
            merged = _merge(merged, found) if merged else found
        if not summary.written:
            raise InputError(
                f"{self.corpus.path}: no example left, as all {summary.examples:,} are "
                "too long: raise --max-sequence-length, or cut the examples"
            )
        meta = self.settings | {
            "input_sha256": file_digest(self.corpus.path),
            "shards": len(names),
            **summary.meta(),
        }
        save_statistics(self.args.outfile, meta, *merged)
        self.folder.remove()
        self._report(summary, len(names))

    def _report(self, summary: "Summary", shards: int) -> None:
        args, seconds = self.args, time.monotonic() - self.started
        print(
            f"{', '.join(args.statistics)} of {cli.plural(summary.written, 'example')} "
            f"in {cli.plural(shards, 'shard')} written to {args.outfile} "
            f"({cli.size(args.outfile)}) in {seconds:,.0f} s on "
            f"{', '.join(sorted(summary.devices))}"
        )
        if warning := self.tokenizer.unknown_warning(summary.unknown_share):
            print(warning)
        for note in example_notes(summary.empty, summary.unframed, self.tokenizer):
            print(note)
        if left_out := summary.examples - summary.written:
            print(
                f"{cli.plural(left_out, 'example')} left out, longer than "
                f"{args.max_sequence_length} tokens: see {args.outfile.stem}.meta.json"
            )


@dataclasses.dataclass
class Summary:
    """What became of the examples of a corpus."""

    examples: int = 0  # read
    written: int = 0  # taken in
    tokens: int = 0
    unknown: float = 0.0  # tokens [UNK]
    empty: int = 0  # examples without text
    unframed: int = 0  # examples not between the model's special tokens
    left_out: list[dict] = dataclasses.field(default_factory=list)  # MOST_LISTED
    left_over: dict[str, int] = dataclasses.field(default_factory=dict)  # weights
    devices: set[str] = dataclasses.field(default_factory=set)
    batches: set[int] = dataclasses.field(default_factory=set)  # tokens in them

    def add(self, result: dict) -> None:
        """Count what a worker found of one more shard."""
        self.examples += result["examples"]
        self.written += result["examples"] - len(result["left_out"])
        self.tokens += result["tokens"]
        self.unknown += result["unknown_share"] * result["tokens"]
        self.empty += result["empty"]
        self.unframed += result["unframed"]
        self.left_out += result["left_out"][: MOST_LISTED - len(self.left_out)]
        self.devices.add(result["device"])
        self.batches.add(result["tokens_a_batch"])
        self.left_over = result["weights_left_over"]

    @property
    def unknown_share(self) -> float:
        """The share of [UNK] among the tokens."""
        return round(self.unknown / max(self.tokens, 1), 4)

    def meta(self) -> dict[str, Any]:
        """All that the meta file says of it."""
        return {
            "examples": self.examples,
            "written": self.written,
            "unknown_share": self.unknown_share,
            "left_out": self.left_out,
            "device": ", ".join(sorted(self.devices)),
            "tokens_a_batch": ", ".join(map(str, sorted(self.batches))),
            "weights_left_over": self.left_over,
        }


def compute_here(
    args: argparse.Namespace, shards: Iterable[Shard], advance: Callable[[float], Any]
) -> Results:
    """Each shard and its result, computed in this process.

    `advance` is told how many bytes of the corpus are done. The encoder is loaded when
    the first shard comes.
    """
    worker = None
    for shard in shards:
        worker = worker or Worker(args)
        left = shard.size

        def on_batch(examples: int, shard: Shard = shard) -> None:
            nonlocal left
            done = shard.size * examples / len(shard.examples)
            left -= done
            advance(done)

        try:
            result = worker.run(shard, on_batch)
        except InputError as error:
            result = error
        advance(left)
        yield shard, result


def _merge(into: list[Statistic], found: list[Statistic]) -> list[Statistic]:
    for statistic, more in zip(into, found, strict=True):
        statistic.merge(more)
    return into

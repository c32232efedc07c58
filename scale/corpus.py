"""A corpus as a stream of shards: ranges of examples, always the same ones."""

import argparse
import contextlib
import dataclasses
import functools
import hashlib
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from attention.example_files import iter_examples
from attention.examples import require_preprocessed
from bert import Tokenizer
from corpora.unlabeled import Counts, require_spans, spans_by_document
from toolkit.files import InputError


@dataclasses.dataclass(frozen=True)
class Shard:
    """Neighbouring examples of a corpus, whose maps are computed together."""

    number: int  # from 0
    first: int  # number of the first example, from 0
    examples: list[dict]
    size: int  # how many bytes of the corpus were read for it

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the examples."""
        content = json.dumps(self.examples, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


class Corpus:
    """The examples of a file, or the spans of a text, of which few are in memory."""

    def __init__(self, args: argparse.Namespace, tokenizer: Tokenizer):
        self.args, self.tokenizer = args, tokenizer
        self.counts = Counts()  # of the text

    @property
    def path(self) -> Path:
        """The file of examples or text."""
        return self.args.text or self.args.preprocessed_data_file

    def first(self) -> dict:
        """The first example. Raises InputError where there is none."""
        with self._examples() as (examples, _):
            for example in examples:
                return example
        if self.args.text:
            require_spans(self.path, 0, self.counts)
        raise InputError(
            f"{self.path}: expected examples, found an empty list; what did the script "
            "that wrote it report?"
        )

    def shards(self) -> Iterator[Shard]:
        """All shards, in order; the last may be smaller."""
        self.counts = Counts()
        with self._examples() as (examples, opened):
            before = 0
            for number in itertools.count():
                first = number * self.args.shard_size
                found = list(itertools.islice(examples, self.args.shard_size))
                if not found:
                    return
                place = opened.tell()
                yield Shard(number, first, found, place - before)
                before = place

    @contextlib.contextmanager
    def _examples(self) -> Iterator[tuple[Iterator[dict], BinaryIO]]:
        """All examples in order, and the file, whose place says how much was read."""
        with (
            open(self.path, "rb") as opened,
            contextlib.closing(
                self._spans(opened) if self.args.text else self._objects(opened)
            ) as examples,
        ):
            yield examples, opened

    def _objects(self, opened: BinaryIO) -> Iterator[dict]:
        require_preprocessed(self.path)
        yield from iter_examples(self.path, opened)

    def _spans(self, opened: BinaryIO) -> Iterator[dict]:
        args = self.args
        for document in spans_by_document(
            self.path,
            self.tokenizer,
            self.counts,
            max_length=args.max_sequence_length,
            rng=random.Random(args.seed),
            keep_all=args.keep_all,
            split_sentences=args.split_sentences,
            opened=opened,
        ):
            for span in document:
                yield {"tokens": span}

"""Plain text to the spans of the paper's general analysis (Section 3).

A span is `[CLS] part [SEP] part [SEP]`: two neighbouring stretches of one document, as
in BERT's pre-training. The cuts, and the random numbers behind them, are those of the
original preprocessing: the same text and seed give the same spans.
"""

import dataclasses
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

from bert.tokenization import CLS, SEP, Tokenizer
from files import InputError

SPECIAL_TOKENS = 3  # [CLS] and two [SEP]
SHORTEST_SPAN = SPECIAL_TOKENS + 2  # a word piece in each part

Sentence = list[str]  # word pieces


@dataclasses.dataclass
class Spans:
    """The spans of a corpus, and what became of its sentences."""

    examples: list[dict]
    documents: int = 0  # read
    sentences: int = 0  # read
    dropped: int = 0  # sentences read that a chunk of a single sentence kept out


def cut_corpus(
    path: str | Path,
    tokenizer: Tokenizer,
    *,
    num_docs: int = 1000,
    max_length: int = 128,
    seed: int = 0,
    keep_all: bool = False,
) -> Spans:
    """Cut a text file into at most `num_docs` shuffled spans of `max_length` tokens.

    The file has one sentence a line and an empty line between documents. Reading stops
    with the document that completes the number. As in the original, a chunk of a single
    sentence, which gives no two parts, ends its document; with `keep_all` the document
    goes on after it. Raises InputError for a file that is not UTF-8 text.
    """
    rng = random.Random(seed)
    spans = Spans([])
    for document in _read_documents(Path(path), tokenizer):
        cut, dropped = _cut_document(document, max_length, rng, keep_all)
        spans.documents += 1
        spans.sentences += len(document)
        spans.dropped += dropped
        spans.examples += [{"tokens": span} for span in cut]
        if len(spans.examples) >= num_docs:
            break
    del spans.examples[num_docs:]
    rng.shuffle(spans.examples)
    return spans


def _read_documents(path: Path, tokenizer: Tokenizer) -> Iterator[list[Sentence]]:
    """The documents of a text file, each a list of tokenized sentences."""
    lines: list[str] = []
    with open(path, encoding="utf-8") as file:
        try:
            for line in file:
                if line.strip():
                    lines.append(line)
                elif lines:
                    yield _sentences(lines, tokenizer)
                    lines = []
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 text ({error})") from None
    if lines:  # the last document may end without an empty line
        yield _sentences(lines, tokenizer)


def _sentences(lines: list[str], tokenizer: Tokenizer) -> list[Sentence]:
    return [pieces for pieces in tokenizer.tokenize(lines) if pieces]


def _cut_document(
    document: list[Sentence], max_length: int, rng: random.Random, keep_all: bool
) -> tuple[list[list[str]], int]:
    """The spans of one document, and how many of its sentences are in none."""
    target = max_length - SPECIAL_TOKENS
    spans, chunk, dropped = [], [], 0
    for i, sentence in enumerate(document):
        chunk.append(sentence)
        last = i == len(document) - 1
        if not last and sum(map(len, chunk)) < target:
            continue
        middle = rng.randint(1, len(chunk) - 1) if len(chunk) > 1 else 1
        first = list(itertools.chain(*chunk[:middle]))
        second = list(itertools.chain(*chunk[middle:]))
        # the original truncates, and draws for it, before it looks for an empty part
        _truncate(first, second, target, rng)
        if second:
            spans.append([CLS, *first, SEP, *second, SEP])
        elif keep_all:
            dropped += 1
        else:
            dropped += len(document) - i
            break
        chunk = []
    return spans, dropped


def _truncate(
    first: list[str], second: list[str], target: int, rng: random.Random
) -> None:
    """Take tokens off either end of the longer part until both fit together."""
    while len(first) + len(second) > target:
        longer = first if len(first) > len(second) else second
        longer.pop(0 if rng.random() < 0.5 else -1)

"""Plain text to the spans of the paper's general analysis (Section 3).

A span is `[CLS] part [SEP] part [SEP]`, or what the model has for these: two
neighbouring passages of one document, as in BERT's pre-training. The cuts, and the
random numbers behind them, are those of the original preprocessing: the same text and
seed give the same spans.
"""

import dataclasses
import itertools
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import sentencex

from bert.tokenization import Tokenizer
from corpora.lines import text_lines
from toolkit.cli import plural
from toolkit.files import InputError

SHORTEST_SPAN = 5  # a word piece in each part, and three special tokens or more
# control characters that end a line or a page, which tokenizers drop from between words
LINE_ENDS = re.compile("[\v\f\x1c-\x1e\x85]")
SOFT_HYPHEN, HYPHENS = "\xad", {"-", "\u2010"}
# a line's end between letters or signs of Chinese and Japanese, which have no spaces
HAN = "[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]"
LINE_END = re.compile(rf"(?<={HAN})\n(?={HAN})")
BLOCK = 1 << 20  # characters that are split into sentences or tokenized at once
LONGEST_SENTENCE = 1000  # characters; a longer one holds a quote that is never closed
MANY_BROKEN = 0.2  # share of lines that end within a sentence, in wrapped text
OPENING_SIGN = re.compile(r"""(?<!\S)["'\u201c\u2018\u201e«»`(\[{]""")
CLOSING_SIGN = re.compile(r"""["'\u201c\u201d\u2018\u2019\u201e«»`()\[\]{}]""")

Pieces = list[str]


@dataclasses.dataclass
class Counts:
    """What became of the sentences of a corpus."""

    documents: int = 0  # read
    sentences: int = 0  # read
    dropped: int = 0  # sentences read that are in no span: a chunk of one alone
    cut: int = 0  # tokens cut off the ends of passages too long for a span
    divided: int = 0  # words that a hyphen at the end of a line divides, left in two
    broken: int = 0  # lines, not joined, that go on with a small letter in the next

    def notes(self, keep_all: bool) -> Iterator[str]:
        """What to say of them; `keep_all` is as `spans_by_document` takes it."""
        if self.dropped:
            yield (
                f"{self.dropped:,} of {plural(self.sentences, 'sentence')} dropped: a "
                "chunk of a single sentence has no second part"
                + ("" if keep_all else ", and ends its document (--keep-all goes on)")
            )
        if self.cut:
            yield (
                f"{plural(self.cut, 'token')} cut off the ends of passages, as their "
                "last sentence made them longer than a span"
            )
        if self.broken > MANY_BROKEN * self.sentences:
            yield (
                f"warning: {self.broken:,} of {self.sentences:,} lines go on with a "
                "small letter in the next: if they end within sentences, "
                "--split-sentences joins them"
            )
        if self.divided:
            yield (
                f"{plural(self.divided, 'word')} left in two, which a hyphen at the "
                "end of a line divides: join them in the text"
            )


@dataclasses.dataclass
class Spans(Counts):
    """The spans of a corpus, and what became of its sentences."""

    examples: list[dict] = dataclasses.field(default_factory=list)


def cut_corpus(
    path: str | Path,
    tokenizer: Tokenizer,
    *,
    num_docs: int = 1000,
    max_length: int = 128,
    seed: int = 0,
    keep_all: bool = False,
    split_sentences: str | None = None,
) -> Spans:
    """Cut a text file into at most `num_docs` shuffled spans of `max_length` tokens.

    Reading stops with the document that completes the number. Raises InputError for a
    file that is not UTF-8 text, or that gives no span. For the file and the other
    arguments see `spans_by_document`.
    """
    rng = random.Random(seed)
    spans = Spans()
    for document in spans_by_document(
        path,
        tokenizer,
        spans,
        max_length=max_length,
        rng=rng,
        keep_all=keep_all,
        split_sentences=split_sentences,
    ):
        for span in document:
            if len(spans.examples) < num_docs:
                spans.examples.append({"tokens": span})
        if len(spans.examples) == num_docs:
            break
    require_spans(path, len(spans.examples), spans)
    rng.shuffle(spans.examples)
    return spans


def spans_by_document(
    path: str | Path,
    tokenizer: Tokenizer,
    counts: Counts,
    *,
    max_length: int,
    rng: random.Random,
    keep_all: bool = False,
    split_sentences: str | None = None,
    opened: BinaryIO | None = None,
) -> Iterator[Iterator[list[str]]]:
    """The spans of each document of a text file, one at a time, in the file's order.

    The file has one sentence a line and an empty line between documents. With
    `split_sentences`, a language code such as "en", lines may end anywhere: those of a
    document are joined and split into sentences by the library sentencex, by rules.

    As in the original, a chunk of a single sentence, which gives no two parts, ends its
    document; with `keep_all` the document goes on after it. What was read is added to
    `counts`. `opened` is the file where it is open already. Raises InputError for a
    file that is not UTF-8 text, by its content or its name.
    """
    if (special := len(tokenizer.sequence([], []))) + 2 > max_length:
        raise InputError(
            f"a span of {max_length} tokens holds none but {special} special tokens: "
            "raise --max-sequence-length"
        )
    for document in _read_documents(Path(path), opened):
        counts.documents += 1
        joined = split_sentences is not None
        document = _count_breaks(map(str.strip, document), counts, joined)
        if split_sentences:
            document = _split_sentences(document, split_sentences)
        sentences = _tokenize(document, tokenizer)
        yield _cut_document(sentences, tokenizer, max_length, rng, keep_all, counts)


def require_spans(path: str | Path, found: int, counts: Counts) -> None:
    """InputError with the likely cause where a whole text gave no span."""
    if not found:
        raise InputError(f"{path}: no span found, {_likely_cause(counts)}")


def _likely_cause(counts: Counts) -> str:
    if not counts.sentences:
        return "as there is no text in it; expected one sentence a line"
    if counts.sentences == counts.documents:
        return (
            "as no document has more than one sentence, and a span takes two: if a "
            "line is a paragraph, use --split-sentences; if it is a sentence, put "
            "empty lines between documents only"
        )
    return (
        "as no document begins with a sentence shorter than a span: use --keep-all, or "
        "a greater --max-sequence-length, or --split-sentences if a line is a paragraph"
    )


def _read_documents(path: Path, opened: BinaryIO | None) -> Iterator[Iterator[str]]:
    """The documents of a text file, each an iterator over its lines."""
    lines = (LINE_ENDS.sub(" ", line) for line in text_lines(path, opened))
    for text, document in itertools.groupby(lines, lambda line: bool(line.strip())):
        if text:
            yield document


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines in lists of about BLOCK characters, so that memory is bounded."""
    block, size = [], 0
    for line in lines:
        block.append(line)
        size += len(line)
        if size >= BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _split_sentences(lines: Iterable[str], language: str) -> Iterator[str]:
    """The sentences of lines that may end within one.

    A line's end is a space, but none between two letters of Chinese or Japanese. A word
    divided by a soft hyphen is joined; one divided by a hyphen may be "well-known" or
    "inter-national", and is not.
    """
    rest = ""
    for block in _blocks(lines):
        text = "\n".join([rest, *block] if rest else block)
        text = LINE_END.sub("", text).replace(f"{SOFT_HYPHEN}\n", "")
        text = text.replace("\n", " ")
        *sentences, rest = _segment(text, language)
        yield from sentences
    yield rest


def _count_breaks(lines: Iterable[str], counts: Counts, joined: bool) -> Iterator[str]:
    """The lines. Those that end within a word are counted, and where they are not
    joined later, those that end within a sentence."""
    before = ""
    for line in lines:
        if line[:1].islower():
            counts.divided += before[-1:] in HYPHENS and before[-2:-1].isalpha()
            goes_on = before[-1:].isalpha() or before[-1:] in HYPHENS | {","}
            counts.broken += goes_on and not joined
        before = line
        yield line


def _segment(text: str, language: str) -> Iterator[str]:
    """The sentences of a text, which make it up together.

    The library keeps what is quoted or in brackets together, up to the end of the text
    where one is never closed. What gets too long is split again without these signs.
    """
    for sentence in sentencex.segment(language, text):
        if len(sentence) <= LONGEST_SENTENCE:
            yield sentence
            continue
        unquoted = CLOSING_SIGN.sub(" ", OPENING_SIGN.sub("A", sentence))
        begin = 0
        for part in sentencex.segment(language, unquoted):
            yield sentence[begin : begin + len(part)]
            begin += len(part)


@dataclasses.dataclass(frozen=True)
class _Sentence:
    """A sentence: its pieces as they are after another, and the first of a part."""

    within: Pieces
    first: Pieces


def _tokenize(sentences: Iterable[str], tokenizer: Tokenizer) -> Iterator[_Sentence]:
    for block in _blocks(map(str.strip, sentences)):
        first = within = tokenizer.tokenize(block)
        if tokenizer.keeps_spaces:
            within = tokenizer.tokenize([f" {sentence}" for sentence in block])
        yield from (
            _Sentence(*both) for both in zip(within, first, strict=True) if both[1]
        )


def _join(sentences: list[_Sentence]) -> Pieces:
    """The pieces of sentences that make up a part of a span."""
    after = itertools.chain(*(sentence.within for sentence in sentences[1:]))
    return [*itertools.chain(*(s.first for s in sentences[:1])), *after]


def _cut_document(
    sentences: Iterator[_Sentence],
    tokenizer: Tokenizer,
    max_length: int,
    rng: random.Random,
    keep_all: bool,
    counts: Counts,
) -> Iterator[list[str]]:
    """The spans of one document; its sentences are counted."""
    target = max_length - len(tokenizer.sequence([], []))
    chunk: list[_Sentence] = []
    length = 0
    following = next(sentences, None)
    while following is not None:
        sentence, following = following, next(sentences, None)
        counts.sentences += 1
        chunk.append(sentence)
        length += len(sentence.within)
        if following is not None and length < target:
            continue
        middle = rng.randint(1, len(chunk) - 1) if len(chunk) > 1 else 1
        first, second = _join(chunk[:middle]), _join(chunk[middle:])
        # the original truncates, and draws for it, before it looks for an empty part
        whole = len(first) + len(second)
        first, second = _truncate(first, second, target, rng)
        if second:
            counts.cut += whole - len(first) - len(second)
            yield tokenizer.sequence(first, second)
        elif keep_all:
            counts.dropped += 1
        else:
            left = 0 if following is None else 1 + sum(1 for _ in sentences)
            counts.sentences += left
            counts.dropped += 1 + left
            return
        chunk, length = [], 0


def _truncate(
    first: Pieces, second: Pieces, target: int, rng: random.Random
) -> tuple[Pieces, Pieces]:
    """Both without the tokens, off either end of the longer, that are too many."""
    bounds = [[0, len(first)], [0, len(second)]]
    for _ in range(len(first) + len(second) - target):
        lengths = [end - begin for begin, end in bounds]
        longer = bounds[0] if lengths[0] > lengths[1] else bounds[1]
        if rng.random() < 0.5:
            longer[0] += 1
        else:
            longer[1] -= 1
    (begin, end), (begin_2, end_2) = bounds
    return first[begin:end], second[begin_2:end_2]

"""Coreference documents to examples: stretches of whole sentences (Section 4.3).

A stretch is a run of neighbouring sentences of a document that fit into BERT together.
"""

import bisect
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from bert.tokenization import Tokenizer
from corpora.coreference import Document, read_documents
from corpora.english import KNOWN_TAGS
from corpora.lines import is_withheld
from corpora.mentions import describe_mention
from toolkit.files import InputError, printable

SPECIAL_TOKENS = 2  # before and after the text
SHORTEST_STRETCH = SPECIAL_TOKENS + 1  # a word piece


@dataclasses.dataclass
class Stretches:
    """The stretches of a corpus, and what was left out of them."""

    examples: list[dict]
    documents: int = 0  # read; parts of one count by themselves
    sentences: int = 0  # read
    beyond: int = 0  # sentences after a document's only stretch
    too_long: int = 0  # sentences that fit by themselves into none
    withheld: int = 0  # sentences with placeholders instead of words
    mentions: int = 0  # read, without those that are repeated, zeros or in pieces
    cut_mentions: int = 0  # that reach beyond the sentences of a stretch
    repeated: int = 0  # mentions that their cluster has already
    zeros: int = 0  # mentions of empty nodes only
    in_pieces: int = 0  # mentions with words between that are not theirs
    pieces: int = 0  # word pieces read
    unknown: int = 0  # of these
    tags: int = 0  # read
    foreign: int = 0  # of these, neither Penn's nor universal


def cut_documents(
    paths: Iterable[str | Path],
    tokenizer: Tokenizer,
    *,
    max_length: int = 128,
    windows: bool = False,
) -> Stretches:
    """Cut documents to whole sentences of at most `max_length` word pieces together.

    Special tokens count, and a word that has no piece counts as one. Of each document
    the first stretch is kept, as in the paper; with `windows` stretch follows stretch.
    A sentence that is too long by itself ends the stretch before it, and is in none.

    An example has "document", "part" and "stretch" (from 0), "words", "tags" where the
    file has them, "sentences" [first word, last word], and "mentions", which have
    "start", "end" (inclusive), "cluster" and what `describe_mention` tells. Words count
    from 0 within the stretch. Raises InputError for what cannot be read, and for a
    document that is there twice.
    """
    cut = Stretches([])
    seen: dict[tuple[str, int], str | Path] = {}
    for path in paths:
        for document in read_documents(path):
            key = document.name, document.part
            if key in seen:
                raise InputError(
                    f"{path}: document {printable(document.name)}, "
                    f"part {document.part} was "
                    f"already in {seen[key]}; leave one out, or give it another name"
                )
            seen[key] = path
            _cut_document(document, tokenizer, max_length, windows, cut)
    return cut


def require_mentions(cut: Stretches, paths: list[Path]) -> None:
    """InputError, which names the likely cause, where no example has a mention."""
    if any(example["mentions"] for example in cut.examples):
        return
    if not cut.documents:
        cause = "as there is no document; are the files complete?"
    elif cut.mentions:
        cause = f"as none of {cut.mentions:,} lies in a stretch: use " + (
            "--windows, or " * (cut.beyond > 0) + "a greater --max-sequence-length"
        )
    else:
        cause = (
            "expected brackets such as (3) in the last column, or in that of CoNLL-U "
            "as Entity=(3): are these the files with coreference?"
        )
    more = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
    raise InputError(f"{paths[0]}{more}: no mention found, {cause}")


def _cut_document(
    document: Document,
    tokenizer: Tokenizer,
    max_length: int,
    windows: bool,
    cut: Stretches,
) -> None:
    words = tokenizer.tokenize_words(document.words)
    pieces = [len(word) for word in words]
    if tokenizer.keeps_spaces:  # of which a word that begins a stretch has none
        alone = tokenizer.tokenize(document.words)
        pieces = [max(n, len(word)) for n, word in zip(pieces, alone, strict=True)]
    lengths = [sum(pieces[first : last + 1]) for first, last in document.sentences]
    stretches = list(_group(lengths, max_length - SPECIAL_TOKENS))
    if not windows:
        del stretches[1:]
    for number, places in enumerate(stretches):
        sentences = [document.sentences[place] for place in places]
        example, cut_mentions = _example(document, number, sentences)
        cut.examples.append(example)
        cut.cut_mentions += cut_mentions
    left_out = len(lengths) - sum(map(len, stretches))
    # without windows, what is too long may come before the stretch
    too_long = left_out if windows or not stretches else stretches[0][0]
    cut.documents += 1
    cut.sentences += len(lengths)
    cut.withheld += sum(
        is_withheld(document.words[first : last + 1])
        for first, last in document.sentences
    )
    cut.mentions += len(document.mentions)
    cut.repeated += document.repeated
    cut.zeros += document.zeros
    cut.in_pieces += document.in_pieces
    cut.pieces += sum(pieces)
    cut.unknown += sum(word.count(tokenizer.special_tokens.unknown) for word in words)
    cut.tags += len(document.tags or ())
    cut.foreign += sum(tag not in KNOWN_TAGS for tag in document.tags or ())
    cut.too_long += too_long
    cut.beyond += left_out - too_long


def _group(lengths: list[int], room: int) -> Iterator[list[int]]:
    """Places of neighbours whose lengths fit into the room together."""
    group: list[int] = []
    used = 0
    for place, length in enumerate(lengths):
        if group and used + length > room:
            yield group
            group, used = [], 0
        if length <= room:
            group.append(place)
            used += length
    if group:
        yield group


def _example(
    document: Document, number: int, sentences: list[tuple[int, int]]
) -> tuple[dict, int]:
    """The example of a stretch, and how many mentions that begin in it reach beyond."""
    begin, end = sentences[0][0], sentences[-1][1]
    # mentions are sorted by their first word
    bounds = [
        bisect.bisect_left(document.mentions, word, key=lambda m: m[0])
        for word in (begin, end + 1)
    ]
    begun = document.mentions[slice(*bounds)]
    mentions = []
    for first, last, cluster in begun:
        if last <= end:
            described = describe_mention(document, first, last)
            described["head"] -= begin
            place = {"start": first - begin, "end": last - begin, "cluster": cluster}
            mentions.append(place | described)
    example = {
        "document": document.name,
        "part": document.part,
        "stretch": number,
        "words": document.words[begin : end + 1],
        "sentences": [[first - begin, last - begin] for first, last in sentences],
        "mentions": mentions,
    }
    if document.tags:
        example["tags"] = document.tags[begin : end + 1]
    return example, len(begun) - len(mentions)

"""Coreference in columns: CoNLL-2012 and GUM's three; see coreference.py."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from corpora.brackets import (
    NOTHING,
    Place,
    column_brackets,
    constituents,
    pair_brackets,
)
from corpora.documents import Document, sentence_bounds
from corpora.lines import check_quotes, numbered_lines
from toolkit.files import InputError, printable, quoted

Row = tuple[int, list[str]]  # a word's columns, with the number of their line

BEGIN = re.compile(r"#\s*begin[ _]document\b", re.IGNORECASE)
END = re.compile(r"#\s*end[ _]document\b", re.IGNORECASE)
PART = re.compile(r"part\s*(\d{1,9})")
GUM_COLUMNS, LEAST_COLUMNS = 3, 5
FINAL = {".", "!", "?", "…", "..."}
CLOSING = {'"', "''", "'", "\u201d", "\u2019", "»", ")", "]", "-RRB-", "-RSB-"}


def split_columns(path: Path) -> Iterator[tuple[str, str | None, list[list[Row]]]]:
    """Name, part and sentences of each document in a file of columns."""
    header, sentences, ends = None, [], False
    for number, line in numbered_lines(path):
        if begin := BEGIN.match(line):
            if header:
                yield *header, sentences
            header, sentences = _name_and_part(line[begin.end() :]), [[]]
        elif END.match(line):
            if header:
                yield *header, sentences
            header, ends = None, True
        elif line.startswith("#"):
            continue  # a comment
        elif not line.strip():
            sentences.append([])
        elif header is None:
            raise InputError(
                f"{path}:{number}: expected #begin document, found {quoted(line)}"
            )
        else:
            sentences[-1].append((number, _columns(line, header[0])))
    if header and ends:
        raise InputError(
            f"{path}:{number}: expected #end document here, as after other documents; "
            "is the file whole?"
        )
    if header:
        yield *header, sentences


def _name_and_part(text: str) -> tuple[str, str | None]:
    """`(bn/a_1); part 003` to name and part; brackets and part may be missing."""
    name, _, end = text.strip().rpartition(";")
    part = PART.fullmatch(end.strip())
    if end.strip() and not part:
        name = text
    name = name.strip().removeprefix("(").removesuffix(")").strip()
    return name, part and part[1]


def _columns(line: str, document: str) -> list[str]:
    if "\t" in line:
        return [cell.strip() for cell in line.split("\t")]
    if " " in document and line.startswith(f"{document} "):
        return [document, *re.split(" +", line.removeprefix(document).strip())]
    return re.split(" +", line.strip())  # a word may hold other spaces, as 10\xa0000


def from_columns(
    path: Path, name: str, part: int, sentences: list[list[Row]]
) -> Document:
    """The document of these sentences; InputError names the line of what is wrong."""
    rows = [row for sentence in sentences for row in sentence]
    _drop_empty_columns(rows)
    for sentence in sentences:
        _check_columns(path, sentence)
    _check_numbers(path, sentences)
    _check_document(path, rows)
    _check_marks(path, rows)
    words = [_word(columns) for _, columns in rows]
    mentions = pair_brackets(
        (
            Place(i, i, number, column_brackets(columns[-1], f"{path}:{number}"))
            for i, (number, columns) in enumerate(rows)
        ),
        path,
    )
    bounds = sentence_bounds(sentences)
    if len(bounds) == 1 and len(rows[0][1]) == GUM_COLUMNS:
        bounds = _guess_sentences(words, mentions.spans)
    tags = [c[4] if len(c) > LEAST_COLUMNS else "_" for _, c in rows]
    parse = [(n, c[5] if len(c) > LEAST_COLUMNS + 1 else "_") for n, c in rows]
    return Document(
        name,
        part,
        words,
        bounds,
        mentions.spans,
        tags=tags if any(tag not in NOTHING for tag in tags) else None,
        repeated=mentions.repeated,
        constituents=constituents(parse, path),
    )


def _word(columns: list[str]) -> str:
    return columns[1 if len(columns) == GUM_COLUMNS else 3]


def _number_place(columns: list[str]) -> int:
    return 0 if len(columns) == GUM_COLUMNS else 2


def _drop_empty_columns(rows: list[Row]) -> None:
    """Drop what a tab at the end of every line makes."""

    def spare(columns: list[str]) -> bool:
        left = len(columns) - 1
        return not columns[-1] and (left == GUM_COLUMNS or left >= LEAST_COLUMNS)

    while all(spare(columns) for _, columns in rows):
        for _, columns in rows:
            columns.pop()


def _check_columns(path: Path, sentence: list[Row]) -> None:
    """Refuse lines whose columns are not what they should be, by place and number."""
    expected = len(sentence[0][1])
    if expected != GUM_COLUMNS and expected < LEAST_COLUMNS:
        raise InputError(
            f"{path}:{sentence[0][0]}: expected {GUM_COLUMNS} columns, or at least "
            f"{LEAST_COLUMNS}, found {expected}"
        )
    place = _number_place(sentence[0][1])
    follows = None  # number of the next word
    for number, columns in sentence:
        where = f"{path}:{number}"
        if len(columns) != expected:
            raise InputError(
                f"{where}: expected {expected} columns, as in the line that begins the "
                f"sentence, found {len(columns)}"
            )
        found = columns[place]
        if not found.isdecimal() or len(found) > 9 or follows not in (None, int(found)):
            wanted = "a word's number" if follows is None else f"word number {follows}"
            raise InputError(
                f"{where}: expected {wanted} in column {place + 1}, "
                f"found {quoted(found)}; "
                "is there a space in a column, or no empty line between sentences?"
            )
        follows = int(found) + 1
        if not _word(columns):
            raise InputError(f"{where}: no word in column {place + 2}")
        check_quotes(where, _word(columns))


def _check_numbers(path: Path, sentences: list[list[Row]]) -> None:
    """Refuse empty lines within sentences, as the numbers of words show them: after an
    empty line they begin anew throughout a document, or go on throughout."""
    (first, *begins), ends = (
        [int(s[place][1][_number_place(s[place][1])]) for s in sentences]
        for place in (0, -1)
    )
    anew = first in begins
    for begin, end, sentence in zip(begins, ends, sentences[1:], strict=False):
        expected = first if anew else end + 1
        if begin != expected:
            raise InputError(
                f"{path}:{sentence[0][0]}: expected word number {expected} after an "
                f"empty line, found {begin}; is that line within a sentence?"
            )
    if begins and not anew and all(len(sentence) == 1 for sentence in sentences):
        raise InputError(
            f"{path}:{sentences[1][0][0]}: an empty line after each word; expected "
            "them between sentences only"
        )


def _check_document(path: Path, rows: list[Row]) -> None:
    """Refuse CoNLL-2012 that goes on with another document, or part, unannounced."""
    if len(rows[0][1]) == GUM_COLUMNS:
        return
    for (_, before), (number, columns) in itertools.pairwise(rows):
        if columns[:2] != before[:2]:
            raise InputError(
                f"{path}:{number}: document and part are "
                f"{printable(' '.join(columns[:2]))} from here on, and were "
                f"{printable(' '.join(before[:2]))}; expected #begin document before "
                "another one"
            )


def _check_marks(path: Path, rows: list[Row]) -> None:
    """Refuse an empty last column where others have a mark for no mention."""
    marks = {columns[-1] for _, columns in rows} & NOTHING
    if "" in marks and len(marks) > 1:
        number = next(number for number, columns in rows if not columns[-1])
        raise InputError(
            f"{path}:{number}: the last column is empty, where other lines have "
            f"{max(marks)!r} for no mention; does the line end in a tab too many?"
        )


def _guess_sentences(words: list[str], mentions: list[tuple]) -> list[tuple[int, int]]:
    """Sentences by final punctuation, none of which ends within a mention."""
    changes = [0] * len(words)  # of how many mentions go on after a word
    for first, last, _ in mentions:
        changes[first] += 1
        changes[last] -= 1
    within = list(itertools.accumulate(changes))
    sentences, first, final = [], 0, False
    for word, text in enumerate(words):
        final = text in FINAL or (final and text in CLOSING)
        follows = words[word + 1] if word + 1 < len(words) else None
        if follows is None or (final and not within[word] and follows not in CLOSING):
            sentences.append((first, word))
            first, final = word + 1, False
    return sentences

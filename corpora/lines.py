"""Text files by lines with their numbers, which errors name; what is no plain text."""

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from toolkit.files import InputError, open_text, quoted

Lines = list[tuple[int, str]]  # each with its number in the file, from 1

QUOTED = re.compile('"(?:[^"]|"")+"')
# endings of files of something else, which would be read like any text
NO_TEXT = (
    *("conll", "conllu", "conllx", "conll10", ".json", ".jsonl", ".ndjson"),
    *(".csv", ".tsv", ".html", ".xml", ".rtf", ".tex", ".pdf", ".srt", ".vtt"),
)
FIRST_LINES = 100  # of a text, that tell whether it is one
NO_SENTENCE = re.compile(
    r"""\S[^\t]*\t\s*\S  # a row between tabs
    | (?!\d+(,\d{3})+\b)[A-Za-z_-]*\d[\w-]*[,;|]\S | "[^"]+"[,;|]\S  # or others
    | .*\D[,;|]\d$ | .*\S[;|]\w+$ | __label__  # with a label
    | (\S+[_/][A-Z]+\$?(\s+|$)){2} | ([^\s_/|]+[_/|][^\s_/]+(\s+|$)){3}  # tagged words
    | \S+[ \t]\d+-[A-Za-z:]+\s*$  # a word and its arc
    | \S+[ \t](.*[ \t])?(O|[BI]-\w+)\s*$  # a word and the tag of its entity
    | \#\s*\w+\s*=  # a comment of CoNLL-U
    | \s*(<.+>|\{.+\}|\[.+\]),?\s*$  # markup, JSON
    | \s*\(\S*\s?\(  # a tree in brackets""",
    re.VERBOSE,
)
# how files of something else begin, and lines between those of a text
MARKUP = re.compile(
    r"<(\?xml|!doctype|html)\b|\{\\rtf|\\documentclass|%pdf-", re.IGNORECASE
)
BETWEEN = re.compile(r"<doc( [^<>]*)?>$|</doc>$|.*\d\d:\d\d[.,]\d{3} -->")
ESCAPE = re.compile(r"-[LR][RSC]B-|-AMP-|``|''|.*\\[/*].*|/[.?-]")
TO_TEXT = (
    "convert the file to UTF-8; unpack an archive, or save the text of a PDF or "
    "another document as a .txt, first"
)


def numbered_lines(
    path: Path, opened: BinaryIO | None = None
) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file, empty ones too, also of one that gzip compressed.

    `opened` is the file where it is open already. Raises InputError where it is not
    UTF-8. UTF-16 without a byte order mark is valid UTF-8 for ASCII text, with a NUL
    beside each character: where the first line shows this, it is refused as well.
    """
    with open_text(path, opened) as file:
        try:
            for number, line in enumerate(file, 1):
                if number == 1 and "\0" in line[:2]:
                    raise InputError(
                        f"{path}: not UTF-8 text (it looks like UTF-16); {TO_TEXT}"
                    )
                _check_ends(path, file.newlines)
                # files that were put together may each begin with a byte order mark
                yield number, line.rstrip("\n").removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 text ({error}); {TO_TEXT}") from None


def _check_ends(path: Path, found: str | tuple[str, ...] | None) -> None:
    r"""Refuse \r\r\n, which would make an empty line after each: it is what becomes of
    \r\n in a file that is written as text on Windows."""
    if isinstance(found, tuple) and {"\r", "\r\n"}.issubset(found):
        raise InputError(
            rf"{path}: lines end in \r and in \r\n (\r\r\n makes two); save the file "
            "with line ends of one kind"
        )


def paragraphs(path: Path) -> Iterator[Lines]:
    """Runs of lines without an empty one; the last may end with the file."""
    lines: Lines = []
    for number, line in numbered_lines(path):
        if line.strip():
            lines.append((number, line))
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def is_called(path: Path, *endings: str) -> bool:
    """Whether a file's name ends so, in capitals or not, compressed or not."""
    return path.name.lower().removesuffix(".gz").endswith(endings)


def text_lines(path: Path, opened: BinaryIO | None = None) -> Iterator[str]:
    """The lines of a plain text, as `numbered_lines` reads them.

    Raises InputError where the file's name or most of its first lines are those of a
    table, a treebank, JSON or markup, or it has the marks of another kind of file: each
    row would be a sentence, tags and all.
    """
    if is_called(path, *NO_TEXT):
        raise InputError(
            f"{path}: expected plain text, such as a .txt; take the text out of this "
            "file first"
        )
    lines = (line for _, line in numbered_lines(path, opened))
    first = list(itertools.islice(lines, FIRST_LINES))
    filled = [line for line in first if line.strip()]
    rows = sum(bool(NO_SENTENCE.match(line)) for line in filled)
    marks = [*map(MARKUP.match, filled[:1]), *map(BETWEEN.match, filled)]
    if 2 * rows > len(filled) or any(marks):
        raise InputError(
            f"{path}: expected plain text, found rows of a table or a treebank, JSON "
            "or markup; take the text out of it first"
        )
    yield from itertools.chain(first, lines)


def check_quotes(where: str, word: str, *labels: str) -> None:
    """Refuse the quotes that spreadsheets and tables put around what holds a comma or a
    quote, or around everything: then labels, which have none, are in quotes too."""
    is_quoted = QUOTED.fullmatch(word) and ("," in word or '""' in word[1:-1])
    if is_quoted or any(label.startswith('"') for label in labels):
        raise InputError(
            f"{where}: the word is {quoted(word)}, in the quotes of a table; save it "
            "without quotes around cells, or take the original file"
        )


def is_withheld(words: list[str]) -> bool:
    """Whether all words are placeholders, as in corpora whose text is not free.

    Those are underscores (UD's ESL, GUM's Reddit) or [WORD] (OntoNotes). A single word
    of many underscores is a line that separates (UD's EWT).
    """
    if len(words) == 1 and re.fullmatch("__+", words[0]):
        return False
    return all(re.fullmatch(r"_+|\[WORD\]", word) for word in words)


def escape_note(examples: Iterable[dict]) -> str | None:
    """What to say of words as the Penn Treebank and OntoNotes spell them, such as -LRB-
    for an opening bracket, `` for a quotation mark, 1\\/2 or /. for a full stop; None
    where there is none."""
    words = (word for example in examples for word in example["words"])
    if not (found := sum(bool(ESCAPE.fullmatch(word)) for word in words)):
        return None
    return (
        f"{found:,} of the words are escapes of the Penn Treebank, such as -LRB- for "
        "(: the encoder reads them letter by letter, unless you replace them"
    )

"""Coreference files to documents (Section 4.3): CoNLL-2012, GUM's columns, CoNLL-U.

Files ending in .conllu are CoNLL-U, with mentions as `Entity=` among the last column's
values. In all others (.conll, .v4_gold_conll and so on) `#begin document` opens each
document, or part of one, and the number of columns tells the format:

- three are GUM's: number, word, mentions. A document without empty lines in it, as
  GUM's are, has its sentences end with a final . ! ? or … and the quotes and brackets
  after it, outside of every mention.
- five or more are CoNLL-2012's: the word is the 4th, its tag the 5th, the parse the 6th
  (- or _ throughout where there are none, * too for the parse), mentions are the last.
  An empty line ends a sentence.

Columns are parted by tabs where a line has tabs, else by spaces.

Mentions are written as brackets with the number of their cluster, `(3`, `3)`, `(3)`,
and all are kept, those too whose cluster has no other (LitBank annotates such). They
may nest and cross; a closing bracket is that of the last mention of its cluster which
began at an earlier word. What follows the cluster behind hyphens in CoNLL-U is left
alone, and a mention in several pieces (`(e3[1/2]`) counts as the words from its first
to its last. Multi-word ranges and empty nodes are no words.
"""

import collections
import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import conllu

from corpora.lines import numbered_lines, paragraphs
from corpora.treebank import read_words, word_tags
from files import InputError

Row = tuple[int, list[str]]  # a word's columns, with the number of their line
Words = list[tuple[int, conllu.models.Token]]  # of a sentence, with their lines

BEGIN = re.compile(r"#\s*begin document\s*\(?(.*?)\)?(?:;\s*part\s*(\d{1,9}))?\s*$")
NEW_DOCUMENT = re.compile(r"#\s*newdoc\b(?:\s+id\s*=\s*(.*))?")
ATTRIBUTES = re.compile(r"#\s*global\.Entity\s*=\s*(.*)")
NO_WORD = re.compile(r"\d+[-.]\d+\t.*\bEntity=")
BRACKETS = re.compile(r"(\(?)([^()|]+)(\)?)")
PIECE = re.compile(r"(.*?)(?:\[(\d+)/(\d+)\])?")
PARSE = re.compile(r"\(([^()*]*)|(\))")
NOTHING = {"", "-", "_", "*"}  # ways to leave a column empty
CLUSTER = {"GRP", "eid"}  # its name in `# global.Entity`
GUM_COLUMNS, LEAST_COLUMNS = 3, 5
FINAL = {".", "!", "?", "…", "..."}
CLOSING = {'"', "''", "'", "\u201d", "\u2019", "»", ")", "]", "-RRB-", "-RSB-"}


@dataclasses.dataclass
class Document:
    """A document, or a part of one, as its file has it; words count from 0.

    Where the file does not say, `tags` and `governors` are None and `constituents` is
    empty.
    """

    name: str
    part: int
    words: list[str]
    sentences: list[tuple[int, int]]  # first and last word
    mentions: list[tuple[int, int, int]]  # first and last word, cluster
    tags: list[str] | None = None
    governors: list[int | None] | None = None  # of each word; None for the root
    relations: list[str] | None = None  # to the governors
    features: list[dict[str, str]] | None = None  # CoNLL-U's FEATS
    # by first word: last word and label, the outermost first
    constituents: dict[int, list[tuple[int, str]]] = dataclasses.field(
        default_factory=dict
    )


def find_files(folder: str | Path) -> list[Path]:
    """The files in a folder, and in those within it, that end in conll or conllu.

    Raises InputError where there is none.
    """
    paths = [p for p in Path(folder).rglob("*") if p.name.endswith(("conll", "conllu"))]
    if not any(p.is_file() for p in paths):
        raise InputError(f"{folder}: no file there ends in conll or conllu")
    return sorted(p for p in paths if p.is_file())


def read_documents(path: str | Path) -> Iterator[Document]:
    """The documents of a file, or their parts, in order.

    One without a name of its own is called after the file. Mentions are sorted by their
    first word, longer ones first; clusters are numbered from 0 as they come. Raises
    InputError, which names file and line, for what cannot be read.
    """
    path = Path(path)
    if path.name.endswith("conllu"):
        split, build = _split_conllu, _from_conllu
    else:
        split, build = _split_columns, _from_columns
    unnumbered: collections.Counter[str] = collections.Counter()
    for name, part, sentences in split(path):
        sentences = [sentence for sentence in sentences if sentence]
        if not sentences:
            continue
        name = name or path.stem
        if part is None:
            part = unnumbered[name]
            unnumbered[name] += 1
        yield build(path, name, int(part), sentences)


def _split_columns(path: Path) -> Iterator[tuple[str, str | None, list[list[Row]]]]:
    """Name, part and sentences of each document in CoNLL-2012 or GUM's columns."""
    header, sentences = None, []
    for number, line in numbered_lines(path):
        if begin := BEGIN.match(line):
            if header:
                yield *header, sentences
            header, sentences = begin.groups(), [[]]
        elif line.startswith("#"):
            continue  # "#end document" and comments
        elif not line.strip():
            sentences.append([])
        elif header is None:
            raise InputError(
                f"{path}:{number}: expected #begin document, found {line!r}"
            )
        else:
            columns = line.split("\t" if "\t" in line else None)
            sentence = sentences[-1]
            expected = len(sentence[0][1]) if sentence else len(columns)
            if len(columns) != expected:
                raise InputError(
                    f"{path}:{number}: expected {expected} columns, as in the line "
                    f"that begins the sentence, found {len(columns)}"
                )
            if len(columns) != GUM_COLUMNS and len(columns) < LEAST_COLUMNS:
                raise InputError(
                    f"{path}:{number}: expected {GUM_COLUMNS} columns, or at least "
                    f"{LEAST_COLUMNS}, found {len(columns)}"
                )
            if not _word(columns).strip():
                raise InputError(f"{path}:{number}: no word in {line!r}")
            sentence.append((number, columns))
    if header:
        yield *header, sentences


def _from_columns(
    path: Path, name: str, part: int, sentences: list[list[Row]]
) -> Document:
    rows = [row for sentence in sentences for row in sentence]
    words = [_word(columns) for _, columns in rows]
    mentions = _mentions(path, [(number, columns[-1]) for number, columns in rows])
    bounds = _bounds(sentences)
    if len(bounds) == 1 and len(rows[0][1]) == GUM_COLUMNS:
        bounds = _guess_sentences(words, mentions)
    tags = [c[4] if len(c) > LEAST_COLUMNS else "_" for _, c in rows]
    parse = [(n, c[5] if len(c) > LEAST_COLUMNS + 1 else "_") for n, c in rows]
    return Document(
        name,
        part,
        words,
        bounds,
        mentions,
        tags=tags if any(tag not in NOTHING for tag in tags) else None,
        constituents=_constituents(path, parse),
    )


def _word(columns: list[str]) -> str:
    return columns[1 if len(columns) == GUM_COLUMNS else 3]


def _split_conllu(path: Path) -> Iterator[tuple[str | None, None, list[Words]]]:
    """Name and sentences of each document; mentions stand in `misc` as plain brackets.

    `# global.Entity` names the attributes of a mention in their order; the cluster is
    the one called GRP or eid, and else the first.
    """
    name, place, sentences = None, 0, []
    for lines in paragraphs(path):
        for number, line in lines:
            if new := NEW_DOCUMENT.match(line):
                yield name, None, sentences
                name, sentences = new[1], []
            elif attributes := ATTRIBUTES.match(line):
                names = attributes[1].strip().split("-")
                place = next((i for i, n in enumerate(names) if n in CLUSTER), 0)
            elif NO_WORD.match(line):
                raise InputError(f"{path}:{number}: a mention at what is no word")
        sentence = read_words(path, lines)
        for number, word in sentence:
            if "misc" not in word:
                raise InputError(f"{path}:{number}: expected ten columns of CoNLL-U")
            values = conllu.parser.parse_dict_value(word["misc"])
            word["misc"] = _plain_brackets((values or {}).get("Entity") or "_", place)
        sentences.append(sentence)
    yield name, None, sentences


def _plain_brackets(field: str, place: int) -> str:
    """Brackets with nothing but the cluster; of a mention in pieces, the outer two."""

    def plain(match: re.Match) -> str:
        opening, text, closing = match.groups()
        attributes = text.split("-")
        # a closing bracket may repeat only the first of the attributes
        cluster = attributes[min(place, len(attributes) - 1)]
        cluster, piece, pieces = PIECE.fullmatch(cluster).groups()
        if piece:
            opening = opening if piece == "1" else ""
            closing = closing if piece == pieces else ""
            if not opening and not closing:
                return ""
        return f"{opening}{cluster}{closing}|"

    return BRACKETS.sub(plain, field) if field != "_" else field


def _from_conllu(path: Path, name: str, part: int, sentences: list[Words]) -> Document:
    rows = [row for sentence in sentences for row in sentence]
    words = [word for _, word in rows]
    bounds = _bounds(sentences)
    return Document(
        name,
        part,
        [word["form"] for word in words],
        bounds,
        _mentions(path, [(number, word["misc"]) for number, word in rows]),
        tags=word_tags(words),
        governors=[
            first + word["head"] - 1 if word["head"] else None
            for (first, _), sentence in zip(bounds, sentences, strict=True)
            for _, word in sentence
        ],
        relations=[word["deprel"] for word in words],
        features=[
            conllu.parser.parse_dict_value(word["feats"]) or {} for word in words
        ],
    )


def _mentions(path: Path, fields: Iterable[tuple[int, str]]) -> list[tuple]:
    """First word, last word and cluster of each mention, sorted, from its brackets.

    `fields` are those of a document's words, each with the number of its line.
    """
    begun = collections.defaultdict(list)  # by cluster: first words, and their lines
    found = []
    for word, (number, field) in enumerate(fields):
        if field in NOTHING:
            continue
        brackets = BRACKETS.findall(field)
        readable = "".join(map("".join, brackets)) == field.replace("|", "")
        if not readable or any(not o and not c for o, _, c in brackets):
            raise InputError(f"{path}:{number}: expected mentions, found {field!r}")
        # those that close were begun earlier, wherever they stand in the field
        for opening, cluster, closing in sorted(brackets, key=lambda b: b[0]):
            if opening and closing:
                found.append((word, word, cluster))
            elif opening:
                begun[cluster].append((word, number))
            elif begun[cluster]:
                found.append((begun[cluster].pop()[0], word, cluster))
            else:
                raise InputError(
                    f"{path}:{number}: {cluster}) ends a mention that did not begin"
                )
    for cluster, left in begun.items():
        for _, number in left:
            raise InputError(
                f"{path}:{number}: ({cluster} begins a mention that does not end"
            )
    found.sort(key=lambda mention: (mention[0], -mention[1]))
    numbers: dict[str, int] = {}
    return [(a, z, numbers.setdefault(c, len(numbers))) for a, z, c in found]


def _constituents(
    path: Path, fields: Iterable[tuple[int, str]]
) -> dict[int, list[tuple[int, str]]]:
    """Constituents from the parse column: by first word, last word and label."""
    found = collections.defaultdict(list)
    begun = []  # first word, place in the list of its constituents, line
    for word, (number, field) in enumerate(fields):
        if field in NOTHING:
            continue
        for label, closing in PARSE.findall(field):
            if not closing:
                begun.append((word, len(found[word]), number))
                found[word].append((word, label))
            elif begun:
                first, place, _ = begun.pop()
                found[first][place] = (word, found[first][place][1])
            else:
                raise InputError(f"{path}:{number}: a bracket too many in {field!r}")
    if begun:
        raise InputError(f"{path}:{begun[-1][2]}: a constituent that does not end")
    return dict(found)


def _bounds(sentences: list[list]) -> list[tuple[int, int]]:
    """The first and the last word of each sentence."""
    ends = itertools.accumulate(map(len, sentences))
    return [(end - len(s), end - 1) for s, end in zip(sentences, ends, strict=True)]


def _guess_sentences(words: list[str], mentions: list[tuple]) -> list[tuple[int, int]]:
    """Sentences by final punctuation, none of which ends within a mention."""
    within = {word for first, last, _ in mentions for word in range(first, last)}
    sentences, first, final = [], 0, False
    for word, text in enumerate(words):
        final = text in FINAL or (final and text in CLOSING)
        follows = words[word + 1] if word + 1 < len(words) else None
        if follows is None or (final and word not in within and follows not in CLOSING):
            sentences.append((first, word))
            first, final = word + 1, False
    return sentences

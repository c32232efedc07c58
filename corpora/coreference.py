"""Coreference files to documents (Section 4.3): CoNLL-2012, GUM's columns, CoNLL-U.

Files ending in .conllu are CoNLL-U, with mentions as `Entity=` in the last column. In
all others (.conll, .v4_gold_conll and so on) `#begin document` opens each document, or
part of one, and the number of columns tells the format:

- three are GUM's: number, word, mentions. A document without empty lines in it, as
  GUM's are, has its sentences end with a final . ! ? or … and the quotes and brackets
  after it, outside of every mention.
- five or more are CoNLL-2012's: the word's number is the 3rd, the word the 4th, its tag
  the 5th, the parse the 6th (- or _ throughout where there are none, * too for the
  parse), mentions are the last. An empty line ends a sentence.

Columns are separated by tabs where a line has tabs, else by spaces; a column that is
empty on all lines of a document, behind a tab that ends each, is not one.

Mentions are written as brackets (see brackets.py) and all are kept, also those whose
cluster has no other (LitBank annotates such). Multi-word ranges and empty nodes of
CoNLL-U are not words: a mention of empty nodes only is left out and counted, and so is
one in several pieces, as a span would give it the words between.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import conllu

from corpora.brackets import (
    CLUSTER_NAMES,
    Mentions,
    Place,
    entity_brackets,
    pair_brackets,
)
from corpora.columns import from_columns, split_columns
from corpora.documents import Document, sentence_bounds
from corpora.english import PENN_TAGS
from corpora.lines import is_called, paragraphs
from corpora.treebank import Word, read_rows, word_tags
from toolkit.files import InputError, check_folder, printable

Rows = list[tuple[int, Word]]  # of a sentence in CoNLL-U, with their lines

NEW_DOCUMENT = re.compile(r"#\s*newdoc(?:[\s_]+id\s*[=:]\s*(.*)|(?!\w))", re.IGNORECASE)
ATTRIBUTES = re.compile(r"#\s*global\.Entity\s*=\s*(.*)")


def find_files(folder: str | Path) -> list[Path]:
    """The files in a folder, and in those within it, that end in conll or conllu, or in
    these and .gz.

    Hidden ones (.git, ._x.conll of a Mac) do not count. Raises InputError where there
    is none.
    """
    check_folder(folder)
    folder = Path(folder)
    paths = sorted(
        path
        for path in folder.rglob("*")
        if is_called(path, "conll", "conllu")
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not path.is_dir()
    )
    if not paths:
        raise InputError(
            f"{folder}: no file there ends in conll or conllu; "
            "--data-file takes files of any name"
        )
    return paths


def read_documents(path: str | Path) -> Iterator[Document]:
    """The documents of a file, or their parts, in order.

    Those without a name of their own are parts of one that is called after the file.
    Mentions are sorted by their first word, longer ones first; clusters are numbered
    from 0 as they come. Raises InputError, which names file and line, for what cannot
    be read.
    """
    path = Path(path)
    if is_called(path, "conllu"):
        split, build = _split_conllu, _from_conllu
    else:
        split, build = split_columns, from_columns
    unnamed = itertools.count()  # parts of their file
    for name, part, sentences in split(path):
        sentences = [sentence for sentence in sentences if sentence]
        if not sentences:
            continue
        if part is None:
            part = 0 if name else next(unnamed)
        yield build(path, name or path.stem, int(part), sentences)


def _split_conllu(path: Path) -> Iterator[tuple[str | None, None, list[Rows]]]:
    """Name and sentences of each document; rows have the brackets of their `Entity`."""
    name, layout, sentences = None, None, []
    for lines in paragraphs(path):
        for number, line in lines:
            if new := NEW_DOCUMENT.match(line.lstrip()):
                yield name, None, sentences
                name, sentences = new[1] and new[1].strip(), []
            elif attributes := ATTRIBUTES.match(line.lstrip()):
                layout = attributes[1].strip().split("-")
                if not CLUSTER_NAMES & set(layout):
                    raise InputError(
                        f"{path}:{number}: expected GRP or eid, the cluster, among the "
                        f"attributes of a mention, found {printable(attributes[1])}"
                    )
        sentence = []
        for number, row in read_rows(path, lines):
            where = f"{path}:{number}"
            if "misc" not in row:
                raise InputError(f"{where}: expected ten columns of CoNLL-U")
            values = [value.strip() for value in row["misc"].split("|")]
            field = "".join(
                value.removeprefix("Entity=")
                for value in values
                if value.startswith("Entity=")
            )
            row["brackets"] = entity_brackets(field, layout, where) if field else []
            if isinstance(row["id"], int) or row["id"][1] == ".":
                sentence.append((number, row))
            elif field:
                raise InputError(
                    f"{where}: a mention of a multi-word range; expected it on the "
                    "words of the range"
                )
        if any(isinstance(row["id"], int) for _, row in sentence):
            sentences.append(sentence)
    yield name, None, sentences


def _from_conllu(path: Path, name: str, part: int, sentences: list[Rows]) -> Document:
    rows = [row for sentence in sentences for row in sentence]
    words = [row for _, row in rows if isinstance(row["id"], int)]
    bounds = sentence_bounds(
        [[row for _, row in s if isinstance(row["id"], int)] for s in sentences]
    )
    mentions = _conllu_mentions(path, rows)
    return Document(
        name,
        part,
        [word["form"] for word in words],
        bounds,
        mentions.spans,
        tags=_known_tags(words),
        governors=[
            first + word["head"] - 1 if word["head"] else None
            for first, last in bounds
            for word in words[first : last + 1]
        ],
        relations=[word["deprel"] for word in words],
        features=[
            conllu.parser.parse_dict_value(word["feats"]) or {} for word in words
        ],
        repeated=mentions.repeated,
        zeros=mentions.zeros,
        in_pieces=mentions.in_pieces,
    )


def _known_tags(words: list[Word]) -> list[str] | None:
    """The tags that mentions are described by: the treebank's own where most are Penn's
    (German's, Czech's tell nothing there), else the universal ones."""
    tags = word_tags(words)
    if tags and sum(tag in PENN_TAGS for tag in tags) * 2 < len(tags):
        universal = [word["upos"] for word in words]
        return universal if any(tag != "_" for tag in universal) else tags
    return tags


def _conllu_mentions(path: Path, rows: Rows) -> Mentions:
    places, words = [], 0
    for number, row in rows:
        is_word = isinstance(row["id"], int)
        last = words if is_word else words - 1
        places.append(Place(words, last, number, row["brackets"]))
        words += is_word
    return pair_brackets(places, path)

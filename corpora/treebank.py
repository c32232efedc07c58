"""Dependency treebanks to examples (Section 4): the original format, CoNLL-U, CoNLL-X.

An example has "words", "heads" (counted from 1; 0 is ROOT), "relns", and "tags" where
the file has part-of-speech tags. Multi-word ranges and empty nodes are left out. The
relation to ROOT is called "root", whatever the file calls it (ROOT, HED, sentence).
"""

import re
from collections.abc import Callable
from pathlib import Path

import conllu

from corpora.lines import Lines, check_quotes, is_called, paragraphs
from toolkit.files import InputError, check_folder, quoted

SPLITS = ("train", "dev")
COLUMNS = "id form lemma upos xpos feats head deprel deps misc".split()
GLOBAL_COLUMNS = re.compile(r"\s*#\s*global\.columns\s*=\s*(.*)")
ARC_WITHIN = re.compile(r"\s\d+-\D")

Word = dict  # its columns by name


def find_splits(folder: str | Path) -> list[Path]:
    """The treebank files called train and dev in a folder; one of them may be missing.

    Raises InputError where neither is there, or one is in two formats.
    """
    check_folder(folder)
    found = []
    for split in SPLITS:
        names = [
            split + suffix + zipped for suffix in READERS for zipped in ("", ".gz")
        ]
        paths = [path for name in names if (path := Path(folder, name)).is_file()]
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            raise InputError(f"{folder}: {names} are both there; keep one")
        found += paths
    if not found:
        raise InputError(
            f"{folder}: neither train nor dev is there, in any of "
            f"{', '.join(READERS)}; --data-file takes files of other names"
        )
    return found


def read_treebank(
    path: str | Path, *, universal: bool = False, strict: bool = False
) -> tuple[list[dict], list[str]]:
    """The sentences of a treebank, and a line for each that is not a tree.

    The format goes by the file's ending. `universal` cuts the subtypes of relations
    (nmod:poss becomes nmod). A sentence with a cycle, without exactly one root, or with
    a relation called root to a word is kept and listed; with `strict` it is an error.
    Raises InputError, which names file and line, for what cannot be read, and for a
    file without a sentence.
    """
    path = Path(path)
    kinds = [suffix for suffix in READERS if is_called(path, suffix)]
    if not kinds:
        raise InputError(
            f"{path}: expected a file in {', '.join(READERS)}, or of gzip in these; "
            "unpack it, or rename it after its format, first"
        )
    examples, defects = [], []
    for lines in paragraphs(path):
        example = READERS[kinds[0]](path, lines)
        if not example["words"]:
            continue  # comments only
        if universal:
            example["relns"] = [r.split(":")[0] for r in example["relns"]]
        example["relns"] = [
            reln if head else "root"
            for reln, head in zip(example["relns"], example["heads"], strict=True)
        ]
        if defect := _defect(example["heads"]) or _root_defect(example):
            defect = f"{path}:{lines[0][0]}: the sentence from here on has {defect}"
            if strict:
                raise InputError(f"{defect}; without --strict it is kept")
            defects.append(defect)
        examples.append(example)
    if not examples:
        raise InputError(f"{path}: expected sentences, found none; is the file whole?")
    return examples, defects


def _read_original(path: Path, lines: Lines) -> dict:
    """Lines of `word <head>-<relation>`; a relation may hold hyphens."""
    words, heads, relns = [], [], []
    for number, line in lines:
        word, arc = ["", *line.rsplit(None, 1)][-2:]
        head, hyphen, reln = arc.partition("-")
        if not (word.strip() and hyphen and reln):
            raise InputError(
                f"{path}:{number}: expected 'word <head>-<relation>', "
                f"found {quoted(line)}"
            )
        word = word.strip()
        if "\t" in word or ARC_WITHIN.search(word):
            raise InputError(
                f"{path}:{number}: expected one word and its '<head>-<relation>', "
                f"found {quoted(line)}; put each word on a line of its own"
            )
        words.append(word)
        heads.append(_head(head, len(lines), path, number))
        relns.append(reln)
    if len(words) > 1 and all(" " in word for word in words):
        raise InputError(
            f"{path}:{lines[0][0]}: each line of the sentence from here on has more "
            f"than a word and its '<head>-<relation>', {quoted(lines[0][1])}; leave "
            "out what is neither"
        )
    return {"words": words, "heads": heads, "relns": relns}


def read_rows(path: Path, lines: Lines) -> list[tuple[int, Word]]:
    """The rows of a sentence in CoNLL-U, or in CoNLL-X, whose columns mean the same.

    Each comes with the number of its line, and is a dictionary by column. Of a word,
    "id" and "head" are numbers; of a multi-word range or an empty node, "id" is a
    tuple, (3, "-", 4) or (8, ".", 1). All other columns are strings. Raises InputError,
    which names file and line.
    """
    rows, width = [], None
    for number, line in lines:
        if line.lstrip().startswith("#"):
            _check_layout(line, path, number)
            continue
        cells = _cells(line)
        row = _row(cells, line, path, number)
        width = width or len(cells)
        if len(cells) != width:
            raise InputError(
                f"{path}:{number}: expected {width} columns, as in the line that "
                f"begins the sentence, found {len(cells)}"
            )
        rows.append((number, row))
    words = [(number, row) for number, row in rows if isinstance(row["id"], int)]
    for place, (number, word) in enumerate(words, 1):
        if word["id"] != place:
            raise InputError(
                f"{path}:{number}: expected word {place}, found {word['id']}; is there "
                "no empty line between two sentences, or a line missing?"
            )
        word["head"] = _head(word["head"], len(words), path, number)
    if rows and not words:
        raise InputError(
            f"{path}:{rows[0][0]}: expected words, numbered 1, 2 and so on, found "
            "multi-word ranges (1-2) or empty nodes (1.1) only"
        )
    for number, row in rows:
        if not isinstance(row["id"], int):
            first, kind, second = row["id"]
            if (second if kind == "-" else first) > len(words):
                raise InputError(
                    f"{path}:{number}: {first}{kind}{second} is beyond word "
                    f"{len(words)}, the last; is the file whole?"
                )
    return rows


def word_tags(words: list[Word]) -> list[str] | None:
    """Part-of-speech tags: of each word the treebank's own, or else the universal one;
    None where there are none."""
    columns = [[word.get(name, "_") for word in words] for name in ("xpos", "upos")]
    tags = [own if own != "_" else other for own, other in zip(*columns, strict=True)]
    return tags if any(tag != "_" for tag in tags) else None


def _read_conll(path: Path, lines: Lines) -> dict:
    words = [row for _, row in read_rows(path, lines) if isinstance(row["id"], int)]
    example = {
        "words": [word["form"] for word in words],
        "heads": [word["head"] for word in words],
        "relns": [word["deprel"] for word in words],
    }
    tags = word_tags(words)
    return example | {"tags": tags} if tags else example


def _check_layout(comment: str, path: Path, number: int) -> None:
    """Refuse CoNLL-U Plus with other columns than CoNLL-U, or in another order."""
    if layout := GLOBAL_COLUMNS.match(comment):
        found = layout[1].lower().split()
        if found[: len(COLUMNS)] != COLUMNS[: len(found)]:
            raise InputError(
                f"{path}:{number}: expected the columns of CoNLL-U, "
                f"{' '.join(COLUMNS).upper()}, found {quoted(layout[1])}; bring them "
                "into this order"
            )


def _cells(line: str) -> list[str]:
    """The cells of a line, between tabs, or where it has none between two spaces.

    Empty ones behind the columns of CoNLL-U, as spreadsheets leave them, do not count.
    """
    cells = line.split("\t") if "\t" in line else re.split("  +", line.strip())
    while len(cells) > len(COLUMNS) and not cells[-1].strip():
        cells.pop()
    return cells


def _row(cells: list[str], line: str, path: Path, number: int) -> Word:
    """The columns of a line by their names."""
    if len(cells) == 1:
        raise InputError(
            f"{path}:{number}: expected columns with tabs between them, "
            f"found {quoted(line)}"
        )
    row = {name: c.strip() or "_" for name, c in zip(COLUMNS, cells, strict=False)}
    row["form"] = cells[1].strip() or cells[1]  # a word may be spaces
    try:
        row["id"] = conllu.parser.parse_id_value(row["id"])
    except (conllu.exceptions.ParseException, ValueError):
        row["id"] = None
    if row["id"] is None:
        raise InputError(
            f"{path}:{number}: no number of a word in {quoted(line)}; expected it first"
        )
    missing = [name for name in ("form", "head", "deprel") if not row.get(name)]
    if isinstance(row["id"], int) and row.get("deprel") == "_":
        missing = ["deprel"]
    if missing:
        raise InputError(
            f"{path}:{number}: no {missing[0]} in {quoted(line)}; expected it in "
            f"column {COLUMNS.index(missing[0]) + 1} of {len(COLUMNS)}, as in CoNLL-U "
            f"or CoNLL-X, found {len(cells)} columns; convert another format, and have "
            "a parser add trees where there are none"
        )
    check_quotes(f"{path}:{number}", row["form"], row["deprel"])
    return row


def _head(value: str, words: int, path: Path, number: int) -> int:
    # so many digits are no number of a word, and too many for int()
    if not value.isdecimal() or len(value) > 9 or int(value) > words:
        raise InputError(
            f"{path}:{number}: head is {quoted(value)}, expected a number "
            f"from 0 to {words}"
        )
    return int(value)


def _defect(heads: list[int]) -> str | None:
    """What keeps heads from making a tree."""
    if (roots := heads.count(0)) != 1:
        return f"{roots} roots" if roots else "no root"
    sound = {0}  # words known to lead to the root
    for word in range(1, len(heads) + 1):
        path = set()
        while word not in sound:
            if word in path:
                return "a cycle"
            path.add(word)
            word = heads[word - 1]
        sound |= path
    return None


def _root_defect(example: dict) -> str | None:
    """What is wrong with relations called root; see `_defect`."""
    pairs = zip(example["relns"], example["heads"], strict=True)
    if any(head and reln.lower() == "root" for reln, head in pairs):
        return "a word with a head whose relation is called root"
    return None


READERS: dict[str, Callable[[Path, Lines], dict]] = {
    ".txt": _read_original,
    ".conllu": _read_conll,
    ".conll": _read_conll,
    ".conllx": _read_conll,
    ".conll10": _read_conll,
}

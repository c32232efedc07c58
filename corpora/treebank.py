"""Dependency treebanks to examples (Section 4): the original format, CoNLL-U, CoNLL-X.

An example has "words", "heads" (counted from 1; 0 is ROOT), "relns", and "tags" where
the file has part-of-speech tags. Multi-word ranges and empty nodes are left out. The
relation to ROOT is called "root", however the file spells it (ROOT, Root).
"""

import re
from collections.abc import Callable
from pathlib import Path

import conllu

from corpora.lines import Lines, paragraphs
from toolkit.files import InputError, check_folder, quoted

SPLITS = ("train", "dev")
COLUMNS = "id form lemma upos xpos feats head deprel deps misc".split()

Word = dict  # its columns by name


def find_splits(folder: str | Path) -> list[Path]:
    """The treebank files called train and dev in a folder; one of them may be missing.

    Raises InputError where neither is there, or one is in two formats.
    """
    check_folder(folder)
    found = []
    for split in SPLITS:
        paths = [Path(folder, split + suffix) for suffix in READERS]
        paths = [path for path in paths if path.is_file()]
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            raise InputError(f"{folder}: {names} are both there; keep one")
        found += paths
    if not found:
        raise InputError(
            f"{folder}: neither train nor dev is there, in any of {', '.join(READERS)}"
        )
    return found


def read_treebank(
    path: str | Path, *, universal: bool = False, strict: bool = False
) -> tuple[list[dict], list[str]]:
    """The sentences of a treebank, and a line for each that is not a tree.

    The format goes by the file's ending. `universal` cuts the subtypes of relations
    (nmod:poss becomes nmod). A sentence with a cycle, or without exactly one root, is
    kept and listed; with `strict` it is an error. Raises InputError, which names file
    and line, for what cannot be read, and for a file without a sentence.
    """
    path = Path(path)
    if path.suffix not in READERS:
        raise InputError(f"{path}: expected a file in {', '.join(READERS)}")
    examples, defects = [], []
    for lines in paragraphs(path):
        example = READERS[path.suffix](path, lines)
        if not example["words"]:
            continue  # comments, ranges and empty nodes only
        if universal:
            example["relns"] = [r.split(":")[0] for r in example["relns"]]
        if defect := _defect(example["heads"]):
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
        words.append(word.strip())
        heads.append(_head(head, len(lines), path, number))
        relns.append(_relation(reln))
    return {"words": words, "heads": heads, "relns": relns}


def read_rows(path: Path, lines: Lines) -> list[tuple[int, Word]]:
    """The rows of a sentence in CoNLL-U, or in CoNLL-X, whose columns mean the same.

    Each comes with the number of its line, and is a dictionary by column. Of a word,
    "id" and "head" are numbers; of a multi-word range or an empty node, "id" is a
    tuple, (3, "-", 4) or (8, ".", 1). All other columns are strings. Raises InputError,
    which names file and line.
    """
    rows = [
        (number, _row(line, path, number))
        for number, line in lines
        if not line.lstrip().startswith("#")
    ]
    words = [(number, row) for number, row in rows if isinstance(row["id"], int)]
    for place, (number, word) in enumerate(words, 1):
        if word["id"] != place:
            raise InputError(
                f"{path}:{number}: expected word {place}, found {word['id']}"
            )
        word["head"] = _head(word["head"], len(words), path, number)
    return rows


def word_tags(words: list[Word]) -> list[str] | None:
    """Part-of-speech tags: the treebank's own, else the universal ones, else none."""
    for column in ("xpos", "upos"):
        tags = [word.get(column, "_") for word in words]
        if any(tag != "_" for tag in tags):
            return tags
    return None


def _read_conll(path: Path, lines: Lines) -> dict:
    words = [row for _, row in read_rows(path, lines) if isinstance(row["id"], int)]
    example = {
        "words": [word["form"] for word in words],
        "heads": [word["head"] for word in words],
        "relns": [word["deprel"] for word in words],
    }
    tags = word_tags(words)
    return example | {"tags": tags} if tags else example


def _row(line: str, path: Path, number: int) -> Word:
    """The columns of a line: between tabs, or where it has none between two spaces."""
    cells = line.split("\t") if "\t" in line else re.split("  +", line.strip())
    if len(cells) == 1:
        raise InputError(
            f"{path}:{number}: expected columns with tabs between them, "
            f"found {quoted(line)}"
        )
    # a word may be, or hold, spaces
    row = {
        name: cell if name == "form" else cell.strip()
        for name, cell in zip(COLUMNS, cells, strict=False)
    }
    try:
        row["id"] = conllu.parser.parse_id_value(row["id"])
    except (conllu.exceptions.ParseException, ValueError):
        row["id"] = None
    if row["id"] is None:
        raise InputError(
            f"{path}:{number}: no number of a word in {quoted(line)}; expected it first"
        )
    if missing := [f for f in ("form", "head", "deprel") if not row.get(f)]:
        raise InputError(f"{path}:{number}: no {missing[0]} in {quoted(line)}")
    if isinstance(row["id"], int) and row["deprel"] == "_":
        raise InputError(f"{path}:{number}: no deprel in {quoted(line)}")
    row["deprel"] = _relation(row["deprel"])
    return row


def _relation(name: str) -> str:
    return "root" if name.lower() == "root" else name


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


READERS: dict[str, Callable[[Path, Lines], dict]] = {
    ".txt": _read_original,
    ".conllu": _read_conll,
    ".conll": _read_conll,
    ".conllx": _read_conll,
    ".conll10": _read_conll,
}

"""Dependency treebanks to examples (Section 4): the original format, CoNLL-U, CoNLL-X.

An example has "words", "heads" (counted from 1; 0 is ROOT), "relns", and "tags" where
the file has part-of-speech tags. Multi-word ranges and empty nodes are no words.
"""

from collections.abc import Callable
from pathlib import Path

import conllu

from corpora.lines import Lines, paragraphs
from files import InputError

SPLITS = ("train", "dev")


def find_splits(folder: str | Path) -> list[Path]:
    """The treebank files called train and dev in a folder; one of them may be missing.

    Raises InputError where neither is there, or one is in two formats.
    """
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
    """The sentences of a treebank, and which of them are no trees.

    The format goes by the file's ending. `universal` cuts the subtypes of relations
    (nmod:poss becomes nmod). A sentence with a cycle, or without exactly one root, is
    kept and listed; with `strict` it is an error. Raises InputError, which names file
    and line, for what cannot be read.
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
                raise InputError(defect)
            defects.append(defect)
        examples.append(example)
    return examples, defects


def _read_original(path: Path, lines: Lines) -> dict:
    """Lines of `word <head>-<relation>`; a relation may hold hyphens."""
    words, heads, relns = [], [], []
    for number, line in lines:
        word, arc = ["", *line.rsplit(None, 1)][-2:]
        head, hyphen, reln = arc.partition("-")
        if not (word.strip() and hyphen and reln):
            raise InputError(
                f"{path}:{number}: expected 'word <head>-<relation>', found {line!r}"
            )
        words.append(word.strip())
        heads.append(_head(head, len(lines), path, number))
        relns.append(reln)
    return {"words": words, "heads": heads, "relns": relns}


def read_words(path: Path, lines: Lines) -> list[tuple[int, conllu.models.Token]]:
    """The words of a sentence in CoNLL-U, or in CoNLL-X, whose columns mean the same.

    Each comes with the number of its line; "head" is a number, all other columns are
    as they stand. Raises InputError, which names file and line.
    """
    words = []
    for number, line in lines:
        if line.lstrip().startswith("#"):
            continue
        token = _parse_token(line, path, number)
        if isinstance(token["id"], int):
            words.append((number, token))
        elif not isinstance(token["id"], tuple):  # a range or an empty node
            raise InputError(f"{path}:{number}: no number of a word in {line!r}")
    for place, (number, token) in enumerate(words, 1):
        if token["id"] != place:
            raise InputError(
                f"{path}:{number}: expected word {place}, found {token['id']}"
            )
        token["head"] = _head(token["head"], len(words), path, number)
    return words


def word_tags(words: list[conllu.models.Token]) -> list[str] | None:
    """Part-of-speech tags: the treebank's own, else the universal ones, else none."""
    for column in ("xpos", "upos"):
        tags = [word[column] for word in words]
        if any(tag != "_" for tag in tags):
            return tags
    return None


def _read_conll(path: Path, lines: Lines) -> dict:
    words = [word for _, word in read_words(path, lines)]
    example = {
        "words": [word["form"] for word in words],
        "heads": [word["head"] for word in words],
        "relns": [word["deprel"] for word in words],
    }
    tags = word_tags(words)
    return example | {"tags": tags} if tags else example


def _parse_token(line: str, path: Path, number: int) -> conllu.models.Token:
    as_is: Callable = lambda columns, i: columns[i]  # noqa: E731 - no second name needed
    kept = ("form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
    try:
        (sentence,) = conllu.parse(line, field_parsers=dict.fromkeys(kept, as_is))
        (token,) = sentence
    except (conllu.exceptions.ParseException, ValueError) as error:
        raise InputError(f"{path}:{number}: {error}") from None
    if missing := [f for f in ("form", "head", "deprel") if not token.get(f)]:
        raise InputError(f"{path}:{number}: no {missing[0]} in {line!r}")
    if isinstance(token["id"], int) and token["deprel"] == "_":
        raise InputError(f"{path}:{number}: no deprel in {line!r}")
    return token


def _head(value: str, words: int, path: Path, number: int) -> int:
    # so many digits are no number of a word, and too many for int()
    if not value.isdecimal() or len(value) > 9 or int(value) > words:
        raise InputError(
            f"{path}:{number}: head is {value!r}, expected a number from 0 to {words}"
        )
    return int(value)


def _defect(heads: list[int]) -> str | None:
    """What keeps heads from making a tree."""
    if (roots := heads.count(0)) != 1:
        return f"{roots} roots" if roots else "no root"
    for word in range(1, len(heads) + 1):
        seen = set()
        while word and word not in seen:
            seen.add(word)
            word = heads[word - 1]
        if word:
            return "a cycle"
    return None


READERS: dict[str, Callable[[Path, Lines], dict]] = {
    ".txt": _read_original,
    ".conllu": _read_conll,
    ".conll": _read_conll,
    ".conllx": _read_conll,
    ".conll10": _read_conll,
}

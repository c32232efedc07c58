"""Word vectors for the probes: files of GloVe, word2vec or fastText, read for the words
of a corpus only.

Words are lower-cased, as in the paper. Those without a vector share row 0, which is all
zeros where the file has no such row itself.
"""

import codecs
import collections
import contextlib
import dataclasses
import gzip
import itertools
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from attention.store import load_pickle, read_attention
from toolkit.files import InputError

SEPARATORS = (b" ", b"\t", b",")
ENDINGS = (".txt", ".vec", ".txt.gz", ".vec.gz")
NOTICE = re.compile("licen[cs]e|readme|third.party", re.IGNORECASE)
LAYOUT_LINES = 100  # of a text file, that tell its separator and dimensions


@dataclasses.dataclass(frozen=True)
class WordVectors:
    """A vector for each word of a vocabulary, and one for all other words."""

    name: str  # what tables call them
    rows: Mapping[str, int]  # of lower-cased words; 0 is every other word's
    matrix: np.ndarray  # [rows, D], float32
    missing: int = 0  # words of the vocabulary that have no vector of their own

    @classmethod
    def from_matrix(
        cls,
        name: str,
        words: Sequence[str],
        matrix: np.ndarray,
        unknown: np.ndarray | None = None,
    ) -> "WordVectors":
        """Vectors [len(words), D] of lower-cased words; `unknown` [D] is row 0, by
        default zeros."""
        matrix = np.asarray(matrix, np.float32)
        if matrix.ndim != 2 or len(matrix) != len(words):
            raise InputError(
                f"{name}: expected a vector for each of {len(words)} words, found an "
                f"array {list(matrix.shape)}"
            )
        first = np.zeros(matrix.shape[1]) if unknown is None else unknown
        rows = {word: row for row, word in enumerate(words, 1)}
        return cls(name, rows, np.vstack([first, matrix]).astype(np.float32))

    def __getitem__(self, words: Sequence[str]) -> np.ndarray:
        """The rows [len(words)] of words."""
        return np.array([self.rows.get(word.lower(), 0) for word in words], int)


def corpus_vocabulary(*paths: str | Path) -> list[str]:
    """The lower-cased words of files of maps, sorted."""
    found = {
        word.lower()
        for path in paths
        for example in read_attention(path)
        for word in example.get("words", ())
    }
    return sorted(found)


def corpus_vectors(
    paths: Sequence[str | Path],
    glove: str | Path,
    embed: Callable[[list[str]], np.ndarray],
) -> WordVectors:
    """Vectors for the words of files of maps: those of the first text file (.txt, .vec,
    compressed or not; a licence or README is none) in the folder `glove`, or else those
    that `embed` gives, [len(words), D]."""
    words = corpus_vocabulary(*paths)
    found = (Path(glove).glob(f"*{ending}") for ending in ENDINGS)
    files = sorted(
        file for file in itertools.chain(*found) if not NOTICE.match(file.name)
    )
    if files:
        return load_glove(files[0], words)
    return WordVectors.from_matrix("input embeddings", words, embed(words))


def load_glove(path: str | Path, vocabulary: Iterable[str]) -> WordVectors:
    """GloVe's vectors of the words in `vocabulary`, which is lower-cased.

    Reads the text format, `<word> <number> ...` on a line with spaces, tabs or commas
    between, compressed by gzip or not, in one pass that holds the rows asked for. A
    word may hold spaces, as some do in the 840B file; the number of dimensions is that
    of most of the first lines. A first line `<rows> <dimensions>`, as word2vec writes
    it, is checked and skipped. Or else `embeddings.pkl`, the original's array
    [rows, D], with `vocab.pkl` (word -> row) beside it: there row 0 is kept for unknown
    words. Raises InputError, which names file and line, for anything else, for fewer
    rows than the first line says, and where none of the words is found. A file that
    does not call itself GloVe's gives the vectors its own name.
    """
    path = Path(path)
    wanted = {word.lower() for word in vocabulary}
    if path.suffix == ".pkl":
        found, unknown = _read_pickles(path, wanted)
    else:
        found, unknown = _read_text(path, wanted), None
    if not found:
        raise InputError(
            f"{path}: has none of the {len(wanted):,} words asked for; "
            "is it of another language?"
        )
    words = sorted(found)
    matrix = [found[word] for word in words]
    is_glove = path.suffix == ".pkl" or path.name.lower().startswith("glove")
    name = "GloVe" if is_glove else path.name.split(".txt")[0].split(".vec")[0]
    vectors = WordVectors.from_matrix(name, words, matrix, unknown)
    return dataclasses.replace(vectors, missing=len(wanted) - len(words))


def _read_text(path: Path, wanted: set[str]) -> dict[str, np.ndarray]:
    """The vectors of the words in `wanted` that the file has."""
    found: dict[str, np.ndarray] = {}
    with _open_lines(path) as lines:
        first = list(itertools.islice(lines, LAYOUT_LINES))
        separator, dimensions, rows = _layout(path, first)
        beginnings = {word.encode().split(separator)[0] for word in wanted}
        header, number = rows is not None, 0
        for number, line in enumerate(itertools.chain(first, lines), 1):
            # most lines are of other words, and only looked at so far
            if line.split(separator, 1)[0] not in beginnings or number <= header:
                continue
            word, *values = line.rsplit(separator, dimensions)
            try:
                vector = np.array(values, np.float32)
            except ValueError:
                vector = np.zeros(0)
            complete = len(vector) == dimensions and np.isfinite(vector).all()
            if not dimensions or not complete:
                raise InputError(
                    f"{path}:{number}: expected a word and {dimensions} numbers, "
                    f"found {line[:60].decode(errors='replace')!r}"
                )
            if (text := word.decode(errors="replace")) in wanted:
                found.setdefault(text, vector)
    if header and number - 1 < rows:
        raise InputError(
            f"{path}: expected {rows:,} rows, as its first line says, found "
            f"{number - 1:,}; is the file whole? If it is, correct that line"
        )
    return found


@contextlib.contextmanager
def _open_lines(path: Path) -> Iterator[Iterator[bytes]]:
    """The lines of a file, compressed by gzip or not, with a progress bar."""
    from tqdm import tqdm

    with (
        open(path, "rb") as raw,
        tqdm(total=path.stat().st_size, unit="B", unit_scale=True, disable=None) as bar,
    ):
        magic = raw.read(4)
        raw.seek(0)
        if magic == b"PK\3\4":
            raise InputError(f"{path}: a zip archive; unpack it, and name a file of it")

        def lines(file: IO[bytes]) -> Iterator[bytes]:
            for number, line in enumerate(file):
                yield line.removeprefix(codecs.BOM_UTF8).rstrip(b" \t\r\n")
                if number % 1000 == 0:
                    bar.update(raw.tell() - bar.n)

        if not magic.startswith(b"\x1f\x8b"):
            yield lines(raw)
            return
        try:
            with gzip.open(raw) as file:
                yield lines(file)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"{path}: broken gzip file ({error}); fetch it again"
            ) from None


def _layout(path: Path, lines: list[bytes]) -> tuple[bytes, int, int | None]:
    """What separates columns, how many numbers there are, and how many rows where line
    1 is a header, which says so.

    A word may hold spaces and numbers, so that what most of the first lines end in
    counts; of equals, the first.
    """
    if any(b"\0" in line for line in lines):
        raise InputError(
            f"{path}: expected text, found a binary file (word2vec's?); convert it"
        )
    separator = max(
        SEPARATORS, key=lambda s: sum(_final_numbers(line.split(s)) for line in lines)
    )
    fields = lines[0].split(separator) if lines else []
    if len(fields) == 2:
        return separator, *_header(path, fields)
    counts = collections.Counter(
        _final_numbers(line.split(separator)) for line in lines
    )
    return separator, counts.most_common(1)[0][0] if counts else 0, None


def _final_numbers(fields: list[bytes]) -> int:
    """How many fields after the first are numbers, counted from the end."""
    count = 0
    for field in reversed(fields[1:]):
        try:
            float(field)
        except ValueError:
            break
        count += 1
    return count


def _header(path: Path, fields: list[bytes]) -> tuple[int, int]:
    """The dimensions and the rows that a header names."""
    if not all(field.isdigit() and len(field) < 10 for field in fields):
        raise InputError(
            f"{path}:1: expected a word and its vector, or numbers of rows and "
            f"dimensions, found {b' '.join(fields)[:60].decode(errors='replace')!r}"
        )
    return int(fields[1]), int(fields[0])


def _read_pickles(
    path: Path, wanted: set[str]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The vectors of the words in `wanted` that the original's files have; row 0."""
    beside = path.with_name("vocab.pkl")
    matrix, rows = load_pickle(path), load_pickle(beside)
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or not len(matrix):
        raise InputError(f"{path}: expected an array [rows, dimensions]")
    if not isinstance(rows, dict):
        raise InputError(f"{beside}: expected words and their rows")
    found = {}
    for word in wanted & rows.keys():
        row = rows[word]
        if not isinstance(row, int | np.integer) or not 0 <= row < len(matrix):
            raise InputError(
                f"{beside}: row of {word!r} is {row!r}, expected a number from 0 to "
                f"{len(matrix) - 1}"
            )
        found[word] = matrix[row]
    return found, matrix[0]

"""Files of maps, read one example at a time, and other pickles of plain values.

Files are only opened by unpicklers that admit plain containers, strings, numbers and
NumPy arrays. Files that plain `pickle.dump` wrote (protocols 2 to 5, Python 2 ones too)
are read as well as our own, and both one example at a time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from attention import unpickler
from attention.meta import is_written, read_meta
from attention.pickled_list import ChecksumError, is_ours, pieces
from attention.plain_pickle import BLOCK, RefusedError, check_end
from attention.quick_unpickler import loads_example
from attention.writer import AttentionWriter, write_pickle
from toolkit.files import InputError, check_input, printable

__all__ = [
    "AttentionWriter",
    "is_written",
    "load_attention",
    "load_pickle",
    "read_attention",
    "read_meta",
    "write_pickle",
]

OTHER_FORMATS = {
    b"\x1f\x8b": "compressed by gzip: unpack it first",
    b"BZh": "compressed by bzip2: unpack it first",
    b"\xfd7zXZ": "compressed by xz: unpack it first",
    b"PK\x03\x04": "a zip archive, such as NumPy's .npz or PyTorch's files",
    b"\x93NUMPY": "NumPy's .npy: read it with numpy.load",
    b"\x89HDF": "HDF5",
    b"[": "JSON or other text",
    b"{": "JSON or other text",
}


def read_attention(path: str | Path, check: bool = False) -> Iterator[dict]:
    """The examples of a file of maps, one at a time: no two need be in memory.

    Each is a dict with "attns", an array [L, H, T, T] (or [L, H, W, W] at word level),
    and "tokens", a list of strings. `check` compares the checksums of a file that has
    them. Raises InputError for a file that is cut short or changed, that is no such
    list, or that holds anything but plain values.
    """
    path, number = Path(path), 0
    check_input(path)
    with open(path, "rb") as file:
        try:
            for example in _examples(file, check):
                _check_example(example)
                example["attns"] = example["attns"].view(np.ndarray)
                yield example
                number += 1
        except Exception as error:
            raise _clear_error(error, path, number) from None


def _examples(file: BinaryIO, check: bool) -> Iterator[Any]:
    _check_format(file)
    if is_ours(file):
        return map(loads_example, pieces(file, check))
    return unpickler.items(file)


def load_attention(path: str | Path) -> list[dict]:
    """All examples of a file of maps; see `read_attention`."""
    return list(read_attention(path))


def load_pickle(path: str | Path) -> Any:
    """A pickle of plain containers, strings, numbers and NumPy arrays.

    Raises InputError for a file that is no pickle or holds anything else.
    """
    path = Path(path)
    check_input(path)
    with open(path, "rb") as file:
        try:
            _check_format(file)
            value = unpickler.load(file)
            check_end(file.read(BLOCK))
            return value.view(np.ndarray) if isinstance(value, np.ndarray) else value
        except Exception as error:
            raise _clear_error(error, path) from None


def _check_format(file: BinaryIO) -> None:
    """Name what is often taken for a pickle."""
    start = file.read(8)
    file.seek(0)
    for magic, kind in OTHER_FORMATS.items():
        if start.startswith(magic):
            raise ValueError(kind)


def _check_example(example: Any) -> None:
    if not isinstance(example, dict):
        raise InputError(f"expected a dict, found {type(example).__name__}")
    attns = example.get("attns")
    if not isinstance(attns, np.ndarray) or attns.dtype.kind != "f":
        kind = getattr(attns, "dtype", type(attns).__name__)
        raise InputError(
            "expected 'attns', an array of floating-point numbers, found "
            + (str(kind) if "attns" in example else "none")
        )
    if attns.ndim != 4 or attns.shape[2] != attns.shape[3] or not attns.size:
        raise InputError(
            f"expected maps [layers, heads, tokens, tokens], found {list(attns.shape)}"
        )
    values = [example.get(key) for key in ("tokens", "words")]
    if not (lists := [value for value in values if isinstance(value, list)]):
        raise InputError("neither 'tokens' nor 'words', a list, beside the maps")
    kinds = {kind for each in lists for kind in {*map(type, each)}}
    if kinds - {str} and not all(issubclass(kind, str) for kind in kinds):
        raise InputError("'tokens' and 'words' must hold strings only")


def _clear_error(error: Exception, path: Path, example: int | None = None) -> Exception:
    """What a broken pickle can raise, which is anything, as one clear line."""
    if isinstance(error, OSError):
        return error
    if isinstance(error, InputError):
        return InputError(f"{path}: example {example}: {error}")
    if isinstance(error, ChecksumError):
        return InputError(f"{path}: example {example}: {error}; write the file again")
    if isinstance(error, RefusedError):
        return InputError(
            f"{path}: refused, as it asks for {error}; only plain values and NumPy "
            "arrays are read"
        )
    if isinstance(error, EOFError):
        after = f" after {example} whole examples" if example is not None else ""
        return InputError(f"{path}: cut short{after}; write it again")
    kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
    return InputError(
        f"{path}: not a pickle of the expected kind ({kind}{printable(str(error))})"
    )

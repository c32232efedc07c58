"""Attention maps on disk: one pickled list, written and read one example at a time.

`pickle.load` reads a file of maps as a list of examples. It is assembled from pickle's
own opcodes, so that neither side ever needs more than one example in memory:

    PROTO 3  EMPTY_LIST  ( LONG1 <bytes of the example> POP  <example> APPEND )*  STOP

LONG1 and POP push a number and throw it away: nothing to `pickle.load`, but it tells
the reader here where an example ends, and lets interrupted work find its last whole
one. Each example is pickled by itself, so that none refers to another.

Files are only opened by readers that admit plain containers, strings, numbers and NumPy
arrays. Files that plain `pickle.dump` wrote (protocols 2 to 5, Python 2 ones too) are
read as well, and streamed.
"""

import collections
import contextlib
import io
import itertools
import json
import os
import pickle
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np

from files import InputError, make_folder, open_whole

PROTOCOL = 3  # the last one whose memo slots are explicit and that has no frames
HEADER = pickle.PROTO + bytes([PROTOCOL]) + pickle.EMPTY_LIST
SIZE = struct.Struct("<2sqc")  # LONG1 with 8 bytes, the size, POP
LONG1 = pickle.LONG1 + b"\x08"

LONGEST_KEPT = 1000  # characters or bytes of what later items may refer to
END = object()


class AttentionWriter:
    """Writes examples to a file of maps, which appears under its name only when whole.

    `settings` is all that decides what is written (input, model, flags); it is kept
    beside the maps as `<name>.meta.json`. Until the `with` block ends well, the maps
    lie in `<path>.partial`, the settings in `<path>.partial.json`. With `resume`, such
    a file is continued after its last whole example if it was begun with the same
    settings; else InputError says what differs. `done` examples were there already.
    """

    def __init__(self, path: str | Path, settings: dict, resume: bool = False):
        self.path = Path(path)
        self.meta_path = self.path.with_suffix(".meta.json")
        self.partial = self.path.with_name(self.path.name + ".partial")
        self.begun_with = self.partial.with_name(self.partial.name + ".json")
        self.settings = json.loads(json.dumps(settings))  # as it will be read again
        self.done = 0
        make_folder(self.path.parent)
        if resume and self.partial.is_file() and self.begun_with.is_file():
            self._compare_settings()
            self._file = open(self.partial, "r+b")  # noqa: SIM115 - closed in __exit__
            self.done = _keep_whole_examples(self._file)
        else:
            self.partial.unlink(missing_ok=True)  # first: it has other settings
            with open_whole(self.begun_with, "w", encoding="utf-8") as file:
                _dump_json(self.settings, file)
            self._file = open(self.partial, "wb")  # noqa: SIM115
        if not self.done:
            self._file.seek(0)
            self._file.write(HEADER)

    def write(self, example: dict) -> None:
        """Append one example (plain values and NumPy arrays) to the list."""
        data = pickle.dumps(example, PROTOCOL)
        data = memoryview(data)[2:-1]  # without PROTO and STOP
        self._file.write(SIZE.pack(LONG1, len(data), pickle.POP))
        self._file.write(data)
        self._file.write(pickle.APPEND)

    def __enter__(self) -> "AttentionWriter":
        return self

    def __exit__(self, kind, error, trace) -> None:
        with self._file as file:
            if kind:
                return
            file.write(pickle.STOP)
            file.flush()
            os.fsync(file.fileno())
        # in this order, maps never lie beside a meta file that is not theirs
        self.meta_path.unlink(missing_ok=True)
        os.replace(self.partial, self.path)
        os.replace(self.begun_with, self.meta_path)

    def _compare_settings(self) -> None:
        try:
            begun = json.loads(self.begun_with.read_text(encoding="utf-8"))
        except ValueError:
            raise InputError(f"{self.begun_with}: not JSON; delete it") from None
        different = [
            f"{key} ({begun.get(key)!r} then, {self.settings.get(key)!r} now)"
            for key in begun | self.settings
            if begun.get(key) != self.settings.get(key)
        ]
        if different:
            raise InputError(
                f"{self.partial}: cannot be resumed, begun with other settings: "
                + "; ".join(different)
            )


def is_written(path: str | Path, settings: dict) -> bool:
    """Whether a whole file of maps, made with these settings, is there already."""
    meta = read_meta(path)
    written = {key: meta.get(key) for key in settings}
    return Path(path).is_file() and written == json.loads(json.dumps(settings))


def read_meta(path: str | Path) -> dict:
    """What is known of how a file of maps was made; nothing of other people's files."""
    try:
        meta = Path(path).with_suffix(".meta.json").read_text(encoding="utf-8")
        return dict(json.loads(meta))
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def read_attention(path: str | Path) -> Iterator[dict]:
    """The examples of a file of maps, one at a time: no two need be in memory.

    Each is a dict with "attns", an array [L, H, T, T] (or [L, H, W, W] at word level),
    and "tokens", a list of strings. Raises InputError for a file that is cut short, is
    no such list, or holds what a file of maps has no business to hold.
    """
    path = Path(path)
    with open(path, "rb") as file:
        own = file.read(len(HEADER) + 2) in (HEADER + LONG1, HEADER + pickle.STOP)
        file.seek(0)
        examples = _read_own(file) if own else _Walker(file).items()
        for i in itertools.count():
            with _clear_errors(path, i):
                example = next(examples, END)
                if example is END:
                    return
                _check_example(example)
                example["attns"] = example["attns"].view(np.ndarray)
            yield example


def load_attention(path: str | Path) -> list[dict]:
    """All examples of a file of maps; see `read_attention`."""
    return list(read_attention(path))


def load_pickle(path: str | Path) -> Any:
    """A pickle of plain containers, strings, numbers and NumPy arrays.

    Raises InputError for a file that is no pickle or holds anything else.
    """
    with open(path, "rb") as file, _clear_errors(Path(path)):
        value = _PlainUnpickler(file, encoding="latin1").load()
    return value.view(np.ndarray) if isinstance(value, np.ndarray) else value


def write_pickle(path: str | Path, value: Any, meta: dict) -> None:
    """Write a pickle of plain values, and the meta file that says what it was made of.

    The pickle appears first, so that a meta file never speaks of another pickle.
    """
    path = Path(path)
    meta_path = path.with_suffix(".meta.json")
    meta_path.unlink(missing_ok=True)
    with open_whole(path) as file:
        pickle.dump(value, file, protocol=4)
    with open_whole(meta_path, "w", encoding="utf-8") as file:
        _dump_json(meta, file)


def _read_own(file: BinaryIO) -> Iterator[Any]:
    """The items of a list that AttentionWriter wrote."""
    end = os.fstat(file.fileno()).st_size
    file.seek(len(HEADER))
    while (head := file.read(SIZE.size))[:1] != pickle.STOP:
        if len(head) < SIZE.size:
            raise EOFError
        long1, size, pop = SIZE.unpack(head)
        if long1 != LONG1 or pop != pickle.POP or size <= 0:
            raise pickle.UnpicklingError("no size where an example should begin")
        if size >= end - file.tell():
            raise EOFError
        plain = io.BytesIO(file.read(size) + pickle.STOP)
        example = _PlainUnpickler(plain, encoding="latin1").load()
        if file.read(1) != pickle.APPEND or plain.read(1):
            raise pickle.UnpicklingError("no end where an example should end")
        yield example


def _keep_whole_examples(file: BinaryIO) -> int:
    """Cut a partial file after its last whole example; return how many it holds."""
    whole, count = 0, 0
    if file.read(len(HEADER)) == HEADER:
        whole = len(HEADER)
        with contextlib.suppress(Exception):  # whatever a torn example raises
            for _ in _read_own(file):
                whole, count = file.tell(), count + 1
    file.seek(whole)
    file.truncate()
    return count


class _RefusedError(pickle.UnpicklingError):
    """A pickle asks for something that no file of ours needs."""


class _Dtype:
    """A NumPy dtype in the making.

    NumPy's own `dtype.__setstate__` believes whatever a file says, such as that bytes
    are no pointers to objects; this one takes a byte order and nothing else.
    """

    __slots__ = ("dtype",)

    def __init__(self, spec: str):
        if not (
            isinstance(spec, str) and re.fullmatch(r"[biufc]\d{1,2}|[SU]\d+", spec)
        ):
            raise _RefusedError(f"an array of {spec!r}")
        self.dtype = np.dtype(spec)

    def __setstate__(self, state: tuple) -> None:
        _, order, *structure = state[:5]
        if structure != [None, None, None] or order not in ("<", ">", "|"):
            raise _RefusedError("an array of records")
        if order != "|":
            self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray):
    """An array that takes its type from a _Dtype, and otherwise is a plain one."""

    def __setstate__(self, state: tuple) -> None:
        version, shape, kind, fortran, data = state
        super().__setstate__((version, shape, kind.dtype, fortran, data))

    def __reduce_ex__(self, protocol: int):  # pickled again, it is plain
        return self.view(np.ndarray).__reduce_ex__(protocol)


class _Makers:
    """What pickles may call for arrays and bytes; bound methods, so that a pickle can
    put nothing into them."""

    def dtype(self, spec, align=False, copy=False):
        return _Dtype(spec)

    def array(self, kind, shape, code):
        return np.ndarray.__new__(_Array, (0,), "i1")

    def frame(self, data, kind, shape, order):
        return np.frombuffer(data, kind.dtype).reshape(shape, order=order)

    def scalar(self, kind, data):
        return np.frombuffer(data, kind.dtype)[0]

    def latin1(self, text, encoding):
        """What `_codecs.encode` is for in protocol 2: bytes, spelt as text."""
        if encoding != "latin1":
            raise _RefusedError(f"_codecs.encode to {encoding}")
        return text.encode("latin1")


_make = _Makers()
PLAIN = {
    ("numpy", "ndarray"): "ndarray",  # only ever handed to _make.array
    ("numpy", "dtype"): _make.dtype,
    ("_codecs", "encode"): _make.latin1,
    ("collections", "OrderedDict"): collections.OrderedDict,
}
for _core in ("numpy.core", "numpy._core"):
    PLAIN[f"{_core}.multiarray", "_reconstruct"] = _make.array
    PLAIN[f"{_core}.multiarray", "scalar"] = _make.scalar
    PLAIN[f"{_core}.numeric", "_frombuffer"] = _make.frame
for _builtins in ("builtins", "__builtin__"):
    for _kind in (set, frozenset, bytearray, complex):
        PLAIN[_builtins, _kind.__name__] = _kind


class _Plain:
    """What a pickle may name, for both unpicklers below."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in PLAIN:
            raise _RefusedError(f"{module}.{name}")
        return PLAIN[module, name]


class _PlainUnpickler(_Plain, pickle.Unpickler):
    """The fast unpickler, for whole pickles."""


class _ForgottenError(Exception):
    """An item of a list refers to a part of an earlier one."""


class _Memo(dict):
    """An unpickler's memo that can let go of what an item of a list held."""

    def __init__(self):
        super().__init__()
        self.fresh: list[int] = []

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.fresh.append(key)

    def forget(self) -> None:
        """Let go of all but small things, which later items may refer to."""
        for key in self.fresh:
            if not _is_small(super().__getitem__(key)):
                super().__setitem__(key, END)
        self.fresh.clear()

    def __getitem__(self, key: int) -> Any:
        value = super().__getitem__(key)
        if value is END:
            raise _ForgottenError
        return value


def _is_small(value: Any) -> bool:
    if isinstance(value, str | bytes):
        return len(value) <= LONGEST_KEPT
    if isinstance(value, tuple):
        return all(map(_is_small, value))
    return not isinstance(value, dict | list | set | bytearray | np.ndarray)


class _Walker(_Plain, pickle._Unpickler):
    """The unpickler written in Python, whose steps can be watched.

    It gives the items of a pickled list while it walks through it. An item that is a
    dict is whole when the next one begins, or when items are put into the list.
    """

    def __init__(self, file: BinaryIO):
        super().__init__(file, encoding="latin1")
        self.file = file

    def items(self) -> Iterator[Any]:
        """Each item of the list. Should one refer to a part of an earlier one (the same
        array twice, say), the rest is read as a whole."""
        count = 0
        try:
            for item in self._walk():
                yield item
                count += 1
        except _ForgottenError:
            self.file.seek(0)
            everything = _PlainUnpickler(self.file, encoding="latin1").load()
            yield from everything[count:]

    def _walk(self) -> Iterator[Any]:
        frames = pickle._Unframer(self.file.read, self.file.readline)
        self._unframer, self.read = frames, frames.read
        self.readinto, self.readline = frames.readinto, frames.readline
        self.memo, self.proto = _Memo(), 0
        self.metastack, self.stack = [], []
        self.append = self.stack.append
        while (opcode := self.read(1)) != pickle.STOP:
            if not opcode:
                raise EOFError
            if opcode == pickle.EMPTY_DICT and self._within_list():
                yield from self._hand_out(self.stack)
            self.dispatch[opcode[0]](self)
            if opcode in (pickle.APPEND, pickle.APPENDS) and not self.metastack:
                yield from self._hand_out(self.stack[0])
        if not (len(self.stack) == 1 and isinstance(self.stack[0], list)):
            raise pickle.UnpicklingError("not one list")

    def _within_list(self) -> bool:
        """Whether the stack holds whole items that will be put into the list."""
        return (
            len(self.metastack) == 1
            and len(self.metastack[0]) == 1
            and all(isinstance(item, dict) for item in self.stack)
        )

    def _hand_out(self, whole: list) -> Iterator[Any]:
        yield from whole
        whole.clear()
        self.memo.forget()


def _check_example(example: Any) -> None:
    if not isinstance(example, dict):
        raise InputError(f"expected a dict, found {type(example).__name__}")
    attns = example.get("attns")
    if not isinstance(attns, np.ndarray) or attns.dtype.kind != "f":
        raise InputError("no 'attns' with attention maps")
    if attns.ndim != 4 or attns.shape[2] != attns.shape[3]:
        raise InputError(
            f"expected maps [layers, heads, tokens, tokens], found {list(attns.shape)}"
        )
    if not any(isinstance(example.get(key), list) for key in ("tokens", "words")):
        raise InputError("neither 'tokens' nor 'words' beside the maps")


@contextlib.contextmanager
def _clear_errors(path: Path, example: int | None = None) -> Iterator[None]:
    """Turn what a broken pickle can raise, which is anything, into one clear line."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: example {example}: {error}") from None
    except _RefusedError as error:
        raise InputError(
            f"{path}: refused, as it asks for {error}, which can run code; only plain "
            "values and NumPy arrays are read"
        ) from None
    except OSError:
        raise
    except Exception as error:
        if isinstance(error, EOFError) or "truncated" in str(error):
            after = f" after {example} whole examples" if example is not None else ""
            raise InputError(f"{path}: cut short{after}; write it again") from None
        raise InputError(
            f"{path}: not a pickle of the expected kind "
            f"({type(error).__name__}: {error})"
        ) from None


def _dump_json(value: Any, file: TextIO) -> None:
    json.dump(value, file, indent=1)
    file.write("\n")

"""What pickles may hold: plain values.

These are lists, dictionaries with strings as keys, tuples, sets, strings, numbers and
NumPy arrays. PLAIN lists all that a pickle may call to make them, and `check_plain`
looks at what came out. Arrays take their data from bytes, once.
"""

import collections
import math
import pickle
import re
from typing import Any

import numpy as np

from toolkit.files import DEEPEST, printable

TYPES = re.compile(r"[biufc]\d{1,2}|[SU][1-9]\d{0,8}")
MOST_PARTS = 1_000_000  # parts of a value beyond one for each byte of the file
BLOCK = 1 << 12  # characters that are encoded at once
LARGEST_MEMBER = 1 << 32  # of a set; larger numbers could be made to collide


class RefusedError(pickle.UnpicklingError):
    """A pickle asks for something that no file of plain values needs."""


class PlainDtype:
    """A NumPy dtype under construction.

    NumPy's own `dtype.__setstate__` believes whatever a file says, such as that bytes
    are no pointers to objects; this one takes a byte order and nothing else.
    """

    __slots__ = ("dtype",)

    def __init__(self, spec: str):
        if not (isinstance(spec, str) and TYPES.fullmatch(spec)):
            raise RefusedError(f"an array of {printable(spec)}")
        self.dtype = np.dtype(spec)

    def __setstate__(self, state: tuple) -> None:
        _, order, *structure = state[:5]
        if structure != [None, None, None] or order not in ("<", ">", "|"):
            raise RefusedError("an array of records")
        if order != "|":
            self.dtype = self.dtype.newbyteorder(order)


class PlainArray(np.ndarray):
    """An array that takes its data once, from bytes; otherwise a plain one.

    A second state would free the first one's memory under whatever looks into it.
    """

    def __setstate__(self, state: tuple) -> None:
        if "filled" in self.__dict__:
            raise RefusedError("an array whose data is set twice")
        self.filled = True
        version, shape, kind, fortran, data = state
        if isinstance(data, str):  # as Python 2 has it
            data = data.encode("latin1")
        _check_size(data, bytes, kind, shape)
        np.ndarray.__setstate__(self, (version, shape, kind.dtype, fortran, data))

    def __reduce_ex__(self, protocol: int):  # pickled again, it is plain
        return self.view(np.ndarray).__reduce_ex__(protocol)


def _check_size(data: Any, allowed: Any, kind: PlainDtype, shape: tuple) -> None:
    """Whether `data` are the bytes of an array of this type and shape."""
    if not isinstance(data, allowed):
        raise RefusedError("an array whose data is no bytes")
    if not set(map(type, shape)) <= {int} or min(shape, default=0) < 0:
        raise RefusedError("an array of an impossible shape")
    if math.prod(shape) * kind.dtype.itemsize != len(data):
        raise RefusedError("an array that is larger or smaller than its data")


class _Makers:
    """What pickles may call."""

    def dtype(self, spec, align=False, copy=False):
        return PlainDtype(spec)

    def array(self, kind, shape, code):
        return np.ndarray.__new__(PlainArray, (0,), "i1")

    def frame(self, data, kind, shape, order):
        if order not in ("C", "F"):
            raise RefusedError("an array of an unknown order")
        _check_size(data, bytes | bytearray, kind, shape)
        if not data:  # of which frombuffer makes nothing
            return np.zeros(shape, kind.dtype)
        return np.frombuffer(data, kind.dtype).reshape(shape, order=order)

    def scalar(self, kind, data):
        _check_size(data, bytes, kind, ())
        return np.frombuffer(data, kind.dtype)[0]

    def latin1(self, text, encoding):
        """What `_codecs.encode` is for in protocol 2: bytes, written as text."""
        if encoding not in ("latin1", "latin-1"):
            raise RefusedError(f"_codecs.encode to {printable(encoding)}")
        return text.encode("latin1")

    def bytes(self):
        return b""

    def bytearray(self, data=b"", encoding="latin1"):
        if not isinstance(data, str | bytes):
            raise RefusedError("bytearray of something else than bytes")
        if isinstance(data, bytes):
            return bytearray(data)
        made = bytearray(len(data))
        for start in range(0, len(data), BLOCK):  # without a copy of all of it
            part = data[start : start + BLOCK]
            made[start : start + BLOCK] = self.latin1(part, encoding)
        return made

    def set(self, items=()):
        return set(members(items))

    def frozenset(self, items=()):
        return frozenset(members(items))

    def complex(self, real, imaginary):
        if not (type(real) is float and type(imaginary) is float):
            raise RefusedError("a complex number of something else than numbers")
        return complex(real, imaginary)

    def ordered(self):
        return collections.OrderedDict()


def members(items: list) -> list:
    """Members of a set: strings, and numbers that cannot be made to hash alike."""
    if type(items) not in (list, tuple):
        raise RefusedError("a set of something else than a list")
    for item in items:
        if type(item) is str or (type(item) is int and abs(item) < LARGEST_MEMBER):
            continue
        raise RefusedError(f"a set that holds a {type(item).__name__}")
    return items


_make = _Makers()
PLAIN = {
    ("numpy", "ndarray"): "ndarray",  # only ever handed to _make.array
    ("numpy", "dtype"): _make.dtype,
    ("_codecs", "encode"): _make.latin1,
    ("collections", "OrderedDict"): _make.ordered,
}
for _core in ("numpy.core", "numpy._core"):
    for _module in ("multiarray", "_multiarray_umath"):
        PLAIN[f"{_core}.{_module}", "_reconstruct"] = _make.array
        PLAIN[f"{_core}.{_module}", "scalar"] = _make.scalar
    PLAIN[f"{_core}.numeric", "_frombuffer"] = _make.frame
for _builtins in ("builtins", "__builtin__"):
    for _name in ("bytes", "bytearray", "set", "frozenset", "complex"):
        PLAIN[_builtins, _name] = getattr(_make, _name)


def is_maker(value: Any) -> bool:
    """Whether a value is one of the functions in PLAIN."""
    return isinstance(getattr(value, "__self__", None), _Makers)


def find(module: str, name: str) -> Any:
    """What a pickle means by a name; RefusedError for all that is not plain."""
    if (module, name) not in PLAIN:
        raise RefusedError(printable(f"{module}.{name}"))
    return PLAIN[module, name]


def check_end(rest: bytes) -> None:
    """Raise UnpicklingError where more than blanks or zeros come after a pickle, as
    where files were put together, or each value was pickled by itself."""
    if rest.strip(b"\0 \t\r\n"):
        raise pickle.UnpicklingError("it goes on after its end; write one list")


LEAVES = {str, int, float, bool, type(None), bytes, bytearray, complex}
LEAVES |= {np.ndarray, PlainArray}
CONTAINERS = {list, tuple, dict, collections.OrderedDict, set, frozenset}


def check_plain(value: Any, most: int = MOST_PARTS) -> None:
    """Raise RefusedError for values that are not plain, are nested too deeply, or that
    have more than `most` parts when what they share is counted each time."""
    level, parts = [[value]], 0
    for _ in range(DEEPEST + 2):
        inner = []
        for values in level:
            parts += len(values)
            if parts > most:
                raise RefusedError("a value that holds its own parts too many times")
            if isinstance(values, dict):
                if not set(map(type, values)) <= {str}:
                    raise RefusedError("a dictionary with keys that are no strings")
                values = values.values()
            if strangers := set(map(type, values)) - LEAVES:
                for kind in strangers - CONTAINERS:
                    if not issubclass(kind, np.generic):
                        raise RefusedError(f"a value of type {kind.__name__}")
                inner += [v for v in values if type(v) in CONTAINERS]
        if not inner:
            return
        level = inner
    raise RefusedError(f"a value nested more than {DEEPEST} deep")

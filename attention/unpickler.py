"""Opening pickles of plain values without trusting them.

A pickle is a program. The unpickler in Python runs it step by step; it refuses whatever
makes more than plain values before anything is called, and bounds what a small file can
ask for: twice its size and ROOM in memory. It gives the items of a list one by one.
"""

import collections
import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, ClassVar

import numpy as np

from attention.pickle_memory import COST, MEMBER, PAIR, PLACE, ForgottenError, Memo
from attention.plain_pickle import (
    BLOCK,
    MOST_PARTS,
    PlainArray,
    PlainDtype,
    RefusedError,
    check_end,
    check_plain,
    find,
    is_maker,
    members,
)
from toolkit.files import DEEPEST, size_of

ROOM = 48 << 20  # bytes that values may take beyond twice the file's size
LONGEST_LINE = 1 << 22  # bytes; only protocol 0 has lines of any length
LARGE = 1 << 20  # bytes of a string, from which its memory is reckoned beforehand


def load(file: BinaryIO) -> Any:
    """The value of a pickle, which `file` is read from to its end."""
    return _Unpickler(file).load()


def items(file: BinaryIO) -> Iterator[Any]:
    """Each item of a pickled list that ends its file, while it is read. Should one
    refer to a part of an earlier one (the same array twice, say), the rest is read at
    once."""
    count = 0
    try:
        for item in _Unpickler(file).items():
            yield item
            count += 1
    except ForgottenError:
        file.seek(0)
        yield from load(file)[count:]
    check_end(file.read(BLOCK))


def _sized(kind: str, decode: str | None, make: type = bytes) -> Callable:
    """A step that reads a size as `kind` and a string or bytes of that size."""
    width = struct.calcsize(kind)

    def step(self: "_Unpickler") -> None:
        (size,) = struct.unpack(kind, self.read(width))
        if not 0 <= size <= self.unread:
            raise EOFError
        self._spend(size)  # for what is read, and then for what is made of it
        data = self.read(size)
        copies = _width(data, decode) if decode and size > LARGE else 1
        self._spend(copies * size)
        value = data.decode(decode, "surrogatepass") if decode else make(data)
        self.memory += (1 + copies) * size
        self._spend(sys.getsizeof(value))
        self.append(value)

    return step


def _width(data: bytes, encoding: str) -> int:
    """Bytes of memory that each byte of a string takes while it is decoded. In UTF-8, a
    single character can make all take 2 or 4, and what is decoded is copied then."""
    if encoding == "latin1":
        return 1
    highest = np.frombuffer(data, "u1").max()
    return 6 if highest > 0xEF else 3 if highest > 0xC3 else 2 if highest > 0x7F else 1


class _Unpickler(pickle._Unpickler):
    """The unpickler in Python, whose steps can be watched and counted."""

    def __init__(self, file: BinaryIO):
        super().__init__(file, encoding="latin1")
        self.file = file
        self.unread = size_of(file) - file.tell()
        self.size = self.unread
        self.memory = 2 * self.size + ROOM  # what is left of it
        self.memo = Memo()
        self.metastack, self.stack = [], []
        self.append = self.stack.append

    def load(self) -> Any:
        """The value of the whole pickle."""
        collections.deque(self._run(stream=False), 0)
        value = self.stack.pop()
        check_plain(value, self.size + MOST_PARTS)
        return value

    def items(self) -> Iterator[Any]:
        """Each item of a pickled list. An item that is a dict is whole when the next
        one begins, or when items are put into the list."""
        yield from self._run(stream=True)
        if not (len(self.stack) == 1 and isinstance(self.stack[0], list)):
            raise pickle.UnpicklingError("not one list")

    def _run(self, stream: bool) -> Iterator[Any]:
        memory = self.memory
        while (opcode := self.read(1)) != pickle.STOP:
            if opcode == pickle.EMPTY_DICT and stream and self._between_items():
                yield from self._give_out(self.stack)
                self.memory = memory = memory - self.memo.forget()
            self._spend(COST[opcode[0]])
            if not (step := self.dispatch.get(opcode[0])):
                raise ValueError(f"{opcode!r} is no opcode")
            step(self)
            if opcode in (pickle.APPEND, pickle.APPENDS) and stream:
                if self.metastack:
                    continue
                yield from self._give_out(self.stack[0])
                self.memory = memory = memory - self.memo.forget()
        if self.metastack:
            raise pickle.UnpicklingError("ends within a value")

    def _between_items(self) -> bool:
        """Whether the stack holds whole items that will be put into the list."""
        return (
            len(self.metastack) == 1
            and len(self.metastack[0]) == 1
            and all(isinstance(item, dict) for item in self.stack)
        )

    def _give_out(self, whole: list) -> Iterator[Any]:
        check_plain(whole, self.size + MOST_PARTS)
        yield from whole
        whole.clear()

    def _spend(self, size: int) -> None:
        self.memory -= size
        if self.memory < 0:
            raise RefusedError("far more memory than the file is large")

    def read(self, size: int) -> bytes:
        self.unread -= size
        if self.unread < 0:
            raise EOFError
        data = self._file_read(size)
        if len(data) < size:
            raise EOFError
        return data

    def readline(self) -> bytes:
        line = self._file_readline(LONGEST_LINE)
        self.unread -= len(line)
        if line[-1:] != b"\n":
            raise EOFError
        return line

    def find_class(self, module: str, name: str) -> Any:
        return find(module, name)

    dispatch: ClassVar = dict(pickle._Unpickler.dispatch)

    def load_refused(self) -> None:
        raise RefusedError("what makes objects, or more than plain values need")

    for _code in (  # classes, persistent and registered objects, buffers, huge numbers
        *(pickle.INST, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.PERSID),
        *(pickle.BINPERSID, pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.NEXT_BUFFER),
        *(pickle.READONLY_BUFFER, pickle.LONG4, pickle.DUP),
    ):
        dispatch[_code[0]] = load_refused

    def load_frame(self) -> None:
        if struct.unpack("<Q", self.read(8))[0] > self.unread:
            raise EOFError

    dispatch[pickle.FRAME[0]] = load_frame

    def load_mark(self) -> None:
        if len(self.metastack) > DEEPEST + 10:  # arrays have marks within marks
            raise RefusedError(f"a value nested more than {DEEPEST} deep")
        super().load_mark()

    dispatch[pickle.MARK[0]] = load_mark

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        maker = self.stack[-1]
        if not is_maker(maker):
            raise RefusedError("a call of what is no function")
        for argument in arguments:  # a short call may have long arguments
            if isinstance(argument, str | bytes):
                self._spend(len(argument))
            elif isinstance(argument, list):
                self._spend(MEMBER * len(argument))
        self.stack[-1] = maker(*arguments)

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_build(self) -> None:
        state = self.stack.pop()
        if type(self.stack[-1]) not in (PlainArray, PlainDtype):
            raise RefusedError("a state of what has none")
        if type(self.stack[-1]) is PlainArray:
            self._spend(len(state[-1]))
        self.stack[-1].__setstate__(state)

    dispatch[pickle.BUILD[0]] = load_build

    def load_unicode(self) -> None:
        line = self.readline()[:-1]
        self._spend(len(line) * (4 if b"\\U" in line else 2 if b"\\u" in line else 1))
        self.append(line.decode("raw-unicode-escape"))

    dispatch[pickle.UNICODE[0]] = load_unicode

    def load_string(self) -> None:
        super().load_string()
        self._spend(sys.getsizeof(self.stack[-1]))

    dispatch[pickle.STRING[0]] = load_string

    # containers

    def load_tuple(self) -> None:
        items = self.pop_mark()
        self._spend(PLACE * len(items))
        self.append(tuple(items))

    dispatch[pickle.TUPLE[0]] = load_tuple

    def load_append(self) -> None:
        self._extend([self.stack.pop()])

    def load_appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, items: list) -> None:
        if type(self.stack[-1]) is not list:
            raise pickle.UnpicklingError("items for what is no list")
        self._spend(PLACE * len(items))
        self.stack[-1].extend(items)

    dispatch[pickle.APPEND[0]] = load_append
    dispatch[pickle.APPENDS[0]] = load_appends

    def load_setitem(self) -> None:
        items = self.stack[-2:]
        del self.stack[-2:]
        self._update(items)

    def load_setitems(self) -> None:
        self._update(self.pop_mark())

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._update(items)

    def _update(self, items: list) -> None:
        target, keys, values = self.stack[-1], items[::2], items[1::2]
        if not isinstance(target, dict):
            raise pickle.UnpicklingError("items for what is no dictionary")
        if not set(map(type, keys)) <= {str}:
            raise RefusedError("a dictionary with keys that are no strings")
        self._spend((0 if target else 200) + PAIR * len(keys))
        target.update(zip(keys, values, strict=True))

    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.DICT[0]] = load_dict

    def load_frozenset(self) -> None:
        items = members(self.pop_mark())
        self._spend(MEMBER * len(items))
        self.append(frozenset(items))

    def load_additems(self) -> None:
        items = members(self.pop_mark())
        if type(self.stack[-1]) is not set:
            raise pickle.UnpicklingError("items for what is no set")
        self._spend(MEMBER * len(items))
        self.stack[-1].update(items)

    dispatch[pickle.FROZENSET[0]] = load_frozenset
    dispatch[pickle.ADDITEMS[0]] = load_additems

    for _code, *_how in (
        (pickle.BINUNICODE, "<I", "utf-8"),
        (pickle.BINUNICODE8, "<Q", "utf-8"),
        (pickle.SHORT_BINUNICODE, "<B", "utf-8"),
        (pickle.BINSTRING, "<i", "latin1"),
        (pickle.SHORT_BINSTRING, "<B", "latin1"),
        (pickle.BINBYTES, "<I", None),
        (pickle.BINBYTES8, "<Q", None),
        (pickle.SHORT_BINBYTES, "<B", None),
        (pickle.BYTEARRAY8, "<Q", None, bytearray),
    ):
        dispatch[_code[0]] = _sized(*_how)

"""The unpickler in C, for examples that AttentionWriter wrote.

It is some ten times as fast as the one in Python, and cannot be bounded: it believes
sizes, hashes any key and sets any state. So it only runs a pickle in which a regular
expression found nothing but strings, numbers, lists, dictionaries and a single array,
as nearly all examples are; the one in Python runs the others.
"""

import io
import pickle
import re
from typing import Any

from attention.plain_pickle import check_plain, find
from attention.unpickler import load

# What an example of ours is written in: protocol 3, strings and one array. In
# `_VALUES` are single opcodes, none of which makes a tuple or calls anything; strings
# of up to 31 bytes, as nearly all word pieces are, are told apart by their size.
_PUT = rb"(?:q.|r..\0\0)"
_LENGTHS = sorted(range(32), key=lambda n: abs(n - 6))  # the likely ones first
_SHORT = b"|".join(re.escape(bytes([n])) + rb"\0\0\0" + b"." * n for n in _LENGTHS)
_VALUES = re.compile(
    rb"(?:X(?:%s)%s?|h.|j..\0\0|K.|M..|J....|G.{8}|[\]}(aesuN\x88\x89]|%s)*+"
    % (_SHORT, _PUT, _PUT),
    re.DOTALL,
)
_ARRAY = re.compile(
    rb"cnumpy\._?core\.(?:multiarray|_multiarray_umath)\n_reconstruct\n%(put)s"
    rb"cnumpy\nndarray\n%(put)sK\0\x85%(put)sC\x01b%(put)s\x87%(put)sR%(put)s"
    rb"\(K\x01\((?:K.|M..|J....){4,6}t%(put)s"
    rb"cnumpy\ndtype\n%(put)sX\x02\0\0\0f[248]%(put)s\x89\x88\x87%(put)sR%(put)s"
    rb"\(K\x03X\x01\0\0\0<%(put)sNNNJ\xff{4}J\xff{4}K\0t%(put)sb\x89(?=[BC])"
    % {b"put": _PUT},
    re.DOTALL,
)
_ARRAY_END = re.compile(rb"%s?t%sb" % (_PUT, _PUT), re.DOTALL)
LONGEST_SIMPLE = 1 << 18  # bytes beside the array, so that memory is bounded


def loads_example(data: memoryview) -> Any:
    """The value of the pickle in `data`, which must end with it."""
    if _is_simple(data):
        value = _QuickUnpickler(_Bytes(data), encoding="latin1").load()
        check_plain(value)
        return value
    file = io.BytesIO(data)
    value = load(file)
    if file.read(1):
        raise pickle.UnpicklingError("no end where an example should end")
    return value


def _is_simple(data: memoryview) -> bool:
    """Whether the unpickler in C may run `data`: nothing but values and an array."""
    place, large, arrays = 0, 0, 0
    while True:
        place = _VALUES.match(data, place).end()
        code = data[place : place + 1]
        if code == pickle.STOP:
            small = len(data) - large
            return place == len(data) - 1 and small <= LONGEST_SIMPLE
        if code == pickle.BINUNICODE:
            place += 5 + int.from_bytes(data[place + 1 : place + 5], "little")
        elif not arrays and (array := _ARRAY.match(data, place)):
            arrays, place = 1, array.end()
            head = 5 if data[place : place + 1] == pickle.BINBYTES else 2
            large = int.from_bytes(data[place + 1 : place + head], "little")
            if not (end := _ARRAY_END.match(data, place + head + large)):
                return False
            place = end.end()
        else:
            return False


class _QuickUnpickler(pickle.Unpickler):
    """The unpickler in C."""

    find_class = staticmethod(find)


class _Bytes:
    """Bytes that the unpickler in C reads where they lie, without a copy."""

    def __init__(self, data: memoryview):
        self.data = data

    def peek(self, size: int) -> memoryview:
        data, self.data = self.data, b""
        return data

    def read(self, size: int) -> bytes:
        return b""

    def readline(self) -> bytes:
        return b""

"""Memory that the reader of pickles reckons, against what Python's own tracer finds."""

import io
import pickle
import tracemalloc

import numpy as np
import pytest
from hostile import RECONSTRUCT, binary, call, number, state, text

from attention.store import load_pickle
from attention.unpickler import _Unpickler

MANY = 10_000
U1 = call("numpy dtype", text("u1"), b"\x89\x88")
LONG_TEXT, LONG_BYTES = text("a" * MANY), binary(b"a" * MANY)


def many(opcodes: bytes) -> bytes:
    return b"(" + opcodes * MANY + b"t"


def numbered(make) -> bytes:
    return b"".join(map(make, range(MANY)))


def again(first: bytes, opcodes: bytes) -> bytes:
    """A value, and a hundred more that are made of it."""
    return b"(" + first + b"q\0" + opcodes * 100 + b"t"


KINDS = {
    "short strings": many(b"\x8c\x02\xc4\x80"),
    "strings of Python 2": many(b"U\x02ab"),
    "bytes": many(b"C\x02ab"),
    "bytearrays": many(b"\x96\x02\0\0\0\0\0\0\0ab"),
    "whole numbers": many(b"J\0\1\1\0"),
    "short numbers": many(b"M\0\1"),
    "floats": many(b"G?\xf0\0\0\0\0\0\1"),
    "long numbers": many(b"\x8a\xff" + b"\x7f" * 255),
    "lines of numbers": many(b"I" + b"1" * 30 + b"\n"),
    "lines of long numbers": many(b"L" + b"1" * 30 + b"L\n"),
    "lines of floats": many(b"F1.5\n"),
    "lines of text": many(b"Va\\u0100\n"),
    "lines of strings": many(b"S'ab'\n"),
    "lists": many(b"]"),
    "lists by marks": many(b"(Nl"),
    "lists of two": many(b"](NNe"),
    "a list": b"](" + b"N" * MANY + b"e",
    "dictionaries": many(b"}"),
    "dictionaries by marks": many(b"(" + text("") + b"Nd"),
    "dictionaries of one": many(b"}" + text("") + b"Ns"),
    "a dictionary": b"}(" + numbered(lambda i: text(str(i)) + b"N") + b"u",
    "sets": many(b"\x8f"),
    "a set": b"\x8f(" + numbered(number) + b"\x90",
    "frozensets": many(b"(K\1\x91"),
    "a frozenset": b"(" + numbered(number) + b"\x91",
    "sets of a list": again(
        b"](" + b"".join(map(number, range(1000))) + b"e",
        b"cbuiltins\nset\nh\0\x85R",
    ),
    "tuples of one": many(b"N\x85"),
    "tuples of two": many(b"NN\x86"),
    "tuples of three": many(b"NNN\x87"),
    "tuples by marks": many(b"(NNNNt"),
    "memo": many(b"]\x94"),
    "memo by numbers": b"("
    + numbered(lambda i: b"Nr" + i.to_bytes(4, "little"))
    + b"t",
    "memo by lines": b"(" + numbered(lambda i: b"Np%d\n" % i) + b"t",
    "calls": many(call("builtins set")),
    "arrays": many(RECONSTRUCT + state(binary(b"A"), 1)),
    "bytes of a text": again(
        LONG_TEXT, b"c_codecs\nencode\n(h\0" + text("latin1") + b"tR"
    ),
    "bytearrays of bytes": again(LONG_BYTES, b"cbuiltins\nbytearray\nh\0\x85R"),
    "bytearrays of a text": again(
        LONG_TEXT, b"cbuiltins\nbytearray\n(h\0" + text("latin1") + b"tR"
    ),
    "arrays of a text": again(LONG_TEXT, RECONSTRUCT + state(b"h\0", MANY)),
    "arrays of bytes in another order": again(
        LONG_BYTES,
        RECONSTRUCT + state(b"h\0", MANY // 2, "u2").replace(text("<"), text(">")),
    ),
    "texts of NumPy": again(
        LONG_BYTES,
        call(
            "numpy._core.multiarray scalar", call("numpy dtype", text("S10000")), b"h\0"
        ),
    ),
    "a long bytearray of a text": call(
        "builtins bytearray", text("a" * 3_000_000), text("latin1")
    ),
    "a long text": text("a" * 3_000_000),
    "a long text with an accent": text("a" * 3_000_000 + "é"),
    "a long text with a wide character": text("a" * 3_000_000 + "\u0100"),
    "a long text with a wider one": text("a" * 3_000_000 + "\U0001f600"),
    "a long text that is copied twice": text("\u0100" + "a" * 3_000_000 + "\U0001f600"),
    "a long bytearray": b"\x96" + (3_000_000).to_bytes(8, "little") + b"a" * 3_000_000,
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_takes_more_memory_than_is_reckoned(kind):
    data = b"\x80\x05" + KINDS[kind] + b"."
    _Unpickler(io.BytesIO(data)).load()  # what is made once and kept
    before = _Unpickler(io.BytesIO(data)).memory
    least = [before]

    class Watched(_Unpickler):
        def _spend(self, size):
            super()._spend(size)
            least[0] = min(least[0], self.memory)

    unpickler = Watched(io.BytesIO(data))
    tracemalloc.start()
    try:
        value = unpickler.load()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert value
    assert peak < before - least[0] + 20_000


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_large_array_is_read_in_every_protocol(tmp_path, protocol):
    """Protocol 2 writes it as a text, which is read, encoded and copied."""
    values = np.random.default_rng(0).integers(0, 256, 24 << 20).astype("u1")
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(values, protocol))
    assert (load_pickle(path) == values).all()

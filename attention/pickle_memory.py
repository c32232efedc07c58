"""What the unpickler in Python remembers, and the memory that each step takes."""

import pickle
import sys
from typing import Any

import numpy as np

from attention.plain_pickle import RefusedError

LONGEST_KEPT = 1000  # characters or bytes of what later items of a list may refer to


class ForgottenError(Exception):
    """An item of a list refers to a part of an earlier one."""


_FORGOTTEN = object()


class Memo(list):
    """What an unpickler may refer to again, by number.

    It lets go of what an item of a list held, once that was given out.
    """

    def __init__(self):
        self.fresh: list[int] = []

    def __setitem__(self, number: int, value: Any) -> None:
        if not 0 <= number <= len(self) + 1:  # Python 2 counts from 1
            raise RefusedError(f"more values than the {len(self)} that it has")
        while number >= len(self):
            self.append(_FORGOTTEN)
        super().__setitem__(number, value)
        self.fresh.append(number)

    def __getitem__(self, number: int) -> Any:
        if not 0 <= number < len(self):
            raise KeyError(number)
        value = super().__getitem__(number)
        if value is _FORGOTTEN:
            raise ForgottenError
        return value

    def forget(self) -> int:
        """Let go of all but small values; return how many bytes these take."""
        kept = 0
        for number in self.fresh:
            value = super().__getitem__(number)
            if _is_small(value):
                kept += sys.getsizeof(value)
            else:
                super().__setitem__(number, _FORGOTTEN)
        self.fresh.clear()
        return kept


def _is_small(value: Any) -> bool:
    if isinstance(value, tuple):
        return len(value) < 10 and all(
            _is_small(v) and not isinstance(v, tuple) for v in value
        )
    if isinstance(value, str | bytes):
        return len(value) <= LONGEST_KEPT
    return not isinstance(value, dict | list | set | frozenset | bytearray | np.ndarray)


# bytes of memory: for each opcode a place on the stack, and what else it makes
PLACE = 9  # in a list, which has some to spare
COST = dict.fromkeys(range(256), PLACE)
for _op, _bytes in {
    pickle.EMPTY_LIST: 72,
    pickle.LIST: 96,
    pickle.EMPTY_DICT: 80,
    pickle.EMPTY_SET: 232,
    pickle.FROZENSET: 232,
    pickle.REDUCE: 600,
    pickle.EMPTY_TUPLE: 0,
    **dict.fromkeys((pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3), 72),
    **dict.fromkeys((pickle.BININT, pickle.BININT2, pickle.BINFLOAT), 32),
    **dict.fromkeys((pickle.INT, pickle.LONG, pickle.FLOAT), 60),
    pickle.LONG1: 300,
    pickle.UNICODE: 80,
    **dict.fromkeys(
        (pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE), 38
    ),
}.items():
    COST[_op[0]] += _bytes
PAIR, MEMBER = 48, 100  # bytes for a pair of a dict, a member of a set, beyond these

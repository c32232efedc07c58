"""Loops over arrays that Numba compiles to machine code.

Import modules that hold such loops where they are called: Numba takes a third of a
second to import.
"""

from collections.abc import Callable

import numba

# sums may be taken in any order, which is what vector instructions need; NaN and
# infinity keep their meaning
_REORDER = {"reassoc", "contract", "nsz"}


def compiled(function: Callable) -> Callable:
    """A function in machine code, compiled at its first call for the types it gets.

    The code is kept on disk for later processes: in `__pycache__` beside the source, or
    in the user's cache folder where that cannot be written. Where neither can, every
    process compiles anew. While it runs, other Python threads run as well. Divisions by
    zero give what NumPy's do; to look for them would rule out vector instructions.
    """
    settings = {"nogil": True, "fastmath": _REORDER, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **settings)(function)
    except RuntimeError:  # no folder to keep it in
        return numba.njit(**settings)(function)

"""What all statistics share: sums over a corpus that merge in any order.

A statistic takes in maps one example at a time and keeps sums only. Its sums are named
arrays, of whole numbers or of real ones, and every one of them is added up exactly:
merging, saving and loading are the same few lines for all statistics, and the result
has the same bits in whatever order, and in however many parts, a corpus was taken in.
"""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from attention.quantities import ATTENTION
from attention.record import Maps, read_maps
from attention.source import Source
from attention.store import load_pickle, read_meta, write_pickle
from toolkit.files import InputError

BLOCKS = 256  # into which sentences or documents are put, to be resampled


class ExactSum:
    """A sum of float64 arrays that does not depend on their order.

    Values are rounded to multiples of 2^-60 and added as integers: `limbs` [2, ...] are
    multiples of 2^-24 (any size) and of 2^-60 (0 to 2^36 - 1). Values and sums must be
    below LARGEST.
    """

    HIGH, LOW = 2.0**24, 36
    LARGEST = 2.0**38

    def __init__(self, limbs: np.ndarray | None = None):
        self.limbs = limbs

    def add(self, value: np.ndarray | float) -> None:
        """Add an array; all have one shape.

        Raises InputError for values that are infinite, NaN, or as large as LARGEST.
        """
        value = np.asarray(value, np.float64)
        if not (np.abs(value) < self.LARGEST).all():  # nor where a value is NaN
            raise InputError(
                "the maps give a value that is infinite, NaN or above "
                f"{self.LARGEST:.1e}: does the encoder overflow at this precision?"
            )
        scaled = value * self.HIGH
        high = np.floor(scaled)
        low = np.rint((scaled - high) * 2.0**self.LOW)
        self.add_limbs(np.stack([high, low]).astype(np.int64))

    def add_limbs(self, limbs: np.ndarray) -> None:
        """Add the limbs of another sum. Raises InputError for too large a sum."""
        total = limbs if self.limbs is None else self.limbs + limbs
        carry = total[1] >> self.LOW
        high, low = total[0] + carry, total[1] - (carry << self.LOW)
        if np.abs(high).max(initial=0) >= self.LARGEST * self.HIGH:
            raise InputError(
                f"a sum is above {self.LARGEST:.1e}, too large to be added exactly: "
                "do the maps hold what they should?"
            )
        self.limbs = np.stack([high, low])

    @property
    def value(self) -> np.ndarray:
        """The sum, in float64."""
        high, low = self.limbs
        return high / self.HIGH + low / (self.HIGH * 2.0**self.LOW)


class Statistic:
    """A statistic over a corpus.

    A subclass says in `update` what it adds of an example: `count` adds whole numbers,
    `add` real ones, each under a name. What else decides its results is in `settings`,
    which two statistics must share to be merged. `source` says which encoder the maps
    are of; it is None until the first example.
    """

    quantity: ClassVar[str] = ATTENTION  # that it is a statistic of

    def __init__(self, **settings: Any):
        self.settings = _canonical(settings)  # lists for tuples, as once loaded again
        self.source: Source | None = None
        self._accepted: Source | None = None  # the last one that was joined
        self._counts: dict[str, np.ndarray] = {}  # int64
        self._sums: dict[str, ExactSum] = {}

    def update(self, maps: Maps) -> None:
        """Take in the maps of one example.

        Raises InputError for maps of another encoder or quantity than before, and for
        such as the statistic cannot be taken of.
        """
        raise NotImplementedError

    def merge(self, other: Self) -> None:
        """Take in all that another statistic of the same kind has taken in.

        Raises InputError where kind, settings or encoder differ.
        """
        if type(other) is not type(self) or other.settings != self.settings:
            raise InputError(
                f"cannot merge {type(other).__name__} {other.settings} into "
                f"{type(self).__name__} {self.settings}"
            )
        if other.source:
            self._join(other.source)
        for name, value in other._counts.items():
            self.count(name, value)
        for name, total in other._sums.items():
            self._sums.setdefault(name, ExactSum()).add_limbs(total.limbs)

    def accept(self, maps: Maps) -> None:
        """Check that maps are of the quantity and the encoder of the ones before."""
        self.join(maps.source)

    def join(self, source: Source) -> None:
        """Check that a source is of this quantity, and of the encoder of before."""
        if source is not self._accepted:  # the same object throughout a file
            source.require(self.quantity)
            self._join(source)
            self._accepted = source

    def _join(self, source: Source) -> None:
        self.source = self.source.join(source) if self.source else source

    def count(self, name: str, value: np.ndarray | int) -> None:
        """Add whole numbers to the sum of this name; TypeError for real ones."""
        whole = np.asarray(value).astype(np.int64, casting="same_kind")
        self._counts[name] = self._counts.get(name, 0) + whole

    def count_in_block(self, name: str, block: int, value: np.ndarray | int) -> None:
        """Add whole numbers [...] to one block of an array [BLOCKS, ...]."""
        if name not in self._counts:
            self._counts[name] = np.zeros((BLOCKS, *np.shape(value)), np.int64)
        in_block = self._counts[name][block, ...]  # a view, of single numbers too
        in_block += value

    def add(self, name: str, value: np.ndarray | float) -> None:
        """Add real numbers to the sum of this name, exactly."""
        self._sums.setdefault(name, ExactSum()).add(value)

    def counted(self, name: str) -> np.ndarray | int:
        """The sum of whole numbers under a name; 0 where nothing was added."""
        return self._counts.get(name, 0)

    def summed(self, name: str) -> np.ndarray:
        """The sum of real numbers under a name. Raises KeyError where there is none."""
        return self._sums[name].value

    def names(self, prefix: str) -> list[str]:
        """What follows `prefix` in the names of counts that begin with it, sorted."""
        found = (n for n in self._counts if n.startswith(prefix))
        return sorted(name.removeprefix(prefix) for name in found)

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and heads, (L, H). Raises InputError before the first example."""
        if not self.source:
            raise InputError("no attention maps were taken in: is the file empty?")
        return len(self.source.layers), self.source.heads

    def head_name(self, layer: int, head: int) -> str:
        """The name, by its true layer, of the head at [layer, head] of an array."""
        return self.source.head_name(layer, head)

    def state(self) -> dict[str, Any]:
        """All that was taken in, as plain containers and arrays.

        The same examples give the same state, whatever their order.
        """
        state = {
            "statistic": type(self).__name__,
            "settings": self.settings,
            "source": self.source.state() if self.source else None,
            "counts": {n: np.array(self._counts[n]) for n in sorted(self._counts)},
            "sums": {n: self._sums[n].limbs for n in sorted(self._sums)},
        }
        return _canonical(state)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The statistic that a state is of. Raises InputError for another's state."""
        try:
            if state["statistic"] != cls.__name__:
                raise InputError(f"a state of {state['statistic']}, not {cls.__name__}")
            statistic = cls(**state["settings"])
            statistic.source = state["source"] and Source.from_state(state["source"])
            for name, value in state["counts"].items():
                statistic._counts[name] = _whole_numbers(value)
            for name, limbs in state["sums"].items():
                high, low = _whole_numbers(limbs)
                statistic._sums[name] = ExactSum(np.stack([high, low]))
        except InputError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError):
            raise InputError(
                f"not the state of a {cls.__name__}: was it written by another version?"
            ) from None
        return statistic


def _whole_numbers(array: np.ndarray) -> np.ndarray:
    """A plain copy of an array of a state; TypeError where it holds anything else."""
    if array.dtype != np.int64:
        raise TypeError
    return array.astype(np.int64, subok=False)


def _canonical(value: Any) -> Any:
    """Plain values such that equal ones are pickled to equal bytes.

    Pickle refers back to an object that it has met. So equal strings must be one, and
    arrays their own, with NumPy's own object for int64, which `astype` gives.
    """
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, dict):
        return {_canonical(k): _canonical(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.astype(np.int64, subok=False)
    return value


def block_of(name: str) -> int:
    """The block, below BLOCKS, of a sentence or document: the same on any machine."""
    return zlib.crc32(name.encode("utf-8", "surrogatepass")) % BLOCKS


def stream(
    maps: str | Path | Iterable[Maps], *takers: Callable[[Maps], object]
) -> Iterator[Maps]:
    """Records one at a time, each after all of `takers` were called with it.

    `maps` are records or the path of a file. Shows progress on a terminal. Raises
    InputError, which names file and example, for what a taker refuses.
    """
    from tqdm import tqdm

    total, name = None, ""
    if isinstance(maps, str | Path):
        name, total = f"{maps}: ", read_meta(maps).get("written")
        maps = read_maps(maps)
    bar = tqdm(maps, total=total, disable=None, unit=" examples")
    for number, record in enumerate(bar):
        try:
            for take in takers:
                take(record)
        except InputError as error:
            raise InputError(f"{name}example {number}: {error}") from None
        yield record


def accumulate(maps: str | Path | Iterable[Maps], *statistics: Statistic) -> int:
    """Pass maps once through statistics; return how many examples there were.

    `maps` are records or the path of a file. Shows progress on a terminal. Raises
    InputError, which names file and example, for what a statistic refuses.
    """
    updates = [statistic.update for statistic in statistics]
    return sum(1 for _ in stream(maps, *updates))


def save_statistics(path: str | Path, meta: dict, *statistics: Statistic) -> None:
    """Write statistics to `<name>.stats.pkl`, with `<name>.stats.meta.json` beside it.

    `meta` says what they were made from. No two may be of one class: ValueError.
    """
    path = Path(path)
    if not path.name.endswith(".stats.pkl"):
        raise InputError(f"{path}: the name of statistics must end in .stats.pkl")
    states = [statistic.state() for statistic in statistics]
    kinds = [state["statistic"] for state in states]
    if len({*kinds}) < len(kinds):
        raise ValueError(f"two statistics of one class: {', '.join(kinds)}")
    write_pickle(path, _canonical(states), meta | {"statistics": kinds})


def load_statistics(path: str | Path, *kinds: type[Statistic]) -> list[Statistic]:
    """The statistics of these classes in a file, in this order.

    Raises InputError where the file is no such file, or lacks one of them.
    """
    states = load_pickle(path)
    if not isinstance(states, list) or not all(isinstance(s, dict) for s in states):
        raise InputError(f"{path}: expected saved statistics")
    found = {str(state.get("statistic")): state for state in states}
    try:
        if missing := [k.__name__ for k in kinds if k.__name__ not in found]:
            raise InputError(f"no {missing[0]}, found {', '.join(found) or 'nothing'}")
        return [kind.from_state(found[kind.__name__]) for kind in kinds]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None

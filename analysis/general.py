"""What heads attend to on average, and how widely (Sections 3.1 to 3.3).

Shapes: L layers, H heads, T tokens.
"""

import collections
import math

import numpy as np

from analysis.maps import CLS, SEP, labels, probabilities
from files import InputError

PUNCTUATION = (".", ",")
SMOOTHING = 1e-4  # of entropies: 0.9999 a + 0.0001 / T

# the kinds of average attention, by the original's names
KINDS = {
    "self": "to the current token",
    "right": "to the next token",
    "left": "to the previous token",
    "sep": "to [SEP]",
    "sep_sep": "from [SEP] to [SEP]",
    "rest_sep": "from other tokens to [SEP]",
    "cls": "to [CLS]",
    "punct": "to . or ,",
}


class GeneralStatistics:
    """Average attention by kind, and entropies, of every head over a corpus.

    A document counts once whatever its length, as in the paper: attention of a kind is
    summed over a map and divided by its T ("sep_sep" by the number of [SEP] rows,
    "rest_sep" by that of the other rows), then averaged over documents. A document that
    has no [SEP] row, other row or [CLS] is left out of the average that needs one.
    """

    def __init__(self):
        self._sums: dict[str, np.ndarray | float] = {}
        self._counts = collections.Counter()

    @property
    def documents(self) -> int:
        """How many examples were taken in."""
        return self._counts["uniform"]

    def update(self, example: dict) -> None:
        """Take in one example of a file of maps.

        Raises InputError for maps of other layers or heads than before, or with rows
        that do not sum to one.
        """
        attns, names = probabilities(example), np.array(labels(example))
        self._check_heads(attns.shape[:2])
        tokens = len(names)
        cls, sep, punct = names == CLS, names == SEP, np.isin(names, PUNCTUATION)
        columns = np.stack([cls, sep, punct], axis=1).astype(attns.dtype)  # [T, 3]
        received = attns @ columns  # [L, H, T, 3]: from each token to each kind

        for kind, offset in (("self", 0), ("right", 1), ("left", -1)):
            # attention from the first or last token to one beyond counts as none
            self._add(kind, attns.trace(offset, axis1=-2, axis2=-1) / tokens)
        for i, kind in enumerate(("cls", "sep", "punct")):
            self._add(kind, received[..., i].mean(-1))
        for kind, rows in (("sep_sep", sep), ("rest_sep", ~sep)):
            if rows.any():
                self._add(kind, received[..., rows, 1].mean(-1))

        entropies = _entropies(attns)  # [L, H, T]
        self._add("entropy", entropies.mean(-1))
        if cls.any():
            self._add("cls_entropy", entropies[..., cls.argmax()])
        self._add("uniform", math.log(tokens))

    def merge(self, other: "GeneralStatistics") -> None:
        """Take in all that another accumulator has taken in."""
        if other._sums:
            self._check_heads(other._sums["self"].shape)
        for name, value in other._sums.items():
            self._sums[name] = self._sums.get(name, 0) + value
        self._counts += other._counts

    @property
    def averages(self) -> dict[str, np.ndarray]:
        """Average attention [L, H] by kind; KINDS says what each is."""
        return {kind: self._mean(kind) for kind in KINDS}

    @property
    def entropies(self) -> np.ndarray:
        """Average entropy of each head's attention [L, H], in nats."""
        return self._mean("entropy")

    @property
    def cls_entropies(self) -> np.ndarray:
        """Average entropy of each head's attention from [CLS] [L, H], in nats."""
        return self._mean("cls_entropy")

    @property
    def uniform_entropy(self) -> float:
        """Average entropy of uniform attention on the same documents, in nats."""
        return float(self._mean("uniform"))

    def _add(self, name: str, value: np.ndarray | float) -> None:
        self._sums[name] = self._sums.get(name, 0) + np.asarray(value, np.float64)
        self._counts[name] += 1

    def _mean(self, name: str) -> np.ndarray:
        if not self._sums:
            raise InputError("no attention maps were taken in: is the file empty?")
        if name not in self._sums:  # no document has what it takes
            return np.full(self._sums["self"].shape, np.nan)
        return self._sums[name] / self._counts[name]

    def _check_heads(self, found: tuple[int, ...]) -> None:
        expected = self._sums["self"].shape if self._sums else found
        if found != expected:
            raise InputError(
                f"maps of {found[0]} layers and {found[1]} heads, but the examples "
                f"before have {expected[0]} and {expected[1]}"
            )


def _entropies(attns: np.ndarray) -> np.ndarray:  # [L, H, T, T] -> [L, H, T]
    smooth = (1 - SMOOTHING) * attns + SMOOTHING / attns.shape[-1]
    return -np.einsum("lhij,lhij->lhi", smooth, np.log(smooth))

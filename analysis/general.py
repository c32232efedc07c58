"""What heads attend to on average, how much it matters, and how widely they attend
(Sections 3.1 to 3.3).

Shapes: L layers, H heads, T tokens.
"""

import collections
import math
from typing import Self

import numpy as np
import pandas as pd

from analysis.maps import CLS, SEP, check_heads, labels, probabilities
from files import InputError

PUNCTUATION = (".", ",")
UPPER_MIDDLE = (5 / 12, 10 / 12)  # the paper's layers 6 to 10 of 12, as parts of depth
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


# and those of gradients
GRADIENT_KINDS = {
    "sep": "to [SEP]",
    "punct": "to . or ,",
    "other": "to other tokens",
}


class DocumentAverages:
    """Averages over documents, by name; most are of every head [L, H].

    A document counts once whatever its length, as in the paper. One that lacks what an
    average is of is left out of that.
    """

    def __init__(self):
        self.documents = 0  # how many were taken in
        self._shape: tuple[int, ...] | None = None  # (L, H)
        self._sums: dict[str, np.ndarray] = {}
        self._counts = collections.Counter()

    def merge(self, other: Self) -> None:
        """Take in all that another accumulator has taken in."""
        if other._shape:
            self._shape = check_heads(other._shape, self._shape)
        for name, value in other._sums.items():
            self._sums[name] = self._sums.get(name, 0) + value
        self._counts += other._counts
        self.documents += other.documents

    def _add(self, name: str, value: np.ndarray | float) -> None:
        self._sums[name] = self._sums.get(name, 0) + np.asarray(value, np.float64)
        self._counts[name] += 1

    def _mean(self, name: str) -> np.ndarray:
        if not self.documents:
            raise InputError("no attention maps were taken in: is the file empty?")
        if name not in self._sums:  # no document has what it takes
            return np.full(self._shape, np.nan)
        return self._sums[name] / self._counts[name]


class GeneralStatistics(DocumentAverages):
    """Average attention by kind, and entropies, of every head over a corpus.

    Attention of a kind is summed over a map and divided by its T ("sep_sep" by the
    number of [SEP] rows, "rest_sep" by that of the other rows), then averaged over
    documents. A document that has no [SEP] row, other row or [CLS] is left out of the
    average that needs one.
    """

    def update(self, example: dict) -> None:
        """Take in one example of a file of maps.

        Raises InputError for maps of other layers or heads than before, or with rows
        that do not sum to one.
        """
        attns, names = probabilities(example), np.array(labels(example))
        self._shape = check_heads(attns.shape[:2], self._shape)
        self.documents += 1
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


class GradientStatistics(DocumentAverages):
    """How much BERT's predictions depend on attention of each kind (Figure 3).

    Of each document, the mean absolute gradient over the attention weights from all
    tokens to those of a kind, then the mean over documents. A document that has no
    such token is left out of it, and one where no token was masked out of all.
    """

    def update(self, example: dict) -> None:
        """Take in one example of a file that attention_gradients.py wrote.

        Raises InputError for an example without gradients, for such as are no absolute
        values, and for other layers or heads than before.
        """
        if not {"masked", "loss"} <= example.keys():
            raise InputError(
                "no 'masked' tokens, so these are no gradients, as "
                "attention_gradients.py makes them"
            )
        gradients, names = example["attns"], np.array(labels(example))
        self._shape = check_heads(gradients.shape[:2], self._shape)
        if not (gradients >= 0).all():  # also where a value is no number
            raise InputError(
                "gradients below 0 or no numbers, expected absolute values"
            )
        self.documents += 1
        if not example["masked"]:
            return
        received = gradients.mean(-2)  # [L, H, T]: by each token, from all
        sep, punct = names == SEP, np.isin(names, PUNCTUATION)
        kinds = {"sep": sep, "punct": punct, "other": ~(sep | punct)}
        for kind, columns in kinds.items():
            if columns.any():
                self._add(kind, received[..., columns].mean(-1))
        self._add("loss", example["loss"])

    @property
    def averages(self) -> dict[str, np.ndarray]:
        """Mean absolute gradients [L, H], in nats, by kind; see GRADIENT_KINDS."""
        return {kind: self._mean(kind) for kind in GRADIENT_KINDS}

    @property
    def loss(self) -> float:
        """The mean loss of a masked token, in nats. Guessing evenly among all word
        pieces has the logarithm of their number; a trained BERT, far less."""
        return float(self._mean("loss").mean())


def _argmax(values: np.ndarray) -> tuple[int, int]:  # [L, H] -> layer, head
    layer, head = np.unravel_index(values.argmax(), values.shape)
    return int(layer), int(head)


def _entropies(attns: np.ndarray) -> np.ndarray:  # [L, H, T, T] -> [L, H, T]
    smooth = (1 - SMOOTHING) * attns + SMOOTHING / attns.shape[-1]
    return -np.einsum("lhij,lhij->lhi", smooth, np.log(smooth))


def describe_heads(
    statistics: GeneralStatistics,
    *,
    broad: float = 3.8,
    neighbour: float = 0.5,
    special: float = 0.6,
) -> np.ndarray:
    """The behaviour of each head [L, H] by the paper's thresholds (Figure 6).

    "next" or "previous" (more than `neighbour` of a head's attention to the next or
    previous token), "sep", "cls" or "punct" (more than `special` to [SEP], [CLS], "."
    or ","), "broad" (an entropy above `broad` nats), or "" for none of these.
    """
    averages = statistics.averages
    behaviours = {
        "next": averages["right"] > neighbour,
        "previous": averages["left"] > neighbour,
        "sep": averages["sep"] > special,
        "cls": averages["cls"] > special,
        "punct": averages["punct"] > special,
        "broad": statistics.entropies > broad,
    }
    return np.select(list(behaviours.values()), list(behaviours), default="")


def typical_heads(statistics: GeneralStatistics) -> list[tuple[tuple[int, int], str]]:
    """Four heads (layer, head; from 0) of unlike behaviour and what they do (Figure 1).

    The paper's for a model of 12 x 12 heads. Else the head that attends most broadly,
    and those that attend most to the previous token, the next token, [SEP], or "." and
    ",": the three of them that do so most.
    """
    averages, entropies = statistics.averages, statistics.entropies
    if entropies.shape == (12, 12):
        chosen = {"right": (2, 0), "sep": (7, 6), "punct": (10, 5)}
        broad = (0, 0)
    else:
        strongest = sorted(
            ("left", "right", "sep", "punct"), key=lambda kind: -averages[kind].max()
        )
        chosen = {kind: _argmax(averages[kind]) for kind in strongest[:3]}
        broad = _argmax(entropies)
    shares = [
        (head, f"{averages[kind][head]:.0%} {KINDS[kind]}")
        for kind, head in chosen.items()
    ]
    return [(broad, f"broad: {entropies[broad]:.1f} nats"), *shares]


def paper_claims(statistics: GeneralStatistics) -> pd.DataFrame:
    """What Section 3 says of BERT-base beside what these maps give.

    The upper middle layers are the paper's 6 to 10 of 12, or those as deep in a model
    of another size.
    """
    averages = statistics.averages
    layers = len(statistics.entropies)
    low, high = (part * layers for part in UPPER_MIDDLE)
    middle = [i for i in range(layers) if low <= i < high]
    where = f"layers {middle[0] + 1} to {middle[-1] + 1}" if middle else "no layer"

    def heads(kind: str) -> str:
        found = sorted(layer + 1 for layer, _ in np.argwhere(averages[kind] > 0.5))
        listed = ", ".join(map(str, found))
        return f"{len(found)} (layers {listed})" if found else "0"

    def share(kind: str) -> str:
        return f"{averages[kind][middle].mean():.0%} ({where})" if middle else where

    rows = [
        ("attention to [SEP], upper middle layers", "over 50% (6 to 10)", share("sep")),
        ("from [SEP] to [SEP], the same layers", "about 90%", share("sep_sep")),
        (
            "heads with over half to the previous token",
            "4 (layers 2, 4, 7, 8)",
            heads("left"),
        ),
        (
            "heads with over half to the next token",
            "5 (layers 1, 2, 2, 3, 6)",
            heads("right"),
        ),
        (
            "entropy of uniform attention, nats",
            "about 4.8",
            f"{statistics.uniform_entropy:.2f}",
        ),
        (
            "entropy from [CLS] in the last layer, nats",
            "3.89",
            f"{statistics.cls_entropies[-1].mean():.2f}",
        ),
    ]
    return pd.DataFrame(rows, columns=["", "paper", "here"]).set_index("")

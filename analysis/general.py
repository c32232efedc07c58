"""Average attention, gradients and entropy of every head (Sections 3.1 to 3.3).

Shapes: L layers, H heads, T tokens.
"""

import math

import numpy as np
import pandas as pd

from analysis.paper import is_paper_model
from analysis.statistic import Statistic
from attention.heads import read_head_name
from attention.quantities import GRADIENTS
from attention.record import FIRST, PUNCTUATION, SEPARATOR, Maps
from attention.source import Source

PAPER_BROAD = 3.8  # nats, above which the paper calls a head broad
PAPER_UNIFORM = 4.8  # nats, of uniform attention on the paper's spans
UPPER_MIDDLE = (5 / 12, 10 / 12)  # the paper's layers 6 to 10 of 12, as parts of depth
SMOOTHING = 1e-4  # of entropies: 0.9999 a + 0.0001 / T

# the kinds of average attention, by the original's names; `name_special` fills them in
ATTENTION_KINDS = {
    "self": "to the current token",
    "right": "to the next token",
    "left": "to the previous token",
    "sep": "to {separator}",
    "sep_sep": "from {separator} to {separator}",
    "rest_sep": "from other tokens to {separator}",
    "cls": "to {first}",
    "punct": "to . or ,",
}
# and those of gradients
GRADIENT_KINDS = {
    "sep": "to {separator}",
    "punct": "to . or ,",
    "other": "to other tokens",
}

# Figure 1's heads of BERT-base
PAPER_HEADS = {"broad": "1-1", "right": "3-1", "sep": "8-7", "punct": "11-6"}


def name_special(text: str, source: Source) -> str:
    """A text with the names of the special tokens in place of {first} and {separator},
    as the model has them: [CLS] and [SEP], or <s> and </s>."""
    first, separator = source.special_tokens
    return text.format(first=first, separator=separator)


class DocumentAverages(Statistic):
    """Averages over documents, by name; most are of every head [L, H].

    A document counts once whatever its length, as in the paper. One that lacks what an
    average is of is left out of that.
    """

    @property
    def documents(self) -> int:
        """How many documents were taken in."""
        return int(self.counted("documents"))

    def _average(self, name: str, value: np.ndarray | float) -> None:
        self.add(name, value)
        self.count(name, 1)

    def _mean(self, name: str) -> np.ndarray:
        shape = self.shape
        if not (count := self.counted(name)):  # no document has what it takes
            return np.full(shape, np.nan)
        return self.summed(name) / count


class GeneralStatistics(DocumentAverages):
    """Average attention by kind, and entropies, of every head over a corpus.

    Attention of a kind is summed over a map and divided by its N rows ("sep_sep" by the
    number of [SEP] rows, "rest_sep" by that of the other rows), then averaged over
    documents. A document that has no [SEP], no other row or no [CLS] is left out of the
    averages that need one.
    """

    def update(self, maps: Maps) -> None:
        """Take in the maps of one example; see `Statistic.update`."""
        self.accept(maps)
        attns, size = maps.float32, len(maps.labels)
        roles = (FIRST, SEPARATOR, PUNCTUATION)
        first, separator, _ = by_role = [maps.roles == role for role in roles]
        columns = np.stack(by_role, axis=1).astype(attns.dtype)  # [N, 3]
        received = attns @ columns  # [L, H, N, 3]: from each token to each role

        found = {}
        for kind, offset in (("self", 0), ("right", 1), ("left", -1)):
            # attention from the first or last token to one beyond counts as none
            found[kind] = attns.trace(offset, axis1=-2, axis2=-1) / size
        for i, kind in enumerate(("cls", "sep", "punct")):
            found[kind] = received[..., i].mean(-1)
        for kind, rows in (("sep_sep", separator), ("rest_sep", ~separator)):
            if rows.any():
                found[kind] = received[..., rows, 1].mean(-1)
        entropies = _entropies(attns)  # [L, H, N]
        found["entropy"] = entropies.mean(-1)
        if first.any():
            found["cls_entropy"] = entropies[..., first.argmax()]
        self._take(found, maps.roles)

    def take(
        self, source: Source, found: dict[str, np.ndarray], roles: np.ndarray
    ) -> None:
        """Take in what on_device.py found of an example of this source, by kind [L, H].

        `roles` [N] are those of its tokens.
        """
        self.join(source)
        self._take(found, roles)

    def _take(self, found: dict[str, np.ndarray], roles: np.ndarray) -> None:
        self.count("documents", 1)
        lacking = _lacking(roles)
        for kind, value in found.items():
            if kind not in lacking:
                self._average(kind, value)
        self._average("uniform", math.log(len(roles)))

    @property
    def averages(self) -> dict[str, np.ndarray]:
        """Average attention [L, H] by kind; ATTENTION_KINDS says what each is."""
        return {kind: self._mean(kind) for kind in ATTENTION_KINDS}

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

    quantity = GRADIENTS

    def update(self, maps: Maps) -> None:
        """Take in the gradients of one example; see `Statistic.update`."""
        self.accept(maps)
        self.count("documents", 1)
        if not maps.example["masked"]:
            return
        received = maps.float32.mean(-2)  # [L, H, N]: by each token, from all
        separator, punctuation = maps.roles == SEPARATOR, maps.roles == PUNCTUATION
        kinds = {
            "sep": separator,
            "punct": punctuation,
            "other": ~(separator | punctuation),
        }
        for kind, columns in kinds.items():
            if columns.any():
                self._average(kind, received[..., columns].mean(-1))
        self._average("loss", maps.example["loss"])

    @property
    def averages(self) -> dict[str, np.ndarray]:
        """Mean absolute gradients [L, H], in nats, by kind; see GRADIENT_KINDS."""
        return {kind: self._mean(kind) for kind in GRADIENT_KINDS}

    @property
    def loss(self) -> float:
        """The mean loss of a masked token, in nats. Guessing evenly among all word
        pieces has the logarithm of their number; a trained BERT, far less."""
        return float(self._mean("loss").mean())


def _lacking(roles: np.ndarray) -> set[str]:
    """The averages that a document of tokens of these roles [N] is left out of."""
    lacking = set()
    if not (roles == FIRST).any():
        lacking |= {"cls", "cls_entropy"}
    if not (roles == SEPARATOR).any():
        lacking |= {"sep", "sep_sep", "rest_sep"}
    if (roles == SEPARATOR).all():
        lacking.add("rest_sep")
    return lacking


def _entropies(attns: np.ndarray) -> np.ndarray:  # [L, H, T, T] -> [L, H, T]
    smooth = (1 - SMOOTHING) * attns + SMOOTHING / attns.shape[-1]
    return -np.einsum("lhij,lhij->lhi", smooth, np.log(smooth))


def broad_threshold(statistics: GeneralStatistics) -> float:
    """The entropy in nats above which a head is called broad.

    The paper's 3.8 for spans like the paper's, of about 128 tokens; else the same part
    of the entropy of uniform attention, which no head can exceed.
    """
    uniform = statistics.uniform_entropy
    if abs(uniform - PAPER_UNIFORM) < 0.1:
        return PAPER_BROAD
    return PAPER_BROAD / PAPER_UNIFORM * uniform


def describe_heads(
    statistics: GeneralStatistics,
    *,
    broad: float | None = None,
    neighbour: float = 0.5,
    special: float = 0.6,
) -> np.ndarray:
    """The behaviour of each head [L, H] by the paper's thresholds (Figure 6).

    "next" or "previous" (more than `neighbour` of a head's attention to the next or
    previous token), "sep", "cls" or "punct" (more than `special` to the separator, the
    first token, "." or ","), "broad" (an entropy above `broad` nats, by default that of
    `broad_threshold`), or "" for none of these.
    """
    averages = statistics.averages
    if broad is None:
        broad = broad_threshold(statistics)
    behaviours = {
        "next": averages["right"] > neighbour,
        "previous": averages["left"] > neighbour,
        "sep": averages["sep"] > special,
        "cls": averages["cls"] > special,
        "punct": averages["punct"] > special,
        "broad": statistics.entropies > broad,
    }
    return np.select(list(behaviours.values()), list(behaviours), default="")


def typical_heads(
    statistics: GeneralStatistics, paper_model: bool | None = None
) -> list[tuple[str, str]]:
    """Four heads of different behaviour, by name, and what they do (Figure 1).

    They are the paper's four where the model is the paper's and has their layers
    (`is_paper_model` tells what `paper_model` does). Else the head that attends most
    broadly, and those that attend most to the previous token, the next token, the
    separator, or "." and ",": the three that do so most, of what there is in the text.
    """
    averages, entropies = statistics.averages, statistics.entropies
    source = statistics.source
    kept = {layer for layer, _ in map(read_head_name, PAPER_HEADS.values())}
    if is_paper_model(source, paper_model) and {*source.layers} >= kept:
        chosen = dict(PAPER_HEADS)
    else:
        shares = {k: averages[k] for k in ("left", "right", "sep", "punct")}
        shares = {k: v for k, v in shares.items() if v.max() > 0}
        strongest = sorted(shares, key=lambda kind: -shares[kind].max())[:3]
        largest = {"broad": entropies} | {kind: shares[kind] for kind in strongest}
        chosen = {
            kind: source.head_name(*np.unravel_index(v.argmax(), v.shape))
            for kind, v in largest.items()
        }
    broad = chosen.pop("broad")
    described = [(broad, f"broad: {entropies[source.find_head(broad)]:.1f} nats")]
    for kind, head in chosen.items():
        share = averages[kind][source.find_head(head)]
        what = name_special(ATTENTION_KINDS[kind], source)
        described.append((head, f"{share:.0%} {what}"))
    return described


def paper_claims(
    statistics: GeneralStatistics, paper_model: bool | None = None
) -> pd.DataFrame:
    """What Section 3 claims, measured on these maps.

    The upper middle layers are the paper's 6 to 10 of 12, or those as deep in a model
    of another depth. The paper's numbers stand beside where the model is the paper's
    (`is_paper_model` tells what `paper_model` does).
    """
    averages, layers = statistics.averages, statistics.source.layers
    low, high = (part * statistics.source.depth for part in UPPER_MIDDLE)
    middle = [i for i, layer in enumerate(layers) if low <= layer < high]
    where = "no layer"
    if middle:
        where = f"layers {layers[middle[0]] + 1} to {layers[middle[-1]] + 1}"

    def heads(kind: str) -> str:
        found = sorted(layers[i] + 1 for i, _ in np.argwhere(averages[kind] > 0.5))
        listed = ", ".join(map(str, found))
        return f"{len(found)} (layers {listed})" if found else "0"

    def share(kind: str) -> str:
        return f"{averages[kind][middle].mean():.0%} ({where})" if middle else where

    first, separator = statistics.source.special_tokens
    rows = [
        (
            f"attention to {separator}, upper middle layers",
            "over 50% (6 to 10)",
            share("sep"),
        ),
        (
            f"from {separator} to {separator}, the same layers",
            "about 90%",
            share("sep_sep"),
        ),
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
            f"entropy from {first} in layer {layers[-1] + 1}, nats",
            "3.89 (layer 12)",
            f"{statistics.cls_entropies[-1].mean():.2f}",
        ),
    ]
    table = pd.DataFrame(rows, columns=["", "paper", "here"]).set_index("")
    return table if is_paper_model(statistics.source, paper_model) else table[["here"]]

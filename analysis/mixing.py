"""How much layers mix tokens, and what attention to special tokens carries
(Kobayashi et al. 2020, 2021).

Shapes: L layers, H heads, N rows of a map.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from analysis.paper import is_paper_model
from analysis.statistic import Statistic
from attention.quantities import ATTENTION, LAYER_NORMS
from attention.record import FIRST, PUNCTUATION, SEPARATOR, WORD, Maps

KINDS = {"word": WORD, "punct": PUNCTUATION, "cls": FIRST, "sep": SEPARATOR}
# What a mixing ratio is taken of, by the quantity of the maps
VARIANTS = {
    ATTENTION: ("weights", "weights with residual"),
    LAYER_NORMS["none"]: ("norms",),
    LAYER_NORMS["residual"]: ("norms with residual",),
    LAYER_NORMS["residual-ln"]: ("norms with residual and layer normalization",),
}
# Kobayashi et al. (2021): means for bert-base-uncased in per cent
PAPER = {
    "weights": 96.41,
    "norms": 85.28,
    "weights with residual": 48.21,
    "norms with residual": 22.25,
    "norms with residual and layer normalization": 18.75,
}


class MixingRatios(Statistic):
    """How much of a token's new vector comes from other tokens, by layer and kind.

    The mixing ratio of a token is c / (c + s). Of norms, c is the norm of the sum of
    what other tokens give, s that of what the token gives itself; extract_attention.py
    writes it beside the norms of layers. Of weights, c and s are sums of attention,
    the mean over heads; with the residual connection, attention counts half and the
    token itself the other half. `quantity` says what maps are taken in; VARIANTS, which
    ratios they give. Every token counts once.
    """

    def __init__(self, quantity: str = ATTENTION):
        super().__init__(quantity=quantity)
        self.quantity = quantity
        self.variants = VARIANTS[quantity]

    def update(self, maps: Maps) -> None:
        """Take in the maps of one example; see `Statistic.update`."""
        self.accept(maps)
        if self.quantity == ATTENTION:
            itself = maps.float32.mean(1).diagonal(axis1=-2, axis2=-1)
            ratios = np.stack([1 - itself, (1 - itself) / 2])
        else:
            ratios = maps.example["mixing"][None]  # [variants, L, N]
        belongs = np.equal.outer(maps.roles, list(KINDS.values())).astype(int)
        self.add("ratios", ratios @ belongs)  # [variants, L, kinds]
        self.count("tokens", belongs.sum(0))
        labels = np.array(maps.labels)[maps.roles == WORD]
        types, places = np.unique(labels, return_inverse=True)
        of_words = ratios[-1][:, maps.roles == WORD].mean(0)  # mean over layers
        sums = np.bincount(places, of_words, len(types))
        for label, total, count in zip(
            types.tolist(), sums, np.bincount(places, minlength=len(types)), strict=True
        ):
            self.add(f"word:{label}", total)
            self.count(f"word:{label}", count)

    @property
    def ratios(self) -> np.ndarray:
        """Mean mixing ratio [variants, L] over all tokens."""
        return self.summed("ratios").sum(-1) / self.counted("tokens").sum()

    @property
    def by_kind(self) -> np.ndarray:
        """Mean mixing ratio [variants, L, kinds] by kind of token, as KINDS has them;
        NaN where there is no such token."""
        tokens = self.counted("tokens")
        return self.summed("ratios") / np.where(tokens, tokens, np.nan)

    def frequency_correlation(self, minimum: int = 10) -> tuple[float, int]:
        """Spearman correlation of words' mixing ratios with their frequency ranks, and
        of how many words.

        The most frequent word has rank 1, in the text taken in; words of fewer than
        `minimum` occurrences are left out, as is punctuation. The ratio of a word is
        the mean over its occurrences and layers, of the last of the variants. NaN for
        fewer than three words.
        """
        words = self.names("word:")
        counts = {word: int(self.counted(f"word:{word}")) for word in words}
        kept = [name for name, count in counts.items() if count >= minimum]
        if len(kept) < 3:
            return float("nan"), len(kept)
        means = [float(self.summed(f"word:{name}")) / counts[name] for name in kept]
        found = spearmanr([-counts[name] for name in kept], means)
        return float(found.statistic), len(kept)


def mixing_table(
    statistics: Iterable[MixingRatios], paper_model: bool | None = None
) -> pd.DataFrame:
    """Mean mixing ratio of each variant in per cent, and the largest and smallest of
    its layers. The published means stand beside where the model is bert-base-uncased
    (`is_paper_model` tells what `paper_model` does)."""
    statistics, rows = list(statistics), {}
    beside = all(is_paper_model(s.source, paper_model) for s in statistics)
    for statistic in statistics:
        for variant, layers in zip(
            statistic.variants, 100 * statistic.ratios, strict=True
        ):
            rows[variant] = [layers.mean(), layers.max(), layers.min()]
            if beside:
                rows[variant].append(PAPER[variant])
    columns = ["mean", "largest layer", "smallest layer", "paper"]
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=columns[: 3 + beside]
    ).rename_axis("mixing ratio, %")


class Shares(Statistic):
    """What share of a head's map goes to [SEP], [CLS] and punctuation.

    Of attention weights or of norms, as `quantity` says: of each document, the sum over
    the columns of a kind as a part of the sum of the whole map, then the mean over
    documents. Documents without the kind, or with a map of zeros, are left out of it.
    Norms beside weights show whether attention to [SEP] carries anything.
    """

    def __init__(self, quantity: str = ATTENTION):
        super().__init__(quantity=quantity)
        self.quantity = quantity

    def update(self, maps: Maps) -> None:
        """Take in the maps of one example; see `Statistic.update`."""
        self.accept(maps)
        received = maps.float32.sum(-2, dtype=np.float64)  # [L, H, N]
        whole = received.sum(-1)
        for kind, role in KINDS.items():
            columns = maps.roles == role
            if columns.any():
                part = received[..., columns].sum(-1)
                self.add(kind, np.divide(part, whole, where=whole > 0, out=0 * whole))
                self.count(kind, whole > 0)

    @property
    def shares(self) -> dict[str, np.ndarray]:
        """Mean share [L, H] by kind of token; NaN where no document has any."""
        found = {}
        for kind in KINDS:
            documents = np.broadcast_to(self.counted(kind), self.shape)
            total = self.summed(kind) if documents.any() else np.zeros(self.shape)
            found[kind] = total / np.where(documents, documents, np.nan)
        return found

"""Roles of heads (Voita et al. 2019) and attention sinks.

Shapes: L layers, H heads, N rows of a map, W rows that are no special tokens.
"""

import numpy as np
import pandas as pd

from analysis.general import GeneralStatistics, describe_heads, name_special
from analysis.mixing import KINDS
from analysis.statistic import Statistic
from analysis.syntax import OFFSETS as SYNTAX_OFFSETS
from analysis.syntax import PUNCTUATION_RELATION, SyntaxScores, is_root
from attention.record import FIRST, SEPARATOR, Maps

OFFSETS = range(-5, 6)  # that positional heads are looked for at
SPECIAL = {"cls": "{first}", "sep": "{separator}"}  # names of kinds, for `name_special`


class HeadRoles(Statistic):
    """What the maxima of each head's attention say of it, and which tokens are sinks.

    Maxima are over the columns of words and punctuation, special tokens aside, of which
    the first counts where values are equal. A token is a sink of a head where it
    receives more than `sink` of attention, the mean over the rows of a map.
    """

    def __init__(self, sink: float = 0.3):
        super().__init__(sink=sink)

    def update(self, maps: Maps) -> None:
        """Take in the maps of one example; see `Statistic.update`."""
        self.accept(maps)
        attns, roles = maps.float32, maps.roles
        received = attns.mean(-2)  # [L, H, N]
        belongs = np.equal.outer(roles, list(KINDS.values())).astype(int)
        self.count("tokens", belongs.sum(0))
        self.count("sinks", (received > self.settings["sink"]) @ belongs)
        self.add("received", received @ belongs)  # [L, H, kinds]
        words = np.flatnonzero((roles != FIRST) & (roles != SEPARATOR))
        if not len(words):
            return
        between = attns[:, :, words[:, None], words]  # [L, H, W, W]
        self.count("words", len(words))
        self.add("largest", between.max(-1).sum(-1, dtype=np.float64))
        offsets = words[between.argmax(-1)] - words
        self.count("offsets", np.stack([(offsets == o).sum(-1) for o in OFFSETS]))

    @property
    def confidence(self) -> np.ndarray:
        """Mean of the largest weight of each row [L, H]."""
        return self.summed("largest") / self.counted("words")

    @property
    def offsets(self) -> tuple[np.ndarray, np.ndarray]:
        """The offset [L, H] of most maxima of a head, and their share of all [L, H]."""
        counts = self.counted("offsets")
        return np.array(OFFSETS)[counts.argmax(0)], counts.max(0) / self.counted(
            "words"
        )

    @property
    def received(self) -> np.ndarray:
        """Mean attention received by a token of each kind, [L, H, kinds] as KINDS has
        them; NaN where there is no such token."""
        return self.summed("received") / self._tokens

    @property
    def sink_rates(self) -> np.ndarray:
        """The share of tokens of each kind that are sinks, [L, H, kinds]."""
        return self.counted("sinks") / self._tokens

    @property
    def _tokens(self) -> np.ndarray:
        tokens = self.counted("tokens")
        return np.where(tokens, tokens, np.nan)


def positional_heads(roles: HeadRoles, threshold: float = 0.9) -> np.ndarray:
    """Offsets [L, H], as "+1", of heads with at least `threshold` of their maxima
    there, or ""."""
    offsets, shares = roles.offsets
    return np.where(shares >= threshold, np.char.mod("%+d", offsets), "")


def syntactic_heads(
    scores: SyntaxScores, margin: float = 0.1, minimum: int = 100
) -> np.ndarray:
    """Relations [L, H] that heads find better than the best fixed offset does, or "".

    Better by `margin` of the offset's accuracy at least, in either direction, of
    relations of `minimum` words; of several the one with the largest gain. ROOT and
    punctuation are left out, as in Table 1.
    """
    found, gains = np.full(scores.shape, "", object), np.zeros(scores.shape)
    for relation, count in scores.counts.items():
        if count < minimum or is_root(relation) or relation == PUNCTUATION_RELATION:
            continue
        right, total = scores.by_block(relation)
        offsets = right.sum(0)[-len(SYNTAX_OFFSETS) - 1 : -1] / total.sum()
        accuracies = scores.accuracies(relation).max(0)
        gain = accuracies - (1 + margin) * offsets.max()
        better = (gain >= 0) & (accuracies > 0) & ((gain > gains) | (found == ""))
        found[better], gains[better] = relation, gain[better]
    return found


def role_table(
    general: GeneralStatistics,
    roles: HeadRoles,
    scores: SyntaxScores | None = None,
    *,
    positional: float = 0.9,
    margin: float = 0.1,
) -> pd.DataFrame:
    """A row for each head: its behaviour by the paper's thresholds (`describe_heads`),
    confidence, positional and syntactic role, and its sinks by kind of token. Special
    tokens are called as the model does."""
    heads = list(np.ndindex(roles.shape))
    behaviours = describe_heads(general).astype(object)
    for kind, name in SPECIAL.items():
        behaviours[behaviours == kind] = name_special(name, general.source)
    columns = {
        "behaviour": behaviours,
        "confidence": roles.confidence,
        "positional": positional_heads(roles, positional),
    }
    if scores:
        columns["syntactic"] = syntactic_heads(scores, margin)
    for i, kind in enumerate(KINDS):
        name = name_special(SPECIAL.get(kind, kind), roles.source)
        columns[f"sinks: {name}"] = roles.sink_rates[..., i]
    return pd.DataFrame(
        {name: values.ravel() for name, values in columns.items()},
        index=pd.Index([roles.head_name(*head) for head in heads], name="head"),
    )

"""What statistics of a corpus say of each head, as short notes and as measures."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from analysis.coreference import READINGS, CoreferenceScores
from analysis.general import GeneralStatistics
from analysis.statistic import Statistic
from analysis.syntax import SyntaxScores
from attention.record import Source
from files import InputError

NOTED_SHARE = 0.3  # a head is noted for attention of a kind above this share
RARE = 20  # a relation of fewer words is left out: its best head is a matter of luck
KINDS = {
    "left": "previous token",
    "right": "next token",
    "self": "own token",
    "sep": "[SEP]",
    "cls": "[CLS]",
    "punct": ". and ,",
}


def head_notes(
    statistics: Iterable[Statistic], sources: Sequence[Source]
) -> list[dict[str, Any]]:
    """For each encoder that statistics are of: its weights, notes, and measures.

    Notes are by the head's name, such as {"3-9": ["previous token 98 %"]}; measures
    are named arrays, {"dobj (corpus)": {"3-9": 75.7}}. Raises InputError where no maps
    are of a statistic's encoder.
    """
    known: dict[str | None, dict[str, Any]] = {}
    for statistic in statistics:
        source = statistic.source
        if source is None or not any(_same_encoder(source, other) for other in sources):
            raise InputError(
                f"{type(statistic).__name__} of another encoder than the maps: give "
                "statistics made with the same weights"
            )
        of_encoder = known.setdefault(
            source.weights_sha256,
            {
                "weights": source.weights_sha256,
                "notes": defaultdict(list),
                "measures": {},
            },
        )
        notes, measures = KINDS_OF_STATISTICS[type(statistic)](statistic)
        for place, note in notes:
            of_encoder["notes"][source.head_name(*place)].append(note)
        for name, values in measures.items():
            of_encoder["measures"][name] = {
                source.head_name(*place): float(value)
                for place, value in np.ndenumerate(values)
                if np.isfinite(value)
            }
    return list(known.values())


def _same_encoder(one: Source, other: Source) -> bool:
    """Whether two sources may be of one encoder: unknown weights fit any."""
    weights = one.weights_sha256, other.weights_sha256
    return one.heads == other.heads and (None in weights or weights[0] == weights[1])


def _general(statistic: GeneralStatistics):
    averages = statistic.averages
    notes = [
        (place, f"{label} {share:.0%}".replace("%", " %"))
        for kind, label in KINDS.items()
        for place, share in np.ndenumerate(averages[kind])
        if share > NOTED_SHARE
    ]
    return notes, {f"{label} (corpus)": averages[kind] for kind, label in KINDS.items()}


def _syntax(statistic: SyntaxScores):
    notes, measures = [], {}
    for relation, words in sorted(statistic.counts.items()):
        if words >= RARE:
            accuracies = 100 * statistic.accuracies(relation)  # [2, L, H]
            best = np.unravel_index(accuracies.argmax(), accuracies.shape)
            notes.append((best[1:], f"{relation} {accuracies[best]:.1f}"))
            measures[f"{relation} (corpus)"] = accuracies.max(0)
    return notes, measures


def _coreference(statistic: CoreferenceScores):
    accuracies = 100 * statistic.accuracies(next(iter(READINGS)))
    best = np.unravel_index(accuracies.argmax(), accuracies.shape)
    return (
        [(best, f"coreference {accuracies[best]:.1f}")],
        {"coreference (corpus)": accuracies},
    )


KINDS_OF_STATISTICS = {
    GeneralStatistics: _general,
    SyntaxScores: _syntax,
    CoreferenceScores: _coreference,
}

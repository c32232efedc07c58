"""What statistics of a corpus say of each head, as short notes and as measures."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.coreference import CoreferenceScores
from analysis.general import GeneralStatistics, name_special
from analysis.statistic import Statistic, load_statistics
from analysis.syntax import SyntaxScores
from analysis.table_1 import table_1
from attention.meta import read_meta
from attention.source import Source
from toolkit.files import InputError

NOTED_SHARE = 0.5  # a head is noted for attention of a kind above this share
RARE = 20  # relations of fewer words are left out
# by kind; `name_special` fills them in
KINDS = {
    "left": "previous token",
    "right": "next token",
    "self": "own token",
    "sep": "{separator}",
    "cls": "{first}",
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
    kinds = list(KINDS_OF_STATISTICS)
    for statistic in sorted(statistics, key=lambda s: kinds.index(type(s))):
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
        for head, note in notes:
            of_encoder["notes"][head].append(note)
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
    labels = {kind: name_special(KINDS[kind], statistic.source) for kind in KINDS}
    notes = [
        (statistic.head_name(*place), f"{label} {100 * share:.0f} %")
        for kind, label in labels.items()
        for place, share in np.ndenumerate(averages[kind])
        if share > NOTED_SHARE
    ]
    return notes, {
        f"{label} (corpus)": averages[kind] for kind, label in labels.items()
    }


def _syntax(statistic: SyntaxScores):
    """Of each relation for which a head beats every fixed offset, the best head."""
    notes, measures = [], {}
    table = table_1(statistic, minimum=RARE, paper_model=False).drop("all")
    for relation, row in table.iterrows():
        measures[f"{relation} (corpus)"] = 100 * statistic.accuracies(relation).max(0)
        if row["accuracy"] > row["offset accuracy"]:
            notes.append((row["head"], f"{relation} {row['accuracy']:.1f}"))
    return notes, measures


def _coreference(statistic: CoreferenceScores):
    accuracies = 100 * statistic.accuracies("mentions")
    best = statistic.best_head("mentions")
    note = statistic.head_name(*best), f"coreference {accuracies[best]:.1f}"
    return [note], {"coreference (corpus)": accuracies}


# in the order of the notes
KINDS_OF_STATISTICS = {
    SyntaxScores: _syntax,
    CoreferenceScores: _coreference,
    GeneralStatistics: _general,
}


def read_statistics(path: str | Path) -> list[Statistic]:
    """The statistics of a file that say something of heads; InputError for none."""
    names = read_meta(path).get("statistics", [])
    kinds = [kind for kind in KINDS_OF_STATISTICS if kind.__name__ in names]
    if not kinds:
        expected = ", ".join(kind.__name__ for kind in KINDS_OF_STATISTICS)
        raise InputError(
            f"{path}: no statistics of heads, expected a .stats.pkl of {expected} with "
            "its meta file"
        )
    return load_statistics(path, *kinds)

"""The statistics that corpus_statistics.py takes, by name, and what each asks for."""

import argparse
import importlib
from collections.abc import Mapping
from typing import NamedTuple

from analysis.statistic import Statistic
from attention.quantities import ATTENTION, LAYER_NORMS, NORMS
from toolkit.files import InputError


class Kind(NamedTuple):
    """A statistic: its class, which is imported when it is used, and what it takes."""

    module: str
    name: str
    quantities: tuple[str, ...] = (ATTENTION,)  # several: the class is told which
    keys: tuple[str, ...] = ()  # of examples; those that have any go by words

    @property
    def cls(self) -> type[Statistic]:
        """The class."""
        return getattr(importlib.import_module(f"analysis.{self.module}"), self.name)


KINDS = {
    "general": Kind("general", "GeneralStatistics"),
    "distances": Kind("distances", "HeadDistances"),
    "roles": Kind("roles", "HeadRoles"),
    "shares": Kind("mixing", "Shares", (ATTENTION, NORMS)),
    "mixing": Kind("mixing", "MixingRatios", (ATTENTION, *LAYER_NORMS.values())),
    "syntax": Kind("syntax", "SyntaxScores", keys=("words", "heads", "relns")),
    "trees": Kind("ensembles", "TreeScores", keys=("words", "heads", "relns")),
    "coreference": Kind(
        "coreference", "CoreferenceScores", keys=("words", "document", "mentions")
    ),
}


def new_statistic(name: str, quantity: str) -> Statistic:
    """A statistic of this name that has taken in nothing."""
    kind = KINDS[name]
    return kind.cls(quantity) if len(kind.quantities) > 1 else kind.cls()


def choose_statistics(args: argparse.Namespace, example: Mapping) -> list[str]:
    """The names that --statistics gives, or all that examples like this one allow.

    Raises InputError for one that quantity, level or example do not allow, and where
    none is allowed.
    """
    reasons = {name: _obstacle(kind, args, example) for name, kind in KINDS.items()}
    if args.statistics:
        for name in args.statistics:
            if reasons[name]:
                raise InputError(f"--statistics {name}: {reasons[name]}")
        return sorted({*args.statistics}, key=list(KINDS).index)
    chosen = [name for name, reason in reasons.items() if not reason]
    if not chosen:
        raise InputError(f"there is no statistic of {args.quantity}")
    return chosen


def _obstacle(kind: Kind, args: argparse.Namespace, example: Mapping) -> str:
    """Why a statistic cannot be taken; empty where it can."""
    if args.quantity not in kind.quantities:
        return f"is of {' or '.join(kind.quantities)}, not of {args.quantity}"
    if missing := [key for key in kind.keys if key not in example]:
        return f"the first example has no {missing[0]!r}"
    if kind.keys and not args.word_level:
        return "goes by words: add --word-level"
    return ""

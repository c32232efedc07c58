"""Maps or statistics: what the notebooks take, whichever of the two a file holds."""

from pathlib import Path

from analysis.statistic import Statistic, accumulate, load_statistics
from toolkit.files import InputError

ENDING = ".stats.pkl"


def find_results(stem: Path) -> Path:
    """The file of maps `<stem>_attn.pkl`, else that of statistics `<stem>.stats.pkl`.

    Raises InputError where there is neither.
    """
    maps, statistics = (stem.with_name(stem.name + e) for e in ("_attn.pkl", ENDING))
    for path in (maps, statistics):
        if path.is_file():
            return path
    raise InputError(
        f"{maps}: no such file, nor {statistics.name} beside it; extract_attention.py "
        "writes the one, corpus_statistics.py the other"
    )


def holds_statistics(path: Path) -> bool:
    """Whether a file is one of statistics, by its name."""
    return path.name.endswith(ENDING)


def take_statistics(path: Path, *wanted: Statistic) -> list[Statistic]:
    """Statistics like `wanted`, which are empty: of the maps in a file, or as read from
    a file of statistics.

    Raises InputError where that has none of a kind, or of other settings.
    """
    if not holds_statistics(path):
        accumulate(path, *wanted)
        return list(wanted)
    found = load_statistics(path, *(type(statistic) for statistic in wanted))
    for ours, theirs in zip(wanted, found, strict=True):
        if ours.settings != theirs.settings:
            raise InputError(
                f"{path}: {type(ours).__name__} of {theirs.settings}, expected "
                f"{ours.settings}"
            )
    return found

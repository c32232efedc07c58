"""Maps or statistics: what the notebooks take, whichever of the two a file holds."""

from pathlib import Path

from analysis.statistic import Statistic, accumulate, load_statistics
from toolkit.files import InputError

ENDING = ".stats.pkl"


def find_results(stem: Path) -> Path:
    """The file of maps `<stem>_attn.pkl`; where that is not there, but one of
    statistics, `<stem>.stats.pkl`."""
    maps, statistics = (stem.with_name(stem.name + e) for e in ("_attn.pkl", ENDING))
    return statistics if statistics.is_file() and not maps.is_file() else maps


def holds_statistics(path: Path) -> bool:
    """Whether a file is one of statistics, by its name."""
    return path.name.endswith(ENDING)


def take_statistics(path: Path, *wanted: Statistic) -> list[Statistic]:
    """Statistics like `wanted`, which are empty: of the maps in a file, or as read from
    a file of statistics.

    Raises InputError where that has none of a kind, or of other settings.
    """
    if not holds_statistics(path):
        if not accumulate(path, *wanted):
            raise InputError(
                f"{path}: holds no maps: was the text empty, or every example too long?"
            )
        return list(wanted)
    found = load_statistics(path, *(type(statistic) for statistic in wanted))
    for ours, theirs in zip(wanted, found, strict=True):
        if ours.settings != theirs.settings:
            raise InputError(
                f"{path}: {type(ours).__name__} of {theirs.settings}, expected "
                f"{ours.settings}"
            )
    return found

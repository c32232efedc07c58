"""Statistics of files, kept while a notebook runs, so that each of its cells can ask
for what it shows."""

from pathlib import Path

from analysis.opening import take_statistics
from analysis.statistic import Statistic

_TAKEN: dict[tuple, Statistic] = {}


def statistics_of(path: str | Path, *wanted: Statistic) -> list[Statistic]:
    """These statistics of a file of maps, taken in one pass, or in one of statistics.

    `wanted` are empty ones, such as GeneralStatistics(). Those asked for before are
    given again without a pass, until the file changes. Raises InputError as
    `take_statistics` does.
    """
    path = Path(path)
    file = path.stat()
    stamp = path.resolve(), file.st_mtime_ns, file.st_size
    keys = [(*stamp, type(s).__name__, repr(s.settings)) for s in wanted]
    new = {k: s for k, s in zip(keys, wanted, strict=True) if k not in _TAKEN}
    if new:
        _TAKEN.update(zip(new, take_statistics(path, *new.values()), strict=True))
    return [_TAKEN[key] for key in keys]

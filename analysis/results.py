"""Statistics of files, kept while a notebook runs, so that each of its cells can ask
for what it shows."""

from pathlib import Path

from analysis.statistic import Statistic, accumulate
from toolkit.files import InputError

_TAKEN: dict[tuple, Statistic] = {}


def statistics_of(path: str | Path, *wanted: Statistic) -> list[Statistic]:
    """These statistics of a file of maps, taken in one pass.

    `wanted` are empty ones, such as GeneralStatistics(). Those asked for before are
    given again without a pass, until the file changes. Raises InputError for a file
    without maps, and as `accumulate` does.
    """
    path = Path(path)
    file = path.stat()
    stamp = path.resolve(), file.st_mtime_ns, file.st_size
    keys = [(*stamp, type(s).__name__, repr(s.settings)) for s in wanted]
    new = {k: s for k, s in zip(keys, wanted, strict=True) if k not in _TAKEN}
    if new:
        if not accumulate(path, *new.values()):
            raise InputError(
                f"{path}: holds no maps: was the text empty, or every example too long?"
            )
        _TAKEN.update(new)
    return [_TAKEN[key] for key in keys]

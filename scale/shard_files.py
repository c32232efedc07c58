"""Finished shards on disk, until they are merged.

`NAME.shards/000017-<digest>.pkl` holds the states of shard 17. The first half of the
digest is that of the settings, the second that of the examples: a name says whether a
file is of this run, without it being read.
"""

import contextlib
import hashlib
import itertools
import json
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from attention.store import load_pickle
from scale.corpus import Shard
from toolkit.files import InputError, make_folder, open_whole, printable

NAME = re.compile(r"(\d{6,})-([0-9a-f]{8})[0-9a-f]{8}\.pkl")
SHOWN = 5  # of what is wrong, in a message


class ShardFolder:
    """The folder of the finished shards of one output."""

    def __init__(self, outfile: Path, settings: dict):
        self.outfile = outfile
        self.path = outfile.with_name(
            outfile.name.removesuffix(".stats.pkl") + ".shards"
        )
        self.settings = json.loads(json.dumps(settings))  # as it is read again
        content = json.dumps(self.settings, sort_keys=True)
        self._before: dict[int, list[Path]] = {}  # files of earlier runs
        self._digest = hashlib.sha256(content.encode()).hexdigest()[:8]

    def file(self, shard: Shard) -> Path:
        """Where the states of a shard are, or will be."""
        return self.path / f"{shard.number:06}-{self._digest}{shard.digest[:8]}.pkl"

    @contextlib.contextmanager
    def lock(self, part: int, parts: int) -> Iterator[None]:
        """Held while this part of the shards is computed; InputError where another run
        does so."""
        make_folder(self.path)
        try:
            with FileLock(self.path / f"{part}-of-{parts}.lock", timeout=0):
                yield
        except Timeout:
            raise InputError(
                f"{self.path}: another run is computing part {part} of {parts}; wait "
                "for it, or name another output"
            ) from None

    def begin(self, part: int, parts: int, resume: bool) -> None:
        """Refuse shards of this part from before, unless they are to be kept and were
        computed with the same settings."""
        self._before = self._found()
        for number, files in self._before.items():
            if number % parts != part - 1:
                continue
            if not resume:
                raise InputError(
                    f"{self.path}: holds shard {number} already; --resume goes on with "
                    "what is there, or delete the folder"
                )
            for file in files:
                if NAME.fullmatch(file.name)[2] != self._digest:
                    raise InputError(f"{file}: {self._why_foreign(file)}")

    def write(self, shard: Shard, result: Mapping[str, Any]) -> None:
        """Keep what a worker found of a shard; the file is whole or not there.

        Raises InputError where the worker has other settings than this process, as on a
        machine with other versions of the libraries.
        """
        settings = json.loads(json.dumps(result["settings"]))
        if settings != self.settings:
            raise InputError(
                f"a worker computes with other settings: {self._difference(settings)}"
            )
        path = self.file(shard)
        with open_whole(path) as file:
            pickle.dump(result, file, protocol=4)
        for old in self._before.pop(shard.number, []):  # its examples have changed
            old.unlink()

    def read(self, names: list[str]) -> Iterator[dict]:
        """The results of these shards, which must be all there are, in this order.

        Raises InputError, which names them, for shards that are missing, doubled, of
        other settings or of other examples.
        """
        there = [file for files in self._found().values() for file in files]
        expected, found = set(names), {file.name for file in there}
        wrong = [f for f in there if f.name not in expected]
        missing = [n for n, name in enumerate(names) if name not in found]
        if wrong:
            reasons = (f"{file.name} {self._why_foreign(file)}" for file in wrong)
            raise InputError(
                f"{self.path}: {'; '.join(itertools.islice(reasons, SHOWN))}"
            )
        if missing:
            raise InputError(
                f"{self.path}: of {len(names)} shards, there is no shard "
                f"{_listed(missing)}; --resume, or the --shard that "
                "they belong to, makes what is missing"
            )
        for name in names:
            result = load_pickle(self.path / name)
            if not isinstance(result, dict) or result.get("settings") != self.settings:
                raise InputError(f"{self.path / name}: changed since; delete it")
            yield result

    def remove(self) -> None:
        """Delete the shards, which are merged, and the folder unless it holds more."""
        for files in self._found().values():
            for file in files:
                file.unlink()
        for lock in self.path.glob("*-of-*.lock"):
            lock.unlink()
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def _found(self) -> dict[int, list[Path]]:
        """The files of shards in the folder, by number."""
        found: dict[int, list[Path]] = {}
        for file in sorted(self.path.glob("*.pkl")):
            if match := NAME.fullmatch(file.name):
                found.setdefault(int(match[1]), []).append(file)
        return found

    def _why_foreign(self, file: Path) -> str:
        """What tells a shard from those of this run."""
        if NAME.fullmatch(file.name)[2] == self._digest:
            return (
                "is of examples that the corpus does not have there (any more); "
                "--resume makes the shard anew, or delete the file"
            )
        begun = load_pickle(file).get("settings", {})
        return (
            f"was computed with other settings: {self._difference(begun)}; delete it, "
            "or name another output"
        )

    def _difference(self, settings: Mapping[str, Any]) -> str:
        """In what settings differ from ours, flags and versions one by one."""
        theirs, ours = _flat(settings), _flat(self.settings)
        return "; ".join(
            f"{key} ({printable(repr(theirs.get(key)))} there, "
            f"{printable(repr(ours.get(key)))} here)"
            for key in theirs | ours
            if theirs.get(key) != ours.get(key)
        )


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with those in "flags" and "versions" beside the others."""
    flat = {}
    for key, value in settings.items():
        flat |= value if isinstance(value, dict) else {key: value}
    return flat


def _listed(numbers: list[int]) -> str:
    """The first few of what is missing, and how many more there are."""
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return ", ".join(map(str, numbers[:SHOWN])) + more

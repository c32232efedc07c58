"""Writing files of maps one example at a time, and pickles with their meta files."""

import contextlib
import json
import os
import pickle
from pathlib import Path
from typing import Any, BinaryIO

from attention.meta import SIZE
from attention.pickled_list import HEADER, OLD_PIECE, STARTS, piece, pieces
from attention.plain_pickle import RefusedError, check_plain
from toolkit.files import (
    InputError,
    PartialFile,
    meta_path,
    printable,
    read_json_object,
    settings_path,
    write_json,
)


class AttentionWriter:
    """Writes examples to a file of maps, which appears under its name only when whole.

    `settings` is all that decides what is written (input, model, flags); it is kept
    beside the maps as `<name>.meta.json`, with the size of the file. Where it has
    "written", that is the number of examples to be written. Until the `with` block ends
    well, the maps lie in `<path>.partial`, locked, and the settings in
    `<path>.partial.json`. With `resume`, such a file is continued after its last whole
    example if it was begun with the same settings. `done` examples were there already.

    Raises InputError where another run is writing the same file, where the partial file
    has other settings or more examples than are to be written, and at the end where
    their number is not the one that was to be written.
    """

    def __init__(self, path: str | Path, settings: dict, resume: bool = False):
        self.path = Path(path)
        self.settings = json.loads(json.dumps(settings))  # as it will be read again
        self.done = 0
        self._settings_path = settings_path(self.path)
        self._partial = PartialFile(self.path, keep=True)
        self.partial = self._partial.partial
        self._file = self._partial.file
        try:
            self._begin(resume)
        except BaseException:
            self._partial.close()
            raise
        self.count = self.done

    def _begin(self, resume: bool) -> None:
        if resume and self._settings_path.exists():
            self._compare_settings()
            self.done = _keep_whole_examples(self._file, self.partial)
            if self.done > (most := self.settings.get("written", self.done)):
                raise InputError(
                    f"{self.partial}: holds {self.done} examples, expected at most the "
                    f"{most} of this run; delete it, or run without --resume"
                )
        else:
            self._file.truncate(0)  # first: it has other settings
            write_json(self._settings_path, self.settings)
        self._own_settings = self._settings_path.stat()
        if not self.done:
            self._file.seek(0)
            self._file.write(HEADER)

    def write(self, example: dict) -> None:
        """Append one example (plain values and NumPy arrays) to the list."""
        try:
            check_plain(example)
        except RefusedError as error:
            raise InputError(
                f"example {self.count}: cannot be written: {error}"
            ) from None
        for part in piece(example):
            self._file.write(part)
        self.count += 1

    def __enter__(self) -> "AttentionWriter":
        return self

    def __exit__(self, kind, error, trace) -> None:
        with contextlib.closing(self._partial):
            if kind:
                self._file.flush()
                return
            if self.count != (expected := self.settings.get("written", self.count)):
                raise InputError(
                    f"{self.path}: {self.count} examples came, expected {expected}"
                )
            self._file.write(pickle.STOP)
            _finish(self._partial, self.settings)
            # another run may have begun since the rename, with settings of its own
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(self._settings_path.stat(), self._own_settings):
                    self._settings_path.unlink()

    def _compare_settings(self) -> None:
        begun = read_json_object(self._settings_path)
        different = [
            f"{key} ({_shown(begun, key)} then, {_shown(self.settings, key)} now)"
            for key in begun | self.settings
            if begun.get(key) != self.settings.get(key)
        ]
        if different:
            raise InputError(
                f"{self.partial}: cannot be resumed, begun with other settings: "
                + "; ".join(different)
            )


def write_pickle(path: str | Path, value: Any, meta: dict) -> None:
    """Write one pickled value and its meta file, both whole.

    In the same order as a file of maps: a file never stands beside a meta file that is
    not its own. Raises InputError while another run writes the same file.
    """
    with contextlib.closing(PartialFile(Path(path))) as partial:
        try:
            pickle.dump(value, partial.file, protocol=4)
            _finish(partial, meta)
        except BaseException:
            partial.remove()
            raise


def _finish(partial: PartialFile, meta: dict) -> None:
    """Put a whole file in its place, then its meta file.

    The meta file of the file before goes first. Killed between two steps, there is a
    file without a meta file, and the work is done again.
    """
    size = partial.file.seek(0, os.SEEK_END)
    meta_path(partial.path).unlink(missing_ok=True)
    partial.finish()
    write_json(meta_path(partial.path), meta | {SIZE: size})


def _keep_whole_examples(file: BinaryIO, path: Path) -> int:
    """Cut a partial file after its last whole example; return how many it holds."""
    start = file.read(len(HEADER) + 2)
    if STARTS.get(start[len(HEADER) :]) is OLD_PIECE:
        raise InputError(
            f"{path}: begun by an earlier version, without checksums; delete it, or "
            "run without --resume"
        )
    whole, count = 0, 0
    if start.startswith(HEADER):
        whole = len(HEADER)
        with contextlib.suppress(EOFError, pickle.UnpicklingError):  # torn, or changed
            for _ in pieces(file, check=True):
                whole, count = file.tell(), count + 1
    file.seek(whole)
    file.truncate()
    return count


def _shown(settings: dict, key: str) -> str:
    """A setting, for a message; the beginning of a long one."""
    return printable(repr(settings.get(key)))

"""What every room shares: the error for bad input, and files that appear whole."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO


class InputError(ValueError):
    """Input that cannot be used; the message names file, line or example, what was
    expected and what was found. Scripts print it as one line, without a traceback."""


@contextlib.contextmanager
def open_whole(path: str | Path, mode: str = "wb", **options) -> Iterator[IO]:
    """Open `path` for writing so that it appears under its name only when whole.

    Writes to `<path>.partial`, flushes to disk, then renames; if the block raises, the
    partial file is removed and whatever stood at `path` before stays untouched.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    if path.is_dir():
        raise InputError(f"{path}: is a folder, expected the name of a file")
    make_folder(path.parent)
    try:
        with open(partial, mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def make_folder(folder: Path) -> None:
    """Create `folder` where it is missing; InputError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be created ({error.strerror})") from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"{folder}: no permission to write there")


def check_outfile(path: Path, *inputs: Path) -> None:
    """Before any work: refuse an output that could not be written, or would overwrite
    an input. Outputs end in .pkl, so that their .meta.json is nobody else's."""
    if path.suffix != ".pkl":
        raise InputError(f"{path}: the output's name must end in .pkl")
    if path.is_dir():
        raise InputError(f"{path}: is a folder, expected the name of a file")
    names = (path.name, f"{path.stem}.meta.json")
    written = [n + end for n in names for end in ("", ".partial", ".partial.json")]
    for given in inputs:
        for name in written:
            own = path.with_name(name)
            if own.exists() and given.exists() and own.samefile(given):
                raise InputError(f"{path}: would overwrite the input; name another")
    make_folder(path.parent)


def file_digest(*paths: Path) -> str:
    """SHA-256 over the content of files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def data_dir() -> Path:
    """Where corpora, maps and figures are kept: `$ATTN_DATA_DIR`, else `data/`."""
    return Path(os.environ.get("ATTN_DATA_DIR", "data"))

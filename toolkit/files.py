"""What every room shares: the error for bad input, reading JSON, and files that appear
whole."""

import contextlib
import gzip
import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO

from filelock import lock_descriptor

DEEPEST = 200  # levels of nesting that JSON and pickles may have


class InputError(ValueError):
    """Input that cannot be used; the message names file, line or example, what was
    expected and what was found. Scripts print it as one line, without a traceback."""


def printable(value: object, most: int = 80) -> str:
    """At most so many characters of what a file holds, on one line, for a message."""
    if isinstance(value, bytes):
        value = repr(value[:most])
    elif not isinstance(value, str):
        value = type(value).__name__  # its repr may be of any length
    shown = "".join(c if c.isprintable() else "?" for c in value[:most])
    return shown + "..." * (len(value) > most)


def quoted(text: str, most: int = 80) -> str:
    """The beginning of a text from a file in quotes, on one line, for a message."""
    shown = repr(text[:most])
    return shown if len(text) <= most >= len(shown) - 2 else shown[:most] + "..."


def meta_path(path: Path) -> Path:
    """The file beside an output that says how it was made."""
    return path.with_suffix(".meta.json")


def partial_path(path: Path) -> Path:
    """What an output is called until it is whole."""
    return path.with_name(path.name + ".partial")


def settings_path(path: Path) -> Path:
    """The file beside unfinished maps that holds the settings they were begun with."""
    return path.with_name(path.name + ".partial.json")


class PartialFile:
    """`<path>.partial`, open for reading and writing, that becomes `path` when whole.

    It is locked while it is open: a second run on the same output gets an InputError.
    The lock is the operating system's (flock), which ends with the process however that
    ends; over NFS it works between machines where the server supports locks. `keep`
    keeps what an interrupted run wrote; else the file is emptied.
    """

    def __init__(self, path: Path, keep: bool = False):
        check_output(path)
        make_folder(path.parent)
        self.path, self.partial = path, partial_path(path)
        self.file = self._open()
        if not keep:
            self.file.truncate()

    def _open(self) -> BinaryIO:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        while True:
            if os.path.lexists(self.partial) and not (
                self.partial.is_file() and not self.partial.is_symlink()
            ):
                raise InputError(f"{self.partial}: expected a regular file; delete it")
            file = os.fdopen(os.open(self.partial, flags, 0o666), "r+b")
            if not lock_descriptor(file.fileno(), blocking=False):
                file.close()
                raise InputError(
                    f"{self.path}: another run is writing it (it holds the lock on "
                    f"{self.partial}); wait for it, or name another output"
                )
            if self._is_in_place(file):
                return file
            file.close()  # the other run has just finished and renamed this one

    def _is_in_place(self, file: BinaryIO) -> bool:
        """Whether the name still leads to the open file."""
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(file.fileno()), self.partial.lstat())
        return False

    def finish(self) -> None:
        """Write everything to the disk and rename the file."""
        self.file.flush()
        os.fsync(self.file.fileno())
        if not self._is_in_place(self.file):
            raise InputError(
                f"{self.partial}: was deleted or replaced while it was written; "
                "run again"
            )
        check_output(self.path)
        os.replace(self.partial, self.path)

    def remove(self) -> None:
        """Delete the file, unless its name leads to another one by now."""
        if self._is_in_place(self.file):
            self.partial.unlink()

    def close(self) -> None:
        """Close the file, which ends the lock."""
        self.file.close()


@contextlib.contextmanager
def open_whole(path: str | Path, mode: str = "wb", **options) -> Iterator[IO]:
    """Open `path` for writing so that it appears under its name only when whole.

    Writes to `<path>.partial`, flushes to disk, then renames; if the block raises, the
    partial file is removed and whatever stood at `path` before stays untouched. Raises
    InputError while another run writes the same file.
    """
    partial = PartialFile(Path(path))
    with contextlib.closing(partial):
        try:
            with open(partial.file.fileno(), mode, closefd=False, **options) as file:
                yield file
            partial.finish()
        except BaseException:
            partial.remove()
            raise


def make_folder(folder: Path) -> None:
    """Create `folder` where it is missing; InputError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be created ({error.strerror})") from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"{folder}: no permission to write there")


def check_output(path: Path) -> None:
    """Refuse a name that a regular file cannot take: of a folder, a device, a pipe, or
    a symbolic link, which would be replaced."""
    if path.is_symlink():
        raise InputError(
            f"{path}: is a symbolic link, expected a regular file; name "
            f"{path.readlink()} as the output, or delete the link"
        )
    if path.is_dir():
        raise InputError(f"{path}: is a folder, expected the name of a file")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is a device or a pipe, expected a regular file")


def check_outfile(path: Path, *inputs: Path) -> None:
    """Before any work: refuse an output that could not be written, or would overwrite
    an input. Outputs end in .pkl, so that their .meta.json is nobody else's."""
    if path.suffix != ".pkl":
        raise InputError(f"{path}: the output's name must end in .pkl")
    check_output(path)
    written = [path, partial_path(path), settings_path(path)]
    written += [meta_path(path), partial_path(meta_path(path))]
    for given in inputs:
        check_input(given)
        for name in written:
            if name.exists() and given.exists() and name.samefile(given):
                raise InputError(f"{path}: would overwrite the input; name another")
    make_folder(path.parent)


def spare_inputs(outfile: Path, *inputs: Path) -> None:
    """Refuse an output that would overwrite an input, whole or partial."""
    for written in (outfile, partial_path(outfile)):
        for given in inputs:
            if written.resolve() == given.resolve():
                raise InputError(f"{given}: would be overwritten; name another")


def check_input(path: str | Path) -> None:
    """Refuse a pipe or a device as an input, which cannot be read twice."""
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(
            f"{path}: is a pipe or a device, expected a regular file; write its "
            "content to a file first"
        )


def check_folder(path: str | Path) -> None:
    """Refuse a folder that is not there."""
    if not Path(path).is_dir():
        raise InputError(f"{path}: no such folder; is the name right?")


@contextlib.contextmanager
def open_text(path: Path, opened: BinaryIO | None = None) -> Iterator[TextIO]:
    """Open a UTF-8 text file for reading, also one that gzip compressed (`.gz`).

    `opened` is the file where it is open already, so that its place tells how much was
    read. Raises InputError in the block for what gzip cannot unpack.
    """
    with contextlib.ExitStack() as stack:
        file = opened or stack.enter_context(open(path, "rb"))
        if path.suffix.lower() == ".gz":
            file = stack.enter_context(gzip.open(file))
        text = io.TextIOWrapper(file, encoding="utf-8-sig")
        stack.callback(text.detach)  # else it would close what the caller opened
        try:
            yield text
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InputError(f"{path}: not a whole gzip file ({error})") from None


def size_of(file: BinaryIO) -> int:
    """How many bytes an open file, on disk or in memory, has."""
    place = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(place)
    return size


def read_json(path: str | Path) -> Any:
    """The value of a JSON file in UTF-8; InputError for anything else.

    Refuses what is not JSON and what is nested more than DEEPEST deep.
    """
    check_input(path)
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise InputError(f"{path}: {too_deep()}") from None
    except ValueError as error:  # not UTF-8, not JSON, a number of too many digits
        raise InputError(f"{path}: not JSON ({printable(str(error))})") from None
    if is_deep(value):
        raise InputError(f"{path}: {too_deep()}")
    return value


def read_json_object(path: str | Path) -> dict:
    """The JSON object in a file; InputError where there is none."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, found {json_kind(value)}")
    return value


def write_json(path: str | Path, value: Any) -> None:
    """Write a JSON file that appears under its name only when whole."""
    with open_whole(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def is_deep(value: Any) -> bool:
    """Whether a JSON value is nested more than DEEPEST deep."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            part
            for whole in level
            if isinstance(whole, dict | list)
            for part in (whole.values() if isinstance(whole, dict) else whole)
        ]
    return bool(level)


def too_deep() -> str:
    """What to say of such a value."""
    return f"not JSON of this project (nested more than {DEEPEST} deep)"


def json_kind(value: Any) -> str:
    """What JSON calls a value."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    return "null" if value is None else names.get(type(value), "a number")


def file_digest(*paths: Path) -> str:
    """SHA-256 over the content of files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        check_input(path)
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def data_dir() -> Path:
    """Where corpora, maps and figures are kept: `$ATTN_DATA_DIR`, else `data/`."""
    return Path(os.environ.get("ATTN_DATA_DIR", "data"))

"""What is known of how a file was made: the JSON file beside it."""

from pathlib import Path

from toolkit.files import InputError, meta_path, read_json_object

SIZE = "bytes"  # the key under which the size of the finished file is kept


def read_meta(path: str | Path) -> dict:
    """How a file was made; nothing where no usable meta file lies beside it, as with
    files of other people."""
    try:
        return read_json_object(meta_path(Path(path)))
    except (InputError, FileNotFoundError):
        return {}


def is_written(path: str | Path, settings: dict) -> bool:
    """Whether a whole file, made with these settings, is there already.

    Its meta file may say more, such as the device. The size must be the one in the meta
    file; `attention.verify` looks at all of it.
    """
    path = Path(path)
    meta = read_meta(path)
    same = all(meta.get(key) == value for key, value in settings.items())
    return path.is_file() and same and meta.get(SIZE) == path.stat().st_size

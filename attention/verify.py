"""Check a file of maps: every example against its checksum, the whole against its meta
file.

Usage: python -m attention.verify FILE [FILE ...]
"""

import sys
from pathlib import Path

from attention.meta import SIZE, read_meta
from attention.pickled_list import has_checksums, is_ours
from attention.store import read_attention
from toolkit.files import InputError


def verify(path: str | Path) -> str:
    """What was checked, in one line; InputError where something is wrong."""
    path = Path(path)
    count = sum(1 for _ in read_attention(path, check=True))
    size, meta = path.stat().st_size, read_meta(path)
    for what, expected, found in (
        ("bytes", meta.get(SIZE), size),
        ("examples", meta.get("written"), count),
    ):
        if expected not in (None, found):
            raise InputError(
                f"{path}: expected {expected} {what}, as its meta file says, found "
                f"{found}; write it again"
            )
    with open(path, "rb") as file:
        ours = is_ours(file) and has_checksums(file)
    checked = [
        "checksums agree" if ours else "no checksums: every example can be read",
        "size agrees with the meta file" if SIZE in meta else "no size in a meta file",
    ]
    return f"{path}: {count:,} examples, {size:,} bytes; " + "; ".join(checked)


def main(paths: list[str]) -> int:
    """Print a line for each file; 1 where one of them is not what was written."""
    if not paths:
        print(__doc__.strip())
        return 2
    failed = 0
    for path in paths:
        try:
            print(verify(path))
        except (InputError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""Names of attention heads as people write them: `<layer>-<head>`, counted from 1."""

import re

from toolkit.files import InputError


def head_name(layer: int, head: int) -> str:
    """The paper's name of a head: head 8 of layer 2, counted from 0, is "3-9"."""
    return f"{layer + 1}-{head + 1}"


def read_head_name(name: str) -> tuple[int, int]:
    """Layer and head, counted from 0, of a name like "3-9".

    Raises InputError for anything else.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})-([1-9]\d{0,5})", name)
    if not match:
        raise InputError(
            f"expected a head as <layer>-<head>, both from 1, such as 3-9; "
            f"found {name!r}"
        )
    return int(match[1]) - 1, int(match[2]) - 1

"""Hostile pickles: refused at once, within little memory, and nothing is corrupted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import HOSTILE

from attention.pickled_list import HEADER, PIECE

ROOT = Path(__file__).parent.parent

# Reads each file with both readers in a process of its own, which may crash. The system
# gives it no more memory than is allowed. Then the heap is used, so that what was
# corrupted shows.
READ = """
import json, os, resource, sys
import numpy as np
from attention.store import load_attention, load_pickle
from toolkit.files import InputError

for path in sys.argv[1:]:
    allowed = 2 * os.path.getsize(path) + (64 << 20)
    taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    for read in (load_pickle, load_attention):
        resource.setrlimit(resource.RLIMIT_AS, (taken + allowed, most))
        try:
            found = type(read(path)).__name__
        except InputError as error:
            found = str(error)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        print(json.dumps([path, read.__name__, found]), flush=True)
for _ in range(3):
    used = [bytearray(100) for _ in range(100_000)]
    used += [np.ones(1000) for _ in range(10_000)]
    del used
print(json.dumps("sound"))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What both readers said of each file, as a pickle of its own, as an item of a
    list, and as an example among ours."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = {}
    for kind, opcodes in HOSTILE.items():
        ours = PIECE.pack(b"\x8a\x0c", len(opcodes), 0, b"0")
        for form, content in (
            ("alone", b"\x80\x05" + opcodes + b"."),
            ("item", b"\x80\x05](" + opcodes + b"e."),
            ("ours", HEADER + ours + opcodes + b"a."),
        ):
            path = folder / f"{len(paths)}.pkl"
            path.write_bytes(content)
            paths[str(path)] = kind, form
    result = subprocess.run(
        [sys.executable, "-c", READ, *paths],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert result.returncode == 0, (result.returncode, result.stderr[-1000:])
    *lines, last = map(json.loads, result.stdout.splitlines())
    assert last == "sound"
    assert len(lines) == 2 * len(paths)
    return [(*paths[path], Path(path), *found) for path, *found in lines]


@pytest.mark.parametrize("kind", HOSTILE)
def test_is_refused_at_once_in_one_short_line(results, kind):
    of_this_kind = [r for r in results if r[0] == kind]
    assert len(of_this_kind) == 6
    for _, form, path, reader, found in of_this_kind:
        about = f"{form}, {reader}: {found}"
        assert found.startswith(f"{path}: "), about
        assert found.isprintable(), about
        assert len(found) < len(str(path)) + 250, about
        assert "MemoryError" not in found, about

"""Hostile pickles: refused at once, within little memory, and nothing is corrupted."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import HOSTILE, RECONSTRUCT, binary, call, number, state, text

from attention.pickled_list import HEADER, PIECE
from attention.store import load_pickle
from toolkit.files import InputError

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


U1 = call("numpy dtype", text("u1"), b"\x89\x88")
FRAME = "numpy._core.numeric _frombuffer"
SCALAR = "numpy._core.multiarray scalar"
ARRAY = RECONSTRUCT + state(binary(b"A"), 1)
ONE = state(binary(b"A"), 1)
OBJECTS = "refused, as it asks for what makes objects, or more than plain values need"
# What is asked for, and what is said of it: each rule by itself.
RULES = {
    "data of a list": (
        RECONSTRUCT + state(b"]", 0),
        "refused, as it asks for an array whose data is no bytes",
    ),
    "data of another array": (
        call(FRAME, ARRAY, U1, b"K\x01\x85", text("C")),
        "refused, as it asks for an array whose data is no bytes",
    ),
    "data twice": (ARRAY + ONE, "an array whose data is set twice"),
    "less data": (
        RECONSTRUCT + state(binary(b"A"), 2),
        "an array that is larger or smaller than its data",
    ),
    # NumPy's product of these is 0, which no data fill
    "shape of NumPy's numbers": (
        call(
            FRAME,
            binary(b""),
            U1,
            call(SCALAR, call("numpy dtype", text("i8")), binary(b"\0" * 7 + b"\x40"))
            + b"K\x04\x86",
            text("C"),
        ),
        "an array of an impossible shape",
    ),
    "shape below 0": (
        RECONSTRUCT + ONE.replace(b"K\x01\x85", number(-1) + number(-1) + b"\x86", 1),
        "an array of an impossible shape",
    ),
    "order of bytes": (
        RECONSTRUCT + ONE.replace(text("<"), text("S")),
        "refused, as it asks for an array of records",
    ),
    "order of axes": (
        call(FRAME, binary(b"A"), U1, b"K\x01\x85", text("K")),
        "an array of an unknown order",
    ),
    "state of a list": (b"]}b", "a state of what has none"),
    "call of a list": (b"])R", "a call of what is no function"),
    "key of a number": (b"}K\x01Ns", "a dictionary with keys that are no strings"),
    "set of a text": (
        call("builtins set", text("ab")),
        "a set of something else than a list",
    ),
    "set of a tuple": (b"\x8f()\x90", "a set that holds a tuple"),
    "complex of a text": (
        call("builtins complex", text("1"), number(2)),
        "a complex number of something else than numbers",
    ),
    "codec": (call("_codecs encode", text("a"), text("utf-7")), "encode to utf-7"),
    "memo number": (b"Nr\2\0\0\0", "more values than the 0 that it has"),
    "marks": (b"(" * 300, "a value nested more than 200 deep"),
    "negative size": (b"T\xff\xff\xff\xff", "cut short"),
    "line": (b"S'" + b"a" * 5_000_000 + b"'\n", "cut short"),
    "append": (b")Na", "items for what is no list"),
    "item": (b"]" + text("a") + b"Ns", "items for what is no dictionary"),
    "member": (b"](K\x01\x90", "items for what is no set"),
    "end": (b"(N", "ends within a value"),
    "opcode": (b"\xff", r"b'\xff' is no opcode"),
    pickle.INST: (b"(ibuiltins\nset\n", OBJECTS),
    pickle.OBJ: (b"(cbuiltins\nset\no", OBJECTS),
    pickle.NEWOBJ: (b"cbuiltins\nset\n)\x81", OBJECTS),
    pickle.NEWOBJ_EX: (b"cbuiltins\nset\n)}\x92", OBJECTS),
    pickle.PERSID: (b"Pa\n", OBJECTS),
    pickle.BINPERSID: (b"NQ", OBJECTS),
    pickle.EXT1: (b"\x82\1", OBJECTS),
    pickle.EXT2: (b"\x83\1\0", OBJECTS),
    pickle.EXT4: (b"\x84\1\0\0\0", OBJECTS),
    pickle.NEXT_BUFFER: (b"\x97", OBJECTS),
    pickle.READONLY_BUFFER: (b"N\x98", OBJECTS),
    pickle.LONG4: (b"\x8b\1\0\0\0\1", OBJECTS),
    pickle.DUP: (b"N2", OBJECTS),
}


@pytest.mark.parametrize("what", RULES)
def test_each_rule_is_named_where_it_is_broken(tmp_path, what):
    opcodes, message = RULES[what]
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x05" + opcodes + b".")
    with pytest.raises(InputError) as error:
        load_pickle(path)
    assert message in str(error.value)

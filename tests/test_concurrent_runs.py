"""Two runs on one output, in processes of their own: nothing is lost or mixed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import head_distances
from attention.store import AttentionWriter, load_pickle, write_pickle
from toolkit.files import InputError, open_whole

ROOT = Path(__file__).parent.parent
SETTINGS = {"flags": {"seed": 1}, "written": 4}
EXAMPLES = [
    {"tokens": ["fox"] * n, "attns": np.full((2, 3, n, n), 1 / n, np.float16)}
    for n in (4, 2, 5, 3)
]

# Writes two examples, says so, and goes on when it is told to.
RUN = """
import sys
sys.path.insert(0, "tests")
from test_concurrent_runs import EXAMPLES, SETTINGS
from attention.store import AttentionWriter
with AttentionWriter(sys.argv[1], SETTINGS) as writer:
    for number, example in enumerate(EXAMPLES):
        if number == 2:
            writer._file.flush()
            print("half", flush=True)
            sys.stdin.readline()
        writer.write(example)
"""
RUN_OF_OPEN_WHOLE = """
import sys
from toolkit.files import open_whole
with open_whole(sys.argv[1], "w") as file:
    file.write("first")
    print("half", flush=True)
    sys.stdin.readline()
    file.write(" run")
"""


def begin(code, path) -> subprocess.Popen:
    """A run that has written its first half."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "half\n", process.stderr.read()
    return process


def write_all(path, resume=False):
    with AttentionWriter(path, SETTINGS, resume) as writer:
        for example in EXAMPLES[writer.done :]:
            writer.write(example)
    return path.read_bytes()


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_run_is_refused_and_spoils_nothing(tmp_path, resume):
    expected = write_all(tmp_path / "alone_attn.pkl")
    path = tmp_path / "x_attn.pkl"
    with begin(RUN, path) as first:
        for _ in range(2):
            with pytest.raises(InputError, match="another run is writing it"):
                write_all(path, resume)
        _, errors = first.communicate("\n")
    assert (first.returncode, errors) == (0, "")
    assert path.read_bytes() == expected
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("alone_attn.meta.json", "alone_attn.pkl"),
        *("x_attn.meta.json", "x_attn.pkl"),
    ]


def test_the_lock_ends_with_a_killed_run_whose_work_is_resumed(tmp_path):
    expected = write_all(tmp_path / "alone_attn.pkl")
    path = tmp_path / "x_attn.pkl"
    with begin(RUN, path) as first:
        first.send_signal(signal.SIGKILL)
    with AttentionWriter(path, SETTINGS, resume=True) as writer:
        assert writer.done == 2
        for example in EXAMPLES[2:]:
            writer.write(example)
    assert path.read_bytes() == expected


def test_a_second_run_of_whole_files_is_refused(tmp_path):
    path = tmp_path / "x.json"
    with begin(RUN_OF_OPEN_WHOLE, path) as first:
        with (
            pytest.raises(InputError, match="another run is writing it"),
            open_whole(path, "w") as file,
        ):
            file.write("second")
        first.communicate("\n")
    assert first.returncode == 0
    assert path.read_text() == "first run"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_what_was_put_in_place_of_the_open_file_is_never_renamed(tmp_path, how):
    path, partial = tmp_path / "x_attn.pkl", tmp_path / "x_attn.pkl.partial"
    path.write_text("before")
    writer = AttentionWriter(path, SETTINGS)
    for example in EXAMPLES:
        writer.write(example)
    partial.unlink()
    if how == "replaced":
        partial.write_text("of another program")
    with pytest.raises(InputError, match=r"was deleted or replaced while it was wri"):
        writer.__exit__(None, None, None)
    assert path.read_text() == "before"
    with (
        pytest.raises(InputError, match=r"was deleted or replaced"),
        open_whole(tmp_path / "y.json", "w") as file,
    ):
        file.write("y")
        (tmp_path / "y.json.partial").unlink()
    assert not (tmp_path / "y.json").exists()


def test_head_distances_are_never_beside_a_meta_file_of_others(tmp_path):
    """The pickle comes first: where it cannot be written, there is no meta file."""
    maps = tmp_path / "x_attn.pkl"
    write_all(maps)
    (tmp_path / "x_head_distances.pkl.partial").mkdir()
    assert head_distances.main(["--attn-data-file", maps]) == 1
    assert not (tmp_path / "x_head_distances.meta.json").exists()
    (tmp_path / "x_head_distances.pkl.partial").rmdir()
    assert head_distances.main(["--attn-data-file", maps]) == 0
    meta = json.loads((tmp_path / "x_head_distances.meta.json").read_text())
    assert meta["bytes"] == (tmp_path / "x_head_distances.pkl").stat().st_size
    assert meta["threads"] >= 1


class Killer:
    """Ends the process while it is pickled."""

    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)


def test_killed_while_writing_a_pickle_the_old_one_stays_with_its_meta(tmp_path):
    path = tmp_path / "x.pkl"
    write_pickle(path, {"old": 1}, {"made": "before"})
    code = (
        "import sys; sys.path.insert(0, 'tests'); from test_concurrent_runs import *; "
        f"write_pickle({str(path)!r}, [Killer()], {{'made': 'now'}})"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -9
    assert load_pickle(path) == {"old": 1}
    assert json.loads(path.with_suffix(".meta.json").read_text())["made"] == "before"
    write_pickle(path, {"new": 1}, {"made": "now"})
    assert load_pickle(path) == {"new": 1}

"""Two runs on one output, in processes of their own: nothing is lost or mixed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import lock_descriptor

import head_distances
from analysis.statistic import save_statistics
from attention.store import AttentionWriter, load_pickle, write_pickle
from toolkit import files
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


def test_a_file_that_is_finished_before_it_is_locked_is_not_taken(
    tmp_path, monkeypatch
):
    """The second run opens the first one's file, which then gets its final name."""
    expected = write_all(tmp_path / "alone_attn.pkl")
    path = tmp_path / "x_attn.pkl"
    first = AttentionWriter(path, SETTINGS)
    for example in EXAMPLES:
        first.write(example)

    def lock(descriptor, **options):
        if not path.exists():
            first.__exit__(None, None, None)
        return lock_descriptor(descriptor, **options)

    monkeypatch.setattr(files, "lock_descriptor", lock)
    with AttentionWriter(path, SETTINGS) as second:
        assert path.read_bytes() == expected
        for example in EXAMPLES:
            second.write(example)
    assert path.read_bytes() == expected


def test_a_run_that_ends_leaves_the_settings_of_the_next_one(tmp_path, monkeypatch):
    """The next one begins when the maps have their name, but not yet the meta file."""
    path, replace, after = tmp_path / "x_attn.pkl", os.replace, []

    def rename(source, target):
        replace(source, target)
        if Path(target) == path and not after:
            after.append(AttentionWriter(path, SETTINGS | {"next": True}))

    monkeypatch.setattr(os, "replace", rename)
    write_all(path)
    settings = json.loads((tmp_path / "x_attn.pkl.partial.json").read_text())
    assert settings["next"]
    after[0].__exit__(KeyboardInterrupt, None, None)


def test_maps_begun_with_other_settings_go_before_the_new_settings_come(tmp_path):
    """Here the new settings cannot be written: a folder has their name."""
    path = tmp_path / "x_attn.pkl"
    old = AttentionWriter(path, {"old": True})
    old.write(EXAMPLES[0])
    old.__exit__(KeyboardInterrupt, None, None)
    begun = tmp_path / "x_attn.pkl.partial.json"
    begun.unlink()
    begun.mkdir()
    with pytest.raises(InputError, match="is a folder"):
        AttentionWriter(path, SETTINGS)
    assert old.partial.read_bytes() == b""


@pytest.mark.parametrize("replaced", [False, True])
def test_a_run_that_fails_removes_its_own_file_alone(tmp_path, replaced):
    path, partial = tmp_path / "x.json", tmp_path / "x.json.partial"
    path.write_text("before")
    with pytest.raises(KeyError), open_whole(path, "w") as file:
        file.write("half")
        if replaced:
            partial.unlink()
            partial.write_text("of another program")
        raise KeyError
    assert path.read_text() == "before"
    assert partial.exists() == replaced


def test_the_disk_has_all_bytes_before_the_file_has_its_name(tmp_path, monkeypatch):
    steps, replace = [], os.replace

    def sync(descriptor):
        steps.append(("on the disk", os.fstat(descriptor).st_size))

    def rename(source, target):
        steps.append(("named", target.name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    with open_whole(tmp_path / "x", "w") as file:
        file.write("whole")
    assert steps == [("on the disk", 5), ("named", "x")]


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


class KilledError(Exception):
    """Stands for whatever ends a run."""


def write_maps(path, made):
    with AttentionWriter(path, {"made": made}) as writer:
        writer.write(EXAMPLES[0])


WRITERS = {
    "maps": write_maps,
    "pickle": lambda path, made: write_pickle(path, [1], {"made": made}),
    "statistics": lambda path, made: save_statistics(path, {"made": made}),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("renamed", [False, True])
def test_killed_when_a_file_gets_its_name_there_is_no_meta_file(
    tmp_path, monkeypatch, kind, renamed
):
    """Neither that of the file before nor, too early, that of the new one."""
    path, replace = tmp_path / "x.stats.pkl", os.replace
    meta = tmp_path / "x.stats.meta.json"
    WRITERS[kind](path, "before")
    assert json.loads(meta.read_text())["made"] == "before"

    def rename(source, target):
        if renamed or target != path:
            replace(source, target)
        if target == path:
            raise KilledError

    monkeypatch.setattr(os, "replace", rename)
    with pytest.raises(KilledError):
        WRITERS[kind](path, "now")
    assert not meta.exists()


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

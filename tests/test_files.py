"""Odd inputs, odd outputs, odd terminals: refused by name, or served all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from attention.store import AttentionWriter, load_attention, load_pickle, write_pickle
from toolkit.files import (
    DEEPEST,
    InputError,
    check_outfile,
    file_digest,
    open_whole,
    printable,
    read_json,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo.pkl"
    os.mkfifo(path)
    return path


def write_with(how, path):
    if how == "open_whole":
        with open_whole(path) as file:
            file.write(b"new")
    elif how == "write_pickle":
        write_pickle(path, [1], {})
    else:
        AttentionWriter(path, {})


@pytest.mark.parametrize("how", ["open_whole", "write_pickle", "AttentionWriter"])
def test_outputs_that_are_no_regular_files_stay_what_they_are(tmp_path, fifo, how):
    with pytest.raises(InputError, match=r"fifo\.pkl: is a device or a pipe"):
        write_with(how, fifo)
    assert fifo.is_fifo()
    link, target = tmp_path / "link.pkl", tmp_path / "target.pkl"
    link.symlink_to(target)
    for content in (None, b"before"):  # dangling, then not
        if content:
            target.write_bytes(content)
        with pytest.raises(InputError, match=f"is a symbolic link.*name {target} as"):
            write_with(how, link)
        assert link.is_symlink()
    assert target.read_bytes() == b"before"
    with pytest.raises(InputError, match="is a folder"):
        write_with(how, tmp_path)
    with pytest.raises(InputError, match="/dev/null: is a device or a pipe"):
        write_with(how, Path("/dev/null"))


def test_a_link_that_appears_while_the_file_is_written_is_kept(tmp_path):
    path, target = tmp_path / "x", tmp_path / "target"
    with (
        pytest.raises(InputError, match="is a symbolic link"),
        open_whole(path) as file,
    ):
        file.write(b"new")
        path.symlink_to(target)
    assert path.readlink() == target


@pytest.mark.parametrize("how", ["open_whole", "write_pickle", "AttentionWriter"])
def test_partial_files_that_are_no_regular_files(tmp_path, how):
    path, partial = tmp_path / "x.pkl", tmp_path / "x.pkl.partial"
    target = tmp_path / "target"
    target.write_bytes(b"of another program")
    partial.symlink_to(target)
    with pytest.raises(InputError, match=r"x\.pkl\.partial: expected a regular file"):
        write_with(how, path)
    partial.unlink()
    os.mkfifo(partial)
    with pytest.raises(InputError, match=r"x\.pkl\.partial: expected a regular file"):
        write_with(how, path)
    assert target.read_bytes() == b"of another program"


def test_inputs_that_cannot_be_read_twice_are_refused_at_once(tmp_path, fifo):
    for read in (load_attention, load_pickle, file_digest, read_json):
        with pytest.raises(InputError, match=r"fifo\.pkl: is a pipe or a device"):
            read(fifo)
    with pytest.raises(InputError, match=r"fifo\.pkl: is a pipe or a device"):
        check_outfile(tmp_path / "x.pkl", fifo)


@pytest.mark.parametrize(
    "name", ["x.pkl", "x.meta.json", "x.meta.json.partial", "x.pkl.partial"]
)
def test_an_input_that_the_output_would_overwrite(tmp_path, name):
    (tmp_path / name).write_text("input")
    with pytest.raises(InputError, match="would overwrite the input"):
        check_outfile(tmp_path / "x.pkl", tmp_path / name)


# A script as all are: it shows its progress, writes a file and says so.
SCRIPT = """
import sys
from toolkit import cli
from pathlib import Path
from toolkit.files import open_whole

@cli.script
def main(argv=None):
    with cli.progress(total=2) as bar, open_whole(Path(sys.argv[1])) as file:
        file.write(b"whole")
        bar.update(2)
    print(f"written to {sys.argv[1]}")
    print("a warning", file=sys.stderr)

sys.exit(main())
"""


def run_script(path: bytes, shell="", **environment):
    command = [sys.executable, "-c", SCRIPT, path]
    return subprocess.run(
        ["bash", "-c", f'exec "$@" {shell}', "bash", *command],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("name", [b"\xff", "é".encode()])
@pytest.mark.parametrize("encoding", ["ascii:strict", "utf-8:strict"])
def test_file_names_that_the_terminal_cannot_show(tmp_path, name, encoding):
    path = os.fsencode(tmp_path) + b"/" + name
    result = run_script(path, PYTHONIOENCODING=encoding)
    assert (result.returncode, result.stderr) == (0, b"a warning\n")
    assert result.stdout.startswith(b"written to ")
    with open(path, "rb") as file:
        assert file.read() == b"whole"


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(tmp_path, closed):
    """The file would get the number of standard error, and the warning with it."""
    path = tmp_path / "x"
    assert run_script(os.fsencode(path), closed).returncode == 0
    assert path.read_bytes() == b"whole"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b'{"a":' * 100_000],
)
def test_json_that_is_none_is_one_short_line(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.json: not JSON") as error:
        read_json(tmp_path / "x.json")
    assert str(error.value).isprintable()
    assert len(str(error.value)) < len(str(tmp_path)) + 200


def test_json_is_as_deep_as_what_may_be_written(tmp_path):
    """The innermost list is at depth DEEPEST: one more is refused."""
    path = tmp_path / "x.json"
    path.write_text("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))
    read_json(path)
    path.write_text("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2))
    with pytest.raises(InputError, match="nested more than 200 deep"):
        read_json(path)


def test_printable():
    assert printable("fox") == "fox"
    assert printable("a\nb\x1b[2J") == "a?b?[2J"
    assert printable("x" * 81) == "x" * 80 + "..."
    assert printable(b"\xff") == r"b'\xff'"
    assert printable(("x",)) == "tuple"

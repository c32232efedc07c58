"""Files that were changed after they were written: found, and never resumed."""

import json
import pickle

import numpy as np
import pytest

from attention import verify
from attention.store import AttentionWriter, is_written, load_attention
from toolkit.files import InputError, meta_path

SETTINGS = {"flags": {}, "written": 3, "threads": 2}
EXAMPLES = [
    {"tokens": ["fox"] * n, "attns": np.full((2, 3, n, n), 1 / n, np.float16)}
    for n in (4, 2, 5)
]


def write(path, examples=EXAMPLES, settings=SETTINGS, resume=False):
    with AttentionWriter(path, settings, resume) as writer:
        for example in examples[writer.done :]:
            writer.write(example)
    return writer


def interrupt(path, examples, settings=SETTINGS):
    """What a killed run leaves."""
    writer = AttentionWriter(path, settings)
    for example in examples:
        writer.write(example)
    writer.__exit__(KeyboardInterrupt, None, None)
    return writer.partial


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x_attn.pkl"


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


def test_whole_file(path, capsys):
    write(path)
    assert verify.main([str(path)]) == 0
    size = path.stat().st_size
    assert capsys.readouterr().out == (
        f"{path}: 3 examples, {size:,} bytes; checksums agree; "
        "size agrees with the meta file\n"
    )


def test_any_flipped_bit_of_an_example_is_found(path, capsys):
    """Most change a number in a map, which can be read as well as before."""
    write(path)
    whole = path.read_bytes()
    readable = 0
    for place in range(3, len(whole) - 1, 11):
        path.write_bytes(whole)
        flip(path, place)
        try:
            load_attention(path)
            readable += 1
        except InputError:
            pass
        assert verify.main([str(path)]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"error: {path}: ")
        assert error.count("\n") == 1
    assert readable > 10


def test_files_cut_or_exchanged_disagree_with_their_meta_file(path, tmp_path, capsys):
    write(path)
    other = tmp_path / "y_attn.pkl"
    write(other, EXAMPLES[:2], {"flags": {}})
    other.replace(path)
    assert verify.main([str(path)]) == 1
    assert "bytes, as its meta file says, found" in capsys.readouterr().err
    assert not is_written(path, SETTINGS)


def test_the_number_of_examples_is_compared(path, capsys):
    write(path)
    meta = json.loads(meta_path(path).read_text())
    meta_path(path).write_text(json.dumps(meta | {"written": len(EXAMPLES) + 1}))
    assert verify.main([str(path)]) == 1
    expected = f"expected {len(EXAMPLES) + 1} examples, as its meta file says, found"
    assert expected in capsys.readouterr().err


def test_files_of_others_have_nothing_to_compare(path, capsys):
    path.write_bytes(pickle.dumps(EXAMPLES, 4))
    assert verify.main([str(path)]) == 0
    assert "no checksums: every example can be read" in capsys.readouterr().out
    assert verify.main([]) == 2
    assert verify.main([str(path.with_name("absent.pkl"))]) == 1


def test_file_of_an_earlier_version_is_read(path):
    """Its pieces have their size and no checksum."""
    pieces = []
    for example in EXAMPLES:
        data = pickle.dumps(example, 3)[2:-1]
        pieces += [b"\x8a\x08", len(data).to_bytes(8, "little"), b"0", data, b"a"]
    old = b"\x80\x03]" + b"".join(pieces) + b"."
    path.write_bytes(old)
    assert [e["tokens"] for e in load_attention(path)] == [
        e["tokens"] for e in EXAMPLES
    ]
    assert "no checksums" in verify.verify(path)
    path.with_name("x_attn.pkl.partial").write_bytes(old[:-1])
    path.with_name("x_attn.pkl.partial.json").write_text(json.dumps(SETTINGS))
    with pytest.raises(InputError, match="begun by an earlier version, without check"):
        write(path, resume=True)


def test_a_flipped_bit_in_a_partial_file_is_not_resumed(path, tmp_path):
    write(tmp_path / "whole_attn.pkl")
    partial = interrupt(path, EXAMPLES[:2])
    flip(partial, partial.stat().st_size - 20)  # within the second map
    writer = write(path, resume=True)
    assert writer.done == 1
    assert path.read_bytes() == (tmp_path / "whole_attn.pkl").read_bytes()


def test_a_partial_file_with_more_than_the_run_writes_is_refused(path):
    partial = interrupt(path, EXAMPLES)
    settings = SETTINGS | {"written": 2}
    path.with_name("x_attn.pkl.partial.json").write_text(json.dumps(settings))
    before = partial.read_bytes()
    with pytest.raises(InputError, match="holds 3 examples, expected at most the 2"):
        write(path, settings=settings, resume=True)
    assert partial.read_bytes() == before


def test_fewer_examples_than_promised_are_no_whole_file(path):
    with pytest.raises(InputError, match="2 examples came, expected 3"):
        write(path, EXAMPLES[:2])
    assert not path.exists()


def test_an_output_cut_by_hand_is_not_whole(path):
    write(path)
    assert is_written(path, SETTINGS)
    path.write_bytes(path.read_bytes()[:-100])
    assert not is_written(path, SETTINGS)


def test_another_number_of_threads_is_refused(path):
    interrupt(path, EXAMPLES[:1])
    with pytest.raises(InputError, match=r"threads \(2 then, 4 now\)"):
        write(path, settings=SETTINGS | {"threads": 4}, resume=True)


@pytest.mark.parametrize(
    "begun", ["[]", "3", "null", "", "{", "[" * 5000 + "]" * 5000, "\xff"]
)
def test_odd_settings_of_a_partial_file(path, begun):
    interrupt(path, EXAMPLES[:1])
    path.with_name("x_attn.pkl.partial.json").write_bytes(begun.encode("latin1"))
    with pytest.raises(InputError, match=r"x_attn\.pkl\.partial\.json: ") as error:
        write(path, resume=True)
    assert str(error.value).count("\n") == 0


@pytest.mark.parametrize("meta", ["[]", "3", "[" * 5000 + "]" * 5000, '{"bytes": 1}'])
def test_odd_meta_files(path, meta):
    write(path)
    path.with_suffix(".meta.json").write_text(meta)
    assert not is_written(path, SETTINGS)
    write(path)
    assert is_written(path, SETTINGS)


def test_what_the_reader_would_refuse_is_not_written(path):
    deep = []
    for _ in range(300):
        deep = [deep]
    for wrong in ({1: "a"}, deep, object()):
        with pytest.raises(InputError, match="example 0: cannot be written: a "):
            write(path, [EXAMPLES[0] | {"more": wrong}])

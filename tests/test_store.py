"""Maps on disk: whole files, partial files, other people's files, hostile files."""

import collections
import copy
import io
import json
import os
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from attention.pickled_list import HEADER, piece
from attention.store import (
    AttentionWriter,
    is_written,
    load_attention,
    load_pickle,
    read_attention,
)
from toolkit.files import InputError

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = {"flags": {"layers": None}, "input_sha256": "abc"}


def make_example(number: int, tokens: int = 5) -> dict:
    rng = np.random.default_rng(number)
    attns = rng.dirichlet(np.ones(tokens), (2, 3, tokens)).astype(np.float16)
    names = ["[CLS]", *["fox"] * (tokens - 2), "[SEP]"]
    return {"tokens": names, "attns": attns, "id": number, "heads": [0, [1]]}


EXAMPLES = [make_example(i, tokens=3 + i) for i in range(4)]


def assert_same(found, expected):
    found, expected = list(found), list(expected)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.keys() == b.keys()
        np.testing.assert_array_equal(a["attns"], b["attns"])
        assert a["attns"].dtype == b["attns"].dtype
        assert {k: a[k] for k in a if k != "attns"} == {
            k: b[k] for k in b if k != "attns"
        }


def write(path, examples, **options):
    with AttentionWriter(path, SETTINGS, **options) as writer:
        for example in examples[writer.done :]:
            writer.write(example)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_written_files_are_one_pickled_list(tmp_path, count):
    path = tmp_path / "new" / "x_attn.pkl"
    write(path, EXAMPLES[:count])
    with open(path, "rb") as file:
        plain = pickle.load(file)
        assert file.read() == b""
    assert isinstance(plain, list)
    assert_same(plain, EXAMPLES[:count])
    assert_same(read_attention(path), EXAMPLES[:count])
    assert_same(load_attention(path), EXAMPLES[:count])
    assert_same(load_pickle(path), EXAMPLES[:count])
    meta = json.loads((tmp_path / "new" / "x_attn.meta.json").read_text())
    assert meta == SETTINGS | {"bytes": path.stat().st_size}
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "x_attn.meta.json",
        "x_attn.pkl",
    ]


def peak_of(action) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_that_of_one_example_not_of_the_file(tmp_path):
    big = {"tokens": ["fox"] * 256, "attns": np.zeros((2, 2, 256, 256), np.float16)}
    size = big["attns"].nbytes
    path, foreign = tmp_path / "x_attn.pkl", tmp_path / "foreign.pkl"

    def copies():  # each with arrays of its own
        return (copy.deepcopy(big) for _ in range(40))

    def write_copies():
        with AttentionWriter(path, SETTINGS) as writer:
            for example in copies():
                writer.write(example)

    assert peak_of(write_copies) < 6 * size
    for protocol in (2, 3, 4, 5):
        foreign.write_bytes(pickle.dumps(list(copies()), protocol))
        for file in (path, foreign):
            read = peak_of(lambda f=file: collections.deque(read_attention(f), 0))
            assert read < 8 * size
    assert sum(1 for _ in read_attention(foreign)) == 40


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_files_of_plain_pickle_stream(tmp_path, protocol, count):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(EXAMPLES[:count], protocol))
    assert_same(read_attention(path), EXAMPLES[:count])


def test_more_examples_than_pickle_puts_in_a_batch(tmp_path):
    """pickle.dump puts 1000 items at a time into a list."""
    many = [make_example(i, tokens=2) for i in range(2001)]
    path = tmp_path / "x.pkl"
    for protocol in (2, 5):
        path.write_bytes(pickle.dumps(many, protocol))
        assert_same(read_attention(path), many)


def test_python_2_file():
    """golden/python2.pkl was made by Python 2.7, see golden/make_python2.py."""
    first, second = read_attention(GOLDEN / "python2.pkl")
    assert first["tokens"] == ["[CLS]", "café", "[SEP]"]
    assert first["attns"].dtype == second["attns"].dtype == np.float16
    np.testing.assert_array_equal(
        first["attns"], (np.arange(54).reshape(2, 3, 3, 3) / 64).astype(np.float16)
    )
    np.testing.assert_array_equal(
        second["attns"], (np.arange(24).reshape(2, 3, 2, 2) / 64 + 1 / 64)
    )
    assert_same(load_pickle(GOLDEN / "python2.pkl"), [first, second])


@pytest.mark.parametrize("protocol", [2, 4])
def test_examples_that_share_an_array_are_still_read(tmp_path, protocol):
    shared = [*EXAMPLES, {**EXAMPLES[1], "id": 9}, EXAMPLES[0]]
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(shared, protocol))
    assert_same(read_attention(path), shared)


class Stranger:
    def __reduce__(self):
        return os.system, ("touch hacked",)


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_what_could_run_code_is_refused_by_name_before_it_runs(
    tmp_path, protocol, monkeypatch
):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps([*EXAMPLES, {"attns": Stranger()}], protocol))
    monkeypatch.chdir(tmp_path)
    for read in (load_pickle, load_attention):
        with pytest.raises(InputError, match=r"refused, as it asks for posix\.system"):
            read(path)
    assert not (tmp_path / "hacked").exists()


def test_code_hidden_among_our_own_examples_is_refused(tmp_path):
    path = tmp_path / "x_attn.pkl"
    pieces = [*piece(EXAMPLES[0]), *piece({"attns": Stranger()})]
    path.write_bytes(b"".join([HEADER, *pieces, b"."]))
    examples = read_attention(path)
    next(examples)
    with pytest.raises(InputError, match=r"refused, as it asks for posix\.system"):
        next(examples)


@pytest.mark.parametrize(
    "value", [print, io.StringIO, collections.Counter, np.random.default_rng(0)]
)
def test_other_strangers_are_refused(tmp_path, value):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps([value]))
    with pytest.raises(InputError, match="refused, as it asks for"):
        load_pickle(tmp_path / "x.pkl")


def test_codecs_other_than_the_one_for_bytes_are_refused(tmp_path):
    """Protocol 2 spells bytes as a call of _codecs.encode to latin1."""
    plain = pickle.dumps(b"\xff", 2)
    (tmp_path / "x.pkl").write_bytes(plain)
    assert load_pickle(tmp_path / "x.pkl") == b"\xff"
    assert b"latin1" in plain
    (tmp_path / "x.pkl").write_bytes(plain.replace(b"latin1", b"rot_13"))
    with pytest.raises(InputError, match=r"refused, as it asks for _codecs\.encode"):
        load_pickle(tmp_path / "x.pkl")


class Reduced:
    """Pickled as a call, and what is then set on its result."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


RECONSTRUCT = np.empty(0).__reduce__()[0]
HOSTILE_TYPES = {
    # bytes that would be taken for pointers to objects
    "object": Reduced(
        np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, 0)
    ),
    # a field that lies outside of the array
    "record": Reduced(
        np.dtype,
        ("V8", False, True),
        (3, "|", None, ("a",), {"a": (np.dtype("u1"), 1 << 20)}, 8, 1, 0),
    ),
    # the same, put onto a plain type
    "fields": Reduced(
        np.dtype,
        ("f8", False, True),
        (3, "<", None, ("a",), {"a": (np.dtype("u1"), 1 << 20)}, 8, 1, 0),
    ),
}


@pytest.mark.parametrize("kind", HOSTILE_TYPES)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_that_would_reach_into_memory_are_refused(tmp_path, kind, protocol):
    state = (1, (2,), HOSTILE_TYPES[kind], False, b"A" * 16)
    array = Reduced(RECONSTRUCT, (np.ndarray, (0,), b"b"), state)
    path = tmp_path / "x.pkl"
    for hostile in (array, Reduced(set, (array,))):
        path.write_bytes(
            pickle.dumps([*EXAMPLES, {"a": 1, "attns": hostile}], protocol)
        )
        for read in (load_pickle, load_attention):
            with pytest.raises(InputError, match="refused, as it asks for an array of"):
                read(path)


def test_a_pickle_cannot_change_what_it_may_call(tmp_path):
    """BUILD sets attributes on what it finds: on nothing that the process shares."""
    for target in (RECONSTRUCT, np.ndarray, np.dtype, np.empty(0).__reduce_ex__(5)[0]):
        data = pickle.dumps(target, 3)[:-1] + b"N}X\x03\x00\x00\x00abcI1\ns\x86b."
        (tmp_path / "x.pkl").write_bytes(data)
        with pytest.raises(InputError):
            load_pickle(tmp_path / "x.pkl")
    assert_same([pickle.loads(pickle.dumps(EXAMPLES[0], 5))], EXAMPLES[:1])


def test_plain_values_of_every_kind(tmp_path):
    values = {
        "a": [1, 2.5, None, True, "é", b"\xff", 2**70, 1j],
        "b": ({1}, frozenset({2}), bytearray(b"x")),
        "c": collections.OrderedDict(d=np.float32(1.5)),
        "e": np.arange(3),
        "f": np.array(["x", "yz"]),
        "g": np.arange(3, dtype=">i2"),
        "h": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    }
    for protocol in (2, 3, 4, 5):
        (tmp_path / "x.pkl").write_bytes(pickle.dumps(values, protocol))
        found = load_pickle(tmp_path / "x.pkl")
        trusting = pickle.loads(pickle.dumps(values, protocol))
        for key in "abc":
            assert found[key] == values[key]
        for key in "efgh":
            np.testing.assert_array_equal(found[key], values[key])
            assert found[key].dtype == trusting[key].dtype
        again = pickle.dumps(found, protocol)  # refers to nothing of ours
        assert b"store" not in again
        np.testing.assert_array_equal(pickle.loads(again)["h"], values["h"])


@pytest.mark.parametrize("own", [True, False])
def test_files_cut_short_anywhere_are_an_error_and_no_example_is_half(tmp_path, own):
    path = tmp_path / "x_attn.pkl"
    write(path, EXAMPLES[:2])
    if not own:
        path.write_bytes(pickle.dumps(EXAMPLES[:2], 4))
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        read = []
        with pytest.raises(InputError, match=str(path)):
            read.extend(read_attention(path))
        assert_same(read, EXAMPLES[: len(read)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short"),
        (b"PK\x03\x04 a zip file", "not a pickle of the expected kind"),
        (b"<html>", "not a pickle of the expected kind"),
        (pickle.dumps({"attns": 1}), "not a pickle of the expected kind.*one list"),
        (pickle.dumps([3]), "example 0: expected a dict, found int"),
        (pickle.dumps([{"a": 1, "b": 2}]), "0: expected 'attns', .* found none"),
        (
            pickle.dumps([{"attns": [[[[1.0]]]], "tokens": ["a"]}]),
            "expected 'attns', an array of floating-point numbers, found list",
        ),
        (
            pickle.dumps([{"attns": np.zeros((2, 3, 4)), "tokens": []}]),
            r"expected maps \[layers, heads, tokens, tokens\], found \[2, 3, 4\]",
        ),
        (
            pickle.dumps([{"attns": np.zeros((2, 3, 4, 4)), "id": 3}]),
            "neither 'tokens' nor 'words', a list",
        ),
        (
            pickle.dumps([{"attns": np.zeros((2, 3, 4, 4), int), "tokens": []}]),
            "expected 'attns', an array of floating-point numbers, found int64",
        ),
        (
            pickle.dumps([{"attns": np.zeros((2, 3, 1, 1)), "tokens": [7]}]),
            "'tokens' and 'words' must hold strings only",
        ),
        (
            pickle.dumps([{"attns": np.zeros((2, 3, 1, 1)), "words": ("a",)}]),
            "neither 'tokens' nor 'words', a list",
        ),
    ],
)
def test_foreign_files(tmp_path, content, message):
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_attention(tmp_path / "x.pkl")


def test_a_byte_changed_between_examples_is_noticed(tmp_path):
    path = tmp_path / "x_attn.pkl"
    write(path, EXAMPLES[:2])
    whole = bytearray(path.read_bytes())
    whole[3:5] = b"XX"  # where the first example's size begins
    path.write_bytes(whole)
    with pytest.raises(InputError, match="not a pickle of the expected kind"):
        load_attention(path)


def test_blanks_after_the_end_are_ignored(tmp_path):
    path = tmp_path / "x_attn.pkl"
    write(path, EXAMPLES)
    path.write_bytes(path.read_bytes() + b"\n")
    assert_same(read_attention(path), EXAMPLES)
    path.write_bytes(pickle.dumps(EXAMPLES) + b"\n\0\0")
    assert_same(read_attention(path), EXAMPLES)


def test_pickles_one_after_another_are_refused(tmp_path):
    """Two files put together, by `cat` or with a pickle for each example."""
    path = tmp_path / "x_attn.pkl"
    write(path, EXAMPLES)
    ours, others = path.read_bytes(), pickle.dumps(EXAMPLES)
    for twice in (ours + ours, ours + others, others + ours, others + others):
        path.write_bytes(twice)
        with pytest.raises(InputError, match="it goes on after its end; write one"):
            load_attention(path)
        with pytest.raises(InputError, match="it goes on after its end; write one"):
            load_pickle(path)


def test_a_dict_within_a_dict_is_no_example_of_its_own(tmp_path):
    """A dict of one key has no mark around what it holds."""
    path = tmp_path / "x.pkl"
    nested = [{**EXAMPLES[0], "meta": {"a": {"b": {}}}}, EXAMPLES[1]]
    for protocol in (2, 4):
        path.write_bytes(pickle.dumps(nested, protocol))
        assert_same(read_attention(path), nested)
        path.write_bytes(pickle.dumps([{"meta": {"a": 1}}], protocol))
        with pytest.raises(InputError, match="example 0: expected 'attns'"):
            load_attention(path)


class KilledError(Exception):
    """Stands for whatever ends a run."""


def test_an_error_leaves_no_output_and_the_partial_file_resumes(tmp_path):
    whole = tmp_path / "whole_attn.pkl"
    write(whole, EXAMPLES)
    path = tmp_path / "x_attn.pkl"
    with pytest.raises(KilledError), AttentionWriter(path, SETTINGS) as writer:
        for example in EXAMPLES[:3]:
            writer.write(example)
        raise KilledError
    assert not path.exists()
    with AttentionWriter(path, SETTINGS, resume=True) as writer:
        assert writer.done == 3
        writer.write(EXAMPLES[3])
    assert path.read_bytes() == whole.read_bytes()


def test_resuming_after_any_byte_gives_the_bytes_of_an_undisturbed_run(tmp_path):
    whole = tmp_path / "whole_attn.pkl"
    write(whole, EXAMPLES[:3])
    path = tmp_path / "x_attn.pkl"
    for size in range(0, whole.stat().st_size + 1, 7):
        (tmp_path / "x_attn.pkl.partial").write_bytes(whole.read_bytes()[:size])
        (tmp_path / "x_attn.pkl.partial.json").write_text(json.dumps(SETTINGS))
        write(path, EXAMPLES[:3], resume=True)
        assert path.read_bytes() == whole.read_bytes()
        path.unlink()


@pytest.mark.parametrize("torn", [b"\0" * 500, b"\x8a\x08" + b"\xff" * 600])
def test_resuming_drops_what_a_power_cut_tore(tmp_path, torn):
    """The size of a file may survive where its last bytes do not."""
    path = tmp_path / "x_attn.pkl"
    with pytest.raises(KilledError), AttentionWriter(path, SETTINGS) as writer:
        for example in EXAMPLES[:2]:
            writer.write(example)
        raise KilledError
    partial = tmp_path / "x_attn.pkl.partial"
    partial.write_bytes(partial.read_bytes()[:-400] + torn)
    with AttentionWriter(path, SETTINGS, resume=True) as writer:
        assert writer.done == 1
        for example in EXAMPLES[1:]:
            writer.write(example)
    assert_same(read_attention(path), EXAMPLES)


def test_resume_refuses_other_settings_and_says_which(tmp_path):
    path = tmp_path / "x_attn.pkl"
    with pytest.raises(KilledError), AttentionWriter(path, SETTINGS):
        raise KilledError
    other = SETTINGS | {"input_sha256": "xyz"}
    with pytest.raises(
        InputError, match=r"input_sha256 \('abc' then, 'xyz' now\)$"
    ) as error:
        AttentionWriter(path, other, resume=True)
    assert "x_attn.pkl.partial: cannot be resumed" in str(error.value)


def test_without_resume_a_partial_file_is_begun_anew(tmp_path):
    path = tmp_path / "x_attn.pkl"
    with pytest.raises(KilledError), AttentionWriter(path, {"other": 1}) as writer:
        writer.write(EXAMPLES[0])
        raise KilledError
    write(path, EXAMPLES[1:])
    assert_same(read_attention(path), EXAMPLES[1:])


def test_is_written(tmp_path):
    path = tmp_path / "x_attn.pkl"
    assert not is_written(path, SETTINGS)
    write(path, EXAMPLES)
    assert is_written(path, SETTINGS)
    assert not is_written(path, SETTINGS | {"input_sha256": "xyz"})


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be created"):
        AttentionWriter(tmp_path / "file" / "x_attn.pkl", SETTINGS)

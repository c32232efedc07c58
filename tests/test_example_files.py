"""Examples read one at a time: the same as at once, in little memory."""

import json
import os
import tracemalloc

import pytest

from attention import example_files
from attention.example_files import iter_examples
from toolkit.files import InputError

EXAMPLES = [
    {"text": "the fox", "more": {"a": [1, 2.5, None, True], "b": {}}},
    {"words": ["Café", "中国", "\U0001f98a", ""], "heads": [0, -1, 12345678901]},
    {"tokens": ["[CLS]", "[SEP]"], "id": 1e-3},
]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_lists_and_lines_give_the_same(tmp_path, indent, ascii_only, bom):
    text = json.dumps(EXAMPLES, indent=indent, ensure_ascii=ascii_only)
    (tmp_path / "x.json").write_bytes(bom + text.encode())
    lines = [json.dumps(e, ensure_ascii=ascii_only) + "\n" for e in EXAMPLES]
    (tmp_path / "x.jsonl").write_bytes(bom + "\n".join(lines).encode())
    for name in ("x.json", "x.jsonl"):
        found = list(iter_examples(tmp_path / name))
        assert found == EXAMPLES
        assert type(found[0]["more"]["a"][1]) is float
        assert type(found[1]["heads"][2]) is int


def test_memory_is_that_of_an_example_not_of_the_file(tmp_path):
    example = {"words": ["fox"] * 1000}
    (tmp_path / "x.json").write_text(json.dumps([example] * 1000))
    (tmp_path / "x.jsonl").write_text((json.dumps(example) + "\n") * 1000)
    for name in ("x.json", "x.jsonl"):
        assert (tmp_path / name).stat().st_size > 6_000_000
        tracemalloc.start()
        assert sum(1 for _ in iter_examples(tmp_path / name)) == 1000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", b"", r"not JSON after the beginning \(the file is empty\)"),
        ("x.json", b'{"text": "a"}', r"expected a list of examples, found \{"),
        ("x.json", b'[{"text": "a"}, {"te', r"not JSON after example 0 \("),
        ("x.json", b'[{"text": "a"}', r"not JSON after the beginning \("),
        (
            "x.json",
            b'[{"text": "a", "text": "b"}]',
            "after the beginning: 'text' is the",
        ),
        (
            "x.jsonl",
            b'{"text": "a"}\n{"a": {"b": 1, "b": 1}}',
            "after line 1: 'b' is there twi",
        ),
        ("x.json", b'[{"text": "a"}] x', r"not JSON after example 0 \("),
        ("x.json", b'[{"text": "\xff"}]', r"not JSON after the beginning \("),
        ("x.json", b'[{"text": "a"}, 3]', "example 1: expected an object, found a num"),
        ("x.json", b"[null]", "example 0: expected an object, found null"),
        (
            "x.json",
            b'[{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}]",
            "recursion",
        ),
        (
            "x.json",
            b'[{}, {"a": ' + b"[" * 250 + b"]" * 250 + b"}]",
            "example 1: nested more than 200 deep",
        ),
        (
            "x.jsonl",
            b'{}\n{"a": ' + b"[" * 250 + b"]" * 250 + b"}",
            "line 2: nested more than 200 deep",
        ),
        ("x.jsonl", b'{"text": "a"}\n\n{"te\n', r"not JSON after line 1 \("),
        ("x.jsonl", b'{"text": "a"}\n\n[3]\n', "line 3: expected an object, found a l"),
        ("x.jsonl", b'{"a": ' + b"[" * 5000, r"not JSON after the beginning \("),
        ("x.jsonl", b'{"text": "\xff"}\n', r"not JSON after the beginning \("),
    ],
)
def test_bad_files_are_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        list(iter_examples(tmp_path / name))
    assert str(error.value).startswith(f"{tmp_path / name}: ")
    assert str(error.value).isprintable()


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_items_may_be_cut_anywhere_by_the_ends_of_blocks(tmp_path, block, monkeypatch):
    monkeypatch.setattr(example_files, "BLOCK", block)
    path = tmp_path / "x.json"
    examples = [{"text": "café 中", "n": -12.5e3}, {"words": ["a", "]", ",", "}"]}, {}]
    for indent in (None, 2):
        text = json.dumps(examples, ensure_ascii=False, indent=indent)
        path.write_text(text, encoding="utf-8")
        assert list(iter_examples(path)) == examples
    for cut in ("[12", '[{"a": 1}', '[{"a": 1},', '[{"a": 1}] x', '[{"a": 1} {}]'):
        path.write_text(cut)
        with pytest.raises(InputError, match="not JSON after|expected an object"):
            list(iter_examples(path))


def test_an_item_longer_than_many_blocks_is_not_decoded_for_each(tmp_path, monkeypatch):
    """Of 8,000 characters in blocks of 8, 16, 32 and so on: ten or so, not 1,000."""
    decoded, decode = [], json.JSONDecoder.raw_decode

    def counted(self, text, place):
        decoded.append(place)
        return decode(self, text, place)

    monkeypatch.setattr(example_files, "BLOCK", 8)
    monkeypatch.setattr(json.JSONDecoder, "raw_decode", counted)
    (tmp_path / "x.json").write_text(json.dumps([{"text": "x" * 8000}]))
    assert [len(e["text"]) for e in iter_examples(tmp_path / "x.json")] == [8000]
    assert len(decoded) < 20


def test_a_list_nested_without_end_is_refused_at_once(tmp_path):
    (tmp_path / "x.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="not JSON after the beginning"):
        list(iter_examples(tmp_path / "x.json"))


@pytest.mark.timeout(30)  # for ever, where it waits for somebody to write
@pytest.mark.parametrize("name", ["data.json", "data.jsonl"])
def test_a_pipe_is_refused(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=f"{name}: is a pipe or a device"):
        list(iter_examples(tmp_path / name))

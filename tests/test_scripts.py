"""The scripts as a user runs them: chains, both spellings, bad input, interruptions."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import oracle
import pytest
from conftest import tiny_head, tiny_weights, write_google, write_hugging_face
from oracle import attention_maps

import attention_gradients
import extract_attention
import preprocess_unlabeled
from attention import extraction
from attention.meta import read_meta
from attention.record import read_maps
from attention.store import load_attention
from toolkit import cli

ROOT = Path(__file__).parent.parent
TEXT = "the fox jumps over the dog .\na red dog , a fox\n\nunaffable !\nthe dog\n"
EXAMPLES = [
    {"text": "the fox"},
    {"words": ["jumps", "over"], "heads": [0, 1]},
    {"tokens": ["[CLS]", "dog", "[SEP]", "a", "[SEP]"]},
]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.json"
    path.write_text(json.dumps(EXAMPLES))
    return path


def run(script, *arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def extract(data, bert_dir, *flags) -> int:
    return extract_attention.main(
        ["--preprocessed-data-file", data, "--bert-dir", bert_dir, *flags]
    )


def test_text_to_maps_as_the_original_readme_spells_it(tmp_path, bert_dir):
    (tmp_path / "corpus.txt").write_text(TEXT)
    result = run(
        "preprocess_unlabeled.py",
        *("--data_file", tmp_path / "corpus.txt", "--bert_dir", bert_dir),
        *("--max_sequence_length=20", "--num_docs", 5),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "2 spans from 2 documents written" in result.stdout
    result = run(
        "extract_attention.py",
        *("--preprocessed_data_file", tmp_path / "corpus.json"),
        *("--bert_dir", bert_dir, "--max_sequence_length", 32),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "2 examples written" in result.stdout

    spans = json.loads((tmp_path / "corpus.json").read_text())
    maps = load_attention(tmp_path / "corpus_attn.pkl")
    assert [m["tokens"] for m in maps] == [s["tokens"] for s in spans]
    for example in maps:
        vocabulary = (bert_dir / "vocab.txt").read_text(encoding="utf-8").split("\n")
        ids = [vocabulary.index(token) for token in example["tokens"]]
        expected = attention_maps(tiny_weights(), 3, ids, [0] * len(ids))
        np.testing.assert_allclose(example["attns"], expected, atol=2**-12 + 1e-5)


def test_google_folder_and_every_kind_of_example(tmp_path, data):
    folder = write_google(tmp_path / "google", tiny_weights())
    assert extract(data, folder, "--max-sequence-length", "32") == 0
    with open(tmp_path / "data_attn.pkl", "rb") as file:
        maps = pickle.load(file)
    assert [m["tokens"] for m in maps] == [
        ["[CLS]", "the", "fox", "[SEP]"],
        ["[CLS]", "jump", "##s", "over", "[SEP]"],
        ["[CLS]", "dog", "[SEP]", "a", "[SEP]"],
    ]
    assert [m["attns"].shape for m in maps] == [(2, 3, n, n) for n in (4, 5, 5)]
    assert maps[1]["heads"] == [0, 1]
    assert maps[1]["words"] == ["jumps", "over"]


def test_flags_change_what_they_say(tmp_path, bert_dir):
    data = tmp_path / "data.json"
    data.write_text(json.dumps([{"words": ["unaffable", "fox"]}]))

    def maps(*flags):
        assert extract(data, bert_dir, "--max-sequence-length", "32", *flags) == 0
        (example,) = load_attention(tmp_path / "data_attn.pkl")
        return example["attns"]

    plain = maps()
    assert plain.shape == (2, 3, 6, 6)
    assert maps("--word-level").shape == (2, 3, 4, 4)
    np.testing.assert_array_equal(maps("--layers", "2"), plain[1:])
    full = maps("--dtype", "float32")
    assert full.dtype == np.float32
    np.testing.assert_array_equal(full.astype(np.float16), plain)
    first = maps("--word-level", "--word-level-mode", "first")
    np.testing.assert_allclose(first[:, :, 1, 2], plain[:, :, 1, 4], atol=1e-3)
    assert maps("--debug").shape == (3, 12, 6, 6)
    assert not np.array_equal(maps("--random-init", "all"), plain)
    once = maps("--random-init", "keep-embeddings", "--seed", "1")
    np.testing.assert_array_equal(
        once, maps("--random-init", "keep-embeddings", "--seed", "1")
    )
    assert not np.array_equal(
        once, maps("--random-init", "keep-embeddings", "--seed", "2")
    )
    assert np.abs(maps("--precision", "mixed_bfloat16") - plain).max() > 1e-4


def test_segment_ids_flag(tmp_path, bert_dir):
    data = tmp_path / "data.json"
    tokens = ["[CLS]", "fox", "[SEP]", "dog", "[SEP]"]
    data.write_text(json.dumps([{"tokens": tokens}]))
    for kind, segments in (("zeros", [0] * 5), ("sep", [0, 0, 0, 1, 1])):
        flags = ("--segment-ids", kind, "--max-sequence-length", "32")
        assert extract(data, bert_dir, *flags) == 0
        (example,) = load_attention(tmp_path / "data_attn.pkl")
        expected = attention_maps(tiny_weights(), 3, [2, 6, 3, 11, 3], segments)
        np.testing.assert_allclose(example["attns"], expected, atol=2**-12 + 1e-5)


def test_strange_but_legal_examples_all_work(tmp_path, bert_dir):
    examples = [
        {"text": ""},
        {"words": []},
        {"words": ["\x07\x00", "\u200b", " "]},
        {"text": "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 中国"},
        {"words": ["x" * 10_000, "\ud83d"]},
    ]
    data = tmp_path / "data.json"
    data.write_text(json.dumps(examples))
    for flags in ((), ("--word-level",)):
        words_only = [e for e in examples if "words" in e]
        data.write_text(json.dumps(words_only if flags else examples))
        assert extract(data, bert_dir, "--max-sequence-length", "32", *flags) == 0
        for example in load_attention(tmp_path / "data_attn.pkl"):
            sums = example["attns"].sum(-1, dtype="float32")
            np.testing.assert_allclose(sums, 1, atol=2e-3)


def test_nothing_usable_is_an_error_that_names_the_cause(tmp_path, bert_dir, capsys):
    data = tmp_path / "data.json"
    for content, message in (
        ("[]", "found an empty list; what did the script that wrote it report?"),
        ('[{"text": "a a a"}]', "shortest has 5 tokens: raise --max-sequence-length"),
    ):
        data.write_text(content)
        assert extract(data, bert_dir, "--max-sequence-length", "4") == 1
        assert message in capsys.readouterr().err
        assert list(tmp_path.glob("*attn*")) == []


def test_meta_file_says_what_made_the_maps(tmp_path, data, bert_dir):
    assert extract(data, bert_dir, "--max-sequence-length", "4") == 0
    meta = json.loads((tmp_path / "data_attn.meta.json").read_text())
    assert (meta["examples"], meta["written"]) == (3, 1)
    assert meta["left_out"] == [
        {"example": 1, "why": "5 tokens"},
        {"example": 2, "why": "5 tokens"},
    ]
    assert meta["flags"]["bert_dir"] == str(bert_dir)
    assert meta["flags"]["max_sequence_length"] == 4
    assert re.fullmatch("[0-9a-f]{64}", meta["weights_sha256"])
    assert meta["versions"]["numpy"] == np.__version__
    said = {
        "family": "bert",
        "quantity": "attention",
        "level": "tokens",
        "layers": [1, 2],
        "heads": 3,
        "model_layers": 2,
        "special_tokens": ["[CLS]", "[SEP]"],
        "device": "CPU",
    }
    assert {key: meta[key] for key in said} == said


def test_layers_keep_their_true_numbers(tmp_path, data, bert_dir):
    assert extract(data, bert_dir, "--max-sequence-length", "32", "--layers", "2") == 0
    (maps, *_) = read_maps(tmp_path / "data_attn.pkl")
    assert maps.layers == (1,)
    assert maps.source.head_name(0, 2) == "2-3"


def test_same_input_same_bytes(tmp_path, data, bert_dir):
    results = []
    for name in ("a", "b"):
        outfile = tmp_path / f"{name}_attn.pkl"
        flags = ("--max-sequence-length", "32", "--outfile", outfile)
        assert extract(data, bert_dir, *flags) == 0
        results.append(outfile.read_bytes())
    assert results[0] == results[1]


BAD_DATA = [
    (None, "No such file"),
    ("[{", "not JSON"),
    ("[]", "expected examples, found an empty list"),
    ('{"text": "a"}', "expected a list of examples, found {"),
    ('[{"text": "a"}, {"id": 3}]', "example 1: expected exactly one of"),
    ('[{"text": "a", "tokens": []}]', "example 0: expected exactly one of"),
    ('[{"text": 3}]', "example 0: 'text' must be a string, found a number"),
    ('[{"tokens": ["[CLS]", "wolf"]}]', "example 0: token 'wolf' is not in the"),
]


@pytest.mark.parametrize(("content", "message"), BAD_DATA)
def test_bad_data_is_one_line_and_no_output(
    tmp_path, bert_dir, capsys, content, message
):
    data = tmp_path / "data.json"
    if content is not None:
        data.write_text(content)
    assert extract(data, bert_dir, "--max-sequence-length", "32") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert list(tmp_path.glob("*attn*")) == []


def test_bad_flags_are_one_line_and_no_output(tmp_path, data, bert_dir, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.pkl").mkdir()
    for flags, message in (
        (["--word-level", "--max-sequence-length", "32"], "example 0: no 'words'"),
        (["--max-sequence-length", "33"], "beyond the 32 positions"),
        (["--max-sequence-length", "32", "--layers", "3"], "layer 3 does not exist"),
        (["--outfile", tmp_path / "file" / "x.pkl"], "cannot be created"),
        (["--outfile", tmp_path / "x.json"], "must end in .pkl"),
        (["--outfile", tmp_path / "folder.pkl"], "is a folder"),
    ):
        assert extract(data, bert_dir, *flags) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert message in error
        assert error.count("\n") == 1
    assert list(tmp_path.glob("*attn*")) == []


def test_flags_that_cannot_be(data, bert_dir, capsys):
    for flags, message in (
        (["--seed", "-1"], "expected a number from 0, found -1"),
        (["--outfile", ""], "expected the name of a file, found ''"),
        (["--word-level-mode", "max"], "--word-level-mode needs --word-level"),
        (["--batch-size", "0"], "expected a number above 0, found 0"),
    ):
        with pytest.raises(SystemExit) as end:
            extract(data, bert_dir, *flags)
        assert end.value.code == 2
        assert message in capsys.readouterr().err


def test_batch_size_is_a_number_or_auto_and_the_meta_file_keeps_what_came_of_it(
    data, bert_dir, capsys
):
    """Gradients, which have no "auto", take a number of examples."""
    flags = ["--max-sequence-length", "32"]
    for given, tokens in (("auto", 1024), ("3", 96)):
        assert extract(data, bert_dir, *flags, "--batch-size", given) == 0
        meta = read_meta(data.with_name(f"{data.stem}_attn.pkl"))
        assert meta["tokens_a_batch"] == tokens
    with pytest.raises(SystemExit) as end:
        attention_gradients.main(
            ["--preprocessed-data-file", str(data), "--bert-dir", str(bert_dir)]
            + ["--batch-size", "auto"]
        )
    assert end.value.code == 2
    assert "invalid positive value: 'auto'" in capsys.readouterr().err


def test_resuming_with_another_vocabulary_is_refused(tmp_path, data, capsys):
    folder = write_hugging_face(tmp_path / "bert", tiny_weights())
    flags = ["--max-sequence-length", "32", "--resume"]
    assert extract(data, folder, *flags) == 0
    assert extract(data, folder, *flags) == 0
    assert "is whole already" in capsys.readouterr().out
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    vocabulary[5:7] = vocabulary[6], vocabulary[5]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    assert extract(data, folder, *flags) == 0
    output = capsys.readouterr().out
    assert "data_attn.pkl of other settings or input, or not whole" in output
    assert "3 examples written" in output


def test_tokens_without_the_special_tokens_of_the_model(tmp_path, bert_dir, capsys):
    """As those of another model, to which [CLS] is a word."""
    data = tmp_path / "data.json"
    framed = {"tokens": ["[CLS]", "fox", "[SEP]"]}
    bare = [{"tokens": ["fox", "[SEP]"]}, {"tokens": ["[CLS]", "fox"]}]
    data.write_text(json.dumps([framed, *bare, {"text": "fox"}]))
    assert extract(data, bert_dir, "--max-sequence-length", "32") == 0
    output = capsys.readouterr().out
    assert (
        "the tokens of 2 examples do not begin with [CLS] and end with [SEP]," in output
    )


def test_a_run_is_not_resumed_on_another_number_of_threads(
    tmp_path, data, bert_dir, capsys, monkeypatch
):
    flags = ["--max-sequence-length", "32", "--outfile", tmp_path / "x.pkl"]
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert extract(data, bert_dir, *flags) == 0
    (tmp_path / "x.pkl").rename(tmp_path / "x.pkl.partial")
    begun = (tmp_path / "x.meta.json").rename(tmp_path / "x.pkl.partial.json")
    settings = json.loads(begun.read_text())
    del settings["bytes"]
    begun.write_text(json.dumps(settings))
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "4")
    assert extract(data, bert_dir, *flags, "--resume") == 1
    assert "threads (3 then, 4 now)" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [[], ["--word-level"], ["--quantity", "norms"]])
def test_maps_that_are_no_numbers_are_not_written(tmp_path, data, capsys, flags):
    """All weights are finite, but products of 1e30 and 1e30 are not in float32."""
    data.write_text('[{"words": ["the", "fox"]}]')
    weights = tiny_weights()
    for part in ("query", "key"):
        weights[f"bert/encoder/layer_0/attention/self/{part}/kernel"] *= 1e30
    folder = write_hugging_face(tmp_path / "bert", weights)
    assert extract(data, folder, "--max-sequence-length", "32", *flags) == 1
    error = capsys.readouterr().err
    assert re.search(
        r"error: no (attention|norms) of '\[CLS\] the fox \[SEP\]': ", error
    )
    assert "beyond its precision?" in error
    assert list(tmp_path.glob("*.pkl")) == list(tmp_path.glob("*.meta.json")) == []


def test_gradients_that_are_no_numbers_are_not_written(
    tmp_path, data, masked_lm_dir, capsys
):
    weights = tiny_weights() | tiny_head()
    weights["bert/encoder/layer_1/output/dense/kernel"] *= 1e38
    folder = write_hugging_face(tmp_path / "bert", weights)
    assert gradients(data, folder) == 1
    assert "error: no gradients of '[CLS] " in capsys.readouterr().err
    assert list(tmp_path.glob("*.pkl")) == []


def test_backend_that_is_not_installed(data, bert_dir, capsys, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "none_such")
    assert extract(data, bert_dir, "--max-sequence-length", "32") == 1
    assert "KERAS_BACKEND is 'none_such', which is not in" in capsys.readouterr().err


def test_bad_model_folders(tmp_path, data, bert_dir, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "vocab.txt"):
        (bare / name).write_bytes((bert_dir / name).read_bytes())
    binary = tmp_path / "binary"
    binary.mkdir()
    for name in ("config.json", "vocab.txt"):
        (binary / name).write_bytes((bert_dir / name).read_bytes())
    (binary / "pytorch_model.bin").write_bytes(b"")
    weights = tiny_weights()
    weights["bert/embeddings/surprise"] = weights.pop("bert/embeddings/LayerNorm/beta")
    odd = write_google(tmp_path / "odd", weights)
    for folder, message in (
        (tmp_path / "absent", "no such folder"),
        (empty, "neither of bert_config.json and config.json"),
        (bare, "no weights there"),
        (binary, "convert it"),
        (odd, "missing: bert/embeddings/LayerNorm/beta; unknown: bert/embeddings/sur"),
    ):
        assert extract(data, folder, "--max-sequence-length", "32") == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert message in error
        assert error.count("\n") == 1
    assert list(tmp_path.glob("*attn*")) == []


@pytest.mark.parametrize("name", ["x.meta.json", "x.pkl.partial", "x.pkl.partial.json"])
def test_what_is_written_beside_maps_spares_the_input(
    tmp_path, data, bert_dir, capsys, name
):
    given = data.rename(tmp_path / name)
    before = given.read_bytes()
    assert extract(given, bert_dir, "--outfile", tmp_path / "x.pkl") == 1
    assert "x.pkl: would overwrite the input" in capsys.readouterr().err
    assert given.read_bytes() == before


def test_folder_without_permission(tmp_path, data, bert_dir, capsys, monkeypatch):
    """Root, who may run the tests, may write anywhere: the system is made to say no."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert extract(data, bert_dir, "--max-sequence-length", "32") == 1
    assert f"{tmp_path}: no permission to write there" in capsys.readouterr().err


def test_many_unknown_tokens_are_reported(tmp_path, bert_dir, capsys):
    """Two of five; the tiny vocabulary has capitals, but text is lower-cased."""
    text = tmp_path / "corpus.txt"
    text.write_text("the Wolf jumps\nWolf\n")
    flags = ["--data-file", text, "--bert-dir", bert_dir]
    assert preprocess_unlabeled.main(flags) == 0
    assert "warning: 40.0 % of the tokens are [UNK]; text is lower-cased" in (
        capsys.readouterr().out
    )


def test_paragraphs_are_refused_and_split(tmp_path, bert_dir, capsys):
    text = tmp_path / "corpus.txt"
    text.write_text("The fox jumps. A dog jumps.\n\nThe dog! A fox.\n")
    flags = ["--data-file", text, "--bert-dir", bert_dir]
    assert preprocess_unlabeled.main([*flags, "--keep-all"]) == 1
    error = capsys.readouterr().err
    assert "no span found, as no document has more than one sentence" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "corpus.json").exists()
    for language in ([], ["en"]):
        assert preprocess_unlabeled.main([*flags, "--split-sentences", *language]) == 0
        assert "2 spans from 2 documents written" in capsys.readouterr().out
    with pytest.raises(SystemExit):  # the library would split by English rules
        preprocess_unlabeled.main([*flags, "--split-sentences", "German"])
    assert "such as en or de, found 'German'" in capsys.readouterr().err


def test_errors_of_the_system_are_sentences(tmp_path, bert_dir, capsys):
    @cli.script
    def fill_the_disk(argv):
        with open("/dev/full", "wb") as file:
            file.write(b"x" * 100_000)

    assert fill_the_disk([]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: No space left on device; free some space, then run")
    absent = tmp_path / "absent.txt"
    flags = ["--data-file", absent, "--bert-dir", bert_dir]
    assert preprocess_unlabeled.main(flags) == 1
    error = capsys.readouterr().err
    assert error == f"error: {absent}: No such file or directory; is the name right?\n"


def test_an_input_named_like_the_partial_output_is_spared(tmp_path, bert_dir, capsys):
    text = tmp_path / "x.json.partial"
    text.write_text("the fox jumps\n\n")
    flags = [
        "--data-file",
        text,
        "--bert-dir",
        bert_dir,
        "--outfile",
        tmp_path / "x.json",
    ]
    assert preprocess_unlabeled.main(flags) == 1
    assert f"{text}: would be overwritten" in capsys.readouterr().err
    assert text.read_text() == "the fox jumps\n\n"


def test_bad_text_for_preprocessing(tmp_path, bert_dir, capsys):
    text = tmp_path / "corpus.txt"
    text.write_bytes(b"\xff")
    for arguments, message in (
        (["--data-file", text, "--bert-dir", bert_dir], "not UTF-8 text"),
        (["--data-file", tmp_path / "absent", "--bert-dir", bert_dir], "No such file"),
        (["--data-file", text, "--bert-dir", tmp_path / "no"], "no such folder"),
        (["--data-file", text, "--bert-dir", tmp_path], "no vocabulary there"),
        (
            ["--data-file", text, "--bert-dir", bert_dir, "--outfile", text],
            "would be overwritten",
        ),
    ):
        assert preprocess_unlabeled.main(arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert message in error
    assert sorted(p.name for p in tmp_path.iterdir()) == ["corpus.txt"]


@pytest.mark.parametrize(
    "script", [p.stem for p in ROOT.glob("*.py") if "@cli.script" in p.read_text()]
)
def test_help_and_wrong_flags_do_not_import_tensorflow(script):
    code = f"""
import sys, {script}
for flags in (["--help"], ["--nonsense"]):
    try:
        {script}.main(flags)
    except SystemExit as end:
        print("ended", end.code)
print(sorted({{"keras", "tensorflow", "jax"}} & sys.modules.keys()))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert "ended 0" in result.stdout
    assert result.stdout.endswith("ended 2\n[]\n")


def test_preprocessing_does_not_import_tensorflow(tmp_path, bert_dir):
    (tmp_path / "corpus.txt").write_text(TEXT)
    code = f"""
import sys, preprocess_unlabeled
preprocess_unlabeled.main(
    ["--data-file", {str(tmp_path / "corpus.txt")!r}, "--bert-dir", {str(bert_dir)!r}]
)
assert not {{"keras", "tensorflow", "jax"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def gradients(data, bert_dir, *flags) -> int:
    return attention_gradients.main(
        ["--preprocessed-data-file", data, "--bert-dir", bert_dir]
        + ["--max-sequence-length", "32", *flags]
    )


def test_gradients_of_every_kind_of_example(tmp_path, data, masked_lm_dir, capsys):
    """What BERT read and was to predict is in the file; that is enough to check it."""
    assert gradients(data, masked_lm_dir, "--mask-rate", "0.4") == 0
    assert "3 examples written" in capsys.readouterr().out
    with open(tmp_path / "data_grads.pkl", "rb") as file:
        found = pickle.load(file)
    assert [e["tokens"] for e in found] == [
        ["[CLS]", "the", "fox", "[SEP]"],
        ["[CLS]", "jump", "##s", "over", "[SEP]"],
        ["[CLS]", "dog", "[SEP]", "a", "[SEP]"],
    ]
    assert found[1]["heads"] == [0, 1]
    vocabulary = (masked_lm_dir / "vocab.txt").read_text(encoding="utf-8").split("\n")
    for example in found:
        ids = [vocabulary.index(token) for token in example["tokens"]]
        truth = [ids[place] for place in example["masked"]]
        for place, shown in zip(example["masked"], example["shown"], strict=True):
            ids[place] = vocabulary.index(shown)
        expected = oracle.gradients(
            tiny_weights() | tiny_head(),
            3,
            ids,
            [0] * len(ids),
            example["masked"],
            truth,
        )
        assert len(example["masked"]) == 2  # 0.4 of 4 and of 5 tokens
        assert example["attns"].dtype == np.float32
        np.testing.assert_allclose(
            example["attns"], np.abs(expected), rtol=2e-3, atol=1e-4
        )


def test_masks_depend_on_the_seed_and_not_on_batches(tmp_path, data, masked_lm_dir):
    def masks(*flags):
        assert gradients(data, masked_lm_dir, "--mask-rate", "0.4", *flags) == 0
        maps = load_attention(tmp_path / "data_grads.pkl")
        return [(e["masked"], e["shown"]) for e in maps]

    assert masks() == masks("--batch-size", "1")
    assert masks() != masks("--seed", "1")


def test_nothing_to_mask_is_counted_and_told(tmp_path, masked_lm_dir, capsys):
    data = tmp_path / "data.json"
    data.write_text(json.dumps([{"text": "fox " * 40}, {"text": ""}, {"text": "a"}]))
    assert gradients(data, masked_lm_dir) == 0
    output = capsys.readouterr().out
    assert "2 examples written" in output
    assert "1 example left out, longer than 32 tokens" in output
    assert "1 example with no token to mask" in output
    assert "not between" not in output
    assert "warning: 1 example without text, whose maps are of special" in output
    meta = json.loads((tmp_path / "data_grads.meta.json").read_text())
    assert meta["nothing_to_mask"] == [1]
    nothing, some = load_attention(tmp_path / "data_grads.pkl")
    assert not nothing["attns"].any()
    assert some["attns"].any()


def test_gradients_that_cannot_be_had(
    tmp_path, data, bert_dir, masked_lm_dir, capsys, monkeypatch
):
    assert gradients(data, bert_dir) == 1
    error = capsys.readouterr().err
    assert "no masked-LM head" in error
    assert "missing: cls/predictions/output_bias, " in error
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert gradients(data, masked_lm_dir) == 1
    error += capsys.readouterr().err
    assert "KERAS_BACKEND is 'jax', but gradients need TensorFlow" in error
    assert re.fullmatch(r"(error: .*\n){2}", error)
    for rate in ("0", "1.5", "nan"):
        with pytest.raises(SystemExit):
            gradients(data, masked_lm_dir, "--mask-rate", rate)
        error = capsys.readouterr().err
        assert f"expected a number above 0 and up to 1, found {rate}" in error
    assert list(tmp_path.glob("*grads*")) == []


# A script with a small buffer, so that it writes from the start.
SMALL_WINDOWS = """
import signal, sys, attention.extraction, {script}
signal.signal(signal.SIGINT, signal.default_int_handler)  # off in background jobs
attention.extraction.BUFFER_BYTES = 50_000
sys.exit({script}.main())
"""


@pytest.mark.parametrize(
    ("script", "how"),
    [
        (extract_attention, signal.SIGKILL),
        (extract_attention, signal.SIGINT),
        (attention_gradients, signal.SIGKILL),
    ],
)
def test_a_killed_run_leaves_no_output_and_resumes_to_the_same_bytes(
    tmp_path, masked_lm_dir, capsys, monkeypatch, script, how
):
    rng = np.random.default_rng(0)
    words = ["the", "fox", "dog", "jumps", "unaffable"]
    examples = [
        {"words": rng.choice(words, rng.integers(3, 12)).tolist()} for _ in range(1500)
    ]
    data, outfile = tmp_path / "data.json", tmp_path / "maps.pkl"
    data.write_text(json.dumps(examples))
    partial = Path(f"{outfile}.partial")
    flags = ["--max-sequence-length=32", "--batch-size=1", "--outfile", outfile]
    flags += ["--preprocessed-data-file", data, "--bert-dir", masked_lm_dir]
    if script is extract_attention:
        flags.append("--word-level")

    code = SMALL_WINDOWS.format(script=script.__name__)
    command = [sys.executable, "-c", code, *flags]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not (partial.exists() and partial.stat().st_size > 50_000):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(how)
    _, errors = process.communicate()
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGINT: 130}[how]
    assert not outfile.exists()
    if how == signal.SIGINT:
        assert f"kept in {partial}, and --resume goes on from there" in errors

    monkeypatch.setattr(extraction, "BUFFER_BYTES", 50_000)
    # other flags are refused, and spoil nothing
    assert script.main([*flags, "--resume", "--seed", "1"]) == 1
    refusal = capsys.readouterr().err
    assert "cannot be resumed, begun with other settings: flags" in refusal

    assert script.main([*flags, "--resume"]) == 0
    assert not partial.exists()
    resumed = outfile.read_bytes()
    assert script.main([*flags, "--resume"]) == 0
    assert f"{outfile} is whole already" in capsys.readouterr().out
    outfile.unlink()
    assert script.main(flags) == 0
    assert outfile.read_bytes() == resumed

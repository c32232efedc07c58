"""look.py: from sentences, files and maps on disk to what the page holds."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import VOCABULARY, tiny_weights, write_hugging_face
from oracle import attention_maps, carried

import attention_gradients
import extract_attention
import look
from analysis.general import GeneralStatistics
from analysis.statistic import accumulate, save_statistics
from analysis.syntax import SyntaxScores
from attention.quantities import QUANTITIES as ALL_QUANTITIES
from attention.record import Maps, read_maps
from attention.source import Source
from bert import load_model
from figures.head_notes import head_notes
from figures.page import show
from figures.panels import MEANINGS, Panel

ROOT = Path(__file__).parent.parent


def data_of(path) -> dict:
    """What a page holds."""
    page = path.read_text(encoding="utf-8")
    start = page.index('id="data">') + len('id="data">')
    return json.loads(page[start : page.index("</script>", start)])


def values_of(panel) -> np.ndarray:
    """The maps [L, H, N, N] of a panel, unpacked from their bytes."""
    n, heads = len(panel["labels"]), panel["heads"]
    shape = len(panel["names"]) // heads, heads
    packed = base64.b64decode(panel["values"])
    if panel["dtype"] == "float16":
        return np.frombuffer(packed, "<f2").reshape(*shape, n, n)
    values = np.frombuffer(packed, np.uint8).reshape(*shape, n, n) / 255
    largest = np.frombuffer(base64.b64decode(panel["largest"]), "<f4")
    return values * largest.reshape(*shape, n, 1)


def run(tmp_path, *arguments) -> dict:
    """The data of the page that look.py writes."""
    out = tmp_path / "look.html"
    assert look.main([*map(str, arguments), "--outfile", str(out)]) == 0
    return data_of(out)


def refused(capsys, *arguments) -> str:
    assert look.main([*map(str, arguments)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


@pytest.fixture
def maps_file(tmp_path, bert_dir):
    """Maps of two examples between words."""
    data = tmp_path / "data.json"
    examples = [
        {"words": ["jumps", "over", "dog"], "heads": [0, 1, 2], "relns": ["root"] * 3},
        {"words": ["the", "fox"], "heads": [2, 0], "relns": ["det", "root"]},
    ]
    data.write_text(json.dumps(examples))
    flags = ["--preprocessed-data-file", data, "--bert-dir", bert_dir, "--word-level"]
    assert extract_attention.main([*flags, "--max-sequence-length", "32"]) == 0
    return tmp_path / "data_attn.pkl"


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_a_sentence_becomes_its_maps(tmp_path, bert_dir, dtype):
    """Against the NumPy BERT, on pieces that the vocabulary gives by hand."""
    flags = ("--dtype", dtype, "--head", "2-3", "--words")
    page = run(tmp_path, "the fox jumps", "--bert-dir", bert_dir, *flags)
    (panel,) = page["panels"]
    tokens = ["[CLS]", "the", "fox", "jump", "##s", "[SEP]"]
    assert panel["labels"] == tokens
    assert panel["words"]["labels"] == ["[CLS]", "the", "fox", "jumps", "[SEP]"]
    assert panel["words"]["pieces"] == [[0], [1], [2], [3, 4], [5]]
    assert panel["special"] == [0, 5]
    assert (page["head"], page["level"]) == ("2-3", "words")
    ids = [VOCABULARY.index(token) for token in tokens]
    expected = attention_maps(tiny_weights(), 3, ids, [0] * len(ids))
    np.testing.assert_allclose(values_of(panel), expected, atol=1 / 500)
    assert panel["facts"]["Folder"] == str(bert_dir)
    assert len(panel["weights"]) == 64


def test_files_of_sentences_and_of_examples(tmp_path, bert_dir):
    (tmp_path / "lines.txt").write_text("the fox\n\n  \na dog\nover\n")
    page = run(tmp_path, "--file", tmp_path / "lines.txt", "--bert-dir", bert_dir)
    assert [p["name"] for p in page["panels"]] == ["the fox", "a dog", "over"]
    flags = ("--bert-dir", bert_dir, "--example", 2, 0)
    page = run(tmp_path, "--file", tmp_path / "lines.txt", *flags)
    assert [p["name"] for p in page["panels"]] == ["the fox", "over"]
    examples = [{"text": "a dog"}, {"tokens": ["[CLS]", "dog", "[SEP]", "a", "[SEP]"]}]
    (tmp_path / "data.json").write_text(json.dumps(examples))
    page = run(tmp_path, "--file", tmp_path / "data.json", "--bert-dir", bert_dir)
    assert [p["words"] for p in page["panels"]] == [None, None]
    assert page["panels"][1]["special"] == [0, 2, 4]


def test_maps_on_disk(tmp_path, maps_file):
    stored = list(read_maps(maps_file))
    page = run(tmp_path, "--maps", maps_file, "--example", 1, "--layers", 2)
    (panel,) = page["panels"]
    assert panel["labels"] == ["[CLS]", "the", "fox", "[SEP]"]
    assert (panel["names"], page["head"]) == (["2-1", "2-2", "2-3"], "2-1")
    np.testing.assert_allclose(values_of(panel), stored[1].values[1:], atol=1 / 500)
    assert "2 of 2 examples" in panel["facts"]["Maps"]
    (first,) = run(tmp_path, "--maps", maps_file)["panels"]
    assert first["name"] == "jumps over dog"


def test_two_models_side_by_side(tmp_path, bert_dir):
    other = write_hugging_face(tmp_path / "other", tiny_weights(seed=5))
    flags = ("--bert-dir", bert_dir, "--compare", other, "--layers", 2)
    page = run(tmp_path, "the fox", "a dog", *flags)
    names = [(p["name"], p["model"]) for p in page["panels"]]
    one = bert_dir.resolve().name
    assert names == [
        *[("the fox", one), ("the fox", "other")],
        *[("a dog", one), ("a dog", "other")],
    ]
    ids = [VOCABULARY.index(token) for token in ["[CLS]", "a", "dog", "[SEP]"]]
    expected = attention_maps(tiny_weights(seed=5), 3, ids, [0] * 4)[1:]
    np.testing.assert_allclose(values_of(page["panels"][3]), expected, atol=1 / 500)


QUANTITIES = ["attention", "norms", "layer-norms", "rollout"]


def test_quantities_of_a_sentence_share_its_place(tmp_path, bert_dir):
    """Against the NumPy BERT. Rollout: R_1 = A_1, R_2 = A_2 A_1, A = (W + I) / 2."""
    flags = ("--bert-dir", bert_dir, "--dtype", "float16", "--quantity", *QUANTITIES)
    page = run(tmp_path, "the fox jumps", "a dog", *flags)
    panels = {(p["group"], p["quantity"]): p for p in page["panels"]}
    assert panels.keys() == {(n, q) for n in (0, 1) for q in QUANTITIES}
    ids = [VOCABULARY.index(t) for t in "[CLS] the fox jump ##s [SEP]".split()]
    weights, zeros = tiny_weights(), [0] * len(ids)
    attention = attention_maps(weights, 3, ids, zeros)
    both = [carried(weights, 3, ids, zeros, layer) for layer in (0, 1)]
    first, second = (attention.mean(1) + np.eye(6)) / 2
    expected = {
        "attention": attention,
        "norms": np.linalg.norm([heads for heads, _, _ in both], axis=-1),
        "layer-norms": np.linalg.norm([[whole] for _, whole, _ in both], axis=-1),
        "rollout": np.array([[first], [second @ first]]),
    }
    for quantity, values in expected.items():
        panel = panels[0, quantity]
        np.testing.assert_allclose(values_of(panel), values, rtol=2e-3, atol=1e-4)
        of_layers = quantity in ("layer-norms", "rollout")
        assert panel["names"][-1] == ("2" if of_layers else "2-3")


def test_the_page_says_what_every_quantity_is():
    assert MEANINGS.keys() == ALL_QUANTITIES.keys()


def test_rollout_is_of_all_layers_whatever_is_shown(tmp_path, bert_dir):
    flags = ("--bert-dir", bert_dir, "--quantity", "rollout")
    whole = run(tmp_path, "the fox jumps", *flags)["panels"][1]
    one = run(tmp_path, "the fox jumps", *flags, "--layers", 2, "--head", "2-1")
    assert [p["quantity"] for p in one["panels"]] == ["attention", "rollout"]
    assert one["panels"][1]["names"] == ["2"]
    found = values_of(one["panels"][1])
    np.testing.assert_array_equal(found, values_of(whole)[1:])


def test_files_of_several_quantities_share_a_place(tmp_path, masked_lm_dir):
    data = tmp_path / "data.json"
    data.write_text(json.dumps([{"text": "the fox"}, {"text": "a dog jumps"}]))
    flags = ["--preprocessed-data-file", data, "--bert-dir", masked_lm_dir]
    flags = [*map(str, flags), "--max-sequence-length", "32"]
    assert extract_attention.main(flags) == 0
    assert extract_attention.main([*flags, "--quantity", "norms"]) == 0
    assert attention_gradients.main(flags) == 0
    files = [tmp_path / f"data_{kind}.pkl" for kind in ("attn", "norms", "grads")]
    page = run(tmp_path, "--maps", *files, "--example", 1, "--quantity", "rollout")
    assert {p["group"] for p in page["panels"]} == {0}
    quantities = ["attention", "rollout", "norms", "gradients"]
    assert [p["quantity"] for p in page["panels"]] == quantities
    stored = [list(read_maps(path))[1].float32 for path in files]
    for panel, values in zip(page["panels"][::3], stored[::2], strict=True):
        largest = values.max(-1, keepdims=True)
        assert (abs(values_of(panel) - values) <= largest / 509 + 1e-9).all()
    assert page["panels"][0]["model"] == masked_lm_dir.resolve().name
    both = run(tmp_path, "--maps", *files, "--example", 0, 1)["panels"]
    assert [p["group"] for p in both] == [0, 0, 0, 1, 1, 1]


def test_a_picture_of_one_head(tmp_path, bert_dir, maps_file, capsys):
    """The same sentence gives the same bytes."""
    pictures = [tmp_path / "one.pdf", tmp_path / "two.pdf"]
    for path in pictures:
        flags = ("--head", "2-3", "--words", "--outfile", str(path))
        assert look.main(["$ 5 $", "a dog", "--bert-dir", str(bert_dir), *flags]) == 0
    first, second = (path.read_bytes() for path in pictures)
    assert first[:5] == b"%PDF-"
    assert first == second
    assert first.count(b"/Type /Page ") == 2
    flags = ("--maps", maps_file, "--outfile", tmp_path / "x.pdf", "--head", "3-1")
    assert "no head 3-1" in refused(capsys, *flags)
    assert not (tmp_path / "x.pdf").exists()


def test_statistics_say_what_is_known_of_heads(tmp_path, maps_file):
    """Twenty sentences of three words, of which the first and the third depend on the
    second: no fixed offset is right for more than half of the dets. Head 2-1 gives each
    word's attention to its syntactic head, and the word before is that in 3 of 5 rows;
    all other heads give the same to all, and the first other word counts: right for the
    first word only."""
    source = next(read_maps(maps_file)).source
    values = np.full((2, 3, 5, 5), 0.2, "f4")
    values[1, 0] = np.eye(5)[[0, 2, 1, 2, 3]]
    example = {
        "words": list("abc"),
        "heads": [2, 0, 2],
        "relns": "det root det".split(),
    }
    corpus = [Maps(values, "words", source, example)] * 20
    general, syntax = GeneralStatistics(), SyntaxScores()
    accumulate(corpus, general, syntax)
    save_statistics(tmp_path / "corpus.stats.pkl", {}, general, syntax)
    flags = ("--statistics", tmp_path / "corpus.stats.pkl")
    (known,) = run(tmp_path, "--maps", maps_file, *flags)["known"]
    assert known["notes"] == {"2-1": ["det 100.0", "previous token 60 %"]}
    measures = known["measures"]
    assert measures["previous token (corpus)"]["2-1"] == pytest.approx(0.6)
    assert (measures["det (corpus)"]["2-1"], measures["det (corpus)"]["1-1"]) == (
        100,
        50,
    )


def test_notes_name_the_special_tokens_of_the_encoder():
    """All three rows give everything to the first token."""
    values = np.zeros((1, 1, 3, 3), "f4")
    values[..., 0] = 1
    source = Source((0,), 1, level="words", special_tokens=("<s>", "</s>"))
    statistic = GeneralStatistics()
    statistic.update(Maps(values, "words", source, {"words": ["a"]}))
    (known,) = head_notes([statistic], [source])
    assert known["notes"] == {"1-1": ["<s> 100 %"]}
    assert known["measures"]["</s> (corpus)"] == {"1-1": 0}


def test_statistics_of_another_encoder_are_refused(tmp_path, maps_file, capsys):
    maps = next(read_maps(maps_file))
    statistic = GeneralStatistics()
    source = Source(**maps.source.state() | {"weights_sha256": "0" * 64})
    statistic.update(Maps(maps.values, maps.level, source, maps.example))
    save_statistics(tmp_path / "x.stats.pkl", {}, statistic)
    flags = ("--maps", maps_file, "--statistics", tmp_path / "x.stats.pkl")
    assert "another encoder" in refused(capsys, *flags)


def test_bad_input_is_one_line(tmp_path, bert_dir, maps_file, capsys):
    with_bert = ("--bert-dir", bert_dir)
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    for arguments, message in [
        ((" ", *with_bert), "sentence 1 is empty, expected at least one word"),
        (("the " * 40, *with_bert), "has 42 tokens, but"),
        (
            ("the", *with_bert, "--head", "3-9"),
            "no head 3-9: the maps have layers 1, 2",
        ),
        (("the", *with_bert, "--head", "x"), "expected a head as <layer>-<head>"),
        (("the", *with_bert, "--layers", "9"), "9"),
        (("the", *with_bert, "--outfile", "x.pkl"), "must end in .html"),
        (("--file", tmp_path / "empty.txt", *with_bert), "no sentence"),
        (("--file", tmp_path / "latin.txt", *with_bert), "not UTF-8"),
        (("--maps", maps_file, "--example", "7"), "no example 7, it has 2, from 0"),
        (("--maps", maps_file, "--layers", "3"), "no layer 3, it holds layers 1, 2"),
        (("--maps", tmp_path / "no.pkl"), "no.pkl"),
        (("the", *with_bert, "--statistics", maps_file), "no statistics of heads"),
        (
            ("the", *with_bert, "--quantity", "norms", "rollout", "--head", "3"),
            "expected a head as",
        ),
        (
            ("the", *with_bert, "--quantity", "layer-norms", "--head", "1-1"),
            "no head 1-1: maps of layer-norms are of whole layers, 1, 2",
        ),
    ]:
        assert message in refused(capsys, *arguments)
    assert not Path("look.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected one of: sentences, --file, --maps"),
        (["the"], "--bert-dir is needed"),
        (["the", "--maps", "x.pkl"], "expected one of"),
        (["--maps", "x.pkl", "--bert-dir", "x"], "needs no encoder"),
        (["--maps", "x.pkl", "--cased"], "needs no encoder"),
        (["the", "--bert-dir", "x", "--example", "1"], "--example chooses"),
        (["--maps", "x.pkl", "--quantity", "norms"], "only rollout can be added"),
        (["the", "--bert-dir", "x", "--outfile", "x.pdf"], "name it with --head"),
        (
            "the --bert-dir x --outfile x.pdf --head 1-1 --dtype float16".split(),
            "not of a .pdf",
        ),
    ],
)
def test_flags_that_have_no_effect_are_refused(capsys, arguments, message):
    with pytest.raises(SystemExit):
        look.main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["x.html", "x.html.partial"])
def test_an_input_that_the_page_would_overwrite(tmp_path, bert_dir, capsys, name):
    given, out = tmp_path / name, tmp_path / "x.html"
    given.write_text("the fox")
    flags = ["--bert-dir", bert_dir, "--outfile", out]
    assert "would be overwritten" in refused(capsys, "--file", given, *flags)
    assert given.read_text() == "the fox"


def test_words_that_are_not_known_are_refused(maps_file):
    maps = next(read_maps(maps_file))
    source = Source(maps.layers, 3, level="tokens")
    tokens = Maps(maps.values, "tokens", source, {"tokens": list("abcde")})
    with pytest.raises(ValueError, match="which pieces make a word is not known"):
        show(tokens, words=True)
    with pytest.raises(ValueError, match="no maps to show"):
        show([])


def test_too_many_maps_for_a_page_are_refused():
    values = np.broadcast_to(np.float32(0.1), (24, 16, 1000, 1000))
    source = Source(tuple(range(24)), 16, level="tokens")
    maps = Maps(values, "tokens", source, {"tokens": ["a"] * 1000})
    with pytest.raises(ValueError, match="366 MB of maps, but a page holds 200 MB"):
        show(maps)


def test_look_in_python(bert_dir):
    from figures.page import look as look_at

    model = load_model(bert_dir)
    assert look_at("the fox", model).html == look_at(["the fox"], model).html
    page = look_at({"words": ["the", "fox"]}, model)
    assert page.html == look_at("the fox", model).html
    assert page._repr_html_().startswith("<iframe srcdoc=")


def test_a_wrong_flag_answers_without_tensorflow():
    code = "import sys, look; look.parse_args(['a', '--bert-dir', 'x']); "
    code += "sys.exit(any(m in sys.modules for m in ('keras', 'tensorflow', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_largest_value_of_each_row_is_kept():
    values = np.array([[[[0.0, 0.0], [0.25, 0.75]]]], "f4")
    source = Source((0,), 1, "gradients", "tokens")
    maps = Maps(values, "tokens", source, {"tokens": ["a", "b"]})
    page = show(Panel(maps)).html
    assert base64.b64encode(np.array([0, 0.75], "<f4")).decode() in page
    assert base64.b64encode(bytes([0, 0, 85, 255])).decode() in page


def test_maps_that_are_no_numbers_are_not_shown(tmp_path, capsys):
    """All weights are finite, but products of 1e30 and 1e30 are not in float32."""
    weights = tiny_weights()
    for part in ("query", "key"):
        weights[f"bert/encoder/layer_0/attention/self/{part}/kernel"] *= 1e30
    folder = write_hugging_face(tmp_path / "bert", weights)
    out = tmp_path / "look.html"
    error = refused(capsys, "the fox", "--bert-dir", folder, "--outfile", out)
    assert "no attention of '[CLS] the fox [SEP]': " in error
    assert not out.exists()

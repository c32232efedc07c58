"""The scripts' flags for other quantities than attention, and for heads taken out."""

import json

import numpy as np
import pytest
from heads import interrupt

import attention_gradients
import extract_attention
from analysis.paper import BERT_BASE_UNCASED, is_paper_model
from analysis.statistic import Statistic, accumulate
from attention.record import describe_maps, read_maps
from attention.source import Source
from attention.store import load_attention
from toolkit.files import InputError


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.json"
    path.write_text(
        json.dumps([{"words": w.split()} for w in ("the fox .", "a dogs", "red")])
    )
    return path


def run(script, data, folder, *flags):
    given = "--preprocessed-data-file", data, "--bert-dir", folder
    return script.main([*given, "--max-sequence-length", "32", *flags])


@pytest.mark.parametrize(
    ("flags", "name", "heads"),
    [
        (["norms"], "norms", 3),
        (["layer-norms"], "layer-norms", 1),
        (["layer-norms", "--with", "none"], "layer-norms", 1),
        (["layer-norms", "--with", "residual"], "layer-norms-residual", 1),
        (["layer-norms", "--with", "residual-ln"], "layer-norms-residual-ln", 1),
    ],
)
def test_each_quantity_is_a_file(tmp_path, data, bert_dir, flags, name, heads):
    flags = ["--quantity", *flags, "--word-level", "--layers", "2"]
    assert run(extract_attention, data, bert_dir, *flags) == 0
    found = list(read_maps(tmp_path / f"data_{name}.pkl"))
    assert [m.values.shape for m in found] == [(1, heads, n, n) for n in (5, 4, 3)]
    assert {(m.quantity, m.level, m.source.heads) for m in found} == {
        (name, "words", heads)
    }
    assert found[0].source.inferred == ()
    assert found[0].source.head_name(0, heads - 1) == ("2-3" if heads > 1 else "2")


def test_resumed_after_any_example_gives_the_same_bytes(tmp_path, data, bert_dir):
    flags = ["--quantity", "layer-norms", "--with", "residual"]
    assert run(extract_attention, data, bert_dir, *flags) == 0
    path = tmp_path / "data_layer-norms-residual.pkl"
    whole = path.read_bytes()
    assert run(extract_attention, data, bert_dir, *flags, "--resume") == 0
    interrupt(path)
    assert run(extract_attention, data, bert_dir, *flags, "--resume") == 0
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--with", "residual"], "--with needs --quantity layer-norms"),
        (
            ["--quantity", "norms", "--word-level", "--word-level-mode", "max"],
            "rows sum to one, which norms do not",
        ),
    ],
)
def test_flags_without_effect_are_refused(data, bert_dir, flags, message, capsys):
    with pytest.raises(SystemExit):
        run(extract_attention, data, bert_dir, *flags)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("script", [extract_attention, attention_gradients])
def test_heads_that_are_not_there_are_refused(script, data, masked_lm_dir, capsys):
    for flags, message in (
        (["--ablate", "3-1"], "--ablate 3-1: there is no such head"),
        (["--uniform", "1-1", "2-4"], f"{masked_lm_dir} has 2 layers of 3 heads"),
        (["--uniform", "head"], "--uniform: expected a head as <layer>-<head>"),
    ):
        assert run(script, data, masked_lm_dir, *flags) == 1
        assert message in capsys.readouterr().err


def test_heads_taken_out_are_told(tmp_path, data, masked_lm_dir):
    for script, name in (
        (extract_attention, "attn"),
        (attention_gradients, "grads"),
    ):
        flags = "--ablate", "2-3", "1-1", "--uniform", "1-2"
        plain = tmp_path / "plain.pkl"
        assert run(script, data, masked_lm_dir, "--outfile", plain) == 0
        assert run(script, data, masked_lm_dir, *flags) == 0
        path = tmp_path / f"data_{name}.pkl"
        (maps, *_), (before, *_) = read_maps(path), read_maps(plain)
        assert maps.source.gates == ("ablate 1-1", "ablate 2-3", "uniform 1-2")
        assert "; ablate 1-1, ablate 2-3, uniform 1-2)" in describe_maps(path)
        with pytest.raises(InputError, match="gates of these maps is"):
            before.source.join(maps.source)
    assert (maps.values[1, 2] == 0).all()  # gradients of a head without effect
    attention = load_attention(tmp_path / "data_attn.pkl")[0]["attns"]
    np.testing.assert_allclose(attention[0, 1], 1 / 5, rtol=1e-3)


def test_the_papers_model_without_a_head_is_not_the_papers():
    (digest,) = BERT_BASE_UNCASED
    source = Source(layers=(0,), heads=12, weights_sha256=digest, trained=True)
    assert is_paper_model(source)
    assert not is_paper_model(Source(**vars(source) | {"gates": ("ablate 3-9",)}))


def test_statistics_of_attention_refuse_norms(tmp_path, data, bert_dir):
    class Any(Statistic):
        def update(self, maps):
            self.accept(maps)

    assert run(extract_attention, data, bert_dir, "--quantity", "norms") == 0
    with pytest.raises(InputError, match=r"maps of norms, expected attention"):
        accumulate(tmp_path / "data_norms.pkl", Any())

"""BERT's maps against two independent implementations, padded or not."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import CONFIG, tiny_weights
from oracle import attention_maps
from safetensors.numpy import load_file

from bert import load_model

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = (  # token ids, segment ids
    ([2, 5, 6, 3], [0, 0, 0, 0]),
    ([2, 9, 11, 7, 8, 3, 30, 12, 3], [0, 0, 0, 0, 0, 0, 1, 1, 1]),
    ([2, 3], [1, 0]),
)


def pad(examples, length, segment=1):
    """Token ids, segment ids and lengths; padding is word 7, to be seen if it counts"""
    ids = np.full((len(examples), length), 7, "int32")
    segments = np.full((len(examples), length), segment, "int32")
    for row, (tokens, kinds) in enumerate(examples):
        ids[row, : len(tokens)] = tokens
        segments[row, : len(tokens)] = kinds
    return [ids, segments, np.array([len(t) for t, _ in examples], "int32")]


def maps_of(model, examples, length):
    """The maps [L, H, T, T] of each example, run as one batch padded to `length`."""
    segment = 1 if model.config.type_vocab_size > 1 else 0
    layers = model.predict_on_batch(pad(examples, length, segment))
    return [
        np.stack([layer[row, :, : len(t), : len(t)] for layer in layers])
        for row, (t, _) in enumerate(examples)
    ]


@pytest.mark.parametrize("length", [9, 13, CONFIG["max_position_embeddings"]])
def test_maps_equal_numpy_bert_whatever_the_padding(model, length):
    for maps, (ids, segments) in zip(
        maps_of(model, EXAMPLES, length), EXAMPLES, strict=True
    ):
        expected = attention_maps(tiny_weights(), 3, ids, segments)
        assert maps.shape == (2, 3, len(ids), len(ids))
        np.testing.assert_allclose(maps, expected, atol=1e-5)
        assert expected.max() > 0.9  # far from uniform: there was something to miss


def test_an_example_alone_gives_what_it_gives_in_a_batch(model):
    together = maps_of(model, EXAMPLES, 9)
    for example, maps in zip(EXAMPLES, together, strict=True):
        (alone,) = maps_of(model, [example], len(example[0]))
        np.testing.assert_allclose(alone, maps, atol=1e-6)


def test_padding_receives_nothing_and_rows_sum_to_one(model):
    for layer in model.predict_on_batch(pad(EXAMPLES, 13)):
        for row, (ids, _) in enumerate(EXAMPLES):
            assert (layer[row, :, :, len(ids) :] == 0).all()
        np.testing.assert_allclose(layer.sum(-1), 1, atol=1e-6)


@pytest.mark.parametrize("golden", json.loads((GOLDEN / "maps.json").read_text()))
def test_maps_equal_those_of_transformers(golden):
    """Golden maps were made by golden/make_maps.py."""
    model = load_model(GOLDEN)
    example = golden["token_ids"], golden["segment_ids"]
    (maps,) = maps_of(model, [example], 17)
    np.testing.assert_allclose(maps, golden["maps"], atol=1e-5)


def test_numpy_bert_equals_transformers_too():
    """The oracle of the other tests is itself held against the golden maps."""
    weights = {}
    for key, value in load_file(GOLDEN / "model.safetensors").items():
        name = re.sub(r"layer\.(\d+)", r"layer_\1", key).replace(".", "/")
        name = name.replace("LayerNorm/weight", "LayerNorm/gamma")
        name = name.replace("LayerNorm/bias", "LayerNorm/beta")
        if name.endswith("_embeddings/weight"):
            name = name.removesuffix("/weight")
        elif name.endswith("/weight"):
            name, value = name.replace("/weight", "/kernel"), value.T
        weights[name] = value
    weights = {k: v for k, v in weights.items() if k.startswith("bert/")}
    for golden in json.loads((GOLDEN / "maps.json").read_text()):
        maps = attention_maps(weights, 3, golden["token_ids"], golden["segment_ids"])
        np.testing.assert_allclose(maps, golden["maps"], atol=1e-5)


def test_maps_leave_in_float16_as_float32_maps_rounded(model, bert_dir):
    half = load_model(bert_dir, maps_dtype="float16").predict_on_batch(pad(EXAMPLES, 9))
    full = model.predict_on_batch(pad(EXAMPLES, 9))
    for a, b in zip(half, full, strict=True):
        assert a.dtype == np.float16
        np.testing.assert_array_equal(a, b.astype(np.float16))


@pytest.mark.parametrize("kept", [[0], [1], [0, 1]])
def test_only_the_layers_kept_come_out(model, bert_dir, kept):
    everything = model.predict_on_batch(pad(EXAMPLES, 9))
    some = load_model(bert_dir, layers=kept).predict_on_batch(pad(EXAMPLES, 9))
    for layer, maps in zip(kept, some, strict=True):
        np.testing.assert_allclose(maps, everything[layer], atol=1e-6)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_near_and_still_sums_to_one(model, bert_dir, precision):
    """Tiny weights of 0.4 give scores of tens, so that "near" is a coarse word here."""
    half = load_model(bert_dir, precision=precision).predict_on_batch(pad(EXAMPLES, 9))
    full = model.predict_on_batch(pad(EXAMPLES, 9))
    assert half[0].dtype == np.float32
    for a, b in zip(half, full, strict=True):
        np.testing.assert_allclose(a.sum(-1), 1, atol=1e-3)
        assert np.abs(a - b).mean() < 0.02
        assert np.abs(a - b).max() > 1e-5  # it did compute in half precision

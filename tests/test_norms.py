"""Norms of what heads and layers carry over, against every vector formed in full."""

import numpy as np
import oracle
import pytest
from conftest import CONFIG, tiny_weights

from attention.examples import prepare_examples
from attention.extraction import attention_maps, encoder_source, extract_attention
from attention.quantities import LAYER_NORMS, QUANTITIES
from attention.record import Maps
from attention.word_level import word_attention
from bert import load_model
from bert.norms import MODELS
from toolkit.files import InputError

HEADS, LAYERS = CONFIG["num_attention_heads"], CONFIG["num_hidden_layers"]
EXAMPLES = [
    {"words": ["the", "unaffable", "fox", "jumps", "."]},
    {"words": ["red"]},
    {"words": ["a", "dog", ",", "the", "jumping", "fox", "over", "dogs", "."]},
]


def run(folder, tokenizer, quantity, mode=None, dtype="float32", **options):
    model = load_model(folder, quantity=quantity, precision="float64", **options)
    prepared, _ = prepare_examples(
        EXAMPLES, tokenizer, model.config, max_length=32, need_words=True
    )
    source = encoder_source(
        model.config,
        tokenizer,
        model.layers_kept,
        quantity,
        level="words" if mode else "tokens",
    )
    maps = attention_maps(
        prepared, model, source, tokens_a_batch=64, mode=mode, dtype=dtype
    )
    return list(zip(prepared, maps, strict=True))


def carried(item, layer, include="none"):
    return oracle.carried(
        tiny_weights(), HEADS, item.token_ids, item.segment_ids, layer, include
    )


def test_quantities_have_models():
    assert {q for q in QUANTITIES if "norms" in q} == MODELS.keys()


@pytest.mark.parametrize("quantity", MODELS)
def test_records_say_what_the_model_gives(bert_dir, tokenizer, quantity):
    model = load_model(bert_dir, quantity=quantity)
    model.gate(ablated=[(1, 2)], uniform=[(0, 0), (0, 1)])
    (maps,) = extract_attention([EXAMPLES[0]], model, tokenizer, max_length=32)
    assert maps.quantity == quantity
    assert maps.source.gates == ("ablate 2-3", "uniform 1-1", "uniform 1-2")
    assert len(maps.values[0]) == maps.source.heads


@pytest.mark.parametrize(
    "options", [{"quantity": "gradients"}, {"quantity": "norms", "masked_lm": True}]
)
def test_quantities_that_no_model_gives_are_refused(bert_dir, options):
    with pytest.raises(InputError, match="quantity is '(gradients|norms)', expected"):
        load_model(bert_dir, **options)


def test_norms_of_heads(bert_dir, tokenizer):
    """Padded in one batch; the last layer, run as far as its values, has them too."""
    for item, maps in run(bert_dir, tokenizer, "norms"):
        size = len(item.tokens)
        assert maps.values.shape == (LAYERS, HEADS, size, size)
        for layer in range(LAYERS):
            of_heads, _, _ = carried(item, layer)
            expected = np.linalg.norm(of_heads, axis=-1)
            np.testing.assert_allclose(maps.values[layer], expected, rtol=1e-5)


@pytest.mark.parametrize("include", LAYER_NORMS)
def test_norms_of_layers_and_mixing(bert_dir, tokenizer, include):
    for item, maps in run(bert_dir, tokenizer, LAYER_NORMS[include]):
        size = len(item.tokens)
        assert maps.values.shape == (LAYERS, 1, size, size)
        assert maps.example["mixing"].shape == (LAYERS, size)
        for layer in range(LAYERS):
            _, vectors, _ = carried(item, layer, include)
            expected = np.linalg.norm(vectors, axis=-1)
            np.testing.assert_allclose(maps.values[layer, 0], expected, rtol=1e-5)
            for i in range(size):
                others = np.delete(vectors[i], i, axis=0).sum(0)
                context, own = np.linalg.norm(others), np.linalg.norm(vectors[i, i])
                ratio = context / (context + own)
                assert maps.example["mixing"][layer, i] == pytest.approx(ratio, 1e-5)


def test_what_is_carried_adds_up_to_the_output(tokenizer, bert_dir):
    """The vectors whose norms are taken, the bias and beta make the block's output."""
    at = "bert/encoder/layer_1/attention/output"
    bias, beta = (
        tiny_weights()[f"{at}/{n}"].astype(float)
        for n in ("dense/bias", "LayerNorm/beta")
    )
    gamma = tiny_weights()[f"{at}/LayerNorm/gamma"].astype(float)
    (item, _), *_ = run(bert_dir, tokenizer, "norms")
    _, vectors, output = carried(item, 1)
    np.testing.assert_allclose(vectors.sum(1) + bias, output, atol=1e-12)
    _, _, total = carried(item, 1, "residual")
    _, vectors, output = carried(item, 1, "residual-ln")
    rest = (bias - bias.mean()) / total.std(-1, keepdims=True) * gamma + beta
    np.testing.assert_allclose(vectors.sum(1) + rest, output, atol=1e-6)


def test_layers_kept_and_rounding(bert_dir, tokenizer):
    """The second layer alone, in half precision, as the files have it."""
    whole = run(bert_dir, tokenizer, "layer-norms")
    some = run(
        bert_dir,
        tokenizer,
        "layer-norms",
        None,
        "float16",
        layers=[1],
        maps_dtype="float16",
    )
    for (_, a), (_, b) in zip(whole, some, strict=True):
        assert b.values.dtype == np.float16
        np.testing.assert_allclose(b.values[0], a.values[1], rtol=2**-10)
        np.testing.assert_allclose(b.example["mixing"][0], a.example["mixing"][1])


@pytest.mark.parametrize("mode", ["mean", "first"])
def test_norms_between_words_are_sums_of_norms(bert_dir, tokenizer, mode):
    for quantity in ("norms", "layer-norms-residual"):
        pieces = run(bert_dir, tokenizer, quantity)
        words = run(bert_dir, tokenizer, quantity, mode)
        for (item, a), (_, b) in zip(pieces, words, strict=True):
            expected = word_attention(a.values, item.word_pieces, mode)
            np.testing.assert_allclose(b.values, expected, rtol=1e-5)
    fox = words[0][1].example["mixing"]  # the, un ##aff ##able, fox, ...
    apart = pieces[0][1].example["mixing"]
    np.testing.assert_allclose(fox[:, 2], apart[:, 2:5].mean(-1), rtol=1e-6)
    with pytest.raises(ValueError, match="rows sum to one, which norms do not"):
        run(bert_dir, tokenizer, "norms", "max")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "below 0 or no numbers"),
        (np.nan, "below 0 or"),
        (np.inf, "--dtype float32"),
    ],
)
def test_what_is_no_norm_is_refused(bert_dir, tokenizer, value, message):
    _, maps = run(bert_dir, tokenizer, "norms")[0]
    example = maps.to_example()
    example["attns"][1, 2, 3, 4] = value
    with pytest.raises(InputError, match=message):
        Maps.from_example(example, maps.source)


@pytest.mark.parametrize("quantity", ["attention", "norms", "layer-norms-residual-ln"])
def test_ablated_heads_carry_nothing(bert_dir, tokenizer, quantity):
    """All heads of the first layer: its attention stays as it was, its norms are zero
    but for the residual connection, and only the layer above differs."""
    model = load_model(bert_dir, quantity=quantity, precision="float64")
    model.gate(ablated=[(0, head) for head in range(HEADS)])
    whole = load_model(bert_dir, quantity=quantity, precision="float64")
    rows = [2, 5, 6, 3], [0] * 4, 4
    inputs = [np.array([row], "int32") for row in rows]
    found, before = model.predict_on_batch(inputs), whole.predict_on_batch(inputs)
    assert not np.allclose(found[1], before[1], rtol=1e-3)
    if quantity == "attention":
        np.testing.assert_array_equal(found[0], before[0])
    elif quantity == "norms":
        assert (found[0] == 0).all()
        assert before[0].min() > 0
    else:
        assert (found[0][0, 0][~np.eye(4, dtype=bool)] == 0).all()
        assert (np.diagonal(found[0][0, 0]) > 0).all()
        assert (found[2] == 0).all()  # no mixing


def test_gates_equal_those_of_numpy_bert(bert_dir):
    ids, segments = [2, 5, 6, 7, 3], [0] * 5
    model = load_model(bert_dir, precision="float64")
    model.gate(ablated=[(0, 2)], uniform=[(0, 1), (1, 0)])
    # padding has no share in uniform attention
    rows = [*ids, 9, 9], [*segments, 0, 0], 5
    found = model.predict_on_batch([np.array([row], "int32") for row in rows])
    expected = oracle.attention_maps(
        tiny_weights(),
        HEADS,
        ids,
        segments,
        gates=[[1, 1, 0], [1, 1, 1]],
        uniform=[(0, 1), (1, 0)],
    )
    for layer in range(LAYERS):
        np.testing.assert_allclose(
            found[layer][0, :, :5, :5], expected[layer], rtol=1e-5
        )
        assert (found[layer][0, :, :5, 5:] == 0).all()
    np.testing.assert_allclose(expected[1, 0], 1 / 5)

"""Examples to maps: order, batches, cutting, words, resuming."""

import numpy as np
import pytest
from conftest import tiny_weights
from oracle import attention_maps as numpy_maps

import attention.extraction as extraction
from attention.batch_size import gpu_tokens, tokens_a_batch
from attention.examples import prepare_examples
from attention.extraction import attention_maps, extract_attention, model_source
from attention.word_level import word_attention
from bert import load_model
from bert.folder import weight_digest

WORDS = ["the", "fox", "jumps", "unaffable", "over", "dog", "."]


@pytest.fixture
def examples():
    """Forty examples of 2 to 28 tokens, lengths and fields mixed."""
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(WORDS, rng.integers(0, 14))) for _ in range(40)]
    return [
        {"text": text, "id": i} if i % 3 else {"words": text.split(), "id": i}
        for i, text in enumerate(texts)
    ]


def test_order_content_and_type(model, tokenizer, examples):
    found = list(extract_attention(examples, model, tokenizer, max_length=32))
    assert [m.example["id"] for m in found] == list(range(40))
    prepared, _ = prepare_examples(examples, tokenizer, model.config, max_length=32)
    for maps, item in zip(found, prepared, strict=True):
        assert maps.example["tokens"] == maps.labels == item.tokens
        assert maps.values.dtype == np.float16
        expected = numpy_maps(tiny_weights(), 3, item.token_ids, item.segment_ids)
        # float16 keeps 11 bits: at most 2 ** -12 off below 1
        np.testing.assert_allclose(maps.values, expected, atol=2**-12 + 1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 40])
def test_batches_do_not_matter(model, tokenizer, examples, batch_size, monkeypatch):
    monkeypatch.setattr(extraction, "BUFFER_BYTES", 20_000)  # a few windows
    options = {"max_length": 32, "dtype": "float32"}
    together = extract_attention(examples, model, tokenizer, **options)
    others = extract_attention(
        examples, model, tokenizer, batch_size=batch_size, **options
    )
    for a, b in zip(together, others, strict=True):
        np.testing.assert_allclose(a.values, b.values, atol=1e-6)


@pytest.mark.parametrize("mode", ["mean", "first", "max"])
def test_word_level_is_computed_before_rounding(model, tokenizer, mode):
    examples = [{"words": WORDS[:n]} for n in (7, 0, 4, 1)]
    found = extract_attention(
        examples, model, tokenizer, max_length=32, word_level=True, word_level_mode=mode
    )
    prepared, _ = prepare_examples(examples, tokenizer, model.config, max_length=32)
    for found_maps, item in zip(found, prepared, strict=True):
        maps = numpy_maps(tiny_weights(), 3, item.token_ids, item.segment_ids)
        expected = word_attention(maps, item.word_pieces, mode)
        values = found_maps.values
        assert values.shape == (2, 3, *[len(item.word_pieces)] * 2)
        assert values.dtype == np.float16
        np.testing.assert_allclose(values, expected, atol=1e-5, rtol=2**-11)


def test_a_model_that_rounds_is_refused_where_it_would_round_too_early(
    bert_dir, tokenizer
):
    rounding = load_model(bert_dir, maps_dtype="float16")
    for options in ({"word_level": True}, {"dtype": "float32"}):
        with pytest.raises(ValueError, match="the model rounds its maps"):
            list(
                extract_attention(
                    [{"words": []}], rounding, tokenizer, max_length=32, **options
                )
            )
    (maps,) = extract_attention([{"words": []}], rounding, tokenizer, max_length=32)
    assert maps.values.dtype == np.float16


@pytest.mark.parametrize("done", [0, 1, 17, 39, 40])
def test_going_on_after_some_gives_the_same_bytes(
    model, tokenizer, examples, done, monkeypatch
):
    monkeypatch.setattr(extraction, "BUFFER_BYTES", 20_000)
    prepared, _ = prepare_examples(examples, tokenizer, model.config, max_length=32)
    source = model_source(model, tokenizer, "tokens")
    everything = list(attention_maps(prepared, model, source, tokens_a_batch=64))
    batches = []
    rest = list(
        attention_maps(
            prepared,
            model,
            source,
            tokens_a_batch=64,
            done=done,
            on_batch=batches.append,
        )
    )
    assert sum(batches) == len(rest) == 40 - done
    for a, b in zip(rest, everything[done:], strict=True):
        assert a.example["id"] == b.example["id"]
        assert a.values.tobytes() == b.values.tobytes()


def test_too_long_examples_are_left_out_with_a_warning(model, tokenizer):
    examples = [{"text": "a"}, {"text": "a a a"}, {"text": "a a"}]
    with pytest.warns(UserWarning, match="1 examples of more than 4 tokens left out"):
        found = list(extract_attention(examples, model, tokenizer, max_length=4))
    assert [m.example["text"] for m in found] == ["a", "a a"]


def test_records_say_what_they_are(model, tokenizer, bert_dir):
    (maps,) = extract_attention([{"text": "the fox"}], model, tokenizer, max_length=32)
    assert (maps.level, maps.quantity) == ("tokens", "attention")
    assert maps.layers == (0, 1)
    assert maps.source.heads == 3
    assert maps.source.trained is True
    assert maps.source.weights_sha256 == weight_digest(bert_dir)
    drawn = load_model(bert_dir, layers=[1], random_init="keep-embeddings")
    (maps,) = extract_attention(
        [{"words": ["jumps"]}], drawn, tokenizer, max_length=32, word_level=True
    )
    assert maps.labels == ["[CLS]", "jumps", "[SEP]"]
    assert maps.level == "words"
    assert (maps.layers, maps.source.depth) == ((1,), 2)
    assert maps.source.trained is False
    with pytest.raises(ValueError, match="no effect without word_level"):
        next(extract_attention([], model, tokenizer, word_level_mode="max"))


def test_nothing_in_nothing_out(model, tokenizer):
    assert list(extract_attention([], model, tokenizer, max_length=32)) == []


def plan(lengths, tokens_a_batch, step=1, bytes_a_pair=2):
    return list(extraction._plan(lengths, tokens_a_batch, step, bytes_a_pair))


def test_batches_hold_similar_lengths_and_all_examples_once(monkeypatch):
    """Windows of 3 (with 30 bytes ahead and 2 * 5 ** 2 a map): 7 4 5, then 3 6 2, 4.
    Sorted, 4 5 7 are cut at 2 * 5 <= 12 tokens and 2 3 6 at 2 * 3."""
    monkeypatch.setattr(extraction, "BUFFER_BYTES", 2 * (49 + 16 + 25))
    lengths = [7, 4, 5, 5, 7, 4, 2]
    assert plan(lengths, 12) == [[1, 2], [0], [5, 3], [4], [6]]


def test_lengths_count_rounded_up_where_shapes_are_few():
    """In steps of 4, lengths 3 4 5 8 count as 4 4 8 8: two of each fit into 16."""
    assert plan([3, 4, 5, 8], 16, step=4) == [[0, 1], [2, 3]]
    assert plan([3, 4, 5, 8], 15) == [[0, 1, 2], [3]]


def test_one_example_may_be_more_than_a_batch():
    assert plan([9, 9], 5) == [[0], [1]]
    assert plan([], 5) == []


def test_tokens_of_a_batch(model, tokenizer):
    """Two layers of three heads: 2 x 3 x 128 x 4 = 3,072 bytes of maps a token."""
    source = model_source(model, tokenizer, "tokens")
    assert tokens_a_batch(16, 128, source) == 2048
    assert tokens_a_batch("auto", 128, source) == 1024  # on a CPU
    assert gpu_tokens(16 * 3072 * 5000, 128, source) == 5000
    assert gpu_tokens(16 * 3072 * 5000, 512, source) == 1250
    assert gpu_tokens(80 * 2**30, 128, source) == 16_384


def test_memory_ahead_is_bounded(model, tokenizer, monkeypatch):
    """Reading one result must not compute all: a window here is two examples of 4
    tokens, with maps of 2 layers x 3 heads x 2 bytes for each pair of tokens."""
    monkeypatch.setattr(extraction, "BUFFER_BYTES", 2 * 4**2 * (2 * 3 * 2))
    prepared, _ = prepare_examples(
        [{"text": "a a"}] * 30, tokenizer, model.config, max_length=32
    )
    batches = []
    source = model_source(model, tokenizer, "tokens")
    maps = attention_maps(
        prepared, model, source, tokens_a_batch=100, on_batch=batches.append
    )
    next(maps)
    assert batches == [2]

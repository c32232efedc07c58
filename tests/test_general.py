"""Average attention and entropies, on heads whose behaviour is known."""

import math

import numpy as np
import pytest
from heads import example_of, record, to_offset, to_token, uniform

from analysis.general import (
    ATTENTION_KINDS,
    GRADIENT_KINDS,
    GeneralStatistics,
    GradientStatistics,
    broad_threshold,
    describe_heads,
    paper_claims,
    typical_heads,
)
from analysis.paper import BERT_BASE_UNCASED
from analysis.statistic import accumulate
from attention.record import describe_maps
from attention.store import AttentionWriter
from toolkit.files import InputError

TOKENS = ["[CLS]", "the", "fox", ".", "[SEP]", "a", ",", "[SEP]"]  # T = 8


def six_heads(tokens, layers=2):
    return example_of(
        tokens,
        uniform(tokens),
        to_offset(tokens, 1),
        to_offset(tokens, -1),
        to_token(tokens, {"[SEP]"}),
        to_token(tokens, {"[CLS]"}),
        to_token(tokens, {".", ","}),
        layers=layers,
    )


def statistics_of(*examples):
    statistics = GeneralStatistics()
    for example in examples:
        statistics.update(record(example))
    return statistics


def test_averages_by_hand():
    """T = 8 with two [SEP], one [CLS], two of "." and ",". A uniform head gives 1/8 to
    each token; to the next one it can give from 7 of 8 tokens, 7/8 x 1/8. The next-
    token head gives 7/8 to the next and, from the last token, 1/8 to the current one;
    [SEP] comes next after "." and the second ",", so 2/8 + 1/8 (the last [SEP], to
    itself) go to [SEP], of the two [SEP] rows the last one does, of the others 2 of 6.
    """
    averages = statistics_of(six_heads(TOKENS)).averages
    assert set(averages) == set(ATTENTION_KINDS)
    heads = {
        kind: [float(v) for v in values.ravel()] for kind, values in averages.items()
    }
    assert averages["sep"].shape == (2, 3)
    assert heads["self"] == [1 / 8, 1 / 8, 1 / 8, 2 / 8 / 2, 1 / 8, 2 / 8 / 2]
    assert heads["right"][:3] == [7 / 64, 7 / 8, 0]
    assert heads["left"][:3] == [7 / 64, 0, 7 / 8]
    assert heads["sep"] == [2 / 8, 3 / 8, 1 / 8, 1, 0, 0]
    assert heads["sep_sep"] == [2 / 8, 1 / 2, 0, 1, 0, 0]
    np.testing.assert_allclose(heads["rest_sep"], [2 / 8, 2 / 6, 1 / 6, 1, 0, 0])
    assert heads["cls"] == [1 / 8, 0, 2 / 8, 0, 1, 0]
    assert heads["punct"] == [2 / 8, 2 / 8, 2 / 8, 0, 0, 1]


def test_entropies_by_hand():
    """Smoothed, a one-hot row is 0.9999 + 0.0001/8 once and 0.0001/8 seven times."""
    statistics = statistics_of(six_heads(TOKENS))
    one, rest = 0.9999 + 0.0001 / 8, 0.0001 / 8
    sharp = -one * math.log(one) - 7 * rest * math.log(rest)
    half = 0.9999 / 2 + rest
    two = -2 * half * math.log(half) - 6 * rest * math.log(rest)
    expected = [math.log(8), sharp, sharp, two, sharp, two]
    for found in (statistics.entropies, statistics.cls_entropies):
        np.testing.assert_allclose(found.ravel(), expected, atol=1e-5)
    assert statistics.uniform_entropy == pytest.approx(math.log(8))


def test_a_document_counts_once_whatever_its_length():
    """Heads that give all to [SEP] in a document of 2 tokens, nothing in one of 6."""
    short, long = ["[CLS]", "[SEP]"], ["[CLS]", "a", "a", "a", "a", "[SEP]"]
    statistics = statistics_of(
        example_of(short, to_token(short, {"[SEP]"})),
        example_of(long, to_token(long, {"[CLS]"})),
    )
    assert statistics.documents == 2
    assert statistics.averages["sep"].item() == 0.5
    assert statistics.averages["cls"].item() == 0.5
    assert statistics.uniform_entropy == pytest.approx((math.log(2) + math.log(6)) / 2)


def test_documents_without_special_tokens_divide_by_nothing():
    bare, whole = ["a", "fox"], ["[CLS]", "[SEP]"]
    statistics = statistics_of(example_of(bare, uniform(bare)))
    for kind in ("cls", "sep", "rest_sep", "sep_sep"):
        assert np.isnan(statistics.averages[kind]).all()
    assert np.isnan(statistics.cls_entropies).all()
    # a document that has them alone decides
    statistics.update(record(example_of(whole, to_token(whole, {"[SEP]"}))))
    assert statistics.averages["sep_sep"].item() == 1
    assert statistics.averages["sep"].item() == 1
    only = statistics_of(example_of(["[SEP]"], uniform(["[SEP]"])))
    assert np.isnan(only.averages["rest_sep"]).all()


def test_merged_parts_equal_one_pass():
    rng = np.random.default_rng(0)
    examples = []
    for size in (5, 8, 3, 11):
        names = ["[CLS]", *["a"] * (size - 2), "[SEP]"]
        examples.append(example_of(names, *rng.dirichlet(np.ones(size), (6, size))))
    whole = statistics_of(*examples)
    parts = GeneralStatistics()
    for part in (examples[:1], [], examples[1:]):
        parts.merge(statistics_of(*part))
    assert parts.documents == whole.documents == 4
    for kind in ATTENTION_KINDS:
        np.testing.assert_allclose(parts.averages[kind], whole.averages[kind])
    np.testing.assert_allclose(parts.entropies, whole.entropies)
    assert parts.uniform_entropy == pytest.approx(whole.uniform_entropy)


def test_word_level_maps_are_labelled_by_words():
    words = {
        "words": ["dogs", "."],
        "tokens": ["[CLS]", "dog", "##s", ".", "[SEP]"],
        "attns": np.full((1, 1, 4, 4), 0.25, np.float16),
    }
    assert record(words).labels == ["[CLS]", "dogs", ".", "[SEP]"]
    assert statistics_of(words).averages["punct"].item() == 0.25


def test_behaviours():
    """Two documents of 60 and 50 tokens: ln 55 is about 4.0, above 3.8."""
    documents = [["[CLS]", *["a"] * n, ".", "[SEP]"] for n in (57, 47)]
    statistics = statistics_of(*(six_heads(d) for d in documents))
    assert describe_heads(statistics).tolist() == [
        ["broad", "next", "previous"],
        ["sep", "cls", "punct"],
    ]
    assert describe_heads(statistics, broad=4.2, special=1.1).tolist() == [
        ["", "next", "previous"],
        ["", "", ""],
    ]


def test_broad_is_the_papers_for_its_spans_and_a_part_of_uniform_else():
    """Spans of 128 tokens: 3.8 nats, whatever uniform attention has there, ln 128 =
    4.85. Of 10 tokens no head can reach that; 3.8 / 4.8 of ln 10 is 1.823."""
    for size, threshold in ((128, 3.8), (119, 3.8), (10, 1.823), (512, 4.939)):
        tokens = ["[CLS]", *["a"] * (size - 3), ".", "[SEP]"]
        statistics = statistics_of(six_heads(tokens))
        assert broad_threshold(statistics) == pytest.approx(threshold, abs=1e-3)
        assert describe_heads(statistics)[0, 0] == "broad"  # the uniform head


def test_typical_heads():
    documents = [["[CLS]", *["a"] * 57, ".", "[SEP]"]]
    found = typical_heads(statistics_of(*(six_heads(d) for d in documents)))
    # of 60 tokens, 59 have a next and a previous one; all is given to "." and to [SEP]
    assert found == [
        ("1-1", "broad: 4.1 nats"),  # ln 60
        ("2-1", "100% to [SEP]"),
        ("2-3", "100% to . or ,"),
        ("1-3", "98% to the previous token"),
    ]


def test_typical_heads_of_a_text_without_separators_or_full_stops():
    """Kinds that the text lacks have no typical head; specials as the model says."""
    tokens = ["<s>", "a", "b"]
    example = example_of(tokens, uniform(tokens), to_offset(tokens, 1))
    statistics = GeneralStatistics()
    statistics.update(record(example, special_tokens=("<s>", "</s>"), level="tokens"))
    assert typical_heads(statistics) == [
        ("1-1", "broad: 1.1 nats"),  # ln 3
        ("1-2", "67% to the next token"),
        ("1-1", "22% to the previous token"),  # 2 of 3 tokens give it a third
    ]


def typical_names(base, paper_model=None, **known):
    statistics = GeneralStatistics()
    statistics.update(record(base, **known))
    return [head for head, _ in typical_heads(statistics, paper_model)]


def test_the_papers_heads_stand_for_its_model_only():
    base = example_of(TOKENS, *[np.eye(8)] * 144, layers=12)
    papers = ["1-1", "3-1", "8-7", "11-6"]
    (digest,) = BERT_BASE_UNCASED
    known = {"weights_sha256": digest, "trained": True}
    assert typical_names(base, **known) == papers
    assert typical_names(base, paper_model=True) == papers
    assert typical_names(base) != papers
    assert typical_names(base, False, **known) != papers
    assert typical_names(base, weights_sha256=digest, trained=False) != papers
    with pytest.raises(ValueError, match="drawn at random"):
        typical_names(base, True, trained=False)
    # by true layers: not all of the four are there
    some = example_of(TOKENS, *[np.eye(8)] * 36, layers=3)
    kept = {"layers": (2, 7, 10), "model_layers": 12}
    assert typical_names(some, True, **kept) != papers
    four = example_of(TOKENS, *[np.eye(8)] * 48, layers=4)
    kept = {"layers": (0, 2, 7, 10), "model_layers": 12}
    assert typical_names(four, True, **kept) == papers


def test_claims_table():
    table = paper_claims(statistics_of(six_heads(TOKENS, layers=6)), paper_model=True)
    assert list(table.columns) == ["paper", "here"]
    other = paper_claims(statistics_of(six_heads(TOKENS, layers=6)))
    assert list(other.columns) == ["here"]  # no number of the paper's
    # of six layers, 4 and 5 lie as deep as 6 to 10 of 12; here to [SEP] and to [CLS]
    assert table["here"].iloc[0] == "50% (layers 4 to 5)"
    assert table["here"].iloc[2] == "1 (layers 3)"
    assert table["here"].iloc[3] == "1 (layers 2)"
    assert table["here"].iloc[4] == "2.08"  # ln 8
    base = statistics_of(example_of(TOKENS, *[np.eye(8)] * 12, layers=12))
    assert "layers 6 to 10" in paper_claims(base)["here"].iloc[0]


def test_bad_maps_are_named_by_file_and_example(tmp_path):
    fine = six_heads(TOKENS)
    fewer = {**fine, "attns": fine["attns"][:1]}
    off = {**fine, "attns": fine["attns"] * np.float16(0.9)}
    nan = {**fine, "attns": fine["attns"] * np.float16("nan")}
    mismatched = {**fine, "tokens": TOKENS[:-1]}
    for bad, message in (
        (fewer, "maps of 1 layers and 3 heads, but the examples before have 2 and 3"),
        (off, r"row 0 of head 1-1 sums to 0\.900, expected 1"),
        (nan, "row 0 of head 1-1 sums to nan, expected 1"),
        (mismatched, "maps are 8 x 8, but there are 7 tokens and 0 words"),
    ):
        path = tmp_path / "x_attn.pkl"
        with AttentionWriter(path, {}) as writer:
            writer.write(fine)
            writer.write(bad)
        with pytest.raises(InputError, match=rf"x_attn\.pkl: example 1: {message}"):
            accumulate(path, GeneralStatistics())


def test_nothing_taken_in_is_an_error_where_a_number_is_asked_for():
    with pytest.raises(InputError, match="is the file empty"):
        _ = GeneralStatistics().averages


def gradients_of(tokens, by_column, *, scale=(1,), masked=(1,), loss=2.0):
    """One layer; a head for each scale, whose gradient by each token is the column's,
    from the first row halved and from the second one and a half times."""
    rows = np.ones((len(tokens), 1))
    rows[:2, 0] = 0.5, 1.5
    maps = [s * rows * np.array(by_column, float) for s in scale]
    return {
        **example_of(tokens, *maps),
        "masked": list(masked),
        "shown": ["[MASK]" for _ in masked],
        "loss": loss,
    }


def gradient_statistics(*examples):
    statistics = GradientStatistics()
    for example in examples:
        statistics.update(record(example))
    return statistics


def test_gradients_by_hand():
    """Rows average to one, so that a kind's mean is that of its columns. Of TOKENS,
    [SEP] has 4 and 8, punctuation 1 and 3, the other four 0, 2, 1 and 5. The second
    document has no punctuation, [SEP] has 2, the other 7; it counts as much."""
    statistics = gradient_statistics(
        gradients_of(TOKENS, [0, 2, 1, 1, 4, 5, 3, 8], scale=(1, 2, 4), loss=3),
        gradients_of(["fox", "[SEP]"], [7, 2], scale=(1, 2, 4), loss=1),
    )
    averages = statistics.averages
    assert set(averages) == set(GRADIENT_KINDS)
    assert averages["sep"].tolist() == [[4, 8, 16]]  # of 6 and 2
    assert averages["punct"].tolist() == [[2, 4, 8]]
    assert averages["other"].tolist() == [[4.5, 9, 18]]  # of 2 and 7
    assert statistics.loss == 2
    assert statistics.documents == 2


def test_a_document_without_masked_tokens_has_no_gradients():
    some = gradients_of(["fox", "[SEP]"], [6, 2])
    nothing = gradients_of(["[CLS]", "[SEP]"], [0, 0], masked=(), loss=0.0)
    statistics = gradient_statistics(nothing)
    assert np.isnan(statistics.averages["sep"]).all()
    assert np.isnan(statistics.loss)
    statistics.update(record(some))
    assert statistics.averages["sep"].item() == 2
    assert statistics.loss == 2
    assert statistics.documents == 2


def test_merged_gradients_equal_one_pass():
    examples = [
        gradients_of(["a", "fox", ".", "[SEP]"][-n:], range(1, n + 1), loss=n)
        for n in (4, 3, 2, 3)
    ]
    whole = gradient_statistics(*examples)
    parts = GradientStatistics()
    for part in (examples[:1], [], examples[1:]):
        parts.merge(gradient_statistics(*part))
    assert parts.documents == 4
    assert parts.loss == whole.loss == 12 / 4
    for kind in GRADIENT_KINDS:
        np.testing.assert_allclose(parts.averages[kind], whole.averages[kind])


def test_what_is_no_gradients_is_refused(tmp_path):
    fine = gradients_of(TOKENS, range(8))
    attention = example_of(TOKENS, uniform(TOKENS))
    signed = {**fine, "attns": -fine["attns"]}
    nan = {**fine, "attns": fine["attns"] * np.float16("nan")}
    more = gradients_of(TOKENS, range(8), scale=(1, 2))
    for bad, message in (
        (attention, "no 'masked' tokens and 'loss', expected gradients"),
        (signed, "gradients below 0 or no numbers, expected absolute values"),
        (nan, "gradients below 0 or no numbers, expected absolute values"),
        (more, "maps of 1 layers and 2 heads, but the examples before have 1 and 1"),
    ):
        path = tmp_path / "x_grads.pkl"
        with AttentionWriter(path, {}) as writer:
            writer.write(fine)
            writer.write(bad)
        with pytest.raises(InputError, match=rf"x_grads\.pkl: example 1: {message}"):
            accumulate(path, GradientStatistics())


def test_gradients_are_described_by_the_weights_they_are_of(tmp_path):
    """attention_gradients.py has neither --random-init nor --layers."""
    path = tmp_path / "x_grads.pkl"
    settings = {
        "flags": {"bert_dir": "BERT", "preprocessed_data_file": "x.json"},
        "weights_sha256": "0123456789abcdef",
        "examples": 3,
        "written": 2,
    }
    with AttentionWriter(path, settings) as writer:
        for _ in range(2):
            writer.write(gradients_of(TOKENS, range(8)))
    assert describe_maps(path) == (
        f"{path}: 2 of 3 examples of x.json through BERT (weights 0123456789ab…)"
    )

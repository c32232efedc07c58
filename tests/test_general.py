"""Average attention and entropies, on heads whose behaviour is known."""

import math

import numpy as np
import pytest
from heads import example_of, to_offset, to_token, uniform

from analysis.general import (
    KINDS,
    GeneralStatistics,
    describe_heads,
    paper_claims,
    typical_heads,
)
from analysis.maps import accumulate, head_name, labels
from attention.store import AttentionWriter
from files import InputError

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
        statistics.update(example)
    return statistics


def test_averages_by_hand():
    """T = 8 with two [SEP], one [CLS], two of "." and ",". A uniform head gives 1/8 to
    each token; to the next one it can give from 7 of 8 tokens, 7/8 x 1/8. The next-
    token head gives 7/8 to the next and, from the last token, 1/8 to the current one;
    [SEP] comes next after "." and the second ",", so 2/8 + 1/8 (the last [SEP], to
    itself) go to [SEP], of the two [SEP] rows the last one does, of the others 2 of 6.
    """
    averages = statistics_of(six_heads(TOKENS)).averages
    assert set(averages) == set(KINDS)
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
    assert statistics.averages["sep"].item() == 0
    assert statistics.averages["rest_sep"].item() == 0
    assert np.isnan(statistics.averages["sep_sep"]).all()
    assert np.isnan(statistics.cls_entropies).all()
    # a document that has them alone decides
    statistics.update(example_of(whole, to_token(whole, {"[SEP]"})))
    assert statistics.averages["sep_sep"].item() == 1
    assert statistics.averages["sep"].item() == 0.5
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
    for kind in KINDS:
        np.testing.assert_allclose(parts.averages[kind], whole.averages[kind])
    np.testing.assert_allclose(parts.entropies, whole.entropies)
    assert parts.uniform_entropy == pytest.approx(whole.uniform_entropy)


def test_word_level_maps_are_labelled_by_words():
    words = {
        "words": ["dogs", "."],
        "tokens": ["[CLS]", "dog", "##s", ".", "[SEP]"],
        "attns": np.full((1, 1, 4, 4), 0.25, np.float16),
    }
    assert labels(words) == ["[CLS]", "dogs", ".", "[SEP]"]
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


def test_typical_heads():
    documents = [["[CLS]", *["a"] * 57, ".", "[SEP]"]]
    found = typical_heads(statistics_of(*(six_heads(d) for d in documents)))
    # of 60 tokens, 59 have a next and a previous one; all is given to "." and to [SEP]
    assert found == [
        ((0, 0), "broad: 4.1 nats"),  # ln 60
        ((1, 0), "100% to [SEP]"),
        ((1, 2), "100% to . or ,"),
        ((0, 2), "98% to the previous token"),
    ]
    base = example_of(TOKENS, *[np.eye(8)] * 144, layers=12)
    names = [head_name(*head) for head, _ in typical_heads(statistics_of(base))]
    assert names == ["1-1", "3-1", "8-7", "11-6"]  # the paper's


def test_claims_table():
    table = paper_claims(statistics_of(six_heads(TOKENS, layers=6)))
    assert list(table.columns) == ["paper", "here"]
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

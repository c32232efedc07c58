"""Which tokens are hidden, and what stands there instead."""

import collections

import pytest

from attention.examples import prepare_examples
from attention.masking import mask_examples
from bert import BertConfig, Tokenizer
from toolkit.files import InputError


@pytest.fixture
def config(bert_dir):
    return BertConfig.from_folder(bert_dir)


@pytest.fixture
def spans(tokenizer, config):
    """400 spans of 32 tokens, two [SEP] in each."""
    tokens = ["[CLS]", *["fox", "the"] * 7, "[SEP]", *["dog"] * 15, "[SEP]"]
    examples = [{"tokens": tokens}] * 400
    return prepare_examples(examples, tokenizer, config, max_length=32)[0]


def test_shares_are_those_of_pre_training(spans, tokenizer):
    """15 % of 32 tokens are 4.8, rounded 5; of 2,000 in all, 80 % are [MASK] and 10 %
    kept. Of the 10 % that are drawn, 3 of the 34 pieces are the spans' own, or are
    [MASK] like the others: at most 1 in 34 each. Bounds are four deviations wide."""
    masks = mask_examples(spans, tokenizer, rate=0.15, seed=0)
    assert {len(mask.places) for mask in masks} == {5}
    kinds = collections.Counter()
    places = collections.Counter()
    for item, mask in zip(spans, masks, strict=True):
        assert mask.places == sorted(set(mask.places))
        places.update(mask.places)
        for place, shown in zip(mask.places, mask.shown, strict=True):
            assert item.tokens[place] not in ("[CLS]", "[SEP]")
            kinds["kept" if shown == item.tokens[place] else shown] += 1
    others = 2000 - kinds["[MASK]"] - kinds["kept"]
    deviation = (2000 * 0.8 * 0.2) ** 0.5  # 17.9
    assert abs(kinds["[MASK]"] - 2000 * (0.8 + 0.1 / 34)) < 4 * deviation
    deviation = (2000 * 0.1 * 0.9) ** 0.5  # 13.4
    assert abs(kinds["kept"] - 2000 * (0.1 + 0.1 / 34)) < 4 * deviation
    assert abs(others - 2000 * 0.1 * 32 / 34) < 4 * deviation
    assert len(kinds) > 30  # drawn from the whole vocabulary
    # all 29 places that may be masked are, about 2,000 / 29 = 69 times each
    assert len(places) == 29
    assert max(places.values()) < 69 + 4 * 69**0.5


def test_bert_reads_what_is_shown_and_nothing_else_changes(spans, tokenizer):
    for item, mask in zip(
        spans, mask_examples(spans, tokenizer, rate=0.3, seed=1), strict=True
    ):
        expected = list(item.tokens)
        for place, shown in zip(mask.places, mask.shown, strict=True):
            expected[place] = shown
        assert mask.token_ids == tokenizer.token_ids(expected)
        assert item.token_ids == tokenizer.token_ids(item.tokens)


def test_an_example_has_random_numbers_of_its_own(spans, tokenizer, config):
    """From the seed and its number in the file, whatever else is there."""
    masks = mask_examples(spans, tokenizer, rate=0.15, seed=0)
    assert masks == mask_examples(spans, tokenizer, rate=0.15, seed=0)
    assert masks[7:9] == mask_examples(spans[7:9], tokenizer, rate=0.15, seed=0)
    assert masks != mask_examples(spans, tokenizer, rate=0.15, seed=1)
    shuffled = Tokenizer(dict(sorted(tokenizer.vocabulary.items())))
    assert masks == mask_examples(spans, shuffled, rate=0.15, seed=0)
    assert masks[7].places != masks[8].places
    examples = [{"text": "the " * 40}, spans[1].example]
    prepared, skipped = prepare_examples(examples, tokenizer, config, max_length=32)
    assert (len(skipped), prepared[0].number) == (1, 1)
    assert mask_examples(prepared, tokenizer, rate=0.15, seed=0) == masks[1:2]


@pytest.mark.parametrize(
    ("text", "rate", "count"),
    [("fox", 0.15, 1), ("fox the dog", 1, 3), ("fox " * 8, 0.25, 2), ("", 0.15, 0)],
)
def test_at_least_one_and_at_most_all(tokenizer, config, text, rate, count):
    """Of 10 tokens with [CLS] and [SEP], 25 % are 2.5, rounded to the even 2."""
    items, _ = prepare_examples([{"text": text}], tokenizer, config, max_length=32)
    (mask,) = mask_examples(items, tokenizer, rate=rate, seed=0)
    assert len(mask.places) == len(mask.shown) == count


def test_vocabulary_without_mask():
    bare = Tokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2})
    with pytest.raises(InputError, match=r"the vocabulary lacks \[MASK\]"):
        mask_examples([], bare, rate=0.15, seed=0)

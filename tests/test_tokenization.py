"""Tokenization: the cases in which BERT's differs from splitting at spaces."""

import json

import pytest
from conftest import VOCABULARY

from bert import Tokenizer, load_tokenizer
from bert.tokenization import LONGEST_WORD
from files import InputError


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("The fox jumps", ["the", "fox", "jump", "##s"]),
        ("unaffable, jumping.", "un ##aff ##able , jump ##ing .".split()),
        ("dog's", ["dog", "'", "s"]),  # punctuation stands alone
        ("CAFÉ cafe\u0301", ["cafe", "cafe"]),  # accents go, composed or not
        ("中国a", ["中", "国", "a"]),  # spaces around CJK
        ("fo\u200bx\tdog\u00a0dog\ufffd", ["fox", "dog", "dog"]),  # controls go
        ("[SEP]", ["[", "sep", "]"]),  # text, no special token
        ("over\U0001f600", ["[UNK]"]),  # a word with an unknown part is unknown
        ("", []),
        (" \t\x07\u200b", []),
    ],
)
def test_uncased(text, pieces):
    vocabulary = {token: i for i, token in enumerate([*VOCABULARY, "s"])}
    assert Tokenizer(vocabulary).tokenize([text]) == [pieces]


def test_cased_keeps_case_and_accents(bert_dir):
    tokenizer = load_tokenizer(bert_dir, cased=True)
    assert tokenizer.tokenize(["Fox Café fox"]) == [["Fox", "Café", "fox"]]


def test_words_are_unknown_from_201_characters(tokenizer):
    def of(characters):
        return "a" + "1" * (characters - 1)

    assert LONGEST_WORD == 200
    assert tokenizer.tokenize([of(200)]) == [["a", *["##1"] * 199]]
    assert tokenizer.tokenize([of(201), of(10_000)]) == [["[UNK]"], ["[UNK]"]]


def test_half_a_surrogate_pair_is_dropped_like_any_broken_character(tokenizer):
    assert tokenizer.tokenize(["fox \ud83d dog"]) == [["fox", "dog"]]


def test_vocabulary_in_tokenizer_json(tmp_path, bert_dir):
    vocabulary = {token: i for i, token in enumerate(VOCABULARY)}
    model = {"type": "WordPiece", "vocab": vocabulary}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.vocabulary == load_tokenizer(bert_dir).vocabulary == vocabulary
    assert tokenizer.tokenize(["jumping"]) == [["jump", "##ing"]]


@pytest.mark.parametrize(
    ("settings", "cased", "lowercase"),
    [
        (None, False, True),
        ({"do_lower_case": False}, False, False),
        ({"do_lower_case": True}, False, True),
        ({"do_lower_case": True}, True, False),  # --cased always wins
        ({}, False, True),
    ],
)
def test_lower_casing(tmp_path, settings, cased, lowercase):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    if settings is not None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert load_tokenizer(tmp_path, cased).lowercase == lowercase


def test_unusable_vocabularies(tmp_path):
    with pytest.raises(InputError, match=r"expected vocab\.txt or tokenizer\.json"):
        load_tokenizer(tmp_path)
    bundle = tmp_path / "tokenizer.json"
    for content, message in (
        ("{", "not JSON"),
        ("[]", "expected a JSON object"),
        ('{"model": {"vocab": []}}', "expected the vocabulary of a WordPiece"),
        ('{"model": {"type": "BPE", "vocab": {}}}', "expected WordPiece, found BPE"),
    ):
        bundle.write_text(content)
        with pytest.raises(InputError, match=message):
            load_tokenizer(tmp_path)
    (tmp_path / "vocab.txt").write_text("[UNK]\nfox\n")
    with pytest.raises(InputError, match=r"lacks \[CLS\], \[SEP\]"):
        load_tokenizer(tmp_path)
    (tmp_path / "vocab.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a vocabulary"):
        load_tokenizer(tmp_path)


def test_token_without_a_number_is_named(tokenizer):
    assert tokenizer.token_ids(["[CLS]", "fox"]) == [2, 6]
    with pytest.raises(InputError, match="token 'wolf' is not in the vocabulary"):
        tokenizer.token_ids(["fox", "wolf"])

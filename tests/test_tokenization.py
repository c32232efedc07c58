"""Tokenization: the cases in which BERT's differs from splitting at spaces."""

import json
import unicodedata

import pytest
from conftest import VOCABULARY

from bert import Tokenizer, load_tokenizer
from bert.tokenization import LONGEST_WORD, word_piece
from toolkit.files import InputError


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
    word_piece(vocabulary).save(str(tmp_path / "tokenizer.json"))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.vocabulary == load_tokenizer(bert_dir).vocabulary == vocabulary
    assert tokenizer.tokenize(["Jumping"]) == [["jump", "##ing"]]


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
    with pytest.raises(InputError, match=r"expected tokenizer\.json, vocab\.txt"):
        load_tokenizer(tmp_path)
    bundle = tmp_path / "tokenizer.json"
    for content, message in (
        ("{", "not JSON"),
        ("[]", "expected a JSON object"),
        ('{"model": {"vocab": 3}}', "expected a tokenizer with the vocabulary of a"),
        ('{"model": {"vocab": {"a": "b"}}}', "expected a whole number for each piece"),
        ('{"model": {"type": "BPE", "vocab": {}}}', "cannot be read by tokenizers"),
    ):
        bundle.write_text(content)
        with pytest.raises(InputError, match=message):
            load_tokenizer(tmp_path)
    bundle.unlink()
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


def test_an_empty_line_in_vocab_txt_is_no_word_piece(tmp_path):
    """Those after it keep their numbers, which are those of their lines."""
    (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]\n\n[SEP]\nfox\n\n\n")
    vocabulary = load_tokenizer(tmp_path).vocabulary
    assert vocabulary == {"[UNK]": 0, "[CLS]": 1, "[SEP]": 3, "fox": 4}


def test_a_folder_that_is_not_there(tmp_path, monkeypatch):
    """A name that may be a model's on the hub comes with the command to fetch it."""
    monkeypatch.chdir(tmp_path)
    for name in ("bert-base-uncased", "google-bert/bert-base-uncased"):
        with pytest.raises(InputError, match=f"{name}: no such folder") as error:
            load_tokenizer(name)
        assert f"hf download {name} --local-dir {name}" in str(error.value)
    with pytest.raises(InputError, match="no such folder; expected one") as error:
        load_tokenizer(tmp_path / "absent")
    assert "hf download" not in str(error.value)
    (tmp_path / "model.ckpt").write_text("")
    with pytest.raises(InputError, match=r"model\.ckpt: a file is no model; name the"):
        load_tokenizer("model.ckpt")


def test_share_of_unknown_tokens(tokenizer):
    """Two of five, [CLS] and [SEP] not counted."""
    tokens = "[CLS] the [UNK] ##s [SEP] [UNK] dog [SEP]".split()
    assert tokenizer.unknown_share(tokens) == 0.4
    assert tokenizer.unknown_share(["[CLS]", "[SEP]"]) == 0


@pytest.mark.parametrize(
    ("pieces", "lowercase", "message"),
    [
        (
            "the Fox",
            True,
            "text is lower-cased, but the vocabulary has capitals: --cased",
        ),
        ("the fox", False, "case is kept, but the vocabulary has no capitals: --cased"),
        ("the fox", True, "is the text in the language of the model"),
        ("the Fox", False, "is the text in the language of the model"),
    ],
)
def test_many_unknown_tokens_name_the_flag_that_is_likely_wrong(
    pieces, lowercase, message
):
    tokens = ["[UNK]", "[CLS]", "[SEP]", *pieces.split()]
    tokenizer = Tokenizer({token: i for i, token in enumerate(tokens)}, lowercase)
    assert tokenizer.unknown_warning(0.03) is None
    warning = tokenizer.unknown_warning(0.4321)
    assert warning.startswith("warning: 43.2 % of the tokens are [UNK]; ")
    assert message in warning


def test_lower_casing_text_for_a_cased_vocabulary_is_said_without_any_unknown_token():
    """Google's cased folders say nothing of case: the, for The, is in them as well."""
    tokens = ["[UNK]", *(f"{chr(97 + i % 26)}{i}" for i in range(100))]
    tokens += [token.capitalize() for token in tokens[1:]]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    assert Tokenizer(vocabulary).unknown_warning(0.0) == (
        "warning: text is lower-cased, but the vocabulary has capitals: --cased is "
        "likely to be missing"
    )
    assert Tokenizer(vocabulary, lowercase=False).unknown_warning(0.0) is None


# The original's rules, written from their description: what is dropped, what becomes a
# space, which characters stand alone, and which accents go.
CJK = [
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
]
ASCII_SIGNS = set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def original_words(text):
    """What the original's basic tokenizer makes of a text for an uncased model."""
    kept = []
    for character in text:
        kind = unicodedata.category(character)
        if character in "\t\n\r" or kind == "Zs":
            kept.append(" ")
        elif any(first <= ord(character) <= last for first, last in CJK):
            kept.append(f" {character} ")
        elif character not in "\0\ufffd" and kind not in ("Cc", "Cf"):
            kept.append(character)
    words = []
    for token in "".join(kept).split():
        for character in unicodedata.normalize("NFD", token.lower()):
            kind = unicodedata.category(character)
            if character in ASCII_SIGNS or kind.startswith("P"):
                character = f" {character} "
            words.append("" if kind == "Mn" else character)
        words.append(" ")
    return "".join(words).split()


def library_words(tokenizer, text):
    normal = tokenizer._backend.normalizer.normalize_str(text)
    return [w for w, _ in tokenizer._backend.pre_tokenizer.pre_tokenize_str(normal)]


def differing(tokenizer, code_points):
    """Those of which, between two letters, the library makes something else."""
    text = " ".join(f"a{chr(c)}b" for c in code_points)
    if original_words(text) == library_words(tokenizer, text):
        return set()
    if len(code_points) == 1:
        return set(code_points)
    step = max(1, len(code_points) // 8)
    starts = range(0, len(code_points), step)
    parts = [differing(tokenizer, code_points[i : i + step]) for i in starts]
    return set().union(*parts)


def test_readme_lists_all_that_differs_from_the_original(tokenizer):
    """Over all code points but the unassigned planes, with Python's tables of Unicode.

    The end of a word in Greek capitals differs as well; that takes two letters.
    """
    planes = [range(0xD800), range(0xF900, 0x40000), range(0xE0000, 0xE1000)]
    found = set()
    for plane in planes:
        for start in range(plane.start, plane.stop, 512):
            block = range(start, min(start + 512, plane.stop))
            found |= differing(tokenizer, block)
    extension_e = set(range(0x2B820, 0x2B920))  # its beginning is not set apart
    assert extension_e <= found
    # what Unicode changed: it was not assigned in version 3.2, or of another category
    old = unicodedata.ucd_3_2_0
    for code_point in found - extension_e:
        character = chr(code_point)
        then, now = old.category(character), unicodedata.category(character)
        assert then == "Cn" or then != now, hex(code_point)
    private = [0xE000, 0xF8FF, 0xF0000, 0xFFFFD, 0x100000, 0x10FFFD]  # are dropped
    assert differing(tokenizer, private) == set(private)
    assert original_words("\u0391\u03a3") == ["\u03b1\u03c2"]
    assert library_words(tokenizer, "\u0391\u03a3") == ["\u03b1\u03c3"]

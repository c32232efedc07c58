"""Tokenizers as their folders say: every kind of file, and the settings beside it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tokenizers import pre_tokenizers, processors

from attention.examples import prepare_examples
from attention.masking import mask_examples
from attention.record import FIRST, PUNCTUATION, SEPARATOR, WORD, Maps
from attention.source import TOKENS, Source
from bert import BertConfig, load_tokenizer
from bert.tokenization import word_piece
from corpora.unlabeled import cut_corpus
from toolkit.files import InputError

GOLDEN = Path(__file__).parent / "golden" / "tokenizers"
GERMAN = """[PAD] [UNK] [CLS] [SEP] [MASK] er möchte mochte es schön schon New York new
york 東 京 都 東京都 [e1] [/e1] e1 [ ] / fox the""".split()


@pytest.fixture
def folder(tmp_path):
    """A folder with a vocab.txt; `settings` of a test go beside it."""
    (tmp_path / "vocab.txt").write_text("\n".join(GERMAN), encoding="utf-8")
    return tmp_path


def write(folder, name, value):
    (folder / name).write_text(json.dumps(value), encoding="utf-8")


@pytest.mark.parametrize(
    ("settings", "text", "pieces"),
    [
        ({}, "er möchte es schön", "er mochte es schon"),
        (
            {"do_lower_case": True, "strip_accents": False},
            "er möchte es schön",
            "er möchte es schön",
        ),
        ({"strip_accents": None}, "er möchte", "er mochte"),
        ({"do_lower_case": False}, "New York schön", "New York schön"),
        (
            {"do_lower_case": False, "strip_accents": True},
            "New schön",
            "New schon",
        ),
        ({}, "東京都", "東 京 都"),
        ({"tokenize_chinese_chars": False}, "東京都", "東京都"),
        ({"never_split": ["[e1]"]}, "the [e1] fox", "the [e1] fox"),
        ({}, "[SEP] [e1]", "[ [UNK] ] [ e1 ]"),
    ],
)
def test_settings_beside_vocab_txt(folder, settings, text, pieces):
    write(folder, "tokenizer_config.json", settings)
    assert load_tokenizer(folder).tokenize([text]) == [pieces.split()]


@pytest.mark.parametrize("settings", [{}, {"do_lower_case": True}])
def test_cased_wins_over_all(folder, settings):
    write(folder, "tokenizer_config.json", settings)
    tokenizer = load_tokenizer(folder, cased=True)
    assert tokenizer.tokenize(["New schön"]) == [["New", "schön"]]
    tokenizer._backend.save(str(folder / "tokenizer.json"))
    assert load_tokenizer(folder, cased=True).tokenize(["New"]) == [["New"]]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("added_tokens.json", {"[f1]": 25, "[/f1]": 26}),
        (
            "tokenizer_config.json",
            {
                "added_tokens_decoder": {
                    "25": {"content": "[f1]", "special": True},
                    "26": {"content": "[/f1]", "special": False},
                    "3": {"content": "[SEP]", "special": True},
                }
            },
        ),
    ],
)
def test_added_tokens_are_one_piece_each_and_others_are_text(folder, name, value):
    write(folder, name, value)
    tokenizer = load_tokenizer(folder)
    (pieces,) = tokenizer.tokenize(["The[f1]fox[/f1] [SEP]"])
    assert pieces == ["the", "[f1]", "fox", "[/f1]", "[", "[UNK]", "]"]
    assert tokenizer.token_ids(["[f1]", "[/f1]"]) == [25, 26]


def test_case_of_added_tokens(folder):
    """By hand: an added word is found in lower-cased text, a special one as it is."""
    write(folder, "added_tokens.json", {"covid": 25, "[F1]": 26})
    write(folder, "special_tokens_map.json", {"additional_special_tokens": ["[F1]"]})
    text = "The COVID [F1] [f1]"
    pieces = "the covid [F1] [ [UNK] ]".split()
    assert load_tokenizer(folder).tokenize([text]) == [pieces]
    cased = "[UNK] [UNK] [F1] [ [UNK] ]".split()
    assert load_tokenizer(folder, cased=True).tokenize([text]) == [cased]


def test_special_tokens_of_the_map_are_one_piece_each(folder):
    """Those that have had a number in the vocabulary all along."""
    names = {"additional_special_tokens": ["[e1]", {"content": "[/e1]"}]}
    write(folder, "special_tokens_map.json", names)
    pieces = "[e1] the fox [/e1] [ [UNK] ]".split()
    text = "[e1] the fox [/e1] [CLS]"
    assert load_tokenizer(folder).tokenize([text]) == [pieces]


def test_a_token_without_a_number_is_refused(folder):
    settings = {"additional_special_tokens": ["[g1]"]}
    write(folder, "tokenizer_config.json", settings)
    with pytest.raises(InputError, match=r"the token '\[g1\]', which has no number"):
        load_tokenizer(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("word_tokenizer_type", "mecab"),
        ("subword_tokenizer_type", "character"),
        ("do_basic_tokenize", False),
    ],
)
def test_settings_that_are_not_honoured_are_refused(folder, key, value):
    write(folder, "tokenizer_config.json", {key: value})
    with pytest.raises(InputError, match=f"{key} is {value!r}, expected"):
        load_tokenizer(folder)


@pytest.mark.parametrize(
    ("key", "name"),
    [("do_lower_case", "lowercase"), ("tokenize_chinese_chars", "handle_chinese_ch")],
)
def test_files_that_contradict_each_other_are_refused(folder, key, name):
    load_tokenizer(folder)._backend.save(str(folder / "tokenizer.json"))
    write(folder, "tokenizer_config.json", {key: False})
    with pytest.raises(InputError, match=f"{name}.* is True, but {key} in"):
        load_tokenizer(folder)


def test_a_vocab_txt_of_another_model_is_refused(folder):
    load_tokenizer(folder)._backend.save(str(folder / "tokenizer.json"))
    with open(folder / "vocab.txt", "a", encoding="utf-8") as file:
        file.write("\nwolf")
    with pytest.raises(InputError, match=r"wolf is number 27, but not there in tok"):
        load_tokenizer(folder)


def test_tokenizer_json_is_what_tokenizes(folder):
    """Its normalizer and added tokens hold, its padding, truncation and template do
    not; special tokens in a text are text."""
    backend = load_tokenizer(folder, cased=True)._backend
    backend.add_tokens(["[e1]"])
    backend.add_special_tokens(["[CLS]", "[SEP]"])
    backend.enable_padding(length=20)
    backend.enable_truncation(3)
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    backend.save(str(folder / "tokenizer.json"))
    tokenizer = load_tokenizer(folder)
    assert tokenizer.tokenize(["New York the[e1] [SEP]"]) == [
        ["New", "York", "the", "[e1]", "[", "[UNK]", "]"]
    ]
    assert not tokenizer.lowercase


def golden(name):
    """Texts, and the pieces that golden/make_tokenizers.py has of them."""
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def check(tokenizer, expected):
    """Pieces of texts and of words are those of transformers' fast tokenizers."""
    texts = [item["text"] for item in expected]
    assert tokenizer.tokenize(texts) == [item["pieces"] for item in expected]
    for item in expected:
        unknown = [tokenizer.special_tokens.unknown]
        pieces = [p or unknown for p in item["words"]]
        assert tokenizer.tokenize_words(item["text"].split()) == pieces


KINDS = ("WordPiece", "byte-level BPE", "SentencePiece BPE", "Unigram")


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_and_alignment_equal_those_of_transformers(kind):
    tokenizer = load_tokenizer(GOLDEN / kind)
    assert tokenizer.sequence(["a"]) == ["<s>", "a", "</s>"]
    check(tokenizer, golden(f"{kind}/pieces.json"))


def test_vocab_json_and_merges(tmp_path):
    """The files of RoBERTa before tokenizer.json: the same pieces."""
    bundle = golden("byte-level BPE/tokenizer.json")["model"]
    write(tmp_path, "vocab.json", bundle["vocab"])
    lines = ["#version: 0.2", *(" ".join(pair) for pair in bundle["merges"])]
    (tmp_path / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    write(tmp_path, "config.json", {"model_type": "roberta"})
    tokenizer = load_tokenizer(tmp_path)
    check(tokenizer, golden("byte-level BPE/pieces.json"))
    parts = tokenizer.sequence(["a"], ["b"])
    assert parts == ["<s>", "a", "</s>", "</s>", "b", "</s>"]
    # bytes that are in no UTF-8 may be missing
    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    for missing in (20, 21):
        pieces = ["<s>", "</s>", "<unk>", *signs[missing:]]
        write(tmp_path, "vocab.json", {piece: i for i, piece in enumerate(pieces)})
        (tmp_path / "merges.txt").write_text("#version: 0.2\n")
        if missing == 20:
            load_tokenizer(tmp_path)
    with pytest.raises(InputError, match="vocab.json: lacks 21 of the 256 bytes that"):
        load_tokenizer(tmp_path)
    write(tmp_path, "vocab.json", {"<s>": 0, "</s>": 1, "<unk>": 2, "a</w>": 3})
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    with pytest.raises(InputError, match="vocab.json: lacks 256 of the 256 bytes that"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("family", "model", "name"),
    [
        ("xlm-roberta", "spm.model", "sentencepiece.bpe.model"),
        ("camembert", "spm.model", "sentencepiece.bpe.model"),
        ("albert", "albert.model", "spiece.model"),
    ],
)
def test_sentencepiece_models(tmp_path, family, model, name):
    shutil.copy(GOLDEN / model, tmp_path / name)
    write(tmp_path, "config.json", {"model_type": family})
    check(load_tokenizer(tmp_path), golden(f"{family}.json"))


def test_sentencepiece_of_another_family_is_refused(tmp_path):
    shutil.copy(GOLDEN / "spm.model", tmp_path / "spiece.model")
    with pytest.raises(InputError, match="SentencePiece is not a tokenizer of this"):
        load_tokenizer(tmp_path)


def test_special_tokens_in_a_text_are_text_in_unigram_too():
    """The model has them as pieces, which transformers takes for the tokens."""
    tokenizer = load_tokenizer(GOLDEN / "Unigram")
    (pieces,) = tokenizer.tokenize(["a <s> b"])
    assert "<s>" not in pieces
    assert tokenizer.vocabulary["<s>"] == 0


@pytest.fixture
def roberta(tmp_path):
    """A byte-level BPE tokenizer in a folder of RoBERTa's family."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(GOLDEN / "byte-level BPE" / name, tmp_path)
    write(tmp_path, "config.json", {"model_type": "roberta"})
    return load_tokenizer(tmp_path)


CONFIG = BertConfig(700, 12, 2, 3, 14, 130, 1, pad_token_id=1, model_type="roberta")


def test_words_of_an_example_are_pieces_of_their_text(roberta):
    words = ["The", "cat", ",", "that", "slept", "."]
    (item,), _ = prepare_examples([{"words": words}], roberta, CONFIG)
    (whole,) = roberta.tokenize(["The cat , that slept ."])
    assert item.tokens == ["<s>", *whole, "</s>"]
    pieces = [place for word in item.word_pieces for place in word]
    assert pieces == list(range(len(item.tokens)))
    joined = ["".join(item.tokens[i] for i in p) for p in item.word_pieces]
    assert joined == ["<s>", "The", "Ġcat", "Ġ,", "Ġthat", "Ġslept", "Ġ.", "</s>"]
    with pytest.raises(InputError, match="<pad> among the tokens, to which all oth"):
        prepare_examples([{"tokens": ["<s>", "<pad>", "</s>"]}], roberta, CONFIG)


def test_spans_are_pairs_of_the_family(tmp_path, roberta):
    text = tmp_path / "text.txt"
    text.write_text("The cat slept.\nThe dog ran.\nIt rained.\n")
    (span,) = cut_corpus(text, roberta, max_length=40).examples
    first = span["tokens"].index("</s>")
    parts = span["tokens"][1:first], span["tokens"][first + 2 : -1]
    assert span["tokens"] == ["<s>", *parts[0], "</s>", "</s>", *parts[1], "</s>"]
    sentences = ["The cat slept.", "The dog ran.", "It rained."]
    expected = [
        tuple(roberta.tokenize([" ".join(sentences[:n]), " ".join(sentences[n:])]))
        for n in (1, 2)
    ]
    assert parts in expected
    with pytest.raises(InputError, match="none but 4 special tokens: raise"):
        cut_corpus(text, roberta, max_length=5)


def test_masks_spare_the_special_tokens_of_the_family(roberta):
    examples = [{"text": "The cat slept. It rained."}] * 30
    prepared, _ = prepare_examples(examples, roberta, CONFIG)
    shown = set()
    for mask in mask_examples(prepared, roberta, rate=0.9, seed=0):
        assert 0 not in mask.places
        assert len(prepared[0].tokens) - 1 not in mask.places
        shown |= set(mask.shown)
    assert "<mask>" in shown


def test_roles_are_those_of_the_family():
    source = Source(layers=(0,), heads=1, level=TOKENS, special_tokens=("<s>", "</s>"))
    tokens = ["<s>", "The", "Ġcat", "Ġ,", "</s>", "</s>", "▁.", ".", "[SEP]", "</s>"]
    values = np.full((1, 1, 10, 10), 0.1, "float32")
    maps = Maps.from_example({"tokens": tokens, "attns": values}, source)
    assert maps.roles.tolist() == [
        *(FIRST, WORD, WORD, PUNCTUATION, SEPARATOR),
        *(SEPARATOR, PUNCTUATION, PUNCTUATION, WORD, SEPARATOR),
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "tokenizer_config.json",
            {"do_lower_case": "false"},
            "is 'false', expected tr",
        ),
        ("tokenizer_config.json", {"strip_accents": 1.5}, "expected true or false"),
        (
            "tokenizer_config.json",
            {"never_split": "[e1]"},
            "is '.e1.', expected a list",
        ),
        ("tokenizer_config.json", {"never_split": [{}]}, "expected a token, or an obj"),
        ("tokenizer_config.json", {"added_tokens_decoder": []}, "expected an object"),
        (
            "tokenizer_config.json",
            {"added_tokens_decoder": {"9": {"id": 9}}},
            "added_tokens_decoder: expected a token, .* found null",
        ),
        (
            "tokenizer_config.json",
            {"added_tokens_decoder": {"x": {"content": "[f1]"}}},
            r"'\[f1\]' is number 'x', expected a whole number",
        ),
        (
            "tokenizer_config.json",
            {"added_tokens_decoder": {"30": {"content": "[f1]", "lstrip": 1}}},
            r"lstrip of '\[f1\]' is 1, expected true or false",
        ),
        ("tokenizer_config.json", {"sep_token": 5}, "sep_token: expected .* a number"),
        (
            "special_tokens_map.json",
            {"unk_token": "\ud800"},
            "unk_token: .* is no text",
        ),
        ("added_tokens.json", {"[f1]": "25"}, "a whole number for each .* a string"),
        ("added_tokens.json", {"[f1]": -1}, r"number -1, expected one from 0 to 9,999"),
        ("added_tokens.json", {"\ud800": 25}, "is no text: it holds half of a surrog"),
    ],
)
def test_settings_of_another_kind_are_refused(folder, name, value, message):
    write(folder, name, value)
    with pytest.raises(InputError, match=message):
        load_tokenizer(folder)


@pytest.mark.parametrize(
    ("flags", "text", "pieces"),
    [
        ({}, "fox[f1]FOX [F1]", "fox [f1] fox [ [UNK] ]"),
        ({"normalized": True}, "fox[f1]FOX [F1]", "fox [f1] fox [f1]"),
        ({"single_word": True}, "fox[f1] [f1]", "fox [ [UNK] ] [f1]"),
    ],
)
def test_flags_of_added_tokens_are_honoured(folder, flags, text, pieces):
    """By hand: a normalized token is found in any case, a single word only apart."""
    token = {"content": "[f1]", "special": False} | flags
    write(folder, "tokenizer_config.json", {"added_tokens_decoder": {"25": token}})
    assert load_tokenizer(folder).tokenize([text]) == [pieces.split()]


def bundle_of(folder, **model):
    """A tokenizer.json of the folder's vocab.txt, with other values in its model."""
    bundle = json.loads(load_tokenizer(folder)._backend.to_str())
    bundle["model"] |= model
    write(folder, "tokenizer.json", bundle)
    (folder / "vocab.txt").unlink()
    return bundle


@pytest.mark.parametrize("number", [2**31, 2**70, -1, 1.0, "5"])
def test_numbers_of_pieces_are_bounded(folder, number):
    """The library goes through all numbers up to the highest: a minute for 2**31."""
    bundle = bundle_of(folder)
    bundle["model"]["vocab"]["fox"] = number
    write(folder, "tokenizer.json", bundle)
    with pytest.raises(InputError, match="expected (one from 0|a whole number for)"):
        load_tokenizer(folder)
    (folder / "tokenizer.json").unlink()
    pieces = {"<s>": 0, "</s>": 1, "<unk>": 2, "a": number}
    write(folder, "vocab.json", pieces)
    (folder / "merges.txt").write_text("#version: 0.2\n")
    write(folder, "config.json", {"model_type": "roberta"})
    with pytest.raises(InputError, match="expected (one from 0|a whole number for)"):
        load_tokenizer(folder)


def test_an_unknown_token_that_the_settings_do_not_name_is_refused(folder):
    bundle_of(folder, unk_token="<unk>")
    with pytest.raises(
        InputError, match="the unknown token is '<unk>', but '.UNK.' in"
    ):
        load_tokenizer(folder)


def test_a_unigram_model_without_an_unknown_token_is_refused(tmp_path):
    bundle = golden("Unigram/tokenizer.json")
    bundle["model"]["unk_id"] = None
    write(tmp_path, "tokenizer.json", bundle)
    shutil.copy(GOLDEN / "Unigram" / "tokenizer_config.json", tmp_path)
    with pytest.raises(InputError, match="the unknown token is None, but '<unk>' in"):
        load_tokenizer(tmp_path)


def test_pieces_drawn_at_random_are_refused(tmp_path):
    bundle = golden("byte-level BPE/tokenizer.json")
    bundle["model"]["dropout"] = 0.1
    write(tmp_path, "tokenizer.json", bundle)
    with pytest.raises(InputError, match=r"dropout is 0\.1, which draws pieces at ran"):
        load_tokenizer(tmp_path)


def test_a_panic_of_the_library_is_an_error_of_the_file(tmp_path):
    """Of Rust, which is no Exception of Python: a prefix longer than its piece."""
    bundle = golden("byte-level BPE/tokenizer.json")
    bundle["model"]["continuing_subword_prefix"] = "12345678"
    write(tmp_path, "tokenizer.json", bundle)
    shutil.copy(GOLDEN / "byte-level BPE" / "tokenizer_config.json", tmp_path)
    with pytest.raises(InputError, match="cannot be read by tokenizers"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    "normalizer",
    [5, [5], {"type": ["x"]}, {"type": "Sequence", "normalizers": 5}, {"type": {}}]
    + [{"type": "Sequence", "normalizers": [None, {"type": "StripAccents"}]}],
)
@pytest.mark.parametrize("cased", [False, True])
def test_normalizers_of_no_known_kind_are_refused(folder, normalizer, cased):
    bundle = bundle_of(folder)
    write(folder, "tokenizer.json", bundle | {"normalizer": normalizer})
    with pytest.raises(InputError, match="cannot be read by tokenizers"):
        load_tokenizer(folder, cased)


def sequence(*parts):
    return {"type": "Sequence", "normalizers": [*parts]}


NFD, LOWER, STRIP = ({"type": t} for t in ("NFD", "Lowercase", "StripAccents"))


@pytest.mark.parametrize(
    ("normalizer", "uncased"),
    [
        (LOWER, "new schön"),
        (sequence(NFD, STRIP, LOWER), "new schon"),
        (sequence(NFD, sequence(STRIP, LOWER)), "new schon"),
        (sequence(sequence(NFD, LOWER), STRIP), "new schon"),
        (sequence({"type": "NFC"}, LOWER), "new schön"),
        (None, "New schön"),
    ],
)
def test_cased_drops_what_lowers_and_strips_however_deep(folder, normalizer, uncased):
    write(folder, "tokenizer.json", bundle_of(folder) | {"normalizer": normalizer})
    assert load_tokenizer(folder).tokenize(["New schön"]) == [uncased.split()]
    cased = load_tokenizer(folder, cased=True)
    assert cased.tokenize(["New schön"]) == [["New", "schön"]]
    assert not cased.lowercase


def test_a_sentencepiece_model_that_is_none(tmp_path):
    """Bytes of a piece that are not UTF-8: 'a' of a piece "▁a" becomes 0xFF."""
    data = (GOLDEN / "albert.model").read_bytes()
    write(tmp_path, "config.json", {"model_type": "albert"})
    for broken in (data[:-40], data.replace("▁the".encode(), b"\xff" * 6, 1)):
        (tmp_path / "spiece.model").write_bytes(broken)
        with pytest.raises(InputError, match="not a SentencePiece model"):
            load_tokenizer(tmp_path)


def test_an_unknown_token_outside_the_model_s_own_vocabulary(tmp_path):
    """Found by the fuzz run: only a word that is unknown shows it."""
    backend = word_piece({"[CLS]": 0, "[SEP]": 1, "fox": 2})
    backend.add_special_tokens(["[UNK]"])
    backend.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError, match=r"cannot split this text .*Missing \[UNK\]"):
        load_tokenizer(tmp_path).tokenize(["fox wolf"])


def test_a_piece_with_another_number_in_the_settings_is_refused(folder):
    """Else "the" would be read with the weights of what the settings' number is."""
    the = load_tokenizer(folder).vocabulary["the"]
    write(folder, "added_tokens.json", {"the": the})
    assert load_tokenizer(folder).token_ids(["the"]) == [the]
    write(folder, "added_tokens.json", {"the": the + 1})
    message = f"the is number {the + 1} in the settings, but {the} in the vocabulary"
    with pytest.raises(InputError, match=message):
        load_tokenizer(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("added_tokens.json", {"covid": 25}),
        (
            "tokenizer_config.json",
            {"added_tokens_decoder": {"25": {"content": "covid"}}},
        ),
    ],
)
def test_tokens_that_tokenizer_json_lacks_are_added(folder, name, value):
    """As transformers adds them to it, where a model was trained on after saving it."""
    bundle_of(folder)
    assert load_tokenizer(folder).tokenize(["fox covid"]) == [["fox", "[UNK]"]]
    write(folder, name, value)
    tokenizer = load_tokenizer(folder)
    assert tokenizer.tokenize(["fox covid"]) == [["fox", "covid"]]
    assert tokenizer.token_ids(["covid"]) == [25]


def test_accents_that_case_decides_in_tokenizer_json(folder):
    """Without strip_accents, they are stripped where text is lower-cased."""
    bundle = bundle_of(folder)
    bundle["normalizer"]["strip_accents"] = None
    write(folder, "tokenizer.json", bundle)
    write(folder, "tokenizer_config.json", {"strip_accents": True})
    assert load_tokenizer(folder).tokenize(["schön"]) == [["schon"]]
    write(folder, "tokenizer_config.json", {"strip_accents": False})
    with pytest.raises(InputError, match="strip_accents is True, but strip_accents in"):
        load_tokenizer(folder)


def test_a_line_missing_in_vocab_txt_is_a_doubt(folder):
    """All pieces after it would be taken for their neighbours, without any [UNK]."""
    write(folder, "config.json", {"vocab_size": len(GERMAN)})
    assert load_tokenizer(folder).unknown_warning(0.0) is None
    lines = [piece for piece in GERMAN if piece != "york"]
    (folder / "vocab.txt").write_text("\n".join(lines), encoding="utf-8")
    assert load_tokenizer(folder).unknown_warning(0.0) == (
        f"warning: {folder}: {len(GERMAN) - 1} pieces for a model of {len(GERMAN)}; if "
        "a line of the vocabulary is missing, all after it are taken for others"
    )


@pytest.mark.parametrize(
    "name",
    ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]
    + ["added_tokens.json", "vocab.json"],
)
@pytest.mark.parametrize("content", ["[]", "3", "null", "", "[" * 9000, "\xff\xfe"])
def test_json_that_is_odd_is_one_line(folder, name, content):
    if name == "vocab.json":
        (folder / "vocab.txt").unlink()
        (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / name).write_bytes(content.encode("latin1"))
    with pytest.raises(InputError) as error:
        load_tokenizer(folder)
    assert str(error.value).startswith(f"{folder / name}: ")
    assert str(error.value).isprintable()

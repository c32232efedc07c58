"""Examples: what is read, what is refused, and what BERT is given."""

import dataclasses
import gzip

import pytest
from conftest import CONFIG

from attention.examples import (
    prepare_examples,
    read_examples,
    require_examples,
    unknown_tokens,
)
from attention.sentences import read_sentences
from bert import BertConfig
from corpora.examples import write_examples
from toolkit.files import InputError

SIZES = BertConfig(**CONFIG)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{]", "not JSON"),
        ("\x00", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "expected examples, found an empty list"),
        ('{"text": "a"}', r"expected a list of examples, found \{"),
        ("3", "expected a list of examples, found 3"),
        ('[{"text": "a"}, 7]', "example 1: expected an object, found a number"),
        ("[{}]", "example 0: expected exactly one of text, words, tokens; found none"),
        ('[{"text": "a", "words": []}]', "example 0: .*; found text and words"),
        ('[{"text": ["a"]}]', "'text' must be a string, found a list"),
        ('[{"text": null}]', "'text' must be a string, found null"),
        ('[{"words": "a"}]', "'words' must be a list of strings, found a string"),
        ('[{"words": ["a", 1]}]', "'words' must hold strings only, found a number"),
        ('[{"tokens": [true]}]', "'tokens' must hold strings only, found a truth"),
        ('[{"tokens": []}]', "'tokens' must hold .* found none"),
    ],
)
def test_what_is_no_list_of_examples(tmp_path, content, message):
    path = tmp_path / "data.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as error:
        read_examples(path)
    assert str(path) in str(error.value)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "data.json").write_bytes(b'["\xff"]')
    with pytest.raises(InputError, match="not JSON"):
        read_examples(tmp_path / "data.json")


def test_written_examples_are_read_again(tmp_path):
    examples = [{"text": "café 中"}, {"words": ["a"], "heads": [0]}]
    write_examples(tmp_path / "new" / "data.json", examples)
    assert read_examples(tmp_path / "new" / "data.json") == examples
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["data.json"]


def test_the_three_fields(tokenizer):
    (text, words, tokens), skipped = prepare_examples(
        [
            {"text": "The fox jumps."},
            {"words": ["jumps", "\x07", "unaffable"], "heads": [0, 1, 1]},
            {"tokens": ["[CLS]", "a", "[SEP]", "dog", "[SEP]"]},
        ],
        tokenizer,
        SIZES,
        max_length=32,
    )
    assert skipped == []
    assert text.tokens == "[CLS] the fox jump ##s . [SEP]".split()
    assert text.token_ids == [2, 5, 6, 7, 8, 12, 3]
    assert text.segment_ids == [0] * 7
    assert text.word_pieces is None
    # a word that yields no piece becomes [UNK] and stays a word
    assert words.tokens == "[CLS] jump ##s [UNK] un ##aff ##able [SEP]".split()
    assert words.word_pieces == [[0], [1, 2], [3], [4, 5, 6], [7]]
    assert words.example["heads"] == [0, 1, 1]
    assert tokens.tokens == tokens.example["tokens"]


def test_segment_ids(tokenizer):
    two_parts = ["[CLS]", "a", "[SEP]", "dog", "[SEP]"]

    def segments(example, kind="sep"):
        (prepared,), _ = prepare_examples(
            [example], tokenizer, SIZES, max_length=32, segment_ids=kind
        )
        return prepared.segment_ids

    assert segments({"tokens": two_parts}) == [0, 0, 0, 1, 1]
    assert segments({"tokens": two_parts}, "zeros") == [0] * 5
    assert segments({"tokens": ["fox", "dog"]}) == [0, 0]
    assert segments({"text": "a dog"}) == [0, 0, 0, 0]
    given = {"tokens": two_parts, "segment_ids": [1, 1, 0, 0, 1]}
    assert segments(given) == segments(given, "zeros") == [1, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("example", "options", "message"),
    [
        ({"tokens": ["[CLS]", "wolf"]}, {}, "'wolf' is not in the vocabulary"),
        ({"text": "fox"}, {"need_words": True}, "no 'words'"),
        ({"tokens": ["a"], "segment_ids": [0, 0]}, {}, "must be a list of 1 numbers"),
        ({"tokens": ["a"], "segment_ids": [2]}, {}, "whole numbers below 2"),
        ({"tokens": ["a"], "segment_ids": [True]}, {}, "whole numbers below 2"),
        ({"tokens": ["a"], "segment_ids": 0}, {}, "must be a list of 1 numbers"),
        (
            {"tokens": ["[CLS]", "[SEP]", "[PAD]"]},
            {},
            r"\[PAD\] among the tokens, to whi",
        ),
        ({"text": "fox", "attns": []}, {}, "found 'attns', .* give it another name"),
        ({"text": "fox", "text_pair": "a"}, {}, "found 'text_pair', .* give both as"),
        ({"tokens": ["a"], "token_type_ids": [0]}, {}, "called 'segment_ids' here"),
    ],
)
def test_unusable_examples_are_named(tokenizer, example, options, message):
    with pytest.raises(InputError, match=f"example 1: .*{message}"):
        prepare_examples(
            [{"words": ["a"]}, example], tokenizer, SIZES, max_length=32, **options
        )


def test_too_long_examples_are_left_out_and_counted(tokenizer):
    examples = [{"text": "a " * n} for n in (3, 4, 0, 5)]
    prepared, skipped = prepare_examples(examples, tokenizer, SIZES, max_length=5)
    assert [len(p.tokens) for p in prepared] == [5, 2]
    assert [(s.example, s.tokens) for s in skipped] == [(1, 6), (3, 7)]


def test_what_is_beyond_the_model(tokenizer):
    with pytest.raises(InputError, match="33 tokens is beyond the 32 positions"):
        prepare_examples([], tokenizer, SIZES, max_length=33)
    fewer = dataclasses.replace(SIZES, vocab_size=CONFIG["vocab_size"] - 1)
    with pytest.raises(InputError, match="they do not belong together"):
        prepare_examples([], tokenizer, fewer, max_length=32)


def test_segment_ids_that_are_not_known(tokenizer):
    with pytest.raises(ValueError, match="segment_ids is 'SEP', expected one of zeros"):
        prepare_examples([], tokenizer, SIZES, max_length=8, segment_ids="SEP")


def test_segment_ids_by_sep_need_two_segment_types(tokenizer):
    one = dataclasses.replace(SIZES, type_vocab_size=1)
    with pytest.raises(InputError, match="has 1: leave out --segment-ids sep"):
        prepare_examples([], tokenizer, one, max_length=8, segment_ids="sep")
    assert prepare_examples([], tokenizer, one, max_length=8) == ([], [])


@pytest.mark.parametrize(
    ("name", "content", "script"),
    [
        ("text.txt", "Some text .", "preprocess_unlabeled.py"),
        ("dev.txt", "Go 0-root", "preprocess_depparse.py"),
        ("dev.conllu", "1\tGo\t_\t_\t_\t_\t0\troot\t_\t_", "preprocess_depparse.py"),
        ("gum.conllu", "# newdoc", "preprocess_coref.py"),
        ("dev.v4_gold_conll", "#begin document", "preprocess_coref.py"),
    ],
)
def test_a_corpus_that_is_not_preprocessed_names_the_script(
    tmp_path, name, content, script
):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"{name}: expected JSON .* with .*{script}"):
        read_examples(tmp_path / name)


def test_share_of_unknown_tokens_of_examples(tokenizer):
    """The fox, wolf and dog are three tokens; the vocabulary lacks the wolf."""
    prepared, _ = prepare_examples(
        [{"words": ["fox", "wolf"]}, {"text": "dog"}], tokenizer, SIZES, max_length=8
    )
    assert unknown_tokens(prepared, tokenizer) == 1 / 3


def test_no_example_left_says_how_long_they_are(tokenizer):
    examples = [{"text": "a " * n} for n in (5, 4)]
    result = prepare_examples(examples, tokenizer, SIZES, max_length=5)
    with pytest.raises(InputError, match="all 2 are too long; the shortest has 6 tok"):
        require_examples(*result)
    require_examples(*prepare_examples(examples, tokenizer, SIZES, max_length=6))


def test_sentences_by_what_a_file_is(tmp_path):
    """JSON Lines are no sentences themselves, nor are the rows of a treebank."""
    as_list = b'[{"text": "a dog"}, {"words": ["the", "fox"]}]'
    lines = '{"text": "a dog"}\n{"words": ["the", "fox"]}\n'
    for name, content in (
        ("x.jsonl", lines.encode()),
        ("x.jsonl.gz", gzip.compress(lines.encode())),
        ("x.json.gz", gzip.compress(as_list)),
    ):
        (tmp_path / name).write_bytes(content)
        found = read_sentences(tmp_path / name)
        assert found == [{"text": "a dog"}, {"words": ["the", "fox"]}]
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(b"a dog\n\nthe fox"))
    assert read_sentences(tmp_path / "x.txt.gz") == ["a dog", "the fox"]
    for name in ("x.conllu", "X.CONLLU", "x.conll.gz"):
        (tmp_path / name).write_text("1\ta\t_\n")
        with pytest.raises(InputError, match=rf"{name}: expected JSON of examples; ma"):
            read_sentences(tmp_path / name)


@pytest.mark.parametrize("name", ["x.csv", "x.ndjson", "x.html", "rows.txt"])
def test_tables_and_markup_are_no_sentences(tmp_path, name):
    """Each line would be one, its numbers, tags and quotes as well."""
    (tmp_path / name).write_text("1\ta\tX\n2\tb\tX\n")
    with pytest.raises(InputError, match=rf"{name}: expected plain text"):
        read_sentences(tmp_path / name)


def test_json_lines_by_another_name(tmp_path):
    for name in ("x.json", "x.ndjson"):
        (tmp_path / name).write_text('{"text": "a dog"}\n')
        with pytest.raises(InputError, match=r"name of JSON Lines must end in \.jsonl"):
            read_examples(tmp_path / name)
    (tmp_path / "X.JSONL").write_text('{"text": "a dog"}\n')
    assert read_examples(tmp_path / "X.JSONL") == [{"text": "a dog"}]

"""Cutting text into spans, by hand; the random numbers are Python's own for seed 0.

After random.Random(0): randint(1, 2) gives 2; then random() gives 0.758 and 0.421.
"""

import random
import tracemalloc

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers

import preprocess_unlabeled
from bert import Tokenizer
from corpora import unlabeled
from corpora.unlabeled import _truncate, cut_corpus
from toolkit.files import InputError

LETTERS = Tokenizer({t: i for i, t in enumerate("[UNK] [CLS] [SEP] a b c d e".split())})
for _letter in "fghijklmnop":
    LETTERS.vocabulary[_letter] = len(LETTERS.vocabulary)
LETTERS = Tokenizer(LETTERS.vocabulary)


@pytest.fixture
def cut(tmp_path):
    def cut_text(text, **options):
        path = tmp_path / "corpus.txt"
        path.write_text(text, encoding="utf-8")
        spans = cut_corpus(path, LETTERS, **{"max_length": 10} | options)
        return spans, [" ".join(e["tokens"]) for e in spans.examples]

    return cut_text


def test_spans_by_hand(cut):
    """Target 10 - 3 = 7 pieces. The first document's 3 + 2 + 4 pieces make one chunk of
    n = 3 sentences; randint(1, 2) = 2 of them are the first part: abcde | fghi. 9 are 2
    too many: the first part is longer, 0.758 takes its last: abcd | fghi. On a tie it
    is the second's turn, 0.421 takes its first: abcd | ghi. The second document is one
    chunk of ab | cd, as randint(1, 1) = 1. The shuffle of two leaves them in place."""
    spans, texts = cut("a b c\nd e\nf g h i\n\na b\nc d\n")
    assert texts == ["[CLS] a b c d [SEP] g h i [SEP]", "[CLS] a b [SEP] c d [SEP]"]
    assert (spans.documents, spans.sentences, spans.dropped) == (2, 5, 0)
    assert spans.cut == 2


def test_chunks_end_at_the_target(cut):
    """abc + defg are the 7 wanted, so that hi + jk make a chunk of their own; each has
    two sentences and is cut after the first."""
    _, texts = cut("a b c\nd e f g\nh i\nj k\n")
    assert sorted(texts) == [
        "[CLS] a b c [SEP] d e f g [SEP]",
        "[CLS] h i [SEP] j k [SEP]",
    ]


def test_a_chunk_that_is_dropped_is_truncated_first_as_in_the_original(cut):
    """The lone sentence is one piece too long: truncating it draws 0.844. Only then
    come randint(1, 2) = 2 for the next document, abcde | fghi, and 0.040, which takes
    the first of the longer part, and 0.965, which takes the last of the second."""
    spans, texts = cut("a b c d e f g h\n\na b c\nd e\nf g h i\n")
    assert texts == ["[CLS] b c d e [SEP] f g h [SEP]"]
    assert spans.dropped == 1


def test_last_document_needs_no_empty_line_and_many_empty_lines_are_one(cut):
    assert cut("a b\nc d")[1] == cut("\n\na b\nc d\n\n\n")[1]
    assert cut("a\nb\n\n\n\t\nc\nd")[0].documents == 2


def test_sentence_that_fills_a_chunk_ends_its_document_as_in_the_original(cut):
    """a...h alone reach the target of 7: a chunk with an empty second part."""
    text = "a b c\nd e f g\na b c d e f g h\nh i\nj k\n\nl m\nn o\n"
    spans, texts = cut(text)
    assert sorted(texts) == [
        "[CLS] a b c [SEP] d e f g [SEP]",
        "[CLS] l m [SEP] n o [SEP]",
    ]
    assert (spans.sentences, spans.dropped) == (7, 3)

    spans, texts = cut(text, keep_all=True)
    assert "[CLS] h i [SEP] j k [SEP]" in texts
    assert (len(texts), spans.dropped) == (3, 1)


def test_reading_stops_with_the_document_that_completes_the_number(cut):
    spans, texts = cut("a\nb\n\nc\nd\n\ne\nf\n", num_docs=2)
    assert sorted(texts) == ["[CLS] a [SEP] b [SEP]", "[CLS] c [SEP] d [SEP]"]
    assert spans.documents == 2


def test_all_spans_of_a_document_are_cut_even_if_one_is_taken(cut):
    """Both chunks of the document, abc + defg and hi + jk, are cut before one is taken:
    the sentences of the second are none of the dropped ones."""
    spans, texts = cut("a b c\nd e f g\nh i\nj k\n", num_docs=1)
    assert texts == ["[CLS] a b c [SEP] d e f g [SEP]"]
    assert (spans.sentences, spans.dropped) == (4, 0)


def test_seed_decides_the_cuts(cut):
    text = "\n".join("a b c d e f g".split()) * 3
    assert cut(text, seed=1)[1] == cut(text, seed=1)[1]
    assert len({tuple(cut(text, seed=s)[1]) for s in range(8)}) > 1


@pytest.mark.parametrize(
    ("text", "options", "cause"),
    [
        ("\n \n\x07\n", {}, "there is no text in it"),
        # paragraphs one a line: each line is a document, and keep_all is no help
        ("a b. C d.\n\nE f. G.\n", {}, "if a line is a paragraph, use --split-sentenc"),
        ("a b. C d.\n\nE f. G.\n", {"keep_all": True}, "use --split-sentences"),
        ("a b c d e f g h\ni\nj\n", {}, "use --keep-all, or a greater --max-sequence"),
    ],
)
def test_no_span_is_an_error_that_names_the_likely_cause(cut, text, options, cause):
    with pytest.raises(InputError, match=f"no span found, as .*{cause}"):
        cut(text, **options)


def test_file_that_is_no_text(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"fine\n\xff\xfe\n")
    with pytest.raises(InputError, match=r"corpus\.txt: not UTF-8 text .*of a PDF"):
        cut_corpus(path, LETTERS)


def test_utf_16_is_no_text_even_where_it_is_valid_utf_8(tmp_path):
    """Its empty lines are not empty, so documents would run into each other."""
    path = tmp_path / "corpus.txt"
    path.write_bytes("a b\nc d\n\na b\nc d\n".encode("utf-16-le"))
    with pytest.raises(
        InputError, match="looks like UTF-16.*convert the file to UTF-8"
    ):
        cut_corpus(path, LETTERS)


def test_a_byte_order_mark_is_no_text(tmp_path):
    """In byte-level BPE it would be three pieces; BERT's tokenizer drops it anyway."""
    vocabulary = {c: i for i, c in enumerate("[UNK] [CLS] [SEP] a \ufeff".split(" "))}
    backend = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    path = tmp_path / "corpus.txt"
    path.write_text("a\na\n", encoding="utf-8-sig")
    spans = cut_corpus(path, Tokenizer(vocabulary, backend=backend))
    assert spans.examples == [{"tokens": ["[CLS]", "a", "[SEP]", "a", "[SEP]"]}]


def test_sentences_are_split_where_lines_end_anywhere(cut):
    """A b c ! | D e ? | Mr . F g h i ! are 4, 3 and 7 pieces (Mr . ! ? are unknown).

    The first two reach the target of 7 and make a chunk, the third alone is left over.
    """
    text = "A b c! D\ne? Mr. F g\nh i!\n"  # wrapped lines
    spans, texts = cut(text, split_sentences="en")
    assert texts == ["[CLS] a b c [UNK] [SEP] d e [UNK] [SEP]"]
    assert (spans.documents, spans.sentences, spans.dropped) == (1, 3, 1)


def test_paragraphs_one_a_line_are_split(cut):
    """Without empty lines they are one document, with empty lines one each."""
    spans, together = cut("A b! C d!\nE f! G h!\n", split_sentences="en", max_length=9)
    assert sorted(together) == [
        "[CLS] a b [UNK] [SEP] c d [UNK] [SEP]",
        "[CLS] e f [UNK] [SEP] g h [UNK] [SEP]",
    ]
    assert spans.documents == 1
    spans, apart = cut("A b! C d!\n\nE f! G h!\n", split_sentences="en")
    assert spans.documents == len(apart) == 2


@pytest.mark.parametrize("sign", ['"', "'", "\u201c", "(", "["])
def test_a_quote_or_bracket_that_is_never_closed_ends_with_its_sentence(cut, sign):
    """300 short sentences, then one that opens, and 300 more."""
    text = "C d! " * 300 + f"A {sign}b c! " + 'E "f" g! ' * 300
    spans, _ = cut(text, split_sentences="en", keep_all=True)
    assert spans.sentences == 601


def test_the_language_decides_what_ends_a_sentence(cut):
    """ "Am 5. Mai" holds a date in German."""
    text = "Am 5. Mai a! B c!\n"
    assert cut(text, split_sentences="de")[0].sentences == 2
    assert cut(text, split_sentences="en")[0].sentences == 3


def test_blocks_change_nothing(cut, monkeypatch):
    """A document is tokenized, and split into sentences, in blocks."""
    sentences = ["A b c!", "D e f g!", "H i!", "J k!", "L m n o p!"] * 4
    wrapped = " ".join(sentences).replace(" ", "\n")
    expected = cut("\n".join(sentences), max_length=9)
    assert expected[0].sentences == 20
    for block in (1, 30, 1000):
        monkeypatch.setattr(unlabeled, "BLOCK", block)
        assert cut("\n".join(sentences), max_length=9) == expected
        for text in (wrapped, " ".join(sentences)):
            assert cut(text, max_length=9, split_sentences="en") == expected


class Recording(Tokenizer):
    """A tokenizer that keeps how many characters it was given at once."""

    def tokenize(self, texts):
        self.most = max(getattr(self, "most", 0), sum(map(len, texts)))
        return super().tokenize(texts)


@pytest.mark.parametrize("language", [None, "en"])
def test_text_without_empty_lines_is_tokenized_in_blocks(
    tmp_path, monkeypatch, language
):
    path = tmp_path / "corpus.txt"
    path.write_text("A b c!\n" * 1000)
    tokenizer = Recording(LETTERS.vocabulary)
    monkeypatch.setattr(unlabeled, "BLOCK", 100)
    spans = cut_corpus(path, tokenizer, num_docs=5, split_sentences=language)
    assert (len(spans.examples), spans.sentences) == (5, 1000)
    assert tokenizer.most < 200


@pytest.mark.parametrize("sign", ["\v", "\f", "\x1c", "\x85"])
def test_a_line_or_page_break_within_a_line_is_a_space(cut, sign):
    """Word's line break, PDF's page, IBM's new line: BERT's tokenizer drops them, which
    would make one word of a and b. At the beginning of a line they are none either."""
    assert cut(f"a{sign}b\n{sign}c d\n")[1] == ["[CLS] a b [SEP] c d [SEP]"]
    text = f"A{sign}b! C{sign}\nd!\n"
    assert cut(text, split_sentences="en")[1] == [
        "[CLS] a b [UNK] [SEP] c d [UNK] [SEP]"
    ]


def test_words_divided_at_the_end_of_a_line(monkeypatch, tmp_path):
    """A soft hyphen joins; of the hyphens, that of "in-ter" is one that divides, those
    before a capital, after a figure, within a line and of a dash are not counted."""
    path = tmp_path / "corpus.txt"
    path.write_text(
        "so\xad\nft in-\nter a-\nB 3-\nd h- k -\no! A\u2010\nb!\n", encoding="utf-8"
    )
    words = "[UNK] [CLS] [SEP] soft in ter a b h k o d 3 - ! \u2010".split()
    tokenizer = Tokenizer({word: i for i, word in enumerate(words)})
    for block in (1, 1000):
        monkeypatch.setattr(unlabeled, "BLOCK", block)
        spans = cut_corpus(path, tokenizer, split_sentences="en")
        (example,) = spans.examples
        assert " ".join(example["tokens"]) == (
            "[CLS] soft in - ter a - b 3 - d h - k - o ! [SEP] a \u2010 b ! [SEP]"
        )
        assert spans.divided == 2


def test_lines_of_chinese_and_japanese_are_joined_without_a_space(
    monkeypatch, tmp_path
):
    """Katakana is split by no tokenizer rule. Other words on two lines stay two."""
    path = tmp_path / "corpus.txt"
    path.write_text("カ\nナa\nbカ\né。カ\nナ。", encoding="utf-8")
    words = "[UNK] [CLS] [SEP] カ ナ ##カ ##ナ ##a a b e 。".split()
    tokenizer = Tokenizer({word: i for i, word in enumerate(words)})
    for block in (1, 1000):
        monkeypatch.setattr(unlabeled, "BLOCK", block)
        spans = cut_corpus(path, tokenizer, split_sentences="ja", keep_all=True)
        (example,) = spans.examples
        assert " ".join(example["tokens"]) == (
            "[CLS] カ ##ナ ##a b ##カ e 。 [SEP] カ ##ナ 。 [SEP]"
        )


def test_files_with_byte_order_marks_put_together(cut):
    """`cat` leaves the second file's mark: before a word, or on an empty line."""
    assert cut("\ufeffa b\n\ufeffc d\n")[1] == ["[CLS] a b [SEP] c d [SEP]"]
    assert cut("a\nb\n\ufeff\nc\nd\n")[0].documents == 2


def test_a_file_of_others_is_not_written_over_by_default(tmp_path, bert_dir, capsys):
    """Raw data may lie beside the text, with its name; our own output is replaced."""
    path, raw = tmp_path / "reviews.txt", tmp_path / "reviews.json"
    path.write_text("The fox.\nA dog.\n")
    raw.write_text('{"stars": 5}\n')
    flags = ["--data-file", path, "--bert-dir", bert_dir]
    assert preprocess_unlabeled.main(flags) == 1
    assert "reviews.json: is there, and not of this" in capsys.readouterr().err
    assert raw.read_text() == '{"stars": 5}\n'
    assert preprocess_unlabeled.main([*flags, "--outfile", tmp_path / "x.json"]) == 0
    assert preprocess_unlabeled.main([*flags, "--outfile", raw]) == 0  # asked for
    raw.unlink()
    assert preprocess_unlabeled.main(flags) == preprocess_unlabeled.main(flags) == 0


def test_the_script_says_how_many_tokens_are_cut_off(tmp_path, bert_dir, capsys):
    """17 of them in a span of 16 - 3."""
    path = tmp_path / "corpus.txt"
    path.write_text("fox fox\n" + "fox " * 15 + "\n")
    flags = ["--data-file", path, "--bert-dir", bert_dir]
    assert preprocess_unlabeled.main([*flags, "--max-sequence-length", 16]) == 0
    assert "4 tokens cut off the ends of passages, as" in capsys.readouterr().out
    assert preprocess_unlabeled.main(flags) == 0
    assert "cut off" not in capsys.readouterr().out


def test_the_script_says_how_many_words_are_divided(tmp_path, bert_dir, capsys):
    path = tmp_path / "corpus.txt"
    path.write_text("The fox in-\nter. A dog.\n")
    flags = ["--data-file", path, "--bert-dir", bert_dir, "--split-sentences"]
    assert preprocess_unlabeled.main(flags) == 0
    assert "1 word left in two, which a hyphen at the end" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "warns"),
    [
        ("The fox saw\nthe dog,\nand ran. It\nslept.\n", True),
        ("The fox saw.\nthe dog ran .\nAnd it\nSlept\n", False),
    ],
)
def test_the_script_says_where_lines_end_within_sentences(
    tmp_path, bert_dir, capsys, text, warns
):
    """By hand: the first, the second and the third of four lines go on in the next."""
    path = tmp_path / "corpus.txt"
    path.write_text(text)
    flags = ["--data-file", path, "--bert-dir", bert_dir]
    assert preprocess_unlabeled.main(flags) == 0
    warning = "warning: 3 of 4 lines go on with a small letter in the next: if they end"
    assert (warning in capsys.readouterr().out) is warns
    preprocess_unlabeled.main([*flags, "--split-sentences"])
    assert "go on with" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["ewt-dev.conllu", "A.CONLL", "x.jsonl.gz", "x.v4_gold_conll", "t.csv"]
)
def test_files_of_another_kind_are_no_text(tmp_path, name):
    """A row of a table would be a sentence, of its numbers and tags as well."""
    path = tmp_path / name
    path.write_text("1\ta\tX\n2\tb\tX\n")
    with pytest.raises(InputError, match=rf"{name}: expected plain text, such as a"):
        cut_corpus(path, LETTERS)


@pytest.mark.parametrize(
    "rows",
    [
        "1\ta b\n2\tc d\n",  # the Leipzig corpora's sentences
        "ham\ta b c\nspam\td e\n",
        "a 1:1\ta b c\na 1:2\td e\n",
        "a b c d e f g h i j k a b c d\tA B C\na b c d e f g h i j k a b c d\tD E\n",
        "a b c \t0\nd e f \t1\n",
        "a b c,1\nd e,0\n",
        "a b c;joy\nd e f;fear\n",
        '17|a b c\n18;"d e f"\n',
        "__label__1 a b\n__label__2 c d\n",
        "a|DT|NP b|NN|N .|.|.\nc|DT|NP d|NN|N .|.|.\n",
        "a/at b/np-tl c/nn ./.\nd/DET:ART e/NOM f/nn\n",
        "( (S\n    (NP (DT a) (NN b))\n    (VP (VBD c))))\n",
        "# text = a b\n1\ta\tX\n2\tb\tX\n3\tc\tX\n",
        "a 2-nsubj\nb 0-root\n\nc 0-root\n",
        "# sent_id = 1\n# text = a b\n1\ta\tX\n\n# sent_id = 2\n2\tb\tX\n\n",
        "<s>\na\tX\ta\nb\tX\tb\n</s>\n",  # TreeTagger's
        "a X B-NP O\nb X I-NP B-PER\n\nc X B-NP O\n",  # of named entities
        '{"text": "a b"}\n{"text": "c d"}\n',
        "(S (NP a)\n   (VP b))\n(S (X c))\n",
        "<p>a b</p>\n<p>c d</p>\n",
        "id,text\n1,a b.\n2,c d.\n",
        '"a, b.",x\n"c d.",x\n',
        "a_DT b_NN\nc_PRP$ d_NN e_VB\n",
        "a/DET b/NOUN ./PUNCT\nc/PRON d/VERB ./PUNCT\n",
        '<doc id="1" title="a">\na b c.\nd e.\nf g h.\n</doc>\n',  # WikiExtractor's
        "a b c.\nd e.\n00:01:02,300 --> 00:01:04,000\nf g h.\n",
        "{\\rtf1\\ansi a\na b c.\nd e.\n",
        "\\documentclass{article}\na b c.\nd e.\n",
    ],
)
def test_rows_of_tables_and_treebanks_are_no_text(cut, rows):
    with pytest.raises(
        InputError, match=r"corpus.txt: expected plain text, found rows"
    ):
        cut(rows)


def test_text_with_numbers_and_hyphens_is_text(cut):
    """A numbered heading, and a line that ends as an arc does, are among others."""
    text = "1\ta b\nA:\tc d\n\n\n(a 747-b)\nO (d) a\n"
    assert cut(text, max_length=40)[0].sentences == 4
    assert cut("[1] a (b)\n(c)\n(d) a\n", max_length=40)[0].sentences == 3
    assert cut('1,000 a\n"b," c\na A/B\n', max_length=40)[0].sentences == 3
    assert cut("10,000 a\n1,500 b\nOk,c\n", max_length=40)[0].sentences == 3
    assert cut("<p> a b\n<p < .05> a\nc\nd\n", max_length=40)[0].sentences == 4


def test_text_is_split_into_sentences_in_blocks(cut, monkeypatch):
    given, segment = [], unlabeled.sentencex.segment

    def measured(language, text):
        given.append(len(text))
        return segment(language, text)

    monkeypatch.setattr(unlabeled.sentencex, "segment", measured)
    monkeypatch.setattr(unlabeled, "BLOCK", 100)
    spans, _ = cut("A b c!\n" * 1000, split_sentences="en")
    assert spans.sentences == 1000
    assert max(given) < 200


def test_a_document_is_never_whole_in_memory(tmp_path, monkeypatch):
    """Its 50,000 lines would take 3 MB as strings."""
    path = tmp_path / "corpus.txt"
    path.write_text("A b c!\n" * 50_000)
    monkeypatch.setattr(unlabeled, "BLOCK", 2000)
    tracemalloc.start()
    try:
        spans = cut_corpus(path, LETTERS, num_docs=5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert spans.sentences == 50_000
    assert peak < 1_000_000


def test_truncating_removes_no_token_by_itself():
    """Each removal would move all tokens behind it. By hand, for seed 0, random() gives
    0.84, 0.76 and 0.42: twice off the end of the second part, which is not the shorter
    one, then off the beginning of the first."""
    first, second = tuple("abc"), tuple("defg")
    found = _truncate(first, second, 4, random.Random(0))
    assert found == (tuple("bc"), tuple("de"))

"""Treebanks: each format, each trap that real files hold, each error with its line."""

import collections
import gzip
import json
from pathlib import Path

import pytest

import preprocess_depparse
from corpora.treebank import _defect, find_splits, read_treebank
from toolkit.files import InputError

EXAMPLES = Path(__file__).parent.parent / "examples" / "depparse"

# A range (2-3), an empty node (3.1), a subtype, a comment, tags in two columns.
CONLLU = """# newdoc id = one
# text = They don't.
1\tThey\tthey\tPRON\tPRP\tCase=Nom\t3\tnsubj\t3:nsubj\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t0\troot\t0:root\t_
3\tn't\tnot\tPART\tRB\t_\t2\tadvmod:neg\t2:advmod\tSpaceAfter=No
3.1\tknow\tknow\tVERB\tVB\t_\t_\t_\t0:root\t_
4\t.\t.\tPUNCT\t.\t_\t2\tpunct\t2:punct\t_

1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_
"""


ROW_OF_TWO = "1\ta\t_\t_\t_\t_\t0\troot\n2\tb\t_\t_\t_\t_\t1\tdep\n"


@pytest.fixture
def read(tmp_path):
    def read_text(text, suffix=".txt", **options):
        path = tmp_path / f"dev{suffix}"
        path.write_text(text, encoding="utf-8")
        return read_treebank(path, **options)

    return read_text


def test_original_format(read):
    examples, defects = read("The 2-det\ndog 3-nsubj\nbarked 0-root\n")
    assert examples == [
        {
            "words": ["The", "dog", "barked"],
            "heads": [2, 3, 0],
            "relns": ["det", "nsubj", "root"],
        }
    ]
    assert defects == []


def test_relations_with_hyphens_and_words_with_hyphens_hashes_and_spaces(read):
    (example,), _ = read("# 2-prep-of\nx-y 0-root\na b 2-nmod:poss\n")
    assert example["words"] == ["#", "x-y", "a b"]
    assert example["relns"] == ["prep-of", "root", "nmod:poss"]


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n \n\n"])
def test_last_sentence_and_empty_lines(read, end):
    examples, _ = read("\n\nGo 0-root\n\n \n\nStop 0-root" + end)
    assert [e["words"] for e in examples] == [["Go"], ["Stop"]]


def test_conllu_without_ranges_and_empty_nodes(read):
    first, second = read(CONLLU, ".conllu")[0]
    assert first == {
        "words": ["They", "do", "n't", "."],
        "heads": [3, 0, 2, 2],
        "relns": ["nsubj", "root", "advmod:neg", "punct"],
        "tags": ["PRP", "VBP", "RB", "."],
    }
    assert second["words"] == ["Yes"]


def test_universal_cuts_subtypes(read):
    (first, _), _ = read(CONLLU, ".conllu", universal=True)
    assert first["relns"] == ["nsubj", "root", "advmod", "punct"]


@pytest.mark.parametrize("suffix", [".conll", ".conllx", ".conll10"])
def test_conllx(read, suffix):
    """Features that are no key=value pairs, no projective heads; tags in column 4."""
    (example,), _ = read("1\tOff\toff\tIN\t_\tx|y\t0\troot\t_\t_\n", suffix)
    assert example == {
        "words": ["Off"],
        "heads": [0],
        "relns": ["root"],
        "tags": ["IN"],
    }


def test_no_tags_where_the_file_has_none(read):
    (example,), _ = read("1\ta\t_\t_\t_\t_\t0\troot\t_\t_\n", ".conllu")
    assert set(example) == {"words", "heads", "relns"}


@pytest.mark.parametrize(
    ("text", "suffix", "message"),
    [
        ("a 0-root\nb", ".txt", ":2: expected 'word <head>-<relation>', found 'b'"),
        ("a 0-root\nb 1", ".txt", ":2: expected 'word <head>-<relation>'"),
        ("a 0-root\nb 1-", ".txt", ":2: expected 'word <head>-<relation>'"),
        ("\na 0-root\nb x-dep", ".txt", ":3: head is 'x', expected a number from 0"),
        ("a 0-root\nb 3-dep", ".txt", ":2: head is '3', expected a number from 0 to 2"),
        ("a 0-root\nb -1-dep", ".txt", ":2: head is '', expected a number"),
        ("1\ta\ta", ".conllu", ":1: no head in '1\\ta\\ta'; expected it in column 7"),
        ("# x\n1\ta\t_\t_\t_\t_\tx\troot", ".conllu", ":2: head is 'x', expected"),
        ("1\ta\t_\t_\t_\t_\t2\troot", ".conllu", ":1: head is '2', expected"),
        ("1\ta\t_\t_\t_\t_\t0\t_", ".conllu", ":1: no deprel in"),
        ("1\ta\t_\t_\t_\t_\t_\tdep", ".conllu", ":1: head is '_', expected"),
        ("1\ta\t_\t_\t_\t_\t0\troot\n3\tb\t_\t_\t_\t_\t1\tdep", ".conllu", ":2: expec"),
        (f"a {'9' * 5000}-dep", ".txt", ":1: head is '999"),
        ("_\ta\t_\t_\t_\t_\t0\troot", ".conllu", ":1: no number of a word in"),
        ("a b c", ".conll", ":1: expected columns with tabs"),
        (ROW_OF_TWO * 2, ".conllu", ":3: expected word 3, found 1; is there no empty"),
        ("x\ta\t_\t_\t_\t_\t0\troot", ".conll10", ":1: no number of a word in"),
    ],
)
def test_errors_name_file_and_line(read, text, suffix, message):
    with pytest.raises(InputError) as error:
        read(text, suffix)
    assert f"dev{suffix}{message}" in str(error.value)


@pytest.mark.parametrize(
    ("arcs", "defect"),
    [
        ([2, 1, 0], "a cycle"),
        ([1, 0, 2], "a cycle"),
        ([0, 0, 1], "2 roots"),
        ([2, 3, 1], "no root"),
        ([2, 3, 0], None),
    ],
)
def test_what_is_no_tree_is_kept_and_reported_or_refused(read, arcs, defect):
    text = "a 0-root\n\n" + "".join(f"w {head}-dep\n" for head in arcs)
    examples, defects = read(text)
    assert [e["heads"] for e in examples] == [[0], arcs]
    if defect is None:
        assert defects == []
        assert read(text, strict=True)[0] == examples
        return
    (found,) = defects
    assert found.endswith(f"dev.txt:3: the sentence from here on has {defect}")
    with pytest.raises(InputError, match=f":3: the sentence from here on has {defect}"):
        read(text, strict=True)


ROW = "{}\t{}\t_\tX\t_\t_\t{}\t{}\t_\t_\n"


def test_columns_are_separated_by_tabs_where_a_line_has_tabs(read):
    """A word may hold, or be, two spaces; other columns lose those around them."""
    text = ROW.format(1, "New  York", 0, "root") + ROW.format(2, "  ", "1 ", " dep")
    (example,), _ = read(text, ".conllu")
    assert example["words"] == ["New  York", "  "]
    assert example["heads"] == [0, 1]
    assert example["relns"] == ["root", "dep"]


def test_spaces_around_a_word_are_not_part_of_it(read):
    text = ROW.format(1, " Anna ", 0, "root") + ROW.format(2, "10\xa0000\xa0", 1, "x")
    (example,), _ = read(text, ".conllu")
    assert example["words"] == ["Anna", "10\xa0000"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "latin-1"])
def test_other_encodings_are_refused(tmp_path, encoding):
    """UTF-16 of plain letters, without a mark, is valid UTF-8 with NULs in it."""
    path = tmp_path / "dev.conllu"
    path.write_bytes(
        ROW.format(1, "a", 0, "é" if encoding == "latin-1" else "x").encode(encoding)
    )
    with pytest.raises(
        InputError, match=r"not UTF-8 text .* convert the file to UTF-8"
    ):
        read_treebank(path)


def test_columns_by_spaces(read):
    (example,), _ = read("1  New York  _  X  _  _  0  root  _  _\n", ".conllx")
    assert (example["words"], example["tags"]) == (["New York"], ["X"])


@pytest.mark.parametrize("spelling", ["ROOT", "Root", "root"])
def test_the_relation_to_root_is_called_root_however_it_is_spelt(read, spelling):
    (example,), _ = read(f"Go 0-{spelling}\n. 1-punct\n")
    assert example["relns"] == ["root", "punct"]
    (example,), _ = read(ROW.format(1, "Go", 0, spelling), ".conll")
    assert example["relns"] == ["root"]


@pytest.mark.parametrize(("text", "suffix"), [("\n\n", ".txt"), ("# x\n", ".conllu")])
def test_a_file_without_a_sentence_is_an_error(read, text, suffix):
    with pytest.raises(InputError, match="expected sentences, found none"):
        read(text, suffix)


class Counting(list):
    """A list that counts how often it is looked into."""

    looks = 0

    def __getitem__(self, place):
        self.looks += 1
        return super().__getitem__(place)


@pytest.mark.parametrize("heads", [[*range(2, 2001), 0], range(2000)])
def test_a_chain_of_words_is_followed_once(heads):
    """From either end, each word looks up its head once."""
    heads = Counting(heads)
    assert _defect(heads) is None
    assert heads.looks == 2000


class Compared(int):
    """A number that counts how often any is compared with another."""

    times = 0
    __hash__ = int.__hash__

    def __eq__(self, other):
        Compared.times += 1
        return int(self) == int(other)


def test_a_word_is_not_compared_with_all_before_it_in_its_chain():
    heads = [Compared(head) for head in [*range(2, 2001), 0]]
    assert _defect(heads) is None
    assert Compared.times < 20_000


def test_words_that_are_withheld_are_reported(tmp_path, capsys):
    """Two sentences of three: underscores, and OntoNotes' placeholder."""
    sentences = [("_", "____"), ("[WORD]", "[WORD]"), ("_", "dog")]
    text = "\n".join(
        ROW.format(1, a, 0, "root") + ROW.format(2, b, 1, "dep") for a, b in sentences
    )
    (tmp_path / "dev.conllu").write_text(text)
    assert preprocess_depparse.main(["--data-file", tmp_path / "dev.conllu"]) == 0
    printed = capsys.readouterr().out
    assert "2 sentences of placeholders such as _ instead of words" in printed


def test_a_line_of_underscores_is_not_withheld(tmp_path, capsys):
    (tmp_path / "dev.conllu").write_text(ROW.format(1, "_____", 0, "root"))
    assert preprocess_depparse.main(["--data-file", tmp_path / "dev.conllu"]) == 0
    assert "placeholders" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["HED", "sentence", "ROOT", "root:main", "root"])
def test_what_depends_on_root_is_called_root(read, name):
    text = ROW.format(1, "a", 2, "obj") + ROW.format(2, "b", 0, name)
    (example,), defects = read(text, ".conllu")
    assert example["relns"] == ["obj", "root"]
    assert defects == []
    (example,), _ = read(f"a 2-obj\nb 0-{name}")
    assert example["relns"] == ["obj", "root"]


def test_a_root_that_has_a_head_is_reported(read):
    text = ROW.format(1, "a", 2, "Root") + ROW.format(2, "b", 0, "root")
    _, (defect,) = read(text, ".conllu")
    assert defect.endswith(
        "from here on has a word with a head whose relation is called root"
    )
    with pytest.raises(InputError, match="is called root; without --strict it is kept"):
        read(text, ".conllu", strict=True)


def test_ranges_and_nodes_beyond_the_last_word_are_refused(read):
    row = ROW.format(1, "a", 0, "root")
    for beyond in ("1-2", "2.1"):
        with pytest.raises(InputError, match=f"conllu:2: {beyond} is beyond word 1"):
            read(row + ROW.format(beyond, "b", "_", "_"), ".conllu")
    (example,), _ = read(row + ROW.format("1.1", "b", "_", "_"), ".conllu")
    assert example["words"] == ["a"]


def test_other_layouts_are_named_by_their_columns(read):
    row = "1\ta\ta\ta\tN\tN\t_\t_\t0\t0\troot\troot\t_\t_"  # CoNLL-2009's
    with pytest.raises(
        InputError, match="column 8 of 10, .* found 14 columns; convert"
    ):
        read(row, ".conll")


def test_a_word_without_a_tag_of_the_treebank_has_the_universal_one(read):
    row = "{0}\ta\t_\t{1}\t{2}\t_\t{3}\t{4}\t_\t_\n"
    first = row.format(1, "PRON", "PRP", 0, "root")
    for tag, tags in (("VB", ["PRP", "VB"]), ("_", ["PRP", "VERB"])):
        (example,), _ = read(first + row.format(2, "VERB", tag, 1, "dep"), ".conllu")
        assert example["tags"] == tags


@pytest.mark.parametrize("name", ["dev.conllu.gz", "dev.CONLLU", "dev.conllu"])
def test_names_in_capitals_and_gzip(tmp_path, name):
    text = ROW.format(1, "a", 0, "root").encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    assert preprocess_depparse.main(["--data-file", path]) == 0
    (example,) = json.loads((tmp_path / "dev.json").read_text())
    assert example["words"] == ["a"]
    if name.islower():
        assert find_splits(tmp_path) == [path]


def test_a_file_of_others_is_not_written_over_by_default(tmp_path, capsys):
    path, raw = tmp_path / "dev.conllu", tmp_path / "dev.json"
    path.write_text(ROW.format(1, "a", 0, "root"))
    raw.write_text('[{"a": 1}]')
    assert preprocess_depparse.main(["--data-file", path]) == 1
    assert "dev.json: is there, and not of this project" in capsys.readouterr().err
    raw.unlink()
    for _ in range(2):
        assert preprocess_depparse.main(["--data-file", path]) == 0


def test_splits_of_a_folder(tmp_path):
    with pytest.raises(InputError, match="neither train nor dev is .*; --data-file"):
        find_splits(tmp_path)
    (tmp_path / "dev.conllu").write_text(CONLLU)
    (tmp_path / "other.txt").write_text("")
    assert find_splits(tmp_path) == [tmp_path / "dev.conllu"]
    (tmp_path / "train.txt").write_text("a 0-root")
    assert find_splits(tmp_path) == [tmp_path / "train.txt", tmp_path / "dev.conllu"]
    (tmp_path / "dev.txt").write_text("")
    with pytest.raises(InputError, match=r"dev\.txt and dev\.conllu are both there"):
        find_splits(tmp_path)


def test_script(tmp_path, capsys):
    (tmp_path / "dev.conllu").write_text(CONLLU)
    (tmp_path / "train.txt").write_text("a 2-x\nb 1-y\n\na 0-root\n\n" * 5)
    out = tmp_path / "out"
    flags = ["--data_dir", tmp_path, "--outdir", out, "--universal"]
    assert preprocess_depparse.main(flags) == 0
    dev, train = (json.loads((out / f"{s}.json").read_text()) for s in ("dev", "train"))
    assert dev[0]["relns"] == ["nsubj", "root", "advmod", "punct"]
    assert len(train) == 10
    printed = capsys.readouterr().out
    assert "2 sentences of 5 words written to" in printed
    assert "5 sentences kept that are not trees" in printed
    assert "train.txt:1: the sentence from here on has no root" in printed
    assert "and 2 more" in printed

    files = [tmp_path / "dev.conllu", tmp_path / "train.txt"]
    assert preprocess_depparse.main(["--data-file", *files]) == 0
    assert json.loads((tmp_path / "train.json").read_text()) == train
    together = tmp_path / "new" / "both.json"
    assert preprocess_depparse.main(["--data-file", *files, "--outfile", together]) == 0
    both = [json.loads((tmp_path / f"{s}.json").read_text()) for s in ("dev", "train")]
    assert json.loads(together.read_text()) == both[0] + both[1]
    assert "12 sentences of 20 words written to" in capsys.readouterr().out
    for flags, message in (
        (["--data-file", tmp_path / "dev.json"], "expected a file in .txt, .conllu"),
        (["--data-file", tmp_path / "no.txt"], "No such file"),
        (["--data-dir", tmp_path / "no"], "no such folder; is the name right?"),
        (["--data-dir", tmp_path, "--strict", "--outdir", out / "x"], "train.txt:1: "),
        (["--data-file", files[1], files[1]], "train.txt: given twice"),
        (
            ["--data-file", files[1], files[1], "--outfile", out / "twice.json"],
            "train.txt: given twice; name each file once",
        ),
        (
            ["--data-file", files[1], files[1].with_suffix(".conllu")],
            "written from more than one file",
        ),
        (["--data-file", *files, "--outfile", files[0]], "would be overwritten"),
    ):
        assert preprocess_depparse.main(flags) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert message in error
        assert error.count("\n") == 1
    assert not (out / "x" / "train.json").exists()


# Stanford's basic dependencies, as the sample treebank uses them
INVENTORY = set(
    """advcl advmod amod appos aux auxpass cc ccomp conj cop csubj det discourse dobj
    expl iobj mark mwe neg nn npadvmod nsubj nsubjpass num number parataxis pcomp pobj
    poss possessive preconj predet prep prt punct quantmod rcmod root tmod vmod
    xcomp""".split()
)
TABLE_1 = """prep pobj det nn nsubj amod dobj advmod aux poss auxpass ccomp mark prt"""


@pytest.mark.parametrize(("split", "least"), [("train", 150), ("dev", 80)])
def test_sample_treebank(split, least):
    """Trees with one root, listed labels, 5 to 20 words, no sentence twice."""
    examples, defects = read_treebank(EXAMPLES / f"{split}.txt", strict=True)
    assert defects == []
    assert len(examples) >= least
    assert len({tuple(e["words"]) for e in examples}) == len(examples)
    counts = collections.Counter(r for e in examples for r in e["relns"])
    assert counts.keys() <= INVENTORY
    for relation in TABLE_1.split():
        assert counts[relation] >= 5
    for example in examples:
        assert 5 <= len(example["words"]) <= 20
        arcs = zip(example["heads"], example["relns"], strict=True)
        for head, relation in arcs:
            assert (head == 0) == (relation == "root")
            if relation in ("possessive", "pobj"):
                governor = example["relns"][head - 1]
                # a possessive also ends "a friend of my brother's"
                expected = {"possessive": {"poss", "pobj"}, "pobj": {"prep", "pcomp"}}
                assert governor in expected[relation] | {"conj", "root"}


@pytest.mark.parametrize(
    ("text", "suffix", "message"),
    [
        # a sentence a line, with and without empty lines; columns of tags or numbers
        ("Dogs 2-nsubj bark 0-root\n", ".txt", ":1: expected one word and its"),
        ("a 0-x\n\nOn 2-a go 0-b\n", ".txt", ":3: expected one word and its"),
        ("1\tDogs\t2-nsubj\n2\tbark\t0-root\n", ".txt", ":1: expected one word and"),
        ("Dogs NNS 2-nsubj\nbark VBP 0-root\n", ".txt", ":1: each line of the sen"),
        # numbers of <sentence>-<word>, the sentence of which would be passed over
        (
            "1-1\ta\t_\t_\t_\t_\t0\tx\n\n" + ROW_OF_TWO,
            ".conll",
            ":1: expected words, n",
        ),
        (
            "1.1\ta\t_\t_\t_\t_\t0\tx\n\n" + ROW_OF_TWO,
            ".conll",
            ":1: expected words, n",
        ),
        # a tab lost, two lines joined, and the end of a file cut off
        (
            ROW.format(1, "a", 0, "root")
            + ROW.format(2, "b", 1, "x").replace("x\t", "x"),
            ".conllu",
            ":2: expected 10 columns, as in the line that begins the sen",
        ),
        (
            ROW.format(1, "a", 0, "root")
            + ROW.format(2, "b", 1, "x")[:-1]
            + ROW.format(3, "c", 1, "x"),
            ".conllu",
            ":2: expected 10 columns, as in the line that begins the sen",
        ),
        (
            ROW.format(1, "a", 0, "root") + "2\tb\t_\t_\t_\t_\t1\tpun",
            ".conllu",
            ":2: expected 10 columns, as in the line that begins the sen",
        ),
        # CoNLL-U Plus in another order
        (
            "# global.columns = ID FORM UPOS HEAD DEPREL LEMMA A B\n" + ROW_OF_TWO,
            ".conllu",
            ":1: expected the columns of CoNLL-U, ID FORM LEMMA UPOS XPOS FEATS HEAD",
        ),
    ],
)
def test_words_are_neither_lost_nor_joined(read, text, suffix, message):
    with pytest.raises(InputError) as error:
        read(text, suffix)
    assert f"dev{suffix}{message}" in str(error.value)


@pytest.mark.parametrize(
    ("word", "relation"),
    [('""""', "punct"), ('","', "punct"), ('"1,000"', "nummod"), ('"dog"', '"nsubj"')],
)
def test_quotes_of_a_spreadsheet_are_no_part_of_words(read, word, relation):
    """Excel quotes what holds a comma or a quote; R, in its default, every text."""
    text = ROW.format(1, "a", 0, "root") + ROW.format(2, word, 1, relation)
    with pytest.raises(InputError, match=r"dev.conllu:2: the word is .* of a table"):
        read(text, ".conllu")


@pytest.mark.parametrize("word", ['"', '""', '"""', '"oh"', "',", '"a'])
def test_quotes_that_are_words(read, word):
    (example,), _ = read(ROW.format(1, word, 0, "root"), ".conllu")
    assert example["words"] == [word]


def test_empty_cells_hold_nothing(read):
    """Where a spreadsheet or pandas leaves them, the universal tags are the only."""
    row = ROW.format(1, "a", 0, "root").split("\t")
    row[2:6] = "", "NOUN", "", ""
    (example,), _ = read("\t".join(row), ".conllu")
    assert example["tags"] == ["NOUN"]


def test_empty_cells_behind_the_columns_do_not_count(read):
    """A spreadsheet leaves more of them on some lines than on others."""
    rows = [ROW.format(1, "a", 0, "root"), ROW.format(2, "b", 1, "x")]
    (example,), _ = read(rows[0] + rows[1].replace("\n", "\t\t\n"), ".conllu")
    assert example["words"] == ["a", "b"]


def test_columns_of_conllu_plus_in_its_order(read):
    layout = (
        "# global.columns = ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC MWE"
    )
    (example,), _ = read(f"{layout}\n1\ta\t_\tX\t_\t_\t0\troot\t_\t_\t*\n", ".conllu")
    assert example["words"] == ["a"]


def test_empty_lines_that_a_second_conversion_makes_are_refused(tmp_path):
    r"""\r\r\n, as Python's csv writer leaves it on Windows; Macs' old \r is read."""
    path = tmp_path / "dev.txt"
    path.write_bytes(b"Go 0-root\r\r\nStop 0-root\r\r\n")
    with pytest.raises(InputError, match=r"dev.txt: lines end in \\r and in \\r\\n"):
        read_treebank(path)
    path.write_bytes(b"Go 2-x\rhome 0-root\r\rStop 0-root\r")
    assert [e["words"] for e in read_treebank(path)[0]] == [["Go", "home"], ["Stop"]]


def test_escapes_of_the_penn_treebank_are_counted(tmp_path, capsys):
    """By hand: brackets, the fraction, OntoNotes' full stop, the ampersand, quotes."""
    path = tmp_path / "dev.txt"
    words = ["-LRB-", "1\\/2", "-", "and/or", "/", "-RRB-", "/.", "-AMP-"]
    words += ["``", "''", "'"]
    path.write_text("".join(f"{word} 0-root\n" for word in words))
    assert preprocess_depparse.main(["--data-file", path]) == 0
    assert "\n7 of the words are escapes of the Penn Tree" in capsys.readouterr().out
    path.write_text("( 0-root\n")
    assert preprocess_depparse.main(["--data-file", path]) == 0
    assert "escapes of" not in capsys.readouterr().out


def test_a_file_that_is_given_twice_by_two_names(tmp_path, capsys):
    path = tmp_path / "dev.txt"
    path.write_text("Go 0-root\n")
    (tmp_path / "sub").mkdir()
    other = tmp_path / "sub" / ".." / "dev.txt"
    flags = ["--data-file", path, other, "--outfile", tmp_path / "out.json"]
    assert preprocess_depparse.main(flags) == 1
    assert "dev.txt: given twice; name each file once" in capsys.readouterr().err

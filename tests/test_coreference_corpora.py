"""Coreference files: each format and trap, head rules, types, attributes, stretches."""

import collections
import dataclasses
import gzip
import json
import sys
from pathlib import Path

import pytest

import preprocess_coref
from bert import Tokenizer
from corpora.columns import _guess_sentences
from corpora.coreference import Document, find_files, read_documents
from corpora.mentions import describe_mention, find_head, mention_type
from corpora.stretches import _example, cut_documents
from toolkit.files import InputError

EXAMPLES = Path(__file__).parent.parent / "examples" / "coref"


@pytest.fixture
def read(tmp_path):
    def read_text(text, name="file.conll"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return list(read_documents(path))

    return read_text


def gum(*fields):
    """A document in GUM's columns, of the words a, b, c ... with these mentions."""
    words = [f"{i}\t{chr(97 + i)}\t{field}" for i, field in enumerate(fields)]
    return "\n".join(["# begin document x", *words, "# end document", ""])


# Two parts; tags and a parse in the first; a column more in its second sentence, as
# that has another predicate; the word 'is both opened and closed at.
CONLL_2012 = """#begin document (bn/a_1); part 000
bn/a_1 0 0 The  DT  (TOP(S(NP(NP*  - - - - *    *  (0
bn/a_1 0 1 king NN  *              - - - - *    *  -
bn/a_1 0 2 's   POS *)             - - - - *    *  0)
bn/a_1 0 3 son  NN  *)             - - - - *    *  -
bn/a_1 0 4 left VBD (VP*)))        - - - - (V*) *  -

bn/a_1 0 0 He   PRP (TOP(S(NP*)    - - - - *    *  * (3)|(12
bn/a_1 0 1 saw  VBD (VP*           - - - - (V*) *  * 12)
bn/a_1 0 2 him  PRP (NP*))))       - - - - *    *  * (0)

#end document

#begin document (bn/a_1); part 001
bn/a_1 1 0 Yes  UH  *              - - - - *    *  (0)

#end document
"""


def test_conll_2012(read):
    """Words counted over the document; clusters 0, 3, 12 in order of first mention."""
    first, second = read(CONLL_2012, "x.v4_gold_conll")
    assert (first.name, first.part) == ("bn/a_1", 0)
    assert first.words == ["The", "king", "'s", "son", "left", "He", "saw", "him"]
    assert first.sentences == [(0, 4), (5, 7)]
    # the longer of those that begin with word 5 comes first
    assert first.mentions == [(0, 2, 0), (5, 6, 1), (5, 5, 2), (7, 7, 0)]
    assert first.tags == ["DT", "NN", "POS", "NN", "VBD", "PRP", "VBD", "PRP"]
    assert first.constituents == {
        0: [(4, "TOP"), (4, "S"), (3, "NP"), (2, "NP")],
        4: [(4, "VP")],
        5: [(7, "TOP"), (7, "S"), (5, "NP")],
        6: [(7, "VP")],
        7: [(7, "NP")],
    }
    assert first.governors is None
    assert (second.name, second.part, second.words) == ("bn/a_1", 1, ["Yes"])
    assert second.tags == ["UH"]
    assert second.constituents == {}


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n\n#end document\n"])
def test_litbank(read, end):
    """Thirteen columns parted by tabs, the last empty; part 0; no tags, no parse."""
    row = "emma\t0\t{}\t{}" + "\t_" * 8 + "\t{}"
    rows = [
        row.format(0, "Emma", "(7)"),
        row.format(1, "Woodhouse", ""),
        "",
        row.format(0, "#", "(8|(7)"),
        row.format(1, ".", "8)"),
    ]
    (document,) = read("#begin document (emma); part 0\n" + "\n".join(rows) + end)
    assert (document.name, document.part) == ("emma", 0)
    assert document.words == ["Emma", "Woodhouse", "#", "."]
    assert document.sentences == [(0, 1), (2, 3)]
    assert document.mentions == [(0, 0, 0), (2, 3, 1), (2, 2, 0)]
    assert document.tags is None
    assert document.constituents == {}


def test_gum_columns_and_where_their_sentences_end(read):
    """After "Hm .", after "Go ! ''", not at the full stop within "J . Day"."""
    words = "Hm . J . Day ran . He said : Go ! '' Now".split()
    fields = ["_"] * len(words)
    fields[2], fields[4], fields[7] = "(5", "5)", "(5)"
    lines = [f"{i}\t{words[i]}\t{fields[i]}" for i in range(len(words))]
    (document,) = read("# begin document \n" + "\n".join(lines) + "\n# end document\n")
    assert (document.name, document.part) == ("file", 0)
    assert document.sentences == [(0, 1), (2, 6), (7, 12), (13, 13)]
    assert document.mentions == [(2, 4, 0), (7, 7, 0)]
    # where there are empty lines, it is they that end sentences
    lines[5:5] = [""]
    (document,) = read("# begin document \n" + "\n".join(lines))
    assert document.sentences == [(0, 4), (5, 13)]


def test_documents_without_a_name_are_parts_of_their_file(read):
    documents = read("# begin document \n0\ta\t_\n# begin document \n0\tb\t_\n")
    assert [(d.name, d.part, d.words) for d in documents] == [
        ("file", 0, ["a"]),
        ("file", 1, ["b"]),
    ]


@pytest.mark.parametrize(
    ("fields", "mentions"),
    [
        # nested; two that end at once, two that begin at once
        (["(1(2)", "(3", "3)1)"], [(0, 2, 0), (0, 0, 1), (1, 2, 2)]),
        (["(1(2", "2)", "1)"], [(0, 2, 0), (0, 1, 1)]),
        # crossing
        (["(1", "(2", "1)", "2)"], [(0, 2, 0), (1, 3, 1)]),
        # one ends where another begins, in either order
        (["(1", "1)(2", "2)"], [(0, 1, 0), (1, 2, 1)]),
        (["(1", "(2|1)", "2)"], [(0, 1, 0), (1, 2, 1)]),
        # of one cluster: nested, and one begins where the other ends
        (["(1", "(1", "1)", "1)"], [(0, 3, 0), (1, 2, 0)]),
        (["(1", "(1)", "1)"], [(0, 2, 0), (1, 1, 0)]),
        (["(1", "(1|1)", "1)"], [(0, 1, 0), (1, 2, 0)]),
        # ways to have none
        (["-", "*", "_", "(1)"], [(3, 3, 0)]),
    ],
)
def test_brackets(read, fields, mentions):
    (document,) = read(gum(*fields))
    assert document.mentions == mentions


# A range, an empty node, attributes, a crossing pair (1 and 2) and a mention in pieces
# that an empty node divides.
CONLLU = """# newdoc id = one
# global.Entity = etype-eid-head
1\tOld\told\tADJ\tJJ\tDegree=Pos\t2\tamod\t_\tSpaceAfter=No|Entity=(person-1-2
2\tAnn\tAnn\tPROPN\tNNP\tNumber=Sing\t4\tnsubj\t_\tEntity=person-1)(place-2-1
3-4\tain't\t_\t_\t_\t_\t_\t_\t_\t_
3\tai\tbe\tAUX\tVBZ\t_\t4\taux\t_\tEntity=(object-3[1/2]-1
4\tn't\tnot\tPART\tRB\t_\t0\troot\t_\tEntity=2)object-3[1/2])
4.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_
5\tso\tso\tADV\tRB\t_\t4\tadvmod\t_\tEntity=(object-3[2/2]-1)

1\tShe\tshe\tPRON\tPRP\tNumber=Sing|Person=3\t0\troot\t_\tEntity=(person-1-1)

# newdoc id = two
# sent_id = 3
1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_
"""


def test_conllu(read):
    """Governors count over the document: word 5 is the second sentence's root."""
    one, two = read(CONLLU, "file.conllu")
    assert (one.name, one.part) == ("one", 0)
    assert one.words == ["Old", "Ann", "ai", "n't", "so", "She"]
    assert one.sentences == [(0, 4), (5, 5)]
    assert one.mentions == [(0, 1, 0), (1, 3, 1), (2, 4, 2), (5, 5, 0)]
    assert (one.in_pieces, one.zeros) == (0, 0)
    assert one.tags == ["JJ", "NNP", "VBZ", "RB", "RB", "PRP"]
    assert one.governors == [1, 3, 3, None, 3, None]
    assert one.relations == ["amod", "nsubj", "aux", "root", "advmod", "root"]
    assert one.features[1] == {"Number": "Sing"}
    assert one.features[2] == {}
    assert (two.name, two.words, two.mentions) == ("two", ["Yes"], [])


def test_conllu_as_ontogum_has_it(read):
    """Clusters are plain numbers, and some brackets stand before other values."""
    row = "{}\tw\tw\tNOUN\tNN\t_\t{}\tdep\t_\t{}"
    values = ["Entity=(4(5)|XML=<hi rend:::'b'>", "_", "Discourse=x:1|Entity=4)(6)"]
    rows = [row.format(i + 1, i, value) for i, value in enumerate(values)]
    text = "# newdoc\n# global.Entity = GRP\n" + "\n".join(rows)
    (document,) = read(text, "file.conllu")
    assert (document.name, document.part) == ("file", 0)
    assert document.mentions == [(0, 2, 0), (0, 0, 1), (2, 2, 2)]


ROW_2012 = "d 0 0 a DT * - - - - * {}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (gum("_", "1)"), "file.conll:3: 1) ends a mention that did not begin"),
        (gum("(1", "(2", "1)"), "file.conll:3: (2 begins a mention that does not end"),
        (gum("(1", "(1", "1)"), "file.conll:2: (1 begins a mention that does not end"),
        (gum("(1|1)"), "file.conll:2: 1) ends a mention that did not begin"),
        (gum("1"), "file.conll:2: expected mentions, found '1'"),
        (gum("_", "((1)"), "file.conll:3: expected mentions, found '((1)'"),
        (
            "#begin document (d); part 0\n"
            + ROW_2012.format("(1")
            + "\n#end document\n#begin document (d); part 1\n"
            + ROW_2012.format("1)"),
            "file.conll:2: (1 begins a mention that does not end",
        ),
        (
            "#begin document (d)\nd 0 0 a\n",
            "expected 3 columns, or at least 5, found 4",
        ),
        (
            "#begin document (d)\n" + ROW_2012.format("-") + "d 0 1 b DT *\n",
            "file.conll:3: expected 12 columns, as in the line that begins the "
            "sentence, found 6",
        ),
        ("#begin document (d)\n0\t\t_\n", "file.conll:2: no word in"),
        ("0\ta\t_\n", "file.conll:1: expected #begin document, found '0\\ta\\t_'"),
        (
            "#begin document (d)\nd 0 0 a DT (NP*)) - - - - * -",
            "file.conll:2: a bracket too many in '(NP*))'",
        ),
        (
            "#begin document (d)\nd 0 0 a DT (NP* - - - - * -",
            "file.conll:2: a constituent that does not end",
        ),
    ],
)
def test_errors_name_file_and_line(read, text, message):
    with pytest.raises(InputError) as error:
        read(text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("|Entity=(person-1-2", "", ":4: 1) ends a mention that did not begin"),
        ("=(person-1-1)", "=(person-1-1", ":11: (1 begins a mention that does not end"),
        ("1\tOld", "7\tOld", ":3: expected word 1, found 7"),
        ("Ann\tPROPN\tNNP\tNumber=Sing\t4", "Ann\t_\t_\t_\t8", ":4: head is '8'"),
    ],
)
def test_errors_in_conllu(read, written, instead, message):
    assert CONLLU.count(written) == 1
    with pytest.raises(InputError) as error:
        read(CONLLU.replace(written, instead), "file.conllu")
    assert f"file.conllu{message}" in str(error.value)


def test_what_is_called_no_coreference_is_no_cluster(read):
    """AnCora: brackets pair by this name, but each mention has a cluster of its own."""
    rows = [("a", "Entity=(NOCOREF:Gen(NOCOREF:Gen"), ("b", "Entity=NOCOREF:Gen)")]
    rows += [("c", "Entity=NOCOREF:Gen)(e1)"), ("d", "Entity=(e1)(NOCOREF:Spec.x)")]
    (document,) = read(conllu(*rows, layout="# global.Entity = eid"), "file.conllu")
    spans = [(first, last) for first, last, _ in document.mentions]
    assert spans == [(0, 2), (0, 1), (2, 2), (3, 3), (3, 3)]
    clusters = [cluster for *_, cluster in document.mentions]
    assert clusters == [0, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("fields", "mentions", "in_pieces"),
    [
        # an empty node between is no word
        (["(e1[1/2])", None, "(e1[2/2])", "(e1)"], [(0, 1, 0), (2, 2, 0)], 0),
        (["(e1[1/2])", "_", "(e1[2/2])", "(e1)"], [(3, 3, 0)], 1),
        (
            ["(e1[1/3]", "e1[1/3])(e2)", "(e1[2/3])", "(e1[3/3])"],
            [(0, 3, 0), (1, 1, 1)],
            0,
        ),
        (["(e1[1/2])(e2", "(e1[2/2])", "e2)", "_"], [(0, 2, 0), (0, 1, 1)], 0),
        (["(e1[1/2])", "(e2)", "_", "_"], [(1, 1, 0)], 1),  # the second is missing
    ],
)
def test_mentions_in_pieces(read, fields, mentions, in_pieces):
    rows = [("1.1", "_", "_") if f is None else ("w", f"Entity={f}") for f in fields]
    text = conllu(*rows, layout="# global.Entity = eid").replace("Entity=_", "_")
    (document,) = read(text, "file.conllu")
    assert document.mentions == mentions
    assert document.in_pieces == in_pieces


def test_words_after_the_end_of_a_document_are_refused(read):
    """A lost #begin document would join two texts, and their clusters."""
    text = gum("(1)") + "\n1\tb\t(1)\n"
    with pytest.raises(InputError, match=r"conll:5: expected #begin document, found"):
        read(text)


def test_a_last_document_that_does_not_end_as_others_do_is_refused(read):
    text = gum("(1)") + gum("(1)").replace("# end document\n", "")
    with pytest.raises(InputError, match=r"conll:5: expected #end document here"):
        read(text)
    (document,) = read(gum("(1)").replace("# end document\n", ""))
    assert document.words == ["a"]


def test_a_layout_that_is_missing_is_said_to_be(read):
    with pytest.raises(InputError, match="is a line # global.Entity missing before"):
        read("1\ta\ta\tX\tX\t_\t0\troot\t_\tEntity=(e1-person-1-)", "file.conllu")


def test_conllu_needs_its_last_column_and_words_for_mentions(read):
    row = "1\ta\ta\tX\tX\t_\t0\troot\t_"
    with pytest.raises(InputError, match=r"conllu:1: expected ten columns of CoNLL-U"):
        read(row, "file.conllu")
    with pytest.raises(InputError, match=r"conllu:2: a mention of a multi-word range"):
        read(f"{row}\t_\n1-1\tb\tb\tX\tX\t_\t_\t_\t_\tEntity=(1)", "file.conllu")


def conll_2012(*fields, name="d", end="\n", space="\t"):
    """A document of the words a, b, c ... with these last columns."""
    rows = [
        space.join([name, "0", str(i), chr(97 + i), *"NN * - - - -".split(), field])
        for i, field in enumerate(fields)
    ]
    return end.join([f"#begin document ({name}); part 000", *rows, ""])


@pytest.mark.parametrize("space", ["\t", "   "])
def test_a_space_in_the_name_of_a_document(read, space):
    (document,) = read(conll_2012("(1)", "-", "(1)", name="my novel", space=space))
    assert (document.name, document.words) == ("my novel", ["a", "b", "c"])
    assert document.mentions == [(0, 0, 0), (2, 2, 0)]


@pytest.mark.parametrize("word", ["10\xa0000", "\u3000", "a\u2009b"])
def test_other_spaces_in_a_word_separate_no_columns(read, word):
    (document,) = read(f"#begin document (d)\nd 0 0 {word} CD * - - - - * (1)\n")
    assert (document.words, document.tags) == ([word], ["CD"])


@pytest.mark.parametrize(
    ("header", "name", "part"),
    [
        ("#begin document (Dups);", "Dups", 0),
        ("#begin document (a; b); part 012", "a; b", 12),
        ("#begin document a;b", "a;b", 0),
        ("#BEGIN_DOCUMENT (a); part 2", "a", 2),
        ("# begin document  (a (b));part 3 ", "a (b)", 3),
        ("#begin document" + " " * 20_000 + "x; part" + " " * 20_000 + "1", "x", 1),
        ("#begin document (a" + " " * 10**6 + "b)", "a" + " " * 10**6 + "b", 0),
    ],
    ids=range(7),
)
@pytest.mark.timeout(100)  # hours, where each space may be the first of the last ones
def test_names_and_parts(read, header, name, part):
    (document,) = read(f"{header}\n0\ta\t_\n")
    assert (document.name, document.part) == (name, part)


@pytest.mark.parametrize("end", ["\t\n", "\t\t\n", " \n", " \t\n", "\r\n"])
def test_blanks_at_the_end_of_each_line(read, end):
    expected = [(0, 1, 0), (2, 2, 0)]
    (document,) = read(conll_2012("(3", "3)", "(3)", "-", end=end))
    assert document.mentions == expected
    end = end.replace("\t\t", "\t")
    (document,) = read(gum("(3", "3)", "(3)", "_").replace("\n", end))
    assert document.mentions == expected


def test_a_document_without_mentions_has_an_empty_column_throughout(read):
    """LitBank's way: the column before it must not take its place."""
    (document,) = read("#begin document (d)\nd\t0\t0\ta\t\n")
    assert (document.words, document.mentions) == (["a"], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # the columns are moved: a space in a name that the header does not have
        (
            conll_2012("-", "-", name="my novel", space=" ").replace("(my", "(our"),
            "file.conll:3: expected word number 1 in column 3, found '0'",
        ),
        (
            "#begin document (d)\nd\t0\tx\ta\tNN\t-\n",
            "file.conll:2: expected a word's number in column 3, found 'x'",
        ),
        ("#begin document (d)\n0\ta\t_\n2\tb\t_\n", "file.conll:3: expected word num"),
        # a tab at the end of the second sentence only
        (
            conll_2012("(1)", "-") + "\n" + "d\t0\t0\ta\tNN\t(1)\t\n",
            "file.conll:5: the last column is empty, where other lines have '-'",
        ),
        # no coreference in the last column
        (conll_2012("(V*)"), "file.conll:2: expected mentions, found '(V*)'"),
        (conll_2012("(PERSON)"), "file.conll:2: expected mentions, found '(PERSON)'"),
    ],
)
def test_columns_that_are_not_what_they_should_be(read, text, message):
    with pytest.raises(InputError) as error:
        read(text)
    assert message in str(error.value)


def conllu(*rows, layout="# newdoc"):
    """A document of one sentence from FORM and MISC, or id, FORM and MISC."""
    lines, words = [layout], 0
    for row in rows:
        words += len(row) == 2
        number, form, misc = row if len(row) == 3 else (words, *row)
        head = "0\troot" if number == 1 else "1\tdep"
        lines.append(f"{number}\t{form}\t_\tX\t_\t_\t{head}\t_\t{misc}")
    return "\n".join(lines) + "\n"


def test_old_gum_names_the_type_and_then_the_cluster(read):
    """Nested mentions of one type close by their number."""
    rows = [
        ("a", "Entity=(person-1(person-2)"),
        ("b", "Entity=(place-3"),
        ("c", "Entity=person-1)place-3)"),
        ("d", "Entity=(person-2)"),
    ]
    (document,) = read(conllu(*rows), "file.conllu")
    assert document.mentions == [(0, 2, 0), (0, 0, 1), (1, 2, 2), (3, 3, 1)]


@pytest.mark.parametrize(
    ("layout", "entity", "message"),
    [
        (
            "# newdoc",
            "(e1-person-1)",
            ":2: expected brackets of mentions, (<cluster>) or",
        ),
        ("# newdoc", "(person-x)", "(<type>-<number>), found Entity=(person-x)"),
        ("# newdoc", "B-PER", "found Entity=B-PER"),
        ("# global.Entity = etype-eid", "(person)", "(etype-eid), as # global.Entity"),
        ("# global.Entity = etype-head", "(person-1)", ":1: expected GRP or eid"),
    ],
)
def test_a_layout_that_is_not_known_is_named(read, layout, entity, message):
    with pytest.raises(InputError) as error:
        read(conllu(("a", f"Entity={entity}"), layout=layout), "file.conllu")
    assert message in str(error.value)


def test_two_spaces_in_misc(read):
    text = conllu(("a", "Gloss=the  woman|Entity=(e1)"), ("b", "X=y | Entity=(e1)"))
    (document,) = read(text, "file.conllu")
    assert document.mentions == [(0, 0, 0), (1, 1, 0)]


def test_a_span_counts_once_in_a_cluster(read):
    (document,) = read(gum("(1)|(1)", "(2(2", "2)2)", "(1)|(3)"))
    assert document.mentions == [(0, 0, 0), (1, 2, 1), (3, 3, 0), (3, 3, 2)]
    assert document.repeated == 2


def test_mentions_on_empty_nodes(read):
    """One node, and two, are zeros; with words around, the words count."""
    rows = [
        ("0.1", "_", "Entity=(1)"),
        ("a", "Entity=(2"),
        ("1.1", "_", "Entity=(3)2)(4"),
        ("1.2", "_", "Entity=4)(2"),
        ("b", "_"),
        ("c", "Entity=2)(1)"),
    ]
    (document,) = read(conllu(*rows), "file.conllu")
    assert document.words == ["a", "b", "c"]
    assert document.mentions == [(0, 0, 0), (1, 2, 0), (2, 2, 1)]
    assert document.zeros == 3


def lines_run(function, *arguments) -> int:
    """How many lines of Python a call runs, every turn of a loop counted."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return count


def test_nested_mentions_take_steps_by_their_number_not_by_their_words():
    """Mention i encloses 1000 - 2 i words: 250,000 in all."""
    mentions = [(i, 999 - i, 0) for i in range(500)]
    assert _guess_sentences(["."] * 1000, mentions) == [(0, 999)]
    assert lines_run(_guess_sentences, ["."] * 1000, mentions) < 10_000


def test_a_stretch_looks_at_its_own_mentions():
    """One of 20 words among 10,000 mentions, of which 20 are its own."""
    words = 10_000
    mentions = [(i, i, 0) for i in range(words)]
    document = Document("d", 0, ["a"] * words, [(0, words - 1)], mentions)
    example, _ = _example(document, 0, [(5000, 5019)])
    assert len(example["mentions"]) == 20
    assert lines_run(_example, document, 0, [(5000, 5019)]) < 5000


def test_nested_mentions_of_a_long_document(read):
    """Sentences are found although a mention encloses each full stop but the last."""
    fields = [f"{i}\t.\t(1" for i in range(2000)]
    fields += [f"{i}\t.\t1)" for i in range(2000, 4000)] + ["4000\t.\t_"]
    (document,) = read("# begin document x\n" + "\n".join(fields))
    assert document.mentions == [(i, 3999 - i, 0) for i in range(2000)]
    assert document.sentences == [(0, 3999), (4000, 4000)]


def test_hidden_files_are_not_read(tmp_path):
    for name in (
        "a.conll",
        "._a.conll",
        ".git/b.conllu",
        "deep/.c.conll",
        "deep/d.conll",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    found = [str(p.relative_to(tmp_path)) for p in find_files(tmp_path)]
    assert found == ["a.conll", "deep/d.conll"]
    # a hidden folder that is named itself is read
    assert find_files(tmp_path / ".git") == [tmp_path / ".git" / "b.conllu"]


def test_script_counts_what_it_leaves_out_and_refuses_nothing(
    tmp_path, bert_dir, capsys
):
    out = tmp_path / "out.json"

    def run(text, name="x.conllu", *flags):
        (tmp_path / name).write_text(text)
        arguments = ["--data-file", tmp_path / name, "--outfile", out, *flags]
        return preprocess_coref.main([*arguments, "--bert-dir", bert_dir])

    rows = [("_", "Entity=(1)(1)"), ("1.1", "_", "Entity=(2)"), ("____", "_")]
    rows += [("_", "Entity=(e1[1/2])"), ("_", "_"), ("_", "Entity=(e1[2/2])")]
    assert run(conllu(*rows)) == 0
    printed = capsys.readouterr().out
    assert "5 words, 1 mention in 1 cluster" in printed
    assert "1 mention left out, whose span is in its cluster already" in printed
    assert "1 mention left out, of empty nodes only (zeros)" in printed
    assert "1 mention left out, in several pieces, with words between" in printed
    assert "1 of 1 sentence have placeholders such as _ instead of words" in printed
    assert "warning: 100.0 % of the tokens are [UNK]" in printed
    out.unlink()
    for text, name, flags, cause in (
        (conllu(("a", "_")), "y.conllu", (), "Entity=(3): are these the files with"),
        ("# newdoc\n", "z.conllu", (), "as there is no document"),
        (gum("(1", "1)"), "x.conll", ("--max-sequence-length", 3), "none of 1 lies in"),
        (
            gum("(1)", "_") + "\n" + gum("(1)", "_").replace("x", "y"),
            "w.conll",
            ("--max-sequence-length", 3, "--windows"),
            "as none of 2 lies in a stretch: use a greater --max-sequence-length",
        ),
    ):
        assert run(text, name, *flags) == 1
        error = capsys.readouterr().err
        assert f"{name}: no mention found, " in error
        assert cause in error
        assert error.count("\n") == 1
    assert not out.exists()


def tagged(text, **more):
    """A document of one sentence from word/TAG; without tags where there are none."""
    pairs = [word.rsplit("/", 1) for word in text.split()]
    words = [pair[0] for pair in pairs]
    tags = [pair[1] for pair in pairs] if len(pairs[0]) == 2 else None
    return Document("d", 0, words, [(0, len(words) - 1)], [], tags, **more)


# the universal tags of Penn's
UNIVERSAL = {
    tag: universal
    for universal, tags in {
        "ADJ": "JJ",
        "ADP": "IN",
        "CCONJ": "CC",
        "DET": "DT",
        "NOUN": "NN NNS",
        "NUM": "CD",
        "PART": "POS",
        "PRON": "PRP PRP$ WP",
        "PROPN": "NNP",
        "PUNCT": ", HYPH",
        "VERB": "VBD VBG VBN",
    }.items()
    for tag in tags.split()
}


def head_of(document):
    return document.words[find_head(document, 0, len(document.words) - 1)]


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("his/PRP$", "his"),
        ("his/PRP$ mother/NN", "mother"),
        ("the/DT old/JJ king/NN 's/POS", "king"),
        ("the/DT king/NN 's/POS two/CD sons/NNS", "sons"),
        ("Mr./NNP John/NNP Smith/NNP", "Smith"),
        ("the/DT mayor/NN of/IN Dunmore/NNP", "mayor"),
        ("the/DT man/NN who/WP sold/VBD cars/NNS", "man"),
        ("the/DT girl/NN reading/VBG a/DT book/NN", "girl"),
        ("the/DT broken/VBN vase/NN", "vase"),
        ("a/DT tall/JJ ,/, dark/JJ man/NN", "man"),
        ("her/PRP$ opponent/NN ,/, a/DT former/JJ judge/NN", "opponent"),
        ("the/DT man/NN she/PRP loved/VBD", "man"),
        ("Anna/NNP and/CC Tom/NNP", "Anna"),
        ("black/JJ and/CC white/JJ cats/NNS", "cats"),
        ("all/DT of/IN them/PRP", "all"),
        ("over/IN 30/CD people/NNS", "people"),
        ("the/DT two/CD", "two"),
        ("the/DT poor/JJ", "poor"),
        ("the/DT rain/NN -/HYPH soaked/VBN coat/NN", "coat"),
    ],
)
def test_heads_with_and_without_tags(text, head):
    """The heads are the same by tags, universal ones too, and by the lists of words."""
    document = tagged(text)
    assert head_of(document) == head
    universal = [UNIVERSAL[tag] for tag in document.tags]
    assert head_of(dataclasses.replace(document, tags=universal)) == head
    if "reading" not in text:  # no list of words tells participles
        assert head_of(tagged(" ".join(document.words))) == head


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("the eighth channel operated by her", "channel"),
        ("the urgent need for water", "need"),
        ("a stout , grey , old seaman", "seaman"),
        ("the Tsar , who fell", "Tsar"),
        ("the “ silent ” man", "silent"),
        ("Peter the Great", "Peter"),
        ("Wave 4 of the study", "Wave"),
        ("Galois himself", "Galois"),
        ("bread and butter", "butter"),
        ("the cat and the dog", "cat"),
        ("the US", "US"),
        ("the WHO director", "director"),
        ("the past year", "year"),
        ("a can of beer", "can"),
        ("his will", "will"),
        ("those in the house", "those"),
    ],
)
def test_heads_by_lists_of_words(text, head):
    assert head_of(tagged(text)) == head


@pytest.mark.parametrize(
    ("text", "constituents", "head"),
    [
        # the rightmost noun among the children of the phrase
        ("the/DT city/NN museum/NN", {0: [(2, "NP")]}, "museum"),
        # no noun is a child: the leftmost NP, then the noun in it
        (
            "a/DT map/NN of/IN the/DT city/NN",
            {0: [(4, "NP"), (1, "NP")], 2: [(4, "PP")], 3: [(4, "NP")]},
            "map",
        ),
        (
            "Anna/NNP and/CC her/PRP$ dog/NN",
            {0: [(3, "NP"), (0, "NP")], 2: [(3, "NP")]},
            "Anna",
        ),
        # a possessor is an NP, but the noun is a child
        (
            "the/DT king/NN 's/POS son/NN",
            {0: [(3, "NP"), (2, "NP")]},
            "son",
        ),
        # the possessor alone: not its ending, where Collins has it
        ("the/DT king/NN 's/POS", {0: [(2, "NP")]}, "king"),
        # $ before CD, CD before JJ, JJ before the last word
        ("about/RB $/$ 50/CD", {0: [(2, "NP")]}, "$"),
        ("the/DT last/JJ two/CD", {0: [(2, "NP")]}, "two"),
        ("the/DT very/RB poor/JJ there/EX", {0: [(3, "NP")]}, "poor"),
        ("he/PRP alone/RBX", {0: [(1, "NP")]}, "alone"),
        # an adjective phrase is passed over for the noun, a chain of phrases followed
        (
            "a/DT very/RB old/JJ friend/NN",
            {0: [(3, "NP"), (3, "NP")], 1: [(2, "ADJP")]},
            "friend",
        ),
        # a mention that is no constituent: rules over what lies within it
        ("old/JJ men/NNS and/CC women/NNS", {0: [(9, "NP"), (1, "NP")]}, "women"),
    ],
)
def test_heads_by_constituents(text, constituents, head):
    """Collins (1999), appendix A: which child of a noun phrase is its head."""
    assert head_of(tagged(text, constituents=constituents)) == head


@pytest.mark.parametrize(
    ("text", "governors", "relations", "head"),
    [
        # "map" alone is governed from outside; it governs the rest
        ("a/DT map/NN of/IN it/PRP", [1, 9, 3, 1], "det obj case nmod", "map"),
        ("the/DT root/NN", [1, None], "det root", "root"),
        # two governed from outside: the first, however many words the other leads
        ("men/NNS the/DT girls/NNS", [9, 2, 9], "obj det obj", "men"),
        # but no determiner, adverb, adjective or possessor before a noun
        ("the/DT home/NN army/NN", [9, 2, 9], "det compound compound", "army"),
        ("only/RB the/DT boats/NNS", [9, 2, 9], "advmod det obj", "boats"),
        ("the/DT old/JJ sea/NN", [9, 9, 9], "det amod compound", "sea"),
        ("my/PRP$ family/NN", [9, 9], "nmod:poss compound", "family"),
        ("only/RB his/PRP$", [9, 9], "advmod nmod:poss", "his"),
        ("all/DT the/DT British/JJ", [9, 9, 9], "det:predet det amod", "British"),
        # nor a note or a verb, whatever the tree attaches to these
        ("[/-LRB- 4/CD ]/-RRB- men/NNS", [1, 9, 1, 9], "punct dep punct obj", "men"),
        ("sold/VBN here/RB lamps/NNS", [9, 0, 9], "acl advmod obj", "lamps"),
        # a determiner in the place of a noun is one
        ("those/DT here/RB known/VBN", [9, 2, 9], "obj advmod acl", "those"),
        # nouns that a noun outside has lined up: the last; unless they stand apart
        ("Ann/NNP Hale/NNP", [9, 9], "compound compound", "Hale"),
        ("the/DT health/NN care/NN", [9, 9, 9], "det compound compound", "care"),
        ("Santa/NNP Rosa/NNP", [9, 9], "flat flat", "Rosa"),
        ("Camino/FW de/FW Luna/FW", [9, 9, 9], "flat flat flat", "Camino"),
        ("Paris/NNP ,/, France/NNP", [9, 0, 9], "nmod punct nmod", "Paris"),
        ("Rosa/NNP Ann/NNP", [9, 8], "compound compound", "Rosa"),
        # quotes are governed from outside, but lead nothing
        ("``/`` Emma/NNP ''/''", [9, 9, 9], "punct obj punct", "Emma"),
        # a flat name ends with its head, but not with a numeral
        ("John/NNP Paul/NNP Hale/NNP", [9, 0, 0], "nsubj flat flat", "Hale"),
        ("Norton/NNP I/CD", [9, 0], "nsubj flat", "Norton"),
        ("King/NNP Paul/NNP 's/POS dog/NN", [3, 0, 0, 9], "nmod flat case obj", "dog"),
        # a cycle, which no tree has: all words are compared
        ("a/DT b/NN c/NN", [1, 2, 0], "det nsubj obj", "b"),
    ],
)
def test_heads_by_dependencies(text, governors, relations, head):
    """A governor of 9 lies outside the mention."""
    document = tagged(text, governors=governors, relations=relations.split())
    assert head_of(document) == head


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # type, number, gender, person
        ("she/PRP", ("pronoun", "singular", "feminine", 3)),
        ("Its/PRP$", ("pronoun", "singular", "neuter", 3)),
        ("me/PRP", ("pronoun", "singular", None, 1)),
        ("yourselves/PRP", ("pronoun", "plural", None, 2)),
        ("you/PRP", ("pronoun", None, None, 2)),
        ("they/PRP", ("pronoun", "plural", None, 3)),
        ("those/DT", ("pronoun", "plural", None, 3)),
        ("his/PRP$ mother/NN", ("nominal", "singular", "feminine", 3)),
        ("my/PRP$ uncles/NNS", ("nominal", "plural", "masculine", 3)),
        ("the/DT boats/NNS", ("nominal", "plural", None, 3)),
        ("Mrs./NNP Ruth/NNP Hale/NNP", ("proper", "singular", "feminine", 3)),
        ("Mrs./NNP King/NNP", ("proper", "singular", "feminine", 3)),
        ("Mr./NNP Hale/NNP 's/POS horse/NN", ("nominal", "singular", None, 3)),
        ("Anna/NNP and/CC her/PRP$ aunt/NN", ("proper", "plural", None, 3)),
        ("he/PRP and/CC Anna/NNP", ("pronoun", "plural", None, None)),
        (
            "the/DT king/NN of/IN the/DT hill/NN",
            ("nominal", "singular", "masculine", 3),
        ),
        ("the/DT Hebrides/NNPS", ("proper", "plural", None, 3)),
    ],
)
def test_types_and_attributes(text, expected):
    """By tags; by words alone as well, but for the number of names with "the"."""
    document = tagged(text)
    for given in (document, tagged(" ".join(document.words))):
        found = describe_mention(given, 0, len(given.words) - 1)
        if given.tags is None and "Hebrides" in text:
            expected = ("proper", None, None, 3)
        keys = ("type", "number", "gender", "person")
        assert tuple(found[key] for key in keys) == expected


def test_what_only_tags_and_features_tell():
    """FEATS win over tags; a verb has no number; universal tags do as well."""
    tree = {"governors": [None], "relations": ["root"]}
    trousers = tagged("trousers/NN", features=[{"Number": "Ptan"}], **tree)
    assert describe_mention(trousers, 0, 0)["number"] == "plural"
    rose = tagged("rises/VBZ", features=[{"Number": "Sing"}], **tree)
    assert describe_mention(rose, 0, 0)["number"] is None
    for tag, kind in (("PRON", "pronoun"), ("PROPN", "proper"), ("NOUN", "nominal")):
        assert mention_type(tagged(f"w/{tag}", **tree), 0) == kind


def test_types_by_the_universal_tags_where_the_treebank_has_its_own(read):
    """German's STTS calls a name NE and a pronoun PPER, which no list here has."""
    rows = [
        "1\tAnna\tAnna\tPROPN\tNE\t_\t2\tnsubj\t_\tEntity=(1)",
        "2\tsah\tsehen\tVERB\tVVFIN\t_\t0\troot\t_\t_",
        "3\tihn\ter\tPRON\tPPER\tGender=Masc|Number=Sing|Person=1\t2\tobj\t_\tEntity=(2)",
        "4\tim\tin\tADP\tAPPRART\t_\t5\tcase\t_\t_",
        "5\tGarten\tGarten\tNOUN\tNN\t_\t2\tobl\t_\tEntity=(3)",
    ]
    (document,) = read("\n".join(rows), "file.conllu")
    assert document.tags == ["PROPN", "VERB", "PRON", "ADP", "NOUN"]
    kinds = [mention_type(document, word) for word in (0, 2, 4)]
    assert kinds == ["proper", "pronoun", "nominal"]
    described = describe_mention(document, 2, 2)
    found = [described[key] for key in ("number", "gender", "person")]
    assert found == ["singular", "masculine", 1]


@pytest.mark.parametrize(
    ("word", "tag", "features", "expected"),
    [
        (
            "my",
            "PRON",
            "Case=Nom|Number=Plur|Person=1|PronType=Prs",
            ("plural", None, 1),
        ),
        ("us", "PRON", "Number=Plur|Person=2|PronType=Prs", ("plural", None, 2)),
        ("se", "PRON", "Case=Acc|PronType=Prs|Reflex=Yes|Variant=Short", (None,) * 3),
        ("se", "PRON", "Number=Sing|PronType=Prs|Reflex=Yes", ("singular", None, None)),
        (
            "das",
            "PRON",
            "Gender=Neut|Number=Sing|PronType=Dem",
            ("singular", "neuter", 3),
        ),
        ("\u6211\u4eec", "PRP", "Number=Plur|Person=1", ("plural", None, 1)),
        ("'s", "PRP", "_", ("plural", None, 1)),  # of "let's"
        ("y'all", "PRP", "_", ("plural", None, 2)),
        ("ya", "PRP", "_", (None, None, 2)),
        ("ye", "PRP", "Case=Nom", ("plural", None, 2)),
        ("hisself", "PRP", "_", (None, None, None)),
        ("he", "PRP", "Number=Sing|Person=3", ("singular", "masculine", 3)),
        (
            "his",
            "PRP$",
            "Gender=Masc|Number=Sing|Poss=Yes",
            ("singular", "masculine", 3),
        ),
        # possessives of "her first king", "her", "their" and "his"
        (
            "ihr",
            "PRON",
            "Gender=Masc|Gender[psor]=Fem|Poss=Yes",
            (None, "feminine", None),
        ),
        ("sa", "DET", "Gender=Fem|Number=Sing|Poss=Yes|PronType=Prs", (None,) * 3),
        (
            "ses",
            "DET",
            "Number=Plur|Number[psor]=Sing|Person=3|Poss=Yes",
            ("singular", None, 3),
        ),
        ("sus", "DET", "Number=Plur|Person=3|Poss=Yes|PronType=Prs", (None, None, 3)),
        ("some", "DT", "_", (None, None, 3)),
    ],
)
def test_pronouns_by_their_features_or_the_list(read, word, tag, features, expected):
    """Czech "my" (we) and Catalan "us" (you) are other words in English."""
    row = f"1\t{word}\t_\tPRON\t{tag}\t{features}\t0\troot\t_\tEntity=(1)"
    (document,) = read(row, "file.conllu")
    found = describe_mention(document, 0, 0)
    assert found["type"] == "pronoun"
    assert (found["number"], found["gender"], found["person"]) == expected


def test_joined_nouns_of_other_languages():
    """What the word means is not known, so neither is the number."""
    arcs = {"governors": [9, 2, 0], "relations": ["obj", "cc", "conj"]}
    for words in ("Ana/PROPN und/CCONJ Jan/PROPN", "Ana/PROPN oder/CCONJ Jan/PROPN"):
        document = tagged(words, features=[{"Number": "Sing"}, {}, {}], **arcs)
        found = describe_mention(document, 0, 2)
        assert (found["type"], found["number"], found["person"]) == ("proper", None, 3)


def test_joined_nouns_in_a_tree():
    """conj and its "and" make a plural; "or" does not, nor a conj further down."""
    words = "cats/NN {}/CC dogs/NN"
    arcs = {"governors": [9, 2, 0], "relations": ["obj", "cc", "conj"]}
    for word, number in (("and", "plural"), ("or", "singular")):
        document = tagged(words.format(word), features=[{}] * 3, **arcs)
        assert describe_mention(document, 0, 2)["number"] == number
    king = tagged(
        "king/NN of/IN rock/NN and/CC roll/NN",
        features=[{}] * 5,
        governors=[9, 2, 0, 4, 2],
        relations=["obj", "case", "nmod", "cc", "conj"],
    )
    assert describe_mention(king, 0, 4)["number"] == "singular"


def test_capitals_at_the_beginning_of_a_sentence():
    """ "Boats" is there in lower case too, "Emma" not; "US" is no pronoun."""
    words = "Boats sank . `` Boats sink , Emma . Emma saw boats of the US .".split()
    document = Document("d", 0, words, [(0, 2), (3, 8), (9, 15)], [])
    kinds = [mention_type(document, word) for word in (0, 4, 7, 9, 14)]
    assert kinds == ["nominal", "nominal", "proper", "proper", "proper"]


VOCABULARY = {p: i for i, p in enumerate("[UNK] [CLS] [SEP] a b c d ##x .".split())}


@pytest.fixture
def stories(tmp_path):
    """Sentences of 2, 3, 6 (a word without a piece counts as one) and 1 pieces.

    A mention reaches from the first sentence into the second, another from the second
    into the third. In their order the clusters 1, 3 and 2 are numbered 0, 1 and 2.
    """
    sentences = ["a/(1 b/_", "cx/1) c/(2)|(3", "axxx/3) \u200b/_ d/(2)", "b/(1)"]
    lines = ["#begin document (s); part 2"]
    for sentence in sentences:
        pairs = [word.split("/") for word in sentence.split()]
        lines += [f"s\t2\t{i}\t{w}\tNN\t*\t{m}" for i, (w, m) in enumerate(pairs)]
        lines.append("")
    path = tmp_path / "s.conll"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("windows", "length", "words", "counts"),
    [
        # 2 + 3 pieces and two special ones fill 7, 6 + 1 and two fill 9
        (False, 7, [4], (2, 0, 1)),
        (False, 6, [2], (3, 0, 1)),
        (True, 7, [4, 1], (0, 1, 1)),
        (True, 8, [4, 3, 1], (0, 0, 1)),
        (True, 9, [4, 4], (0, 0, 1)),
        (False, 14, [8], (0, 0, 0)),
        # nothing but the last fits
        (False, 3, [1], (0, 3, 0)),
    ],
)
def test_stretches(stories, windows, length, words, counts):
    """How many words; sentences beyond, sentences too long, mentions cut."""
    tokenizer = Tokenizer(VOCABULARY)
    cut = cut_documents([stories], tokenizer, max_length=length, windows=windows)
    assert [len(example["words"]) for example in cut.examples] == words
    assert (cut.beyond, cut.too_long, cut.cut_mentions) == counts
    assert (cut.documents, cut.sentences) == (1, 4)


def test_words_of_a_stretch_count_from_its_beginning(stories):
    cut = cut_documents([stories], Tokenizer(VOCABULARY), max_length=9, windows=True)
    nominal = {"type": "nominal", "number": "singular", "gender": None, "person": 3}
    assert cut.examples[1] == {
        "document": "s",
        "part": 2,
        "stretch": 1,
        "words": ["axxx", "\u200b", "d", "b"],
        "sentences": [[0, 2], [3, 3]],
        "mentions": [
            {"start": 2, "end": 2, "cluster": 2, "head": 2} | nominal,
            {"start": 3, "end": 3, "cluster": 0, "head": 3} | nominal,
        ],
        "tags": ["NN"] * 4,
    }
    (first, second) = cut.examples[0]["mentions"]
    assert (first["start"], first["end"], first["cluster"]) == (0, 2, 0)
    assert (second["start"], second["end"], second["cluster"]) == (3, 3, 2)


def test_script(tmp_path, bert_dir, stories, capsys):
    """To the tiny BERT most words are unknown, and each of these is one piece."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "t.conllu").write_text(CONLLU)
    (tmp_path / "notes.txt").write_text("no coreference")
    assert find_files(tmp_path) == [tmp_path / "deep" / "t.conllu", stories]
    out = tmp_path / "out.json"
    flags = ["--data_dir", tmp_path, "--bert_dir", bert_dir, "--outfile", out]
    assert preprocess_coref.main(flags) == 0
    examples = json.loads(out.read_text(encoding="utf-8"))
    assert [e["document"] for e in examples] == ["one", "two", "s"]
    assert "3 examples from 3 documents written to" in capsys.readouterr().out

    flags = ["--data-file", stories, "--bert-dir", bert_dir, "--outfile", out]
    assert preprocess_coref.main([*flags, "--max-sequence-length", 6]) == 0
    printed = capsys.readouterr().out
    assert "1 example from 1 document" in printed
    assert "4 words, 2 mentions in 2 clusters" in printed
    assert "2 of 4 sentences lie beyond the first stretch" in printed
    assert "1 mention left out, which reach" in printed
    assert preprocess_coref.main([*flags, "--max-sequence-length", 4, "--windows"]) == 0
    printed = capsys.readouterr().out
    assert "1 of 4 sentences left out, each too long by itself for 4 word" in printed

    before = out.read_bytes()
    (tmp_path / "bad.conll").write_text(gum("(1"))
    (tmp_path / "empty").mkdir()
    for data, message in (
        (["--data-file", tmp_path / "bad.conll"], "bad.conll:2: (1 begins"),
        (["--data-file", stories, stories], "document s, part 2 was already in"),
        (["--data-file", tmp_path / "no.conll"], "No such file"),
        (["--data-file", out], "would be overwritten"),
        (["--data-dir", tmp_path / "empty"], "no file there ends in conll or conllu"),
        (["--data-dir", tmp_path / "no"], "no such folder; is the name right?"),
    ):
        assert preprocess_coref.main([*data, *flags[2:]]) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert message in error
        assert error.count("\n") == 1
    assert out.read_bytes() == before
    with pytest.raises(SystemExit):
        preprocess_coref.main([*flags, "--max-sequence-length", 2])


def test_sample_documents():
    """Form and coverage: what the analysis of coreference can meet, it meets here."""
    documents = [d for path in find_files(EXAMPLES) for d in read_documents(path)]
    assert len(documents) >= 12
    assert len({document.name for document in documents}) == len(documents)
    kinds, persons, found = collections.Counter(), set(), collections.Counter()
    for document in documents:
        assert document.tags
        assert len(document.sentences) >= 2
        assert len(document.words) <= 90  # fits into 128 word pieces
        sizes = collections.Counter(cluster for _, _, cluster in document.mentions)
        assert min(sizes.values()) >= 2  # no mention stands alone
        spans = [mention[:2] for mention in document.mentions]
        assert len(set(spans)) == len(spans)
        described = [describe_mention(document, *span) for span in spans]
        first = {}
        for (start, end, cluster), mention in zip(
            document.mentions, described, strict=True
        ):
            kinds[mention["type"]] += 1
            persons.add(mention["person"])
            kind = first.setdefault(cluster, mention["type"])
            found["cataphor"] += kind == "pronoun" and mention["type"] != "pronoun"
            words = document.words[start : end + 1]
            found["group"] += "and" in words and mention["number"] == "plural"
            found["possessor"] += document.tags[end] == "POS"
            found["nested"] += any(
                s <= start and end <= e and (s, e) != (start, end) for s, e in spans
            )
        # there is no personal pronoun outside of all mentions
        for word, tag in enumerate(document.tags):
            if tag in ("PRP", "PRP$"):
                assert any(start <= word <= end for start, end in spans)
    assert kinds["pronoun"] >= 60
    assert kinds["nominal"] >= 60
    assert kinds["proper"] >= 30
    assert persons == {1, 2, 3}
    assert found["cataphor"] >= 2
    assert found["group"] >= 3
    assert found["nested"] >= 20
    assert found["possessor"] >= 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # an empty line within the first sentence, where the second begins anew
        (
            "# begin document x\n1\ta\t(1)\n\n2\tb\t_\n\n1\tc\t(1)\n",
            "file.conll:4: expected word number 1 after an empty line, found 2; is",
        ),
        # within the second, where words are numbered over the document
        (
            "# begin document x\n1\ta\t(1)\n\n2\tb\t_\n\n1\tc\t(1)\n".replace(
                "1\tc", "4\tc"
            ),
            "file.conll:6: expected word number 3 after an empty line, found 4; is",
        ),
        # an empty line after each line
        (
            "# begin document x\n\n0\ta\t(1)\n\n1\tb\t_\n\n2\tc\t(1)\n\n",
            "file.conll:5: an empty line after each word; expected them between",
        ),
        # another document, and another part, without a line that begins it
        (
            conll_2012("(1)", "-") + "\n" + conll_2012("(1)", name="e")[30:],
            "file.conll:5: document and part are e 0 from here on, and were d 0",
        ),
        (
            conll_2012("(1)", "-") + "\nd\t1\t0\ta\tNN\t*\t-\t-\t-\t-\t(1)\n",
            "file.conll:5: document and part are d 1 from here on, and were d 0",
        ),
        # Excel's tab-separated text
        ('# begin document x\n1\t""""\t_\n2\t","\t(1)\n', "file.conll:2: the word is"),
    ],
)
def test_sentences_and_documents_are_neither_cut_nor_joined(read, text, message):
    with pytest.raises(InputError) as error:
        read(text)
    assert message in str(error.value)


def test_numbers_of_words_may_go_on_after_empty_lines(read):
    (document,) = read("# begin document x\n3\ta\t(1)\n4\tb\t_\n\n5\tc\t(1)\n")
    assert document.sentences == [(0, 1), (2, 2)]
    (document,) = read("# begin document x\n0\ta\t(1)\n\n0\tb\t_\n\n0\tc\t(1)\n")
    assert document.sentences == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize(
    "comment", ["# newdoc id = b", " # newdoc id = b", "#newdoc_id=b", "# NEWDOC ID: b"]
)
def test_a_document_begins_however_its_comment_is_spelt(read, comment):
    """Else clusters of both would be one: there is a 1 in each."""
    first, second = (
        conllu(("He", "Entity=(1)"), layout=f"# x\n{c}") for c in ("", comment)
    )
    one, two = read(f"{first}\n{second}", "file.conllu")
    assert [(d.name, d.mentions) for d in (one, two)] == [
        ("file", [(0, 0, 0)]),
        ("b", [(0, 0, 0)]),
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (conllu(("He", "Entity=(1)"), layout="# newdoc id = a") + "\n", "x.conllu"),
        (gum("(1)"), "x.conll"),
    ],
)
def test_a_name_that_comes_again_is_no_second_part(tmp_path, text, name):
    """A file that was put together of the same one twice; see also parts without a name
    of their own, above."""
    (tmp_path / name).write_text(text * 2)
    tokenizer = Tokenizer({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2})
    with pytest.raises(InputError, match=rf"part 0 was already in .*{name}; leave one"):
        cut_documents([tmp_path / name], tokenizer)


def test_types_alone_are_no_clusters(read):
    """He and she are two persons, not one cluster called person."""
    rows = [("He", "Entity=(person)"), ("she", "Entity=(person)")]
    with pytest.raises(
        InputError, match=r"found Entity=\(person\); is a line # global"
    ):
        read(conllu(*rows), "file.conllu")


def test_compressed_files_and_names_in_capitals_are_read_too(tmp_path):
    text = conllu(("He", "Entity=(1)"))
    (tmp_path / "A.CONLLU").write_text(text)
    (tmp_path / "b.conllu.gz").write_bytes(gzip.compress(text.encode()))
    paths = find_files(tmp_path)
    assert [path.name for path in paths] == ["A.CONLLU", "b.conllu.gz"]
    for path in paths:
        (document,) = read_documents(path)
        assert document.mentions == [(0, 0, 0)]


def test_a_link_that_leads_nowhere_is_not_passed_over(tmp_path, bert_dir, capsys):
    (tmp_path / "a.conll").write_text(gum("(1)"))
    (tmp_path / "b.conll").symlink_to(tmp_path / "gone.conll")
    flags = ["--data-dir", tmp_path, "--outfile", tmp_path / "out.json"]
    assert preprocess_coref.main([*flags, "--bert-dir", bert_dir]) == 1
    assert "b.conll: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("tags", "warns"),
    [
        (("PPER", "VVFIN", "NE"), True),  # STTS: a pronoun and a name that are not seen
        (("PRP", "VBD", "NNP"), False),
        (("PRON", "VERB", "PROPN"), False),
        (("_", "_", "_"), False),
    ],
)
def test_tags_of_no_known_set_are_warned_of(tmp_path, bert_dir, capsys, tags, warns):
    rows = [f"d 0 {i} a {tag} * - - - - * (1)" for i, tag in enumerate(tags)]
    path = tmp_path / "x.conll"
    path.write_text("\n".join(["#begin document (d); part 0", *rows]))
    flags = ["--data-file", path, "--outfile", tmp_path / "out.json"]
    assert preprocess_coref.main([*flags, "--bert-dir", bert_dir]) == 0
    assert ("warning: most tags are neither" in capsys.readouterr().out) == warns


def test_escapes_of_ontonotes_are_counted(tmp_path, bert_dir, capsys):
    path = tmp_path / "a.conll"
    path.write_text("#begin document (a)\n0\tHe\t(1)\n1\t/.\t_\n")
    flags = ["--data-file", path, "--bert-dir", bert_dir]
    assert preprocess_coref.main([*flags, "--outfile", tmp_path / "a.json"]) == 0
    assert "1 of the words are escapes of the Penn Tree" in capsys.readouterr().out

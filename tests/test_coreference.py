"""Who finds antecedents: sieves, baselines, and heads whose behaviour is known."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from heads import example_of, record, to_offset, uniform

from analysis.coreference import RANGES, CoreferenceScores
from analysis.mentions import (
    Mention,
    agree,
    any_mention,
    link_mentions,
    read_mentions,
    same_head_word,
    same_string,
    sift,
)
from analysis.passages import find_links
from analysis.statistic import accumulate
from analysis.table_2 import accuracy_by_distance, count_mentions, table_2
from attention.store import AttentionWriter
from bert import Tokenizer
from corpora.stretches import cut_documents
from figures.tables import save_table, show_table
from toolkit.files import InputError

WORDS = """Anna met Tom . Her brother liked him . Anna laughed . The man smiled .
He waved .""".split()  # W = 19
SENTENCES = [[0, 3], [4, 8], [9, 11], [12, 15], [16, 18]]


def mention(span, head, cluster, type, number="singular", gender=None, person=3):
    """As preprocess_coref.py writes it; `span` is first and last word."""
    names = "start end head cluster type number gender person".split()
    values = (*span, head, cluster, type, number, gender, person)
    return dict(zip(names, values, strict=True))


MENTIONS = [
    mention((0, 0), 0, 1, "proper", gender="feminine"),  # Anna
    mention((2, 2), 2, 2, "proper", gender="masculine"),  # Tom
    mention((4, 5), 5, 3, "nominal", gender="masculine"),  # Her brother
    mention((4, 4), 4, 1, "pronoun", gender="feminine"),  # Her
    mention((7, 7), 7, 2, "pronoun", gender="masculine"),  # him
    mention((9, 9), 9, 1, "proper", gender="feminine"),  # Anna
    mention((12, 13), 13, 2, "nominal", gender="masculine"),  # The man
    mention((16, 16), 16, 2, "pronoun", gender="masculine"),  # He
]
NEAREST = {4: 0, 7: 2, 9: 4, 13: 7, 16: 13}  # from head word to nearest antecedent's
FOLLOWING = {0: 4, 2: 7, 4: 9, 7: 13, 13: 16}  # to the next of the cluster


def pointing(targets, *, share=1.0, elsewhere=lambda word: word):
    """Words in `targets` give that share to their target, all else to `elsewhere`."""
    attn = np.zeros((len(WORDS) + 2, len(WORDS) + 2))
    for row in range(len(attn)):
        target = targets.get(row - 1)
        given = share if target is not None else 0
        if given:
            attn[row, target + 1] = given
        attn[row, elsewhere(row - 1) + 1] += 1 - given
    return attn


def sample(document="a", **changes):
    """Six heads in three layers: 1-1 attends to the nearest antecedent, 1-2 to it less
    than to "met", 2-1 less than to itself, 2-2 to the word before, 3-1 to all alike,
    3-2 to the next mention of the cluster."""
    tokens = ["[CLS]", *WORDS, "[SEP]"]
    example = example_of(
        tokens,
        pointing(NEAREST),
        pointing(NEAREST, share=0.25, elsewhere=lambda word: 1),
        pointing(NEAREST, share=0.25),
        to_offset(tokens, -1),
        uniform(tokens),
        pointing(FOLLOWING),
        layers=3,
    )
    example |= {"document": document, "words": WORDS, "sentences": SENTENCES}
    return example | {"mentions": MENTIONS} | changes


def scores_of(*examples, nested=False):
    scores = CoreferenceScores(nested)
    for example in examples:
        scores.update(record(example))
    return scores


def record_of(example):
    """The record of an example whose maps do not matter."""
    size = len(example["words"]) + 2
    return record(example | {"attns": np.eye(size, dtype="f2")[None, None]})


def of_words(words, head, **attributes):
    """A mention by itself, at the beginning of a text."""
    words = words.split()
    entry = mention((0, len(words) - 1), head, 0, "nominal", **attributes)
    example = {"document": "a", "sentences": [], "words": words, "mentions": [entry]}
    return read_mentions(record_of(example))[0]


@pytest.mark.parametrize(
    ("sieve", "first", "second", "accepted"),
    [
        (same_string, of_words("The old man", 2), of_words("the old man", 2), True),
        (same_string, of_words("the old man", 2), of_words("the man", 1), False),
        (same_head_word, of_words("The Man", 1), of_words("man of law", 0), True),
        (same_head_word, of_words("the old man", 2), of_words("the old men", 2), False),
        (any_mention, of_words("she", 0), of_words("the old men", 2), True),
    ],
)
def test_sieves_of_words(sieve, first, second, accepted):
    assert sieve(first, second) == accepted


@pytest.mark.parametrize(
    ("first", "second", "accepted"),
    [
        ({"gender": "feminine"}, {"gender": "feminine"}, True),
        ({"gender": "feminine"}, {"gender": "masculine"}, False),
        ({"gender": "feminine"}, {"gender": None}, True),
        ({"number": "plural"}, {"number": "singular"}, False),
        ({"number": None}, {"number": "singular"}, True),
        ({"person": 1}, {"person": 3}, False),
        ({"person": None, "number": "plural"}, {"person": 2, "number": "plural"}, True),
    ],
)
def test_sieve_of_attributes(first, second, accepted):
    pair = of_words("x", 0, **first), of_words("x", 0, **second)
    assert agree(*pair) == agree(*pair[::-1]) == accepted


def test_nearest_of_the_earliest_sieve():
    """ "The man" is nearer than "the tall man", "a man" nearer still: the first sieve
    decides for the farthest, the second for the nearest of the two others."""
    tall, short, other = (
        of_words("the tall man", 2),
        of_words("a man", 1),
        of_words("x", 0),
    )
    candidates = [tall, of_words("his man", 1), short, other]
    found = sift(of_words("The tall man", 2), candidates, (same_string, any_mention))
    assert found is tall
    found = sift(of_words("The man", 1), candidates, (same_string, same_head_word))
    assert found is short
    assert sift(of_words("y", 0), candidates, (same_string, same_head_word)) is None
    assert sift(of_words("y", 0), candidates, (same_string, any_mention)) is other


def test_links_by_hand():
    """[[Anna] and Tom] (1, [2]) left ; they (1) missed her (2): Anna and "Anna and Tom"
    have one head word, and so neither can be chosen for the other."""
    words = "Anna and Tom left ; they missed her".split()
    mentions = [
        mention((0, 0), 0, 2, "proper"),  # out of order: the outer one comes first
        mention((0, 2), 0, 1, "proper", "plural"),
        mention((5, 5), 5, 1, "pronoun", "plural"),
        mention((7, 7), 7, 2, "pronoun"),
    ]
    example = {"document": "a", "sentences": [], "words": words, "mentions": mentions}
    read = read_mentions(record_of(example))
    assert [m.end for m in read] == [2, 0, 5, 7]
    candidate, antecedent = link_mentions(read)
    assert candidate.astype(int).tolist() == [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 1, 0],
    ]
    assert np.argwhere(antecedent).tolist() == [[2, 0], [3, 1]]


def test_a_mention_that_encloses_another_is_no_choice():
    """The city where he lives is no choice for he, nor are "his son" and "him and his"
    for his; the latter two cross, and so "him and his" is one for "his son"."""
    words = "Tom likes the city where he lives ; it pleases him and his son".split()
    mentions = [
        mention((0, 0), 0, 1, "proper"),
        mention((2, 6), 3, 2, "nominal"),
        mention((5, 5), 5, 1, "pronoun"),
        mention((8, 8), 8, 2, "pronoun"),
        mention((10, 12), 10, 3, "pronoun"),
        mention((12, 13), 13, 3, "nominal"),
        mention((12, 12), 12, 1, "pronoun"),
    ]
    example = {"document": "a", "sentences": [], "words": words, "mentions": mentions}
    candidate, antecedent = link_mentions(read_mentions(record_of(example)))
    assert candidate.astype(int).tolist() == [
        [0, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
    ]
    links = [[2, 0], [3, 1], [5, 4], [6, 0], [6, 2]]
    assert np.argwhere(antecedent).tolist() == links
    candidate, antecedent = link_mentions(
        read_mentions(record_of(example)), nested=True
    )
    np.testing.assert_array_equal(candidate, np.tri(7, k=-1))
    assert np.argwhere(antecedent).tolist() == links


def test_baselines_by_hand():
    """Five mentions have an antecedent. The nearest other mention is Tom for Her, as
    Her brother encloses it, Her for him, him for the second Anna, Anna for The man, The
    man for He: only the last is right. The head word of the second Anna alone is an
    earlier one's. By the rules, string and head word decide for Anna;
    agreement for Her (Anna), him (wrongly, Her brother), The man (him) and He (The
    man).
    """
    scores = scores_of(sample())
    assert scores.total.sum((0, 2)).tolist() == [3, 1, 1]
    right = {name: c.sum((0, 2)).tolist() for name, c in scores.baselines.items()}
    chance = right.pop("any other mention, at random")
    assert chance == pytest.approx([1 / 2 + 1 / 4 + 3 / 7, 2 / 5, 2 / 6])
    assert right == {
        "nearest other mention": [1, 0, 0],
        "nearest with the same head word": [0, 1, 0],
        "rules": [2, 1, 1],
    }
    assert (scores.documents, scores.stretches, scores.mentions) == (1, 1, 8)


def test_a_mention_is_no_antecedent_of_one_inside_it():
    """[[Anna] 's friend] met [[her] friend]: Anna may not choose "Anna 's friend", nor
    her "her friend"; with `nested` they may."""
    words = "Anna 's friend met her friend".split()
    mentions = [
        mention((0, 2), 2, 1, "nominal"),
        mention((0, 0), 0, 2, "proper"),
        mention((4, 5), 5, 1, "nominal"),
        mention((4, 4), 4, 2, "pronoun"),
    ]
    example = {"document": "a", "sentences": [], "words": words, "mentions": mentions}
    read = read_mentions(record_of(example))
    old = np.tri(4, k=-1, dtype=int)
    assert link_mentions(read, nested=True)[0].astype(int).tolist() == old.tolist()
    old[1, 0] = old[3, 2] = 0
    assert link_mentions(read)[0].astype(int).tolist() == old.tolist()
    size = len(words) + 2
    example["attns"] = np.full((1, 1, size, size), 1 / size, "f2")
    # the nearest: Anna for her friend (wrong); for her "her friend", else Anna
    for nested, right in ((True, 0), (False, 1)):
        scores = scores_of(example, nested=nested)
        assert scores.baselines["nearest other mention"].sum() == right
        assert scores.total.sum() == 2
        column = "here, nested too" if nested else "here"
        assert table_2(scores).columns[0] == (column, "all")
    with pytest.raises(InputError, match="cannot merge"):
        scores.merge(CoreferenceScores(nested=True))


def test_heads_by_hand():
    """The head to the nearest antecedent is always right, and so is the one that gives
    most to itself. One that gives most to "met" is wrong among all words, and right
    among mentions. The word before is no mention's head: 0 among all words, and among
    mentions all get 0 and the first, Anna, counts, which is right for Her and Anna. So
    it is for equal attention, whose first word among all is Anna too. What follows is
    no antecedent: 2-1 points from Her to Anna (9), from him to man, from man to He;
    among mentions nothing is left for these, so Anna (right for Her only); Anna (9) and
    He attend to themselves: Anna again, right for the former.
    """
    scores = scores_of(sample())
    np.testing.assert_allclose(
        scores.accuracies("mentions"), [[1, 1], [1, 0.4], [0.4, 0.4]]
    )
    np.testing.assert_allclose(scores.accuracies("words"), [[1, 0], [1, 0], [0.4, 0.2]])
    assert scores.best_head("words") == (0, 0)
    assert scores.heads["words"].shape == (3, 2, 1, 3, len(RANGES))
    # the uniform head, by type: of three pronouns one, the proper name, not the nominal
    assert scores.heads["words"][2, 0].sum((0, 2)).tolist() == [1, 1, 0]


def test_distances_by_hand():
    """From head word to head word: 4 (Her), 5 (him), 5 (Anna to Her), 6 (man), 3."""
    scores = scores_of(sample())
    counts = count_mentions(scores)
    assert counts.loc["all"].tolist() == [2, 3, 0, 0, 0, 5]
    assert counts.loc["pronoun":"nominal", :"40+"].to_numpy().tolist() == [
        [2, 1, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 1, 0, 0, 0],
    ]
    table = accuracy_by_distance(scores)
    rules = table.loc["rules"]
    assert rules.index.tolist() == ["1-4", "5-9", "10-19", "20-39", "40+"]
    assert rules["mentions"].tolist() == [2, 3, 0, 0, 0]
    np.testing.assert_allclose(rules["accuracy"][:2], [100, 200 / 3])
    assert rules.loc["10-19":, ["accuracy", "low", "high"]].isna().all(axis=None)
    assert table.index.unique("method").tolist() == [
        "any other mention, at random",
        "nearest other mention",
        "nearest with the same head word",
        "rules",
        "head 1-1, among the mentions before",
        "head 1-1, among all other words",
    ]


def random_example(rng, document, layers=2, heads=3):
    """Mentions anywhere, nested and crossing, few words and clusters."""
    count = int(rng.integers(2, 25))
    words = [str(word) for word in rng.choice(["the", "The", "cat", "dog"], count)]
    mentions = []
    for _ in range(rng.integers(0, 12)):
        start, head, end = np.sort(rng.integers(0, count, 3)).tolist()
        kind = str(rng.choice(["pronoun", "proper", "nominal"]))
        number = [None, "singular", "plural"][rng.integers(3)]
        cluster = int(rng.integers(3))
        mentions.append(mention((start, end), head, cluster, kind, number))
    mentions.sort(key=lambda m: (m["start"], -m["end"]))
    attns = rng.dirichlet(np.ones(count + 2), (layers, heads, count + 2))
    example = {"document": document, "sentences": [], "words": words}
    return example | {"mentions": mentions, "attns": attns.astype(np.float16)}


def count_plainly(example):
    """Right ones of the first two baselines and of each head, and the mentions scored,
    with loops and words only."""
    words, mentions = example["words"], example["mentions"]
    scored, nearest, same = 0, 0, 0
    right = {"mentions": np.zeros((2, 3), int), "words": np.zeros((2, 3), int)}
    for i, here in enumerate(mentions):
        before = [
            m
            for m in mentions[:i]
            if m["head"] != here["head"]
            and not (m["start"] <= here["start"] and here["end"] <= m["end"])
            and not (here["start"] <= m["start"] and m["end"] <= here["end"])
        ]
        true = [m for m in before if m["cluster"] == here["cluster"]]
        if not true:
            continue
        scored += 1
        nearest += before[-1]["cluster"] == here["cluster"]
        word = words[here["head"]].lower()
        alike = [m for m in before if words[m["head"]].lower() == word]
        same += bool(alike) and alike[-1]["cluster"] == here["cluster"]
        targets = {m["head"] for m in true}
        places = {
            "mentions": sorted({m["head"] for m in before}),
            "words": [w for w in range(len(words)) if w != here["head"]],
        }
        for reading, allowed in places.items():
            for layer, head in np.ndindex(2, 3):
                row = example["attns"][layer, head, here["head"] + 1]
                pick = max(allowed, key=lambda w, row=row: row[w + 1])
                right[reading][layer, head] += pick in targets
    return scored, nearest, same, right


def test_everything_recounted_another_way():
    rng = np.random.default_rng(4)
    examples = [random_example(rng, f"document {i}") for i in range(90)]
    scores = scores_of(*examples)
    scored, nearest, same, right = zip(*map(count_plainly, examples), strict=True)
    assert 100 < scores.total.sum() == sum(scored)
    baselines = scores.baselines
    assert baselines["nearest other mention"].sum() == sum(nearest)
    assert baselines["nearest with the same head word"].sum() == sum(same)
    for reading, by_head in scores.heads.items():
        np.testing.assert_array_equal(
            by_head.sum((2, 3, 4)), sum(counts[reading] for counts in right)
        )


def mentions_from_lines(lines):
    """Mentions of CoNLL-2012's lines in order: first word, last word (as a negative
    number, longer ones first), head word and its text, cluster. A mention ends where
    its cluster has as many closing brackets as opening ones. Its head is the last of
    the first nouns in a row which own nothing, else the first word."""
    rows, found = [line.split() for line in lines], []
    for start, row in enumerate(rows):
        for cluster in re.findall(r"\((\d+)", row[-1]):
            depth, end = 0, start - 1
            while depth or end < start:
                end += 1
                depth += len(re.findall(rf"\({cluster}\b", rows[end][-1]))
                depth -= len(re.findall(rf"\b{cluster}\)", rows[end][-1]))
            tags = " ".join(row[4] for row in rows[start : end + 1])
            nouns = re.search(r"NN\w*( NN\w*)*(?! POS .)\b", tags)
            head = start + (tags[: nouns.end()].count(" ") if nouns else 0)
            found.append((start, -end, head, rows[head][3].lower(), cluster))
    return sorted(found)


def test_baselines_on_the_sample_documents_counted_from_their_lines():
    """Every word of these is one unknown piece; heads attend to all alike."""
    path = Path(__file__).parent.parent / "examples" / "coref" / "stories.conll"
    scores = CoreferenceScores()
    for example in cut_documents(
        [path], Tokenizer({"[UNK]": 0}), max_length=200
    ).examples:
        size = len(example["words"]) + 2
        example["attns"] = np.full((2, 3, size, size), 1 / size, np.float16)
        scores.update(record(example))
    scored, nearest, same = 0, 0, 0
    for document in path.read_text(encoding="utf-8").split("#end document"):
        lines = [s for s in document.splitlines() if s and not s.startswith("#")]
        mentions = mentions_from_lines(lines)
        for i, (start, end, head, word, cluster) in enumerate(mentions):
            before = [
                m
                for m in mentions[:i]
                if m[2] != head and not (m[1] <= end or (m[0] == start and end <= m[1]))
            ]
            if cluster not in [m[4] for m in before]:
                continue
            alike = [m for m in before if m[3] == word]
            scored += 1
            nearest += before[-1][4] == cluster
            same += bool(alike) and alike[-1][4] == cluster
    assert scores.total.sum() == scored
    assert scores.baselines["nearest other mention"].sum() == nearest
    assert scores.baselines["nearest with the same head word"].sum() == same
    # in the range of the paper's 27 and 52 %
    assert 0.15 < nearest / scored < 0.35
    assert 0.35 < same / scored < 0.65


def test_merge_equals_one_pass_and_stretches_of_a_document_are_one():
    rng = np.random.default_rng(5)
    examples = [
        random_example(rng, f"{i % 7}") | {"stretch": i // 7} for i in range(20)
    ]
    together = scores_of(*examples)
    merged = scores_of(*examples[12:])
    merged.merge(scores_of())
    merged.merge(scores_of(*examples[:12]))
    assert together.documents == merged.documents == 7
    assert together.stretches == merged.stretches == 20
    pd.testing.assert_frame_equal(table_2(together), table_2(merged))
    with pytest.raises(InputError, match="maps of 3 layers and 2 heads"):
        merged.merge(scores_of(sample()))


def test_table_by_hand():
    """One document drawn anew is the same document: intervals are points. Three like it
    choose on two, or one, what is best on the rest as well."""
    table = table_2(scores_of(sample()), paper_model=True)
    first, second = (
        "head 1-1, among the mentions before",
        "head 1-1, among all other words",
    )
    assert table.index.tolist() == [
        "any other mention, at random",
        "nearest other mention",
        "nearest with the same head word",
        "rules",
        first,
        second,
    ]
    types = ["all", "pronoun", "proper", "nominal"]
    blocks = {block: list(table[block]) for block in table.columns.unique(0)}
    assert blocks == {
        "here": types,
        "95 % interval": types,
        "held out": ["all", "±"],
        "paper": types,
    }
    here = table["here"].round(1)
    assert here.loc["nearest other mention"].tolist() == [20, 33.3, 0, 0]
    assert here.loc["rules"].tolist() == [80, 66.7, 100, 100]
    assert table.loc["rules", "95 % interval"].tolist() == [
        "80.0-80.0",
        "66.7-66.7",
        "100.0-100.0",
        "100.0-100.0",
    ]
    assert here.loc[second].tolist() == [100] * 4
    assert table.loc["rules", "paper"].tolist() == [69, 70, 77, 60]
    assert table.loc[first, "paper"].tolist() == [65, 64, 73, 58]
    assert "paper" not in table_2(scores_of(sample())).columns.unique(0)
    assert table["held out"].isna().all(axis=None)  # one document has no halves
    three = table_2(scores_of(*map(sample, "abc")))["held out", "all"]
    assert three[first] == three[second] == 100
    assert three[:4].isna().all()


def test_the_papers_head_stands_in_the_table_of_its_own_model_only():
    rng = np.random.default_rng(6)
    examples = [random_example(rng, f"{i}", 12, 12) for i in range(9)]
    scores = scores_of(*examples)
    assert len(table_2(scores)) == 6
    table = table_2(scores, paper_model=True)
    assert len(table) == 8
    found = table.loc["head 5-4, among all other words"]
    assert found["here", "all"] == pytest.approx(100 * scores.accuracies("words")[4, 3])
    assert found["paper", "all"] == 65


def test_a_type_without_mentions_leaves_its_cells_empty():
    """Without the second Anna no proper name has an antecedent."""
    scores = scores_of(sample(mentions=[*MENTIONS[:5], *MENTIONS[6:]]))
    table = table_2(scores, paper_model=True)
    assert table.loc[:, (("here", "95 % interval"), "proper")].isna().all(axis=None)
    shown = show_table(table)
    assert set(shown["95 % interval", "proper"]) == {""}
    assert shown.loc["rules", ("here", "all")] == "75.0"
    assert shown.loc["rules", ("paper", "all")] == "69"


def test_pairs_that_show_what_a_head_does():
    """In passages of 8 to 24 words, a name or noun before, another head word: Anna for
    Her, Tom for him (two sentences, 9 words), Tom for The man (16 words); not The man
    for He (7 words), nor Anna for Anna. Head 1-1 gives all to Anna from Her and to Tom
    from him: the first of equals. The man gives all to "him", so Tom is not found.
    Head 2-1 gives a quarter, and the rest to the word itself, which does not count.
    Head 1-2 gives most to "met".
    """
    (pronoun,) = find_links([record(sample())], "1-1")
    assert pronoun.maps.example["words"] == WORDS[:9]
    assert pronoun.maps.values.shape == (3, 2, 11, 11)
    assert (pronoun.mention, pronoun.antecedent) == (5, 1)
    np.testing.assert_array_equal(pronoun.maps.values[0, 0, 5], np.eye(11)[1])
    assert find_links([record(sample())], "1-2") == []

    # now Tom is found, the more clearly in the last
    first, *others = (sample(words=[*WORDS[:13], w, *WORDS[14:]]) for w in "xyz")
    for example, share in zip(others, (0.6, 0.4), strict=True):
        example["attns"][1, 0, 14] = (
            share * np.eye(21)[3] + (1 - share) * np.eye(21)[14]
        )
    pronoun, nominal = find_links(map(record, [first, *others[::-1]]), "2-1")
    assert nominal.maps.example["words"] == [*WORDS[:13], "y", *WORDS[14:16]]
    assert (nominal.mention, nominal.antecedent) == (14, 3)
    row = nominal.maps.values[1, 0, 14]
    assert row[3] == row.sum() == pytest.approx(0.6, abs=1e-3)


def test_tables_are_saved_twice_and_the_same_each_time(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTN_DATA_DIR", str(tmp_path))
    paths = save_table(table_2(scores_of(sample())), "table_2")
    assert paths == [tmp_path / "tables" / f"table_2.{end}" for end in ("csv", "tex")]
    first = [path.read_bytes() for path in paths]
    read = pd.read_csv(paths[0], header=[0, 1], index_col=0)
    assert read.loc["rules", ("here", "pronoun")] == pytest.approx(200 / 3)
    latex = paths[1].read_text()
    assert r"\multicolumn{4}{c}{95 \% interval}" in latex
    assert "rules & 80.0 & 66.7 & 100.0 & 100.0 & 80.0-80.0 &" in latex
    save_table(table_2(scores_of(sample())), "table_2")
    assert [path.read_bytes() for path in paths] == first


def test_bad_examples_are_errors(tmp_path):
    tokens = [*sample()["tokens"][:-1], "##ed", "[SEP]"]
    maps = example_of(tokens, *[uniform(tokens)] * 6, layers=3)
    of_pieces = sample() | maps
    one = MENTIONS[0]
    for change, message in (
        (of_pieces, "maps between tokens, expected maps between words.* --word-level"),
        ({"mentions": [one | {"end": 19}]}, "mention 0: expected .* found 0, 0, 19"),
        (
            {"mentions": [one, one | {"head": 1}]},
            "mention 1: expected .* found 0, 1, 0",
        ),
        (
            {"mentions": [one | {"type": "name"}]},
            "type is 'name', expected one of pron",
        ),
        (
            {"mentions": [one | {"number": "Sing"}]},
            "number is 'Sing', expected one of N",
        ),
        (
            {"mentions": [one | {"gender": "Fem"}]},
            "gender is 'Fem', expected one of No",
        ),
        (
            {"mentions": [one | {"person": "3"}]},
            "person is '3', expected one of None, ",
        ),
        ({"mentions": [{"start": 0}]}, "mention 0: no 'cluster'"),
        ({"mentions": [one | {"cluster": "e1"}]}, "mention 0: cluster is 'e1', expect"),
        ({"mentions": [one | {"head": None}]}, "mention 0: head is None, expected a w"),
        ({"attns": -sample()["attns"]}, "row 0 of head 1-1 sums to -1.000"),
    ):
        path = tmp_path / "x_attn.pkl"
        with AttentionWriter(path, {}) as writer:
            writer.write(sample())
            writer.write(sample(**change))
        with pytest.raises(InputError, match=f"x_attn.pkl: example 1: .*{message}"):
            accumulate(path, CoreferenceScores())
    for key in ("document", "sentences", "words", "mentions"):
        example = sample()
        del example[key]
        with pytest.raises(InputError, match=f"no '{key}'; preprocess_coref.py"):
            scores_of(example)


def test_nothing_to_score_is_an_error():
    for scores in (scores_of(), scores_of(sample(mentions=MENTIONS[:3]))):
        with pytest.raises(InputError, match="no mention has an antecedent"):
            table_2(scores)


def test_mentions_know_their_head_words():
    read = read_mentions(record(sample()))
    assert all(isinstance(m, Mention) for m in read)
    assert [m.head_word for m in read[:4]] == ["anna", "tom", "brother", "her"]

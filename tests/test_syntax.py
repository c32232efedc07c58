"""Which heads follow which relations: synthetic maps with answers known beforehand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from heads import record

from analysis.statistic import accumulate
from analysis.syntax import OFFSETS, DirectedHead, SyntaxScores, find_examples
from analysis.table_1 import PAPER, table_1
from attention.store import AttentionWriter
from toolkit.files import InputError

# "Anna feeds the old dog ." with heads from 1
WORDS = "Anna feeds the old dog .".split()
HEADS = [2, 0, 5, 5, 2, 2]
RELATIONS = "nsubj root det amod dobj punct".split()


def to_words(picks, share=1.0):
    """A map in which word i gives `share` to word picks[i] (from 1; 0 is nobody, whose
    row goes to [CLS] whole) and the rest to [CLS]; [CLS] and [SEP] look at [SEP]."""
    size = len(picks) + 2
    attention = np.zeros((size, size))
    attention[[0, -1], -1] = 1
    for i, pick in enumerate(picks, 1):
        if pick:
            attention[i, pick] = share
        attention[i, 0] = 1 - share if pick else 1
    return attention


def sentence(*maps, words=WORDS, heads=HEADS, relations=RELATIONS, layers=1):
    size = len(words) + 2
    attns = np.stack(maps).reshape(layers, -1, size, size).astype(np.float16)
    return {
        "words": words,
        "heads": heads,
        "relns": relations,
        "tokens": ["[CLS]", *words, "[SEP]"],
        "attns": attns,
    }


def scores_of(*examples):
    scores = SyntaxScores()
    for example in examples:
        scores.update(record(example))
    return scores


def test_both_directions_by_hand():
    """Head 1-1 looks from each dependent to its head, head 1-2 the other way round,
    where feeds and dog, with several dependents, share their attention. Read against
    its direction, head 1-1 has nobody look at Anna, the, old and "."; of equals the
    first word counts, which for Anna is feeds, its head, by chance, and else Anna. For
    dog, the first of "the" and "old" counts, which look at it. Head 1-2, read against
    its direction, picks the same."""
    to_head = to_words(HEADS)
    to_dependents = to_words([0] * 6)
    for head, dependents in ((2, [1, 5, 6]), (5, [3, 4])):
        to_dependents[head] = 0
        to_dependents[head, dependents] = 1 / len(dependents)
    scores = scores_of(sentence(to_head, to_dependents))
    for relation in ("det", "amod", "dobj", "punct"):
        np.testing.assert_array_equal(
            scores.accuracies(relation)[:, 0], [[1, 0], [0, 1]]
        )
    assert (scores.accuracies("nsubj") == 1).all()
    # ROOT is no word to look at
    assert (scores.accuracies("root") == 0).all()
    np.testing.assert_allclose(
        scores.accuracies(*RELATIONS)[:, 0], [[5 / 6, 1 / 6], [1 / 6, 5 / 6]]
    )
    assert scores.best_head("dobj") == DirectedHead(0, 0, 0)


def test_special_tokens_and_the_word_itself_are_left_out():
    """Heads that give nine tenths to [CLS], or to the word itself, still pick."""
    own = 0.1 * to_words(HEADS) + 0.9 * np.eye(8)
    scores = scores_of(sentence(to_words(HEADS, share=0.1), own))
    np.testing.assert_allclose(scores.accuracies(*RELATIONS)[0, 0], [5 / 6, 5 / 6])


def test_ties_go_to_the_first_word():
    """Uniform attention picks word 2 for word 1, and word 1 for all others. Of the
    heads 2 0 5 5 2 2 only the first is picked."""
    scores = scores_of(sentence(np.full((8, 8), 1 / 8)))
    np.testing.assert_allclose(scores.accuracies(*RELATIONS).ravel(), [1 / 6, 1 / 6])


def test_a_sentence_of_one_word():
    one = sentence(to_words([0]), words=["Go"], heads=[0], relations=["root"])
    scores = scores_of(one)
    assert scores.counts == {"root": 1}
    assert (scores.accuracies("root") == 0).all()
    # before the first word is ROOT, and at the end there is only the word itself
    right, total = scores.by_block("root")
    assert right.sum(0)[-len(OFFSETS) - 1 : -1].tolist() == [1, 1, 1, 0, 0, 0]
    assert scores.right_branching("root") == 1
    assert total.sum() == 1


def test_offsets_by_hand():
    """Of the heads 2 0 5 5 2 2 (places 1 to 6): -3 picks 0 0 0 1 2 3, right for words 2
    and 5; -2 picks 0 0 1 2 3 4, right for word 2; -1 picks 0 1 2 3 4 5, none; +1 picks
    2 3 4 5 6 6, words 1 and 4; +2 picks 3 4 5 6 6 6, word 3; +3 picks 4 5 6 6 6 6,
    none. Right-branching picks 2 3 4 5 6 0: words 1 and 4."""
    scores = scores_of(sentence(to_words(HEADS)))
    right, total = scores.by_block(*RELATIONS)
    assert right.sum(0)[-len(OFFSETS) - 1 : -1].tolist() == [2, 1, 0, 2, 1, 0]
    assert total.sum() == 6
    assert scores.right_branching(*RELATIONS) == pytest.approx(2 / 6)


@pytest.mark.parametrize("clitic", ["'s", "\u2019s", "'", "\u2019"])
@pytest.mark.parametrize("relation", ["poss", "nmod:poss"])
def test_the_clitic_stands_for_the_possessor(relation, clitic):
    """In "Anna 's hat", a head that looks from 's to hat, and from Anna elsewhere, is
    right; so is the offset +1, which is from 's to hat, beside +2, from Anna."""
    words = ["Anna", clitic, "hat", "fell"]
    heads, relations = [3, 1, 4, 0], [relation, "case", "nsubj", "root"]
    from_clitic = sentence(
        to_words([4, 3, 4, 0]), words=words, heads=heads, relations=relations
    )
    from_nobody = sentence(
        to_words([4, 1, 4, 0]), words=words, heads=heads, relations=relations
    )
    scores = scores_of(from_clitic)
    assert scores.accuracies(relation)[0] == 1
    assert scores.accuracies("case")[0] == 0
    right, _ = scores.by_block(relation)
    assert right.sum(0)[-len(OFFSETS) - 1 : -1].tolist() == [0, 0, 0, 1, 1, 0]
    assert scores_of(from_nobody).accuracies(relation)[0] == 0


@pytest.mark.parametrize(
    ("words", "relations"),
    [
        (["hat", "of", "Anna"], ["root", "case", "poss"]),  # at the end of a sentence
        (["hat", "Anna", "is"], ["root", "poss", "case"]),  # no clitic follows
        (["hat", "Anna", "'s"], ["root", "nsubj", "case"]),  # no possessor
        (["hat", "his", "'"], ["root", "poss", "punct"]),  # a quotation mark
    ],
)
def test_the_possessive_rule_touches_nothing_else(words, relations):
    """All words look at the first but the one in question, which looks at the last or
    the second, where the clitic would be right."""
    place = 2 if relations[2] == "poss" else 1
    picks = [2, 1, 1]
    picks[place] = 2 if place == 2 else 3
    example = sentence(
        to_words(picks), words=words, heads=[0, 1, 1], relations=relations
    )
    assert scores_of(example).accuracies(relations[place])[0] == 0


@pytest.mark.parametrize(
    ("relation", "tag", "is_clitic"),
    [
        ("possessive", "NN", True),  # Stanford Dependencies
        ("case", "NN", True),  # Universal Dependencies
        ("dep", "POS", True),  # Penn Treebank
        ("dep", "PART", True),  # universal
        ("punct", "``", False),
        ("dep", "PUNCT", False),
    ],
)
def test_a_clitic_is_known_by_its_relation_or_tag(relation, tag, is_clitic):
    """From James and ' to hat: only the latter's look is right, if it is a clitic."""
    example = sentence(
        to_words([4, 3, 4, 0]),
        words=["James", "'", "hat", "fell"],
        heads=[3, 1, 4, 0],
        relations=["poss", relation, "nsubj", "root"],
    )
    scores = scores_of(example | {"tags": ["NNP", tag, "NN", "VBD"]})
    assert scores.accuracies("poss")[0] == is_clitic


def test_random_maps_against_loops():
    """Three layers of two heads, sentences of 2 to 9 words, rounded so that many values
    are equal; each pick found by a loop over the words."""
    rng = np.random.default_rng(0)
    scores, expected, words_in_all = SyntaxScores(), np.zeros((2, 3, 2)), 0
    for _ in range(20):
        size = rng.integers(2, 10)
        attns = rng.integers(1, 9, (3, 2, size + 2, size + 2)).astype(float)
        attns /= attns.sum(-1, keepdims=True)
        attns = attns.astype(np.float16)  # as it is compared
        heads = rng.integers(0, size + 1, size).tolist()
        example = sentence(
            *attns.reshape(6, size + 2, size + 2),
            words=["w"] * size,
            heads=heads,
            relations=["dep"] * size,
            layers=3,
        )
        scores.update(record(example))
        words_in_all += size
        for direction, layer, head in np.ndindex(2, 3, 2):
            for i in range(1, size + 1):
                best, pick = -1, None
                for j in range(1, size + 1):
                    pair = (i, j) if direction == 0 else (j, i)
                    if j != i and attns[layer, head][pair] > best:
                        best, pick = attns[layer, head][pair], j
                expected[direction, layer, head] += pick == heads[i - 1]
    np.testing.assert_allclose(scores.accuracies("dep"), expected / words_in_all)


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f2", ">f4"])
def test_maps_of_other_types_count_the_same(kind):
    maps = sentence(to_words(HEADS, share=0.3), np.full((8, 8), 1 / 8))
    other = maps | {"attns": maps["attns"].astype(kind)}
    np.testing.assert_array_equal(
        scores_of(maps).accuracies(*RELATIONS), scores_of(other).accuracies(*RELATIONS)
    )


def test_an_empty_sentence_adds_nothing():
    """The original's preprocessing writes such for two empty lines in a row."""
    empty = sentence(np.full((2, 2), 0.5), words=[], heads=[], relations=[])
    scores = scores_of(sentence(to_words(HEADS)), empty, sentence(to_words(HEADS)))
    assert scores.counts.total() == 12
    assert scores.accuracies(*RELATIONS)[0] == pytest.approx(5 / 6)


def test_merged_parts_are_one_pass():
    rng = np.random.default_rng(1)
    parts = [
        sentence(*(to_words(rng.permutation(6) + 1) for _ in range(6)), layers=2)
        for _ in range(5)
    ]
    whole, merged, rest = (
        scores_of(*parts),
        scores_of(*parts[:2]),
        scores_of(*parts[2:]),
    )
    merged.merge(SyntaxScores())
    merged.merge(rest)
    assert merged.sentences == 5
    pd.testing.assert_frame_equal(table_1(whole, minimum=1), table_1(merged, minimum=1))
    with pytest.raises(InputError, match="maps of 1 layers"):
        merged.merge(scores_of(sentence(to_words(HEADS))))


def test_table_by_hand():
    """Two sentences: head 1-1 finds every head in the first, and head 1-2 does in the
    second; else they look at the full stop.

    So either is right for one of two determiners, and draws of two sentences go from
    none to both. Held out, each half chooses the head that fails on the other. The
    offset +2 is from the to dog in both."""
    first = sentence(to_words(HEADS), to_words([6, 6, 6, 6, 6, 5]))
    relations = "nsubj root det amod conj punct".split()
    second = sentence(
        to_words([6, 6, 6, 6, 6, 5]),
        to_words(HEADS),
        words="Tom feeds the old dog .".split(),
        relations=relations,
    )
    table = table_1(scores_of(first, second), minimum=1)
    assert table.index.tolist() == ["all", "amod", "det", "nsubj", "conj", "dobj"]
    assert table["count"].tolist() == [12, 2, 2, 2, 1, 1]
    assert table.loc["det", "accuracy":"high"].tolist() == [50, 0, 100]
    assert table.loc["det", ["held out", "±"]].tolist() == [0, 0]
    assert table.loc["det", "offset"] == "+2"
    assert table.loc["det", "offset accuracy"] == 100
    # always right does not vanish
    for relation, head in (("dobj", "1-1"), ("conj", "1-2")):
        row = table.loc[relation]
        assert row["head"] == head
        assert row["direction"] == "dependent to head"
        assert row["accuracy":"high"].tolist() == [100, 100, 100]
        assert row[["held out", "±"]].isna().all()  # one sentence has no halves
    assert table_1(scores_of(first, second), minimum=2).index[-1] == "nsubj"


def test_a_relation_that_no_head_finds_stays_in_the_table():
    """All look at "old", and old at "the"; read against their direction, nobody looks
    at Anna more than "feeds", the first, does, but Anna is the first for "old"."""
    example = sentence(to_words([4, 4, 4, 3, 4, 4]), to_words([4, 4, 4, 3, 4, 4]))
    table = table_1(scores_of(example), minimum=1)
    assert table.loc["amod", "accuracy":"high"].tolist() == [0, 0, 0]
    assert table.loc["amod", "head"] == "1-1"


@pytest.mark.parametrize(
    ("left_in", "right", "total"),
    [
        ({}, 5, 6),
        ({"root": False}, 5, 5),
        ({"punctuation": False}, 4, 5),
        ({"root": False, "punctuation": False}, 4, 4),
    ],
)
def test_root_and_punctuation_among_all_words(left_in, right, total):
    """The perfect head finds 5 of 6 heads: not that of the root."""
    table = table_1(scores_of(sentence(to_words(HEADS))), minimum=1, **left_in)
    assert table.loc["all", "count"] == total
    assert table.loc["all", "accuracy"] == pytest.approx(100 * right / total)
    assert not {"root", "punct"} & set(table.index)


def test_the_papers_numbers_stand_beside_its_own_model_only():
    large = scores_of(sentence(*[to_words(HEADS)] * 144, layers=12))
    assert not any("paper" in column for column in table_1(large, minimum=1))
    table = table_1(large, minimum=1, paper_model=True)
    assert table.loc["dobj", "paper: head"] == "8-10"
    assert table.loc["dobj", "paper: accuracy"] == 86.8
    assert table.loc["dobj", "paper: offset"] == "-2"
    assert table.loc["all", "paper: offset accuracy"] == 26.3
    assert len(PAPER) == 15
    universal = sentence(
        *[to_words(HEADS)] * 144,
        layers=12,
        relations="nsubj root det amod obj punct".split(),
    )
    table = table_1(scores_of(universal), minimum=1, paper_model=True)
    assert not any("paper" in column for column in table)


def test_heads_are_named_by_their_true_layers():
    maps = record(sentence(to_words(HEADS), to_words([6] * 6), layers=2))
    kept = dataclasses.replace(maps.source, layers=(2, 4), model_layers=6)
    scores = SyntaxScores()
    scores.update(dataclasses.replace(maps, source=kept))
    table = table_1(scores, minimum=1)
    assert table.loc["det", "head"] == "3-1"
    assert table.loc["punct" if "punct" in table.index else "dobj", "head"] == "3-1"


def test_a_root_in_capitals_is_the_root():
    capitals = [r.replace("root", "ROOT") for r in RELATIONS]
    scores = scores_of(sentence(to_words(HEADS), relations=capitals))
    table = table_1(scores, minimum=1, root=False)
    assert "ROOT" not in table.index
    assert table.loc["all", "count"] == 5


def test_examples_are_found_by_the_rule():
    """Right for every word of the relation, at most so long; most words of the relation
    first, then the shortest, then the first."""
    heads = {"nsubj": DirectedHead(0, 0, 0), "conj": DirectedHead(1, 0, 0)}
    right = sentence(to_words(HEADS))
    wrong = sentence(to_words([3, 3, 1, 1, 1, 1]))
    short = sentence(
        to_words([2, 0]),
        words=["Anna", "sleeps"],
        heads=[2, 0],
        relations=["nsubj", "root"],
    )
    twice = sentence(
        to_words([2, 0, 4, 2, 0]),
        words="Anna sleeps Tom reads .".split(),
        heads=[2, 0, 4, 2, 2],
        relations="nsubj root nsubj ccomp punct".split(),
    )
    long = sentence(
        to_words([2] * 13), words=["a"] * 13, heads=[2] * 13, relations=["nsubj"] * 13
    )
    wrong, right, long, short, twice = map(record, (wrong, right, long, short, twice))
    found = find_examples([wrong, right, long, short, twice, right], heads)
    assert found["nsubj"] == [twice, short]
    assert found["conj"] == []
    found = find_examples([wrong, right, right, short], heads, each=3)
    assert found["nsubj"] == [short, right, right]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": WORDS[1:]}, "maps between tokens, expected maps between words"),
        ({"heads": [2, 0, 5]}, "6 words, but 3 heads and 6 relations"),
        ({"relns": ["dep"]}, "6 words, but 6 heads and 1 relations"),
        ({"heads": [2, None, 5, 5, 2, 2]}, "heads must be whole numbers, found"),
        ({"relns": [*"abcde", None]}, "relns must be names of relations, found"),
        ({"heads": [2, 0, 5, 5, 2, 7]}, "heads go from 0 to 7, expected 0 to 6"),
        ({"attns": np.full((1, 1, 8, 8), -0.5)}, "row 0 of head 1-1 sums to -4"),
        ({"attns": np.eye(8)[None, None] * 3 - 0.25}, "values below 0"),
        ({"attns": np.full((1, 1, 8, 8), np.nan)}, "row 0 of head 1-1 sums to nan"),
        ({"attns": np.full((2, 1, 8, 8), 0.5)}, "maps of 2 layers and 1 heads"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_the_example(
    tmp_path, change, message
):
    path = tmp_path / "dev_attn.pkl"
    with AttentionWriter(path, {}) as writer:
        writer.write(sentence(to_words(HEADS)))
        writer.write(sentence(to_words(HEADS)) | change)
    with pytest.raises(InputError, match=message) as error:
        accumulate(path, SyntaxScores())
    assert str(error.value).startswith(f"{path}: example 1: ")


def test_a_file_that_is_no_treebank_or_lacks_a_relation():
    with pytest.raises(InputError, match="no 'heads', which preprocess_depparse"):
        scores_of({"words": ["a"], "attns": np.eye(3, dtype="f2")[None, None]})
    with pytest.raises(InputError, match="no word has the relation iobj"):
        scores_of(sentence(to_words(HEADS))).accuracies("iobj")
    with pytest.raises(InputError, match="no word has the relation"):
        table_1(SyntaxScores())

"""Roles of heads and sinks, on heads whose behaviour is known; importance."""

import numpy as np
import pytest
from heads import example_of, record, to_offset, to_token, uniform

from analysis.general import GeneralStatistics
from analysis.importance import HeadImportance
from analysis.mixing import KINDS
from analysis.roles import HeadRoles, positional_heads, role_table, syntactic_heads
from analysis.syntax import SyntaxScores
from toolkit.files import InputError

TOKENS = ["[CLS]", "the", "fox", ".", "a", "[SEP]"]  # T = 6, four of words


def roles_of(*examples, **settings):
    roles = HeadRoles(**settings)
    for example in examples:
        roles.update(record(example))
    return roles


def three_heads():
    return example_of(
        TOKENS,
        to_offset(TOKENS, 1),
        0.6 * to_token(TOKENS, {"[SEP]"}) + 0.4 * to_token(TOKENS, {"fox"}),
        uniform(TOKENS),
    )


def test_confidence_and_offsets_by_hand():
    """Special tokens aside, the next-token head has maxima of 1 in three rows of four,
    and of 0 from "a", whose next is [SEP]; the first column counts there, three to the
    left. The second head has 0.4 everywhere, at offsets 1, 0, -1 and -2."""
    roles = roles_of(three_heads())
    np.testing.assert_allclose(roles.confidence, [[3 / 4, 0.4, 1 / 6]], atol=1e-3)
    offsets, shares = roles.offsets
    assert (offsets[0, 0], shares[0, 0]) == (1, 3 / 4)
    assert shares[0, 1] == 1 / 4
    assert positional_heads(roles, 0.75).tolist() == [["+1", "", ""]]
    assert positional_heads(roles, 0.76).tolist() == [["", "", ""]]


def test_sinks_by_hand():
    """[SEP] receives 0.6 of the second head, "fox" 0.4; of the first no token receives
    more than 1/6, but [SEP], to which the last two rows go, 2/6."""
    roles = roles_of(three_heads())
    assert list(KINDS) == ["word", "punct", "cls", "sep"]
    np.testing.assert_allclose(
        roles.sink_rates[0], [[0, 0, 0, 1], [1 / 3, 0, 0, 1], [0, 0, 0, 0]]
    )
    np.testing.assert_allclose(roles.received[0, 1], [0.4 / 3, 0, 0, 0.6], atol=1e-3)
    assert roles_of(three_heads(), sink=0.35).sink_rates[0, 0, 3] == 0
    alone = roles_of(example_of(["[CLS]", "[SEP]"], uniform(["a", "b"])))
    assert np.isnan(alone.sink_rates[0, 0, 0])


def syntax_example():
    """Six words in threes, where the middle is the head; heads of maps from 1."""
    words = list("abcdef")
    marked = ["[CLS]", *words, "[SEP]"]
    right = np.eye(8)[[0, 2, 0, 2, 5, 2, 5, 7]]
    example = example_of(marked, right, to_offset(marked, 1))
    return example | {
        "words": words,
        "heads": [2, 0, 2, 5, 2, 5],
        "relns": ["x", "root", "x", "x", "y", "x"],
    }


def test_syntactic_heads_by_hand():
    """Of "x" the first head finds all, the best offsets (-1 and +1) two of four. The
    second, read from head to dependent, finds three: nothing attends to the first word,
    so that its pick is the first of equals. Of "y" the first head finds the only one,
    as offset -3 does: no gain of a tenth."""
    maps = record(syntax_example(), level="words")
    scores, general, roles = SyntaxScores(), GeneralStatistics(), HeadRoles()
    for statistic in (scores, general, roles):
        statistic.update(maps)
    assert syntactic_heads(scores, minimum=1).tolist() == [["x", "x"]]
    assert syntactic_heads(scores, margin=0.6, minimum=1).tolist() == [["x", ""]]
    assert syntactic_heads(scores, margin=1.01, minimum=1).tolist() == [["", ""]]
    assert syntactic_heads(scores, margin=0, minimum=1)[0, 0] == "x"
    assert syntactic_heads(scores).tolist() == [["", ""]]  # too few words
    table = role_table(general, roles, scores, positional=0.8)
    assert list(table.index) == ["1-1", "1-2"]
    assert table["behaviour"].tolist() == ["", "next"]
    assert table["positional"].tolist() == ["", "+1"]
    assert {"confidence", "syntactic", "sinks: [SEP]"} <= {*table}


def gradients(importance, masked=(1,)):
    tokens = ["[CLS]", "a", "[SEP]"]
    example = {
        "tokens": tokens,
        "attns": np.zeros((1, 2, 3, 3), "f4"),
        "masked": list(masked),
        "loss": 1.0,
        "importance": np.array([importance], "f4"),
    }
    return record(example)


def test_importance_by_hand():
    """Absolute values are averaged over examples, 2 and 1.5; scaled, 4/5 and 3/5."""
    statistic = HeadImportance()
    for value in ([3, -2], [-1, 1]):
        statistic.update(gradients(value))
    statistic.update(gradients([9, 9], masked=()))
    assert statistic.documents == 2
    np.testing.assert_array_equal(statistic.importance, [[2, 1.5]])
    np.testing.assert_allclose(statistic.scaled, [[0.8, 0.6]])
    np.testing.assert_array_equal(statistic.signed, [[1, -0.5]])
    old = gradients([1, 1])
    del old.example["importance"]
    with pytest.raises(InputError, match="no 'importance' of heads"):
        statistic.update(old)

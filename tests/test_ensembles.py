"""Means of heads and spanning trees, by hand and against all trees there are."""

import itertools

import numpy as np
import pytest
from heads import example_of, record

from analysis.ensembles import (
    EnsembleScores,
    TreeScores,
    add_ensembles,
    choose_ensembles,
    spanning_trees,
)
from analysis.statistic import block_of
from analysis.syntax import SyntaxScores
from analysis.table_1 import table_1
from toolkit.files import InputError


def sentence(words, heads, *maps, relations=None):
    """Maps between words; special tokens around them attend to themselves."""
    padded = [np.pad(m, 1) for m in maps]
    for m in padded:
        m[[0, -1], [0, -1]] = 1
    example = example_of(["[CLS]", *words, "[SEP]"], *padded)
    relations = relations or ["root" if h == 0 else "x" for h in heads]
    return record(
        example | {"words": words, "heads": heads, "relns": relations}, level="words"
    )


def pointing(*columns, weight=1.0):
    """Each word gives `weight` to one word, the rest to itself."""
    size = len(columns)
    return weight * np.eye(size)[list(columns)] + (1 - weight) * np.eye(size)


def named(half):
    """Three words of a sentence whose block is in that half of the corpus."""
    tried = (["a", "b", str(n)] for n in itertools.count())
    return next(words for words in tried if block_of(" ".join(words)) % 2 == half)


# all three words depend on the second, which is the root
HEADS = [2, 0, 2]


def test_means_are_of_heads_chosen_on_the_other_half():
    """In the sentence of half 0 the first head is right for both words, the second for
    none; in that of half 1 the second is. What each half chooses fails on the other.
    """
    good, bad = pointing(1, 0, 1), pointing(2, 0, 0)
    sentences = [
        sentence(named(0), HEADS, good, bad),
        sentence(named(1), HEADS, bad, good),
    ]
    scores = SyntaxScores()
    for s in sentences:
        scores.update(s)
    chosen = choose_ensembles(scores, size=1, minimum=1)
    assert chosen.keys() == {"x"}
    assert [half[0][1:] for half in chosen["x"]] == [(0, 1), (0, 0)]
    ensemble = EnsembleScores(chosen)
    for s in sentences:
        ensemble.update(s)
    assert ensemble.accuracies == {"x": 0}


def test_a_mean_may_be_right_where_each_head_errs():
    """Word 0 is given 0.6 to word 2 and 0.7 to word 1, which wins; word 2 likewise
    0.6 to word 1 and 0.5 to word 0: both heads err once, their mean never."""
    maps = pointing(2, 1, 1, weight=0.6), pointing(1, 0, 0, weight=0.7)
    maps[1][2] = [0.5, 0, 0.5]
    sentences = [sentence(named(half), HEADS, *maps) for half in (0, 1)]
    scores = SyntaxScores()
    for s in sentences:
        scores.update(s)
    assert scores.accuracies("x")[0].tolist() == [[0.5, 0.5]]
    both = [(0, 0, 0), (0, 0, 1)]
    ensemble = EnsembleScores({"x": (both, both)})
    for s in sentences:
        ensemble.update(s)
    assert ensemble.accuracies == {"x": 1}
    table = add_ensembles(table_1(scores, minimum=1, resamples=10), ensemble)
    assert table["mean of 2, held out"]["x"] == 100
    assert np.isnan(table["mean of 2, held out"]["all"])
    again = EnsembleScores.from_state(ensemble.state())
    again.merge(ensemble)
    assert again.accuracies == {"x": 1}


def test_directions_are_transposed():
    """A head in which the root attends to both dependents, read from head to them."""
    given = np.array([[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]])
    ensemble = EnsembleScores({"x": ([(1, 0, 0)], [(1, 0, 0)])})
    ensemble.update(sentence(["a", "b", "c"], HEADS, given))
    assert ensemble.accuracies == {"x": 1}


def trees_by_pruefer(size):
    """The edges of every tree over `size` nodes, from its Pruefer code."""
    for code in itertools.product(range(size), repeat=size - 2):
        degree = [1 + code.count(n) for n in range(size)]
        edges = []
        for n in code:
            leaf = degree.index(1)
            edges.append((leaf, n))
            degree[leaf] -= 1
            degree[n] -= 1
        edges.append(tuple(n for n in range(size) if degree[n] == 1))
        yield edges


@pytest.mark.parametrize("root", [0, 3])
def test_spanning_trees_are_the_heaviest_of_all(root):
    """All 125 trees over five words, for 2 x 3 heads, some of whose weights are 0."""
    maps = np.random.default_rng(0).dirichlet(np.full(5, 0.3), (2, 3, 5))
    maps[maps < 0.1] = 0
    parents = spanning_trees(maps, root)
    assert parents.shape == (2, 3, 5)
    for place in np.ndindex(2, 3):
        m = maps[place]
        heaviest = max(
            sum(m[i, j] + m[j, i] for i, j in edges) for edges in trees_by_pruefer(5)
        )
        found = [(i, p) for i, p in enumerate(parents[place]) if i != root]
        assert parents[place][root] == -1
        assert sum(m[i, j] + m[j, i] for i, j in found) == pytest.approx(heaviest)
        for i, _ in found:  # every word hangs from the root
            for _ in range(5):
                i = parents[place][i] if i != root else i
            assert i == root


def test_attachment_by_hand():
    """The sentence a b c d hangs from b: a and d on b, c on d. The first head's tree
    is a-b, b-d, d-c, all right; the second's a-b, b-c, c-d: of these a on b is right,
    and c-d is a true edge hung the wrong way round. Neighbours are a-b and c-d."""
    words, heads = list("abcd"), [2, 0, 4, 2]
    first = np.zeros((4, 4))
    for i, j in ((0, 1), (3, 1), (2, 3), (1, 0)):
        first[i, j] = 1
    second = pointing(1, 2, 3, 2)
    statistic = TreeScores()
    statistic.update(sentence(words, heads, first, second))
    np.testing.assert_allclose(statistic.directed, [[1, 1 / 3]])
    np.testing.assert_allclose(statistic.undirected, [[1, 2 / 3]])
    assert statistic.chain == pytest.approx(2 / 3)
    statistic.update(sentence(["a", "b"], [0, 0], pointing(1, 0), pointing(1, 0)))
    statistic.update(sentence(["a"], [0], pointing(0), pointing(0)))
    assert statistic.left_out == 1
    np.testing.assert_allclose(statistic.directed, [[1, 1 / 3]])
    empty = TreeScores()
    empty.update(sentence(["a", "b"], [0, 0], pointing(1, 0), pointing(1, 0)))
    with pytest.raises(InputError, match="1 sentences were left out"):
        assert empty.directed is None

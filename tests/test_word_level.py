"""From word pieces to words, by hand."""

import numpy as np
import pytest

from attention.word_level import word_attention

# [CLS], a word of two pieces, [SEP]
PIECES = [[0], [1, 2], [3]]
MAP = np.array(
    [
        [0.1, 0.2, 0.3, 0.4],
        [0.5, 0.1, 0.3, 0.1],
        [0.0, 0.7, 0.1, 0.2],
        [0.25, 0.25, 0.25, 0.25],
    ],
    dtype="float32",
)


@pytest.mark.parametrize(
    ("mode", "row_of_split_word"),
    [
        # to words: piece 1 gives [0.5, 0.4, 0.1], piece 2 gives [0.0, 0.8, 0.2]
        ("mean", [0.25, 0.6, 0.15]),
        ("first", [0.5, 0.4, 0.1]),
        ("max", [0.5 / 1.5, 0.8 / 1.5, 0.2 / 1.5]),  # the largest, over their sum
    ],
)
def test_by_hand(mode, row_of_split_word):
    expected = [[0.1, 0.5, 0.4], row_of_split_word, [0.25, 0.5, 0.25]]
    maps = np.stack([MAP, np.eye(4, dtype="float32")])[None]  # [1, 2, 4, 4]
    words = word_attention(maps, PIECES, mode)
    assert words.shape == (1, 2, 3, 3)
    assert words.dtype == np.float32
    np.testing.assert_allclose(words[0, 0], expected, atol=1e-7)
    # each piece to itself: the split word keeps all
    np.testing.assert_allclose(words[0, 1], np.eye(3), atol=1e-7)


@pytest.mark.parametrize("mode", ["mean", "first", "max"])
def test_rows_still_sum_to_one(mode):
    rng = np.random.default_rng(0)
    maps = rng.dirichlet(np.ones(11), size=(2, 3, 11))
    pieces = [[0], [1], [2, 3, 4], [5, 6], [7, 8, 9], [10]]
    words = word_attention(maps, pieces, mode)
    np.testing.assert_allclose(words.sum(-1), 1, atol=1e-12)


def test_no_words_but_the_special_ones():
    np.testing.assert_array_equal(
        word_attention(np.eye(2)[None, None], [[0], [1]], "max"), np.eye(2)[None, None]
    )


def test_unknown_mode():
    with pytest.raises(ValueError, match="mode is 'median', expected one of mean"):
        word_attention(MAP, PIECES, "median")

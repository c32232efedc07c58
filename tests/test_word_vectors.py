"""GloVe's files with all that they are known to hold, and the original's pickles."""

import gzip
import pickle

import numpy as np
import pytest
from heads import example_of, uniform

from analysis.word_vectors import (
    WordVectors,
    corpus_vectors,
    corpus_vocabulary,
    load_glove,
)
from attention.store import AttentionWriter
from toolkit.files import InputError

# the second line's word has spaces, as in the 840B file; the last two repeat or case
GLOVE = "the 1 2 3\n. . . 4 5 6\nThe 7 8 9\nfox -1e-1 0 .5\n\x85 3 2 1\nthe 0 0 0\n"


@pytest.fixture
def glove(tmp_path):
    """Write a file of vectors and read it for a vocabulary."""

    def load(text, vocabulary):
        path = tmp_path / "glove.txt"
        path.write_text(text, encoding="utf-8", newline="")
        return load_glove(path, vocabulary)

    return load


def test_rows_of_the_vocabulary_only(glove):
    vectors = glove(GLOVE, ["The", "fox", "dog"])
    assert vectors.name == "GloVe"
    assert vectors.rows == {"fox": 1, "the": 2}
    assert vectors.missing == 1  # dog
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_allclose(
        vectors.matrix, [[0, 0, 0], [-0.1, 0, 0.5], [1, 2, 3]], rtol=1e-6
    )
    assert vectors["THE dog Fox the".split()].tolist() == [2, 0, 1, 2]
    assert vectors[[]].shape == (0,)


@pytest.mark.parametrize(
    "text",
    [
        "3 3\n" + GLOVE,  # word2vec's header
        GLOVE.replace("\n", "\r\n"),
        GLOVE.replace("\n", " \n"),  # word2vec's lines end in a space
        GLOVE.removesuffix("the 0 0 0\n") + "the 0 0 0",
    ],
)
def test_habits_of_other_writers_change_nothing(glove, text):
    vocabulary = ["the", "fox", ". . .", "\x85"]
    found, expected = glove(text, vocabulary), glove(GLOVE, vocabulary)
    assert found.rows == expected.rows
    assert len(found.rows) == 4
    np.testing.assert_array_equal(found.matrix, expected.matrix)


def test_words_with_spaces(glove):
    vectors = glove(GLOVE, [". . .", "."])
    assert vectors.rows == {". . .": 1}
    assert vectors.matrix[1].tolist() == [4, 5, 6]


def test_a_byte_order_mark_is_no_part_of_the_first_word(glove):
    assert glove("\ufeffthe 1 2\n", ["the"]).rows == {"the": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 2\nthe 1\n", r"glove\.txt:2: expected a word and 2 numbers, found 'the"),
        ("a 1 2\nthe 1 x\n", r"glove\.txt:2: expected a word and 2 numbers"),
        ("the\n", r"glove\.txt:1: expected a word and 0 numbers, found 'the'"),
        ("the 1 nan\n", r"glove\.txt:1: expected a word and 2 numbers"),
        (f"4 {'9' * 30}\n", r"glove\.txt:1: expected a word and its vector"),
        ("the x\n", r"glove\.txt:1: expected a word and its vector, or numbers"),
        ("3 2\na 1 2\nthe 3 4\n", r"expected 3 rows, as its first line says, found 2"),
        ("a 1 2\n", "has none of the 1 words asked for"),
        ("", "has none of the 1 words asked for"),
    ],
)
def test_bad_files_are_named(glove, text, message):
    with pytest.raises(InputError, match=message):
        glove(text, ["the"])


def test_the_originals_pickles(tmp_path):
    """Row 0 of the array is every unknown word's."""
    matrix = np.arange(8.0).reshape(4, 2)
    path = tmp_path / "embeddings.pkl"
    path.write_bytes(pickle.dumps(matrix, 2))
    vocabulary = tmp_path / "vocab.pkl"
    vocabulary.write_bytes(pickle.dumps({"the": 3, "fox": 1, "dog": 2}, 2))
    vectors = load_glove(path, ["the", "fox", "cat"])
    assert vectors.rows == {"fox": 1, "the": 2}
    assert vectors.matrix.tolist() == [[0, 1], [2, 3], [6, 7]]
    for content, message in (
        ({"the": 4}, r"vocab\.pkl: row of 'the' is 4, expected a number from 0 to 3"),
        (["the"], r"vocab\.pkl: expected words and their rows"),
        ({"cow": 1}, "has none of the 1 words"),
    ):
        vocabulary.write_bytes(pickle.dumps(content))
        with pytest.raises(InputError, match=message):
            load_glove(path, ["the"])
    vocabulary.write_bytes(pickle.dumps({"the": 1}))
    path.write_bytes(pickle.dumps([[1.0]]))
    with pytest.raises(InputError, match=r"expected an array \[rows, dimensions\]"):
        load_glove(path, ["the"])


def test_a_matrix_that_does_not_fit_its_words():
    with pytest.raises(InputError, match=r"each of 2 words, found an array \[3, 4\]"):
        WordVectors.from_matrix("own", ["a", "b"], np.zeros((3, 4)))


def test_vocabulary_of_a_corpus(tmp_path):
    path = tmp_path / "x_attn.pkl"
    example = example_of(["[CLS]", "a", "b", "[SEP]"], uniform(["a"] * 4))
    with AttentionWriter(path, {}) as writer:
        writer.write({**example, "words": ["The", "fox"]})
        writer.write({**example, "words": ["the", "Dog"]})
        writer.write(example)  # not of a treebank
    assert corpus_vocabulary(path, path) == ["dog", "fox", "the"]


@pytest.mark.parametrize("separator", ["\t", ","])
def test_tabs_or_commas_between_the_numbers(glove, separator):
    lines = ["the 1 2 3", "fox -1e-1 0 .5"]
    text = "\n".join(line.replace(" ", separator) for line in lines)
    vectors = glove(text, ["the", "fox"])
    np.testing.assert_allclose(vectors.matrix[1:], [[-0.1, 0, 0.5], [1, 2, 3]])


def test_a_comma_in_a_file_of_commas(glove):
    vectors = glove("the,1,2\n,,3,4\n", [",", "the"])
    assert vectors.rows == {",": 1, "the": 2}
    assert vectors.matrix[1].tolist() == [3, 4]


def test_first_word_with_spaces_or_numbers(glove):
    """What most lines end in is the number of dimensions."""
    vectors = glove(". . . 4 5\nthe 1 2\n", ["the", ". . ."])
    assert vectors.matrix.tolist() == [[0, 0], [4, 5], [1, 2]]
    vectors = glove("at 3 4 5\nthe 1 2\nfox 8 9\n", ["at 3", "fox"])
    assert vectors.matrix.tolist() == [[0, 0], [4, 5], [8, 9]]


def test_gzip_and_what_is_not_text(tmp_path):
    path = tmp_path / "glove.txt.gz"
    packed = gzip.compress(GLOVE.encode())
    path.write_bytes(packed)
    assert load_glove(path, ["the"]).matrix[1].tolist() == [1, 2, 3]
    for content, message in (
        (packed[:-9], "broken gzip file"),
        (b"PK\3\4 glove.6B.50d.txt", "a zip archive; unpack it"),
        (b"3 2\nthe \0\0\x80?\0\0\0@\n", "expected text, found a binary file"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            load_glove(path, ["the", "cow"])


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("glove.6B.100d.txt", "GloVe"),
        ("cc.de.300.vec", "cc.de.300"),
        ("word2vec.txt", "word2vec"),
        ("notes.md", "input embeddings"),
    ],
)
def test_vectors_are_called_after_their_file(tmp_path, file, name):
    """The paper's numbers stand beside GloVe's only."""
    example = example_of(["[CLS]", "a", "b", "[SEP]"], uniform(["a"] * 4))
    with AttentionWriter(tmp_path / "maps.pkl", {}) as writer:
        writer.write(example | {"words": ["The", "fox"]})
    (tmp_path / file).write_text("the 1 2\nfox 3 4\n")
    for notice in ("LICENSE.txt", "README.txt", "THIRD-PARTY.txt"):
        (tmp_path / notice).write_text("The fox is free.\n")
    vectors = corpus_vectors(
        [tmp_path / "maps.pkl"], tmp_path, lambda words: np.ones((len(words), 2))
    )
    assert vectors.name == name

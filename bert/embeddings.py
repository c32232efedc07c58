"""BERT's input embeddings of whole words, for whoever has no other word vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bert.checkpoint import read_weight
from bert.tokenizer_files import load_tokenizer


def embed_words(folder: str | Path, words: Sequence[str]) -> np.ndarray:
    """The mean of the input embeddings of each word's pieces, [len(words), D].

    The pieces are those of the word within a text; a word of no piece is unknown.
    Raises InputError for a folder that does not hold a vocabulary and weights.
    """
    tokenizer = load_tokenizer(folder)
    table = read_weight(folder, "bert/embeddings/word_embeddings")
    _, *pieces = tokenizer.tokenize_words(["", *words])
    return np.array([table[tokenizer.token_ids(p)].mean(0) for p in pieces])

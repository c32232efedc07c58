"""BERT's input embeddings of whole words, for whoever has no other word vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bert.checkpoint import read_weight
from bert.tokenization import UNK, load_tokenizer


def embed_words(folder: str | Path, words: Sequence[str]) -> np.ndarray:
    """The mean of the input embeddings of each word's pieces, [len(words), D].

    A word of no piece is [UNK]. Raises InputError for a folder that does not hold a
    BERT's vocabulary and weights.
    """
    tokenizer = load_tokenizer(folder)
    table = read_weight(folder, "bert/embeddings/word_embeddings")
    pieces = [tokenizer.token_ids(p or [UNK]) for p in tokenizer.tokenize(words)]
    return np.array([table[ids].mean(0) for ids in pieces])

"""Attention between words, from attention between word pieces (Section 4.1)."""

from collections.abc import Sequence

import numpy as np

MODES = ("mean", "first", "max")


def word_attention(
    attns: np.ndarray, word_pieces: Sequence[Sequence[int]], mode: str = "mean"
) -> np.ndarray:
    """Turn maps [..., T, T] into maps [..., W, W].

    `word_pieces` holds, for each of the W words in order, the positions of its pieces;
    [CLS] and [SEP] are words of one piece. Attention *to* a word is the sum over its
    pieces. Attention *from* a word is, by `mode`, the mean over its pieces (the paper),
    that of its first piece (the original's default), or the largest value over its
    pieces, each row then divided by its sum (the original's "max"). Computed and
    returned in the type of `attns`: give float32 and round afterwards.
    """
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}, expected one of {', '.join(MODES)}")
    counts = [len(pieces) for pieces in word_pieces]
    words, tokens = len(counts), attns.shape[-1]
    word = np.repeat(np.arange(words), counts)  # of each piece
    piece = np.concatenate([np.asarray(p, dtype=int) for p in word_pieces])
    belongs = np.zeros((tokens, words), attns.dtype)  # [T, W]
    belongs[piece, word] = 1

    # attention to words: one product of [... * T, T] and [T, W] for all heads
    to_words = (attns.reshape(-1, tokens) @ belongs).reshape(*attns.shape[:-1], words)
    if mode == "first":
        return to_words[..., [pieces[0] for pieces in word_pieces], :]
    if mode == "max":
        starts = np.cumsum([0, *counts[:-1]])
        largest = np.maximum.reduceat(to_words[..., piece, :], starts, axis=-2)
        return largest / largest.sum(-1, keepdims=True)
    averages = (belongs / np.asarray(counts, attns.dtype)).T  # [W, T]
    return averages @ to_words

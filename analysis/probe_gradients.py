"""Gradients and steps of Adam for the probes of attention, in compiled loops.

Maps are read as they are, a sentence at a time: nothing is padded, and nothing of the
size of the maps is written. The gradients of `AttentionWordsProbe` (probe_models.py)
are written out.

Shapes: N words, K = L * H heads, D size of a word vector. Of the 2 K weights of a word
the first K are u, for attention to the head, and the others w, from the head.
"""

import numpy as np

from toolkit.compiled import compiled

FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-7  # Adam's, as in Keras


@compiled
def add_gradients(
    maps,
    vectors,
    candidates,
    heads,
    of_dependent,
    of_candidate,
    root,
    to_dependent,
    to_candidate,
    to_root,
):
    """Add the gradients of a sentence's loss to the last three; return the loss.

    Maps are [K, N + 2, N + 2], `vectors` [N, D], `candidates` [N + 1, D] with ROOT
    first, `heads` [N]; the others have the shapes of the weights.
    """
    words, count = len(heads), len(maps)
    dependent = np.dot(of_dependent.T, vectors.T)  # [2 K, N]
    candidate = np.dot(of_candidate.T, candidates.T)  # [2 K, N + 1]
    scores = np.zeros((words, words + 1), np.float32)
    from_head = np.zeros((words, words), np.float32)  # from row to column
    for k in range(count):
        u_j, w_j = dependent[k], dependent[count + k]
        u_i, w_i = candidate[k], candidate[count + k]
        for row in range(words):
            special = root[0] * maps[k, row + 1, 0] + root[1] * maps[k, row + 1, -1]
            scores[row, 0] += special * (u_j[row] + u_i[0])
            attention = maps[k, row + 1, 1:-1]
            for column in range(words):
                to = u_j[row] + u_i[column + 1]
                scores[row, column + 1] += attention[column] * to
                back = w_j[column] + w_i[row + 1]
                from_head[row, column] += attention[column] * back
    scores[:, 1:] += from_head.T
    loss = _softmax(scores, heads)
    backwards = scores[:, 1:].T.copy()  # gradients by scores, from row to column
    of_words = np.zeros_like(dependent)
    of_candidates = np.zeros_like(candidate)
    for k in range(count):
        u_j, u_i = dependent[k], candidate[k]
        by_candidate, by_dependent = of_candidates[k, 1:], of_words[count + k]
        for row in range(words):
            first, last = maps[k, row + 1, 0], maps[k, row + 1, -1]
            gradient = scores[row, 0]
            special = gradient * (root[0] * first + root[1] * last)
            of_candidates[k, 0] += special
            to_root[0] += gradient * (u_j[row] + u_i[0]) * first
            to_root[1] += gradient * (u_j[row] + u_i[0]) * last
            attention, back = maps[k, row + 1, 1:-1], np.float32(0)
            for column in range(words):
                to = attention[column] * scores[row, column + 1]
                special += to
                by_candidate[column] += to
                fro = attention[column] * backwards[row, column]
                back += fro
                by_dependent[column] += fro
            of_words[k, row] += special
            of_candidates[count + k, row + 1] += back
    to_dependent += np.dot(vectors.T, of_words.T)
    to_candidate += np.dot(candidates.T, of_candidates.T)
    return loss


@compiled
def _softmax(scores, heads):
    """Turn scores [N, N + 1] into the gradients of the loss by them; return the loss.

    No word can be its own head; where the treebank says it is, there is no loss.
    """
    loss = 0.0
    for word in range(len(heads)):
        row, head = scores[word], heads[word]
        if head == word + 1:
            row[:] = 0
            continue
        row[word + 1] = -np.inf
        largest = row.max()
        powers = np.exp(row - largest)
        total = powers.sum()
        loss += np.log(total) + largest - row[head]
        row[:] = powers / total
        row[head] -= 1
    return loss


@compiled
def adam(weights, gradients, first, second, rate):
    """A step of Adam [M], after which the gradients are zero."""
    for m in range(len(weights)):
        first[m] += (gradients[m] - first[m]) * np.float32(1 - FIRST)
        second[m] += (gradients[m] ** 2 - second[m]) * np.float32(1 - SECOND)
        gradients[m] = 0
        root = np.sqrt(second[m]) + np.float32(EPSILON)
        weights[m] -= rate * first[m] / root

"""Gradients and steps of Adam for the probes of attention, in compiled loops.

Nothing is padded, and maps stay as they are read: they become float32 a sentence at a
time, in memory that is used again. The gradients of `AttentionWordsProbe`
(probe_models.py) are written out.

Shapes: N words of a sentence and N + 1 candidates for their heads, M candidates of all
sentences of a step, S steps, K = L * H heads, D size of a word vector. All weights are
one array [2 + 4 K D]: those of ROOT, then the kernel [4 K, D]. Its product with a
word's vector gives u, for attention to the head, and w, from the head: [K] each of the
word as the dependent, then as the candidate.
"""

import numpy as np

from toolkit.compiled import compiled

FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-7  # Adam's, as in Keras
SCALE = np.float32(2.0**112)  # see attention/float16.py


@compiled
def take_steps(weights, first, second, rates, packed, vectors, root_first):
    """Take S steps of Adam; return the sum of losses, and how many words have one.

    `packed` are the sentences (probe_batches.py), `vectors` [rows, D] those of words,
    `rates` [S] the step sizes. Weights are changed in place, and so are the moments,
    which only as many of the first weights have as are learnt.
    """
    maps, rows, heads, starts, steps = packed
    root, kernel = weights[:2], weights[2:].reshape(-1, vectors.shape[1])
    gradients = np.empty_like(weights)
    by_root, by_kernel = gradients[:2], gradients[2:].reshape(kernel.shape)
    count, place = len(kernel) // 4, 0
    floats = np.empty(count * (np.diff(starts).max() + 1) ** 2, np.float32)
    losses, learnt = 0.0, 0
    for step in range(len(rates)):
        begin = starts[steps[step]]
        found = vectors[rows[begin : starts[steps[step + 1]]]]  # [M, D]
        products = np.dot(kernel, found.T)  # [4 K, M]
        by_products = np.zeros_like(products)
        by_root[:] = 0
        for sentence in range(steps[step], steps[step + 1]):
            start, stop = starts[sentence], starts[sentence + 1]
            size = stop - start + 1
            values = floats[: count * size**2]
            _widen(maps[place : place + len(values)], values)
            place += len(values)
            # the words stand beside ROOT
            words = slice(start + root_first, stop - 1 + root_first)
            own = slice(start - begin, stop - begin)
            loss, counted = add_gradients(
                values.reshape(count, size, size),
                heads[words],
                products[:, own],
                root,
                by_products[:, own],
                by_root,
                root_first,
            )
            losses, learnt = losses + loss, learnt + counted
        np.dot(by_products, found, by_kernel)
        _adam(weights, gradients, first, second, rates[step])
    return losses, learnt


@compiled
def _widen(bits, floats):
    """Write float16 values from zero on, given as uint16, to float32 `floats`. Zero may
    have a sign, which is left out."""
    for k in range(len(floats)):
        wide = np.uint32(np.uint32(bits[k] & 0x7FFF) << 13)
        floats[k] = wide.view(np.float32) * SCALE


@compiled
def add_gradients(maps, heads, products, root, by_products, by_root, root_first):
    """Add the gradients of a sentence's loss; return the loss, and how many words have
    one.

    Maps are [K, N + 2, N + 2], `heads` [N], `products` [4 K, N + 1]. ROOT is the first
    of its columns, or else the last; candidates are counted in the order of columns.
    """
    words, count = len(heads), len(maps)
    candidate, of_candidates = products[2 * count :], by_products[2 * count :]
    first = 1 if root_first else 0
    dependent = products[: 2 * count, first : first + words]
    of_words = by_products[: 2 * count, first : first + words]
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
    loss, learnt = _softmax(scores, heads)
    backwards = scores[:, 1:].T.copy()  # gradients by scores, from row to column
    for k in range(count):
        u_j, u_i = dependent[k], candidate[k]
        by_candidate, by_dependent = of_candidates[k, 1:], of_words[count + k]
        for row in range(words):
            start, end = maps[k, row + 1, 0], maps[k, row + 1, -1]
            gradient = scores[row, 0]
            special = gradient * (root[0] * start + root[1] * end)
            of_candidates[k, 0] += special
            by_root[0] += gradient * (u_j[row] + u_i[0]) * start
            by_root[1] += gradient * (u_j[row] + u_i[0]) * end
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
    return loss, learnt


@compiled
def _softmax(scores, heads):
    """Turn scores [N, N + 1] into the gradients of the loss by them; return the loss,
    and how many words have one.

    No word can be its own head; where the treebank says it is, there is no loss.
    """
    loss, learnt = 0.0, 0
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
        learnt += 1
        row[:] = powers / total
        row[head] -= 1
    return loss, learnt


@compiled
def _adam(weights, gradients, first, second, rate):
    """A step of Adam on as many of the first weights as have moments."""
    for m in range(len(first)):
        first[m] += (gradients[m] - first[m]) * np.float32(1 - FIRST)
        second[m] += (gradients[m] ** 2 - second[m]) * np.float32(1 - SECOND)
        weights[m] -= rate * first[m] / (np.sqrt(second[m]) + np.float32(EPSILON))

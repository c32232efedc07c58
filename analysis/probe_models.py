"""The probing classifiers of Section 5 in Keras: which word is each word's head?

Shapes: B sentences, N words in the longest (filled up), L layers, H heads, K = L * H
heads in layer-major order, D size of a word vector. Each word has N + 1 candidates for
its head: ROOT, which comes first, and the words. A model takes a dict of

    lengths   [B]           words of each sentence
    maps      [B, K, N, N]  attention from word to word
    specials  [B, K, N, 2]  attention from each word to [CLS] and to [SEP]
    vectors   [B, N + 1, D] of the words; row 0 of the word vectors after the last

as far as it uses them, and gives scores [B, N, N + 1], of which the largest in a row is
the likeliest head. Where words have to be judged in pairs, a kernel over both vectors
end to end is applied to each vector by itself, as W (v_i, v_j) = W1 v_i + W2 v_j: no
array ever holds pairs of vectors.
"""

import keras
from keras import ops

NEVER = -1e9  # score of what cannot be the head: padding and the word itself
HIDDEN = 256
FEATURES = 8


class Probe(keras.Model):
    """What the probes share. `shape` is (L, H), `dimensions` D."""

    uses_attention = uses_words = True

    def __init__(
        self, shape: tuple[int, int], dimensions: int, aligned: bool, seed: int
    ):
        super().__init__()
        self.heads = shape[0] * shape[1]
        self.dimensions = dimensions
        self.aligned = aligned
        self.draws = keras.random.SeedGenerator(seed)
        self.build()

    def normal(self, name: str, shape: tuple[int, ...], deviation: float = 0.02):
        """A weight that starts small and random."""
        draw = keras.initializers.RandomNormal(0, deviation, seed=self.draws)
        return self.add_weight(shape, initializer=draw, name=name)

    def candidates(self, vectors):  # [B, N + 1, D] -> [B, N + 1, D]
        """Vectors of the candidates: ROOT's first, or in the original's places, where
        it stands after the last word, and the others are off by one."""
        return ops.roll(vectors, 1, axis=1) if self.aligned else vectors

    def call(self, sentences):
        """Scores [B, N, N + 1]."""
        scores = self.scores(sentences)
        after = places_after(ops.shape(scores)[1])
        candidates = ops.arange(ops.shape(scores)[2])
        inside = candidates <= sentences["lengths"][:, None, None]  # [B, 1, N + 1]
        return ops.where(inside & (after != 0), scores, NEVER)


class AttentionProbe(Probe):
    """score(i is the head of j) = sum_k w_k a^k_ij + u_k a^k_ji, with a^k_ij attention
    from i to j. ROOT is a word that receives r_1 times the attention to [CLS] and r_2
    times that to [SEP], and gives none."""

    uses_words = False

    def build(self):
        self.from_head = self.normal("from_head", (self.heads,))  # w
        self.to_head = self.normal("to_head", (self.heads,))  # u
        self.root = self.add_weight((2,), initializer="ones", name="root")
        self.built = True

    def scores(self, sentences):
        maps = sentences["maps"]
        root = sentences["specials"] @ self.root  # [B, K, N]
        words = ops.einsum("k,bkji->bji", self.to_head, maps)
        words += ops.einsum("k,bkij->bji", self.from_head, maps)
        root = ops.einsum("k,bkj->bj", self.to_head, root)
        return ops.concatenate([root[..., None], words], axis=-1)


class AttentionWordsProbe(Probe):
    """The attention probe with weights that depend on both words: w_k = W_k (v_i, v_j)
    and u_k = U_k (v_i, v_j)."""

    def build(self):
        shape = (self.dimensions, 2, self.heads)  # to the head, from the head
        self.of_dependent = self.normal("of_dependent", shape)
        self.of_candidate = self.normal("of_candidate", shape)
        self.root = self.add_weight((2,), initializer="ones", name="root")
        self.built = True

    def scores(self, sentences):
        maps = sentences["maps"]
        root = sentences["specials"] @ self.root  # [B, K, N]
        vectors = sentences["vectors"]
        to_head, from_head = self.weights_of_pairs(vectors)
        words = ops.sum(maps * to_head[..., 1:], axis=1)  # [B, j, i]
        # of ROOT, from_head is left out: it gives no attention
        back = ops.swapaxes(from_head[..., 1:], 2, 3)  # [B, K, i, j]
        words += ops.swapaxes(ops.sum(maps * back, axis=1), 1, 2)
        root = ops.sum(root * to_head[..., 0], axis=1)
        return ops.concatenate([root[..., None], words], axis=-1)

    def weights_of_pairs(self, vectors):
        """u and w of each pair of dependent and candidate, two [B, K, N, N + 1], from
        vectors [B, N + 1, D]. Compiled, they are added up where they are used."""
        dependents = ops.einsum("bjd,dok->obkj", vectors[:, :-1], self.of_dependent)
        candidates = ops.einsum(
            "bid,dok->obki", self.candidates(vectors), self.of_candidate
        )
        weights = dependents[..., None] + candidates[..., None, :]
        return weights[0], weights[1]


class DistancesWordsProbe(Probe):
    """One hidden layer of tanh over both vectors and how far apart the words are."""

    uses_attention = False

    def build(self):
        # as wide as keeps the hidden units within tanh's reach
        by_size = (2 * self.dimensions + FEATURES) ** -0.5
        self.of_dependent = self.normal(
            "of_dependent", (self.dimensions, HIDDEN), by_size
        )
        self.of_candidate = self.normal(
            "of_candidate", (self.dimensions, HIDDEN), by_size
        )
        self.of_distance = self.normal("of_distance", (FEATURES, HIDDEN), by_size)
        self.bias = self.add_weight((HIDDEN,), initializer="zeros", name="bias")
        self.output_kernel = self.normal("output_kernel", (HIDDEN,), HIDDEN**-0.5)
        self.built = True

    def scores(self, sentences):
        return ops.tanh(self.units(sentences["vectors"])) @ self.output_kernel

    def units(self, vectors):
        """What enters the hidden units for each pair, [B, N, N + 1, HIDDEN]."""
        dependents = vectors[:, :-1] @ self.of_dependent  # [B, N, HIDDEN]
        candidates = self.candidates(vectors) @ self.of_candidate  # [B, N + 1, HIDDEN]
        distances = distance_features(ops.shape(dependents)[1]) @ self.of_distance
        units = dependents[:, :, None] + candidates[:, None] + distances
        return units + self.bias


def places_after(words):
    """How many places after each word each candidate stands, [N, N + 1]; ROOT stands
    before the first word."""
    return ops.arange(words + 1) - ops.arange(1, words + 1)[:, None]


def distance_features(words):
    """Eight numbers on where each candidate stands, [N, N + 1, 8].

    The paper does not say which its eight are. Here, for a candidate d places before
    the word: 1 if d = 1, 1 if d = 2, 1 if d > 2, and ln(1 + d); then the same four for
    one d places after it. All are 0 for ROOT, and for the word itself.
    """
    after = ops.where(ops.arange(words + 1) > 0, places_after(words), 0)
    features = []
    for side in (-after, after):
        d = ops.maximum(side, 0)
        steps = [ops.cast(step, "float32") for step in (d == 1, d == 2, d > 2)]
        features += [*steps, ops.log1p(ops.cast(d, "float32"))]
    return ops.stack(features, axis=-1)

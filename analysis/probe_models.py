"""The probing classifiers of Section 5 in Keras: which word is each word's head?

Shapes: B sentences, N words in the longest of them, L layers, H heads, K = L * H
heads in layer-major order, D size of a word vector. Each word has N + 1 candidates for
its head: ROOT, which comes first, and the words. A model takes a dict of

    lengths   [B]           words of each sentence
    maps      [B, N, N, K]  attention from word to word
    specials  [B, N, 2, K]  attention from each word to [CLS] and to [SEP]
    vectors   [B, N + 1, D] of the words; row 0 of the word vectors after the last

of which it needs those that it uses, and gives scores [B, N, N + 1]; the candidate with
the largest score in a row is the predicted head. A kernel over the concatenated vectors
of two words is applied to each vector by itself, W (v_i, v_j) = W1 v_i + W2 v_j, so no
array holds pairs of vectors. Heads are the last axis, where sums over them are fastest.
"""

import keras
from keras import ops

NEVER = -1e9  # score of padding and of the word itself, which cannot be the head
IGNORED = -1  # label of padding and of words that are their own head: no loss
HIDDEN = 256
FEATURES = 8


class Probe(keras.Model):
    """What the probes share. `shape` is (L, H), `dimensions` D."""

    uses_attention = uses_words = True
    differentiated = False  # by hand, in probe_gradients.py

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
        """A weight with small random initial values."""
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
    differentiated = True

    def build(self):
        self.from_head = self.normal("from_head", (self.heads,))  # w
        self.to_head = self.normal("to_head", (self.heads,))  # u
        self.root = self.add_weight((2,), initializer="ones", name="root")
        self.built = True

    def scores(self, sentences):
        maps, root = self.attention(sentences)
        both = maps @ ops.stack([self.to_head, self.from_head], axis=-1)
        words = both[..., 0] + ops.swapaxes(both[..., 1], 1, 2)
        return ops.concatenate(
            [ops.matmul(root, self.to_head)[..., None], words], axis=-1
        )

    def attention(self, sentences):
        """Attention between words [B, N, N, K], and to ROOT [B, N, K]."""
        specials = ops.cast(sentences["specials"], "float32")
        root = ops.sum(specials * self.root[:, None], axis=2)
        return ops.cast(sentences["maps"], "float32"), root


class AttentionWordsProbe(AttentionProbe):
    """The attention probe with weights that depend on both words: w_k = W_k (v_i, v_j)
    and u_k = U_k (v_i, v_j)."""

    uses_words = True

    def build(self):
        shape = (self.dimensions, 2 * self.heads)  # to the head, then from the head
        self.of_dependent = self.normal("of_dependent", shape)
        self.of_candidate = self.normal("of_candidate", shape)
        self.root = self.add_weight((2,), initializer="ones", name="root")
        self.built = True

    def scores(self, sentences):
        maps, root = self.attention(sentences)
        vectors = sentences["vectors"]
        # of the dependent j: its parts of u and w, [B, N, K]
        u_j, w_j = ops.split(vectors[:, :-1] @ self.of_dependent, 2, axis=-1)
        # of the candidate i, [B, N + 1, K]; ROOT gives no attention, and has no w
        of_candidate = self.candidates(vectors) @ self.of_candidate
        u_i, w_i = ops.split(of_candidate, 2, axis=-1)
        root = ops.sum(root * (u_j + u_i[:, :1]), axis=-1)
        u_i, w_i = u_i[:, 1:], w_i[:, 1:]
        # sums over heads, of a_ji with the parts of j and i, and of a_ij likewise
        rows = maps @ ops.stack([u_j, w_i], axis=-1)  # [B, N, N, 2]
        columns = ops.swapaxes(maps, 1, 2) @ ops.stack([w_j, u_i], axis=-1)
        words = rows[..., 0] + columns[..., 0]  # [B, j, i]
        words += ops.swapaxes(rows[..., 1] + columns[..., 1], 1, 2)
        return ops.concatenate([root[..., None], words], axis=-1)


class DistancesWordsProbe(Probe):
    """One hidden layer of tanh over both vectors and how far apart the words are."""

    uses_attention = False

    def build(self):
        # scaled by the number of inputs, so that tanh does not saturate
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
        return ops.matmul(
            ops.tanh(self.units(sentences["vectors"])), self.output_kernel
        )

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

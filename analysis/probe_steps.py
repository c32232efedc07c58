"""Steps of Adam that train the probes, in compiled loops or by TensorFlow.

Both kinds have `take`, which does a step on each of several batches of sentences.
"""

import keras
import numpy as np
from threadpoolctl import threadpool_limits

from analysis.probe_batches import joined, padded
from analysis.probe_gradients import FIRST, SECOND, adam, add_gradients
from analysis.probe_models import IGNORED, AttentionProbe, Probe
from analysis.word_vectors import WordVectors
from attention.record import Maps
from toolkit.files import InputError


class AttentionSteps:
    """Steps for a probe of attention, by gradients that are written out.

    The probe of attention alone is that of attention and words with vectors of one
    number, which is 1, and without weights of the candidate.
    """

    def __init__(self, model: AttentionProbe, learning_rate: float):
        self.model, self.learning_rate, self.taken = model, learning_rate, 0
        weights = [np.array(weight.numpy()) for weight in model.trainable_variables]
        if not model.uses_words:
            from_head, to_head, root = weights
            of_dependent = np.concatenate([to_head, from_head])[None]
            weights = [of_dependent, np.zeros_like(of_dependent), root]
        self.weights = weights  # of dependents, of candidates, of ROOT
        self.gradients, self.first, self.second = (
            [np.zeros_like(weight) for weight in weights] for _ in range(3)
        )

    def take(
        self, batches: list[list[Maps]], vectors: WordVectors | None
    ) -> tuple[float, int]:
        """A step on each batch: the sum of the losses of their words, in nats, and how
        many words have one."""
        losses, words = 0.0, 0
        # products of a sentence are too small to be worth waiting for other threads
        with threadpool_limits(1, "blas"):
            for batch in batches:
                for maps in batch:
                    heads = np.array(maps.example["heads"], np.int64)
                    losses += self._add_gradients(maps, heads, vectors)
                    words += int((heads != np.arange(1, len(heads) + 1)).sum())
                self._step()
        self._store()
        return losses, words

    def _add_gradients(
        self, maps: Maps, heads: np.ndarray, vectors: WordVectors | None
    ) -> float:
        if vectors:
            rows = np.append(vectors[maps.require_words()], 0)  # the last is ROOT's
            found = vectors.matrix[rows]
        else:
            found = np.ones((len(heads) + 1, 1), np.float32)
        candidates = np.roll(found, 1, axis=0) if self.model.aligned else found
        size = len(heads) + 2
        values = maps.float32.reshape(-1, size, size)
        return add_gradients(
            values, found[:-1], candidates, heads, *self.weights, *self.gradients
        )

    def _step(self) -> None:
        self.taken += 1
        rate = self.learning_rate * np.sqrt(1 - SECOND**self.taken)
        rate = np.float32(rate / (1 - FIRST**self.taken))
        if not self.model.uses_words:
            self.gradients[1][:] = 0  # nothing is learnt of the candidate
        kept = zip(self.weights, self.gradients, self.first, self.second, strict=True)
        for arrays in kept:
            adam(*(array.reshape(-1) for array in arrays), rate)

    def _store(self) -> None:
        """Write the weights into the model."""
        of_dependent, _, root = weights = self.weights
        if not self.model.uses_words:
            to_head, from_head = np.split(of_dependent[0], 2)
            weights = from_head, to_head, root
        for variable, weight in zip(
            self.model.trainable_variables, weights, strict=True
        ):
            variable.assign(weight)


class KerasSteps:
    """Steps for any probe, which TensorFlow differentiates."""

    def __init__(self, model: Probe, learning_rate: float):
        self.model, self.steps = model, training_steps(model, learning_rate)

    def take(
        self, batches: list[list[Maps]], vectors: WordVectors | None
    ) -> tuple[float, int]:
        """See `AttentionSteps.take`."""
        inputs = [padded(batch, self.model, vectors) for batch in batches]
        longest = np.array([i["heads"].shape[1] for i in inputs], np.int32)
        sentences = np.array([len(batch) for batch in batches], np.int32)
        together = joined(inputs)
        loss = float(self.steps(sentences, longest, together))
        return loss, int((together["heads"] != IGNORED).sum())


def training_steps(model, learning_rate):
    """A compiled function that takes S steps of Adam and returns the sum of their
    losses (cross-entropy in nats, summed over words).

    Its arguments are the number of sentences in each step [S], the number of words in
    the longest sentence of each step [S], and the inputs of all steps as
    `probe_batches.joined` gives them: those of the model, and "heads" [B, N], IGNORED
    where there is no loss. The loop over steps is compiled too, since a call costs as
    much as several small steps.
    """
    if (backend := keras.backend.backend()) != "tensorflow":
        raise InputError(
            f"KERAS_BACKEND is {backend!r}, but probes need TensorFlow: unset it"
        )
    import tensorflow as tf

    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build(model.trainable_variables)

    def cut(joined, start, *shape):
        """An array of this shape from a place on, and the place after it."""
        after = start + tf.reduce_prod(shape)
        return tf.reshape(joined[start:after], [*shape, *joined.shape[1:]]), after

    def spec(dtype, *shape):
        return tf.TensorSpec([None, *shape], dtype)

    numbers = spec("int32")
    specs = {"lengths": numbers, "heads": numbers}
    if model.uses_attention:
        specs["maps"] = spec("float16", model.heads)
        specs["specials"] = spec("float16", 2, model.heads)
    if model.uses_words:
        specs["vectors"] = spec("float32", model.dimensions)

    @tf.function(input_signature=[numbers, numbers, specs])
    def take(sentences, longest, joined):
        total = tf.zeros(())
        begun = dict.fromkeys(joined, 0)
        for step in tf.range(tf.size(sentences)):
            b, n = sentences[step], longest[step]
            shapes = {
                "lengths": [b],
                "heads": [b, n],
                "maps": [b, n, n],
                "specials": [b, n],
                "vectors": [b, n + 1],
            }
            inputs, after = {}, {}
            for name, start in begun.items():
                inputs[name], after[name] = cut(joined[name], start, *shapes[name])
            begun, heads = after, inputs.pop("heads")
            with tf.GradientTape() as tape:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    tf.maximum(heads, 0), model(inputs)
                )
                loss = tf.reduce_sum(tf.where(heads == IGNORED, 0.0, losses))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            total += loss
        return total

    return take

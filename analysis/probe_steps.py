"""Steps of Adam that train the probes, in compiled loops or by TensorFlow.

Both kinds have three methods: `pack` makes one input of several batches of sentences,
which may be done while another is in use; `take` does a step on each batch of an input,
and returns the sum of the losses of their words, in nats, and how many words have one;
`store` leaves the weights of the last step in the model.
"""

import keras
import numpy as np

from analysis.probe_batches import Packed, joined, packed, padded
from analysis.probe_gradients import FIRST, SECOND, take_steps
from analysis.probe_models import IGNORED, AttentionProbe, Probe
from analysis.word_vectors import WordVectors
from attention.record import Maps
from toolkit.files import InputError


class AttentionSteps:
    """Steps for a probe of attention, by gradients that are written out.

    The probe of attention alone is that of attention and words with vectors of one
    number, which is 1, and without weights of the candidate.
    """

    def __init__(
        self, model: AttentionProbe, learning_rate: float, vectors: WordVectors | None
    ):
        self.model, self.learning_rate, self.taken = model, learning_rate, 0
        self.vectors = vectors
        self.matrix = vectors.matrix if vectors else np.ones((1, 1), np.float32)
        *kernels, root = (weight.numpy() for weight in model.trainable_variables)
        if not model.uses_words:
            kernels = kernels[::-1]  # u before w
        learnt = [root, *(kernel.T.ravel() for kernel in kernels)]
        self.first, self.second = np.zeros((2, sum(map(len, learnt))), np.float32)
        self.weights = np.zeros(2 + 4 * model.heads * self.matrix.shape[1], np.float32)
        self.weights[: len(self.first)] = np.concatenate(learnt)

    def pack(self, batches: list[list[Maps]]) -> Packed:
        """See above."""
        return packed(batches, self.vectors, self.model.aligned)

    def take(self, sentences: Packed) -> tuple[float, int]:
        """See above."""
        steps = len(sentences.steps) - 1
        numbers = self.taken + np.arange(1, steps + 1)
        rates = self.learning_rate * np.sqrt(1 - SECOND**numbers) / (1 - FIRST**numbers)
        self.taken += steps
        return take_steps(
            self.weights,
            self.first,
            self.second,
            rates.astype(np.float32),
            sentences,
            self.matrix,
            self.model.aligned,
        )

    def store(self) -> None:
        """See above."""
        root, kernel = self.weights[:2], self.weights[2:]
        if self.model.uses_words:
            halves = kernel.reshape(2, 2 * self.model.heads, -1)
            kernels = halves.transpose(0, 2, 1)
        else:
            kernels = kernel.reshape(4, -1)[1::-1]  # w before u
        for variable, weight in zip(
            self.model.trainable_variables, [*kernels, root], strict=True
        ):
            variable.assign(weight)


class KerasSteps:
    """Steps for any probe, which TensorFlow differentiates."""

    def __init__(self, model: Probe, learning_rate: float, vectors: WordVectors | None):
        self.model, self.vectors = model, vectors
        self.steps = training_steps(model, learning_rate)

    def pack(
        self, batches: list[list[Maps]]
    ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """See above; the arguments of `training_steps`."""
        inputs = [padded(batch, self.model, self.vectors) for batch in batches]
        longest = np.array([i["heads"].shape[1] for i in inputs], np.int32)
        sentences = np.array([len(batch) for batch in batches], np.int32)
        return sentences, longest, joined(inputs)

    def take(self, inputs: tuple) -> tuple[float, int]:
        """See above."""
        *_, together = inputs
        return float(self.steps(*inputs)), int((together["heads"] != IGNORED).sum())

    def store(self) -> None:
        """See above; they are the model's own."""


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

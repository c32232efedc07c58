"""Keras models that are compiled when they are first run, for batches of any shape."""

import functools
from collections.abc import Callable, Sequence

import keras
import numpy as np


class CompiledModel(keras.Model):
    """A Keras model that takes a list of arrays of whole numbers, and gives a list.

    TensorFlow traces one graph for all shapes, where Keras alone would trace a second
    one at the second shape. JAX compiles anew for each shape.
    """

    ranks: tuple[int, ...]  # of the arrays it takes

    @property
    def compiles_each_shape(self) -> bool:
        """Whether a batch of a new shape costs time."""
        return keras.backend.backend() == "jax"

    def run(self, inputs: Sequence[np.ndarray]) -> list:
        """What `call` gives for a batch, as arrays of the backend on its device.

        They may still be computed when they are returned: `np.asarray` waits for them.
        """
        return self._compiled(list(inputs))

    def predict_on_batch(self, x: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What `call` gives for a batch, as NumPy arrays."""
        return [np.asarray(array) for array in self.run(x)]

    @functools.cached_property
    def _compiled(self) -> Callable[[list], list]:
        if self.compiles_each_shape:
            import jax

            call = jax.jit(lambda *args: self.stateless_call(*args)[0])
            kinds = self.trainable_variables, self.non_trainable_variables
            return lambda inputs: call(
                *([variable.value for variable in kind] for kind in kinds), inputs
            )
        import tensorflow as tf

        shapes = [[tf.TensorSpec([None] * rank, tf.int32) for rank in self.ranks]]
        return tf.function(self, input_signature=shapes, autograph=False)

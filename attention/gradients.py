"""How much BERT's predictions depend on each of its attention weights (Section 3.2).

The loss of an example is that of masked language modelling: cross-entropy in nats, the
mean over its masked tokens. Its gradient with respect to an attention weight says how
much the loss changes with that weight while all other weights, and everything computed
before, stay the same. In the last layer, only attention from masked tokens has a
gradient.

Shapes: B batch, L layers, H heads, T tokens, M masked tokens, V words.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attention.examples import Prepared
from attention.extraction import in_batches, padded, padded_inputs
from attention.masking import Masked
from attention.record import TOKENS, Maps, Source

if TYPE_CHECKING:
    from bert.modeling import MaskedLanguageModel


def gradient_maps(
    prepared: Sequence[Prepared],
    masked: Sequence[Masked],
    model: "MaskedLanguageModel",
    source: Source,
    *,
    tokens_a_batch: int,
    done: int = 0,
    on_batch: Callable[[int], object] = lambda examples: None,
) -> Iterator[Maps]:
    """The absolute gradients of each example's loss [L, H, T, T], in order.

    `values[l, h, i, j]` is |dL / da| for the attention from i to j. The example has
    its "tokens" (as they are without masking), the positions of the masked tokens
    ("masked"), what BERT read there ("shown") and the "loss" in nats. An example
    without masked tokens has no loss: all values are zero. They are float32, since
    float16 loses digits below 6e-5, where many lie.
    `in_batches` says what the other arguments are. Needs Keras on TensorFlow.
    """
    differentiate = _compiled(model)

    def run(batch: list[int]) -> tuple[list[np.ndarray], np.ndarray]:
        items, hidden = [prepared[i] for i in batch], [masked[i] for i in batch]
        read = [
            dataclasses.replace(item, token_ids=mask.token_ids)
            for item, mask in zip(items, hidden, strict=True)
        ]
        truth = [
            [item.token_ids[place] for place in mask.places]
            for item, mask in zip(items, hidden, strict=True)
        ]
        longest = max(len(item.tokens) for item in items)
        most = max(len(mask.places) for mask in hidden)
        gradients, losses = differentiate(
            *padded_inputs(read, (len(batch), longest)),
            padded([mask.places for mask in hidden], (len(batch), most), fill=-1),
            padded(truth, (len(batch), most)),
        )
        return [layer.numpy() for layer in gradients], losses.numpy()

    def finish(i: int, result: tuple[list[np.ndarray], np.ndarray], row: int) -> Maps:
        (gradients, losses), length = result, len(prepared[i].tokens)
        values = np.stack([g[row, :, :length, :length] for g in gradients])
        example = prepared[i].example | {
            "tokens": prepared[i].tokens,
            "masked": masked[i].places,
            "shown": masked[i].shown,
            "loss": float(losses[row]),
        }
        return Maps(values, TOKENS, source, example)

    heads = model.config.num_hidden_layers * model.config.num_attention_heads
    return in_batches(
        [len(item.tokens) for item in prepared],
        run,
        finish,
        tokens_a_batch=tokens_a_batch,
        bytes_a_pair=heads * np.dtype("float32").itemsize,
        done=done,
        on_batch=on_batch,
    )


def _compiled(model: "MaskedLanguageModel") -> Callable:
    """Absolute gradients (L arrays [B, H, T, T]) and losses [B] of a padded batch."""
    import tensorflow as tf

    column, table = (tf.TensorSpec([None] * rank, tf.int32) for rank in (1, 2))

    @tf.function(input_signature=[table, table, column, table, table])
    def differentiate(token_ids, segment_ids, lengths, places, truth):
        with tf.GradientTape() as tape:
            maps, logits = model([token_ids, segment_ids, lengths, places])
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits)
            counted = tf.cast(places >= 0, losses.dtype)  # [B, M]
            counts = tf.maximum(tf.reduce_sum(counted, -1), 1)
            losses = tf.reduce_sum(losses * counted, -1) / counts  # [B]
            # each depends on maps of its own example only, so that the gradients of
            # their sum are those of each
            total = tf.reduce_sum(losses)
        return [tf.abs(g) for g in tape.gradient(total, maps)], losses

    return differentiate

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
from attention.record import Maps
from attention.source import TOKENS, Source
from toolkit.files import InputError

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
    ("masked"), what BERT read there ("shown"), the "loss" in nats and the "importance"
    of each head [L, H]: the derivative of the loss by a factor on the head's output,
    signed (Michel et al. 2019, before the absolute value), in nats. It is the sum over
    the head's map of a dL / da. An example without masked tokens has no loss: all
    values are zero. They are float32, since float16 loses digits below 6e-5, where many
    lie.
    `in_batches` says what the other arguments are. Needs Keras on TensorFlow.
    """
    differentiate = _compiled(model)

    def run(batch: list[int]) -> list:
        inputs = _inputs([prepared[i] for i in batch], [masked[i] for i in batch])
        gradients, importance, losses = differentiate(*inputs)
        return [*gradients, importance, losses]

    def finish(i: int, arrays: list[np.ndarray], row: int) -> Maps:
        *gradients, importance, losses = arrays
        length = len(prepared[i].tokens)
        values = np.stack([g[row, :, :length, :length] for g in gradients])
        example = prepared[i].example | {
            "tokens": prepared[i].tokens,
            "masked": masked[i].places,
            "shown": masked[i].shown,
            "loss": float(losses[row]),
            "importance": importance[row],
        }
        return Maps(values, TOKENS, source, example).checked()

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


def losses_without_heads(
    prepared: Sequence[Prepared],
    masked: Sequence[Masked],
    model: "MaskedLanguageModel",
    *,
    batch_size: int = 16,
) -> tuple[float, np.ndarray]:
    """The mean loss of examples, and that without each head in turn [L, H], in nats.

    A head is taken out by multiplying its output by zero. Each example with masked
    tokens counts once. The model is run once for every head: for samples. Raises
    InputError where no token is masked.
    """
    from tqdm import tqdm

    pairs = [pair for pair in zip(prepared, masked, strict=True) if pair[1].places]
    if not pairs:
        raise InputError("no example has masked tokens: there is no loss")
    pairs.sort(key=lambda pair: len(pair[0].tokens))
    batches = [
        _inputs(*zip(*pairs[start : start + batch_size], strict=True))
        for start in range(0, len(pairs), batch_size)
    ]
    compute = _compiled_losses(model)

    def mean(gates: np.ndarray) -> float:
        return sum(float(compute(gates, *b).numpy().sum()) for b in batches) / len(
            pairs
        )

    whole, found = mean(model.gates), np.empty(model.gates.shape)
    heads = list(np.ndindex(found.shape))
    for head in tqdm(heads, disable=None, unit=" heads"):
        gates = model.gates.copy()
        gates[head] = 0
        found[head] = mean(gates)
    return whole, found


def _inputs(items: Sequence[Prepared], masked: Sequence[Masked]) -> list[np.ndarray]:
    """Padded inputs of a batch, places [B, M] and truth [B, M] of its masked tokens."""
    pairs = list(zip(items, masked, strict=True))
    read = [dataclasses.replace(i, token_ids=m.token_ids) for i, m in pairs]
    truth = [[item.token_ids[place] for place in mask.places] for item, mask in pairs]
    shape = len(items), max(len(mask.places) for mask in masked)
    return [
        *padded_inputs(read, (len(items), max(len(item.tokens) for item in items))),
        padded([mask.places for mask in masked], shape, fill=-1),
        padded(truth, shape),
    ]


def _compiled(model: "MaskedLanguageModel") -> Callable:
    """Absolute gradients (L arrays [B, H, T, T]), importance [B, L, H] and losses [B]
    of a padded batch."""
    import tensorflow as tf

    @tf.function(input_signature=_signature())
    def differentiate(token_ids, segment_ids, lengths, places, truth):
        with tf.GradientTape() as tape:
            maps, losses = _losses(
                model, token_ids, segment_ids, lengths, places, truth
            )
            # each depends on maps of its own example only, so that the gradients of
            # their sum are those of each
            total = tf.reduce_sum(losses)
        gradients = tape.gradient(total, maps)
        importance = [
            tf.reduce_sum(a * g, (-2, -1)) for a, g in zip(maps, gradients, strict=True)
        ]
        return [tf.abs(g) for g in gradients], tf.stack(importance, 1), losses

    return differentiate


def _compiled_losses(model: "MaskedLanguageModel") -> Callable:
    """Losses [B] of a padded batch, given gates [L, H] before its inputs."""
    import tensorflow as tf

    gates = tf.TensorSpec(model.gates.shape, tf.float32)

    @tf.function(input_signature=[gates, *_signature()])
    def losses(gates, *inputs):
        return _losses(model, *inputs, gates=gates)[1]

    return losses


def _signature() -> list:
    import tensorflow as tf

    column, table = (tf.TensorSpec([None] * rank, tf.int32) for rank in (1, 2))
    return [table, table, column, table, table]


def _losses(model, token_ids, segment_ids, lengths, places, truth, gates=None) -> tuple:
    """Maps (L arrays [B, H, T, T]) and losses [B] of a padded batch."""
    import tensorflow as tf

    maps, logits = model([token_ids, segment_ids, lengths, places], gates=gates)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits)
    counted = tf.cast(places >= 0, losses.dtype)  # [B, M]
    counts = tf.maximum(tf.reduce_sum(counted, -1), 1)
    return maps, tf.reduce_sum(losses * counted, -1) / counts

"""Examples through an encoder to attention maps, in batches bucketed by length.

Shapes: B batch, L layers, H heads, T tokens, W words.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from attention.batch_size import tokens_a_batch
from attention.examples import Prepared, prepare_examples
from attention.heads import head_name
from attention.quantities import ATTENTION, QUANTITIES
from attention.record import Maps
from attention.source import TOKENS, WORDS, Source
from bert.folder import weight_digest
from toolkit.ahead import read_ahead

if TYPE_CHECKING:
    from bert import BertConfig, BertModel, Tokenizer

# Examples are sorted by length within a buffer of as many as these bytes of maps hold,
# so that batches need nearly no padding and memory stays bounded.
BUFFER_BYTES = 256 * 2**20
# XLA compiles anew for each shape: its backends get few, with lengths in these steps.
XLA_STEP = 16

Result = TypeVar("Result")


def extract_attention(
    examples: Iterable[dict],
    model: "BertModel",
    tokenizer: "Tokenizer",
    *,
    max_length: int = 128,
    batch_size: int | str = "auto",
    segment_ids: str = "zeros",
    word_level: bool = False,
    word_level_mode: str | None = None,
    dtype: str = "float16",
) -> Iterator[Maps]:
    """The attention maps of examples, in order, as records.

    Examples are objects with exactly one of "text", "words" and "tokens"; `model` and
    `tokenizer` come from `bert.load_model` and `bert.load_tokenizer`. The values of a
    record are [L, H, T, T], or at word level [L, H, W + 2, W + 2], of type `dtype`, and
    of the model's quantity (with H = 1 where that is of layers, not of heads);
    `word_level_mode` is one of word_level.MODES, by default "mean". `batch_size` is how
    many examples of `max_length` are run at once, or what `tokens_a_batch` makes of
    "auto". Examples longer than `max_length` tokens are left out with a warning. Raises
    InputError for an example that cannot be used.
    """
    if word_level_mode and not word_level:
        raise ValueError("word_level_mode has no effect without word_level")
    prepared, skipped = prepare_examples(
        examples,
        tokenizer,
        model.config,
        max_length=max_length,
        segment_ids=segment_ids,
        need_words=word_level,
    )
    if skipped:
        warnings.warn(
            f"{len(skipped)} examples of more than {max_length} tokens left out",
            stacklevel=2,
        )
    source = model_source(model, tokenizer, WORDS if word_level else TOKENS)
    yield from attention_maps(
        prepared,
        model,
        source,
        tokens_a_batch=tokens_a_batch(batch_size, max_length, source),
        mode=(word_level_mode or "mean") if word_level else None,
        dtype=dtype,
    )


def model_source(model: "BertModel", tokenizer: "Tokenizer", level: str) -> Source:
    """The source of maps that a loaded model gives, at this level."""
    return encoder_source(
        model.config,
        tokenizer,
        layers=model.layers_kept,
        quantity=model.quantity,
        level=level,
        gates=_gates(model),
        trained=model.trained,
        weights_sha256=weight_digest(model.folder) if model.trained else None,
    )


def _gates(model: "BertModel") -> tuple[str, ...]:
    """The heads that `BertModel.gate` took out, as a source has them."""
    return tuple(
        f"{flag} {head_name(*head)}"
        for flag, taken in (("ablate", model.gates == 0), ("uniform", model.uniform))
        for head in np.argwhere(taken)
    )


def encoder_source(
    config: "BertConfig",
    tokenizer: "Tokenizer",
    layers: Sequence[int],
    quantity: str = ATTENTION,
    **known,
) -> Source:
    """The source of maps that an encoder gives of its layers (from 0)."""
    of_layers = QUANTITIES[quantity].of_layers
    return Source(
        layers=tuple(layers),
        heads=1 if of_layers else config.num_attention_heads,
        quantity=quantity,
        model_layers=config.num_hidden_layers,
        family=config.model_type,
        special_tokens=tokenizer.edges,
        **known,
    )


def attention_maps(
    prepared: Sequence[Prepared],
    model: "BertModel",
    source: Source,
    *,
    tokens_a_batch: int,
    mode: str | None = None,
    dtype: str = "float16",
    done: int = 0,
    on_batch: Callable[[int], object] = lambda examples: None,
) -> Iterator[Maps]:
    """Run prepared examples through an encoder; `extract_attention` says what comes.

    `mode` is a word-level mode, or None for maps of tokens; `in_batches` says what the
    others are. `model` gives maps of the source's quantity. Norms of layers have their
    mixing ratios [L, N] beside them as "mixing", those of words the means of their
    pieces'. At word level norms are pooled as attention is: the norm of a word's
    vector is not among them.
    """
    if mode == "max" and source.quantity != ATTENTION:
        raise ValueError("'max' makes rows sum to one, which norms do not")
    if model.maps_dtype == "float16" and (mode or dtype == "float32"):
        raise ValueError("the model rounds its maps: load it with maps_dtype='float32'")

    step = XLA_STEP if model.compiles_each_shape else 1
    layers, longest = len(source.layers), model.config.max_tokens
    if mode:
        from attention.word_maps import word_maps

        model = word_maps(model, mode, dtype)

    def run(batch: list[int]) -> list:  # L arrays [B, H, T, T], padded
        items = [prepared[i] for i in batch]
        width = min(_round_up(max(len(item.tokens) for item in items), step), longest)
        rows = tokens_a_batch // width if model.compiles_each_shape else len(items)
        shape = max(rows, len(items)), width
        inputs = padded_inputs(items, shape)
        if mode:
            inputs.append(padded([item.words for item in items], shape, fill=-1))
        return model.run(inputs)

    def finish(i: int, maps: list[np.ndarray], row: int) -> Maps:
        item = prepared[i]
        size = len(item.word_pieces if mode else item.tokens)
        attns = np.stack([m[row, :, :size, :size] for m in maps[:layers]])
        example = item.example | {"tokens": item.tokens}
        if mixing := [ratios[row, :size] for ratios in maps[layers:]]:
            example["mixing"] = np.stack(mixing)  # [L, T] or [L, W + 2]
        attns = attns.astype(dtype, copy=False)
        return Maps(attns, source.level, source, example).checked()

    heads = layers * source.heads
    return in_batches(
        [len(item.tokens) for item in prepared],
        run,
        finish,
        tokens_a_batch=tokens_a_batch,
        bytes_a_pair=heads * np.dtype(dtype).itemsize,
        step=step,
        done=done,
        on_batch=on_batch,
    )


def in_batches(
    lengths: Sequence[int],
    run: Callable[[list[int]], list],
    finish: Callable[[int, list[np.ndarray], int], Result],
    *,
    tokens_a_batch: int,
    bytes_a_pair: int,
    step: int = 1,
    done: int = 0,
    on_batch: Callable[[int], object] = lambda examples: None,
) -> Iterator[Result]:
    """Run examples in batches bucketed by length; the results come in order.

    `run` takes a batch, as indices into `lengths`, and gives arrays, of NumPy or on a
    device, from which they are fetched while the next batch is computed. `finish` takes
    an index, the arrays of its batch, and its row in them, and gives the result of that
    example, which takes `bytes_a_pair` for each pair of its tokens. A batch holds as
    many examples as `tokens_a_batch` allows, padding included. The first `done`
    examples are left out, but batches are the same as if they were not, since the batch
    that an example is in can change the last bit of its maps. `on_batch` is told how
    many of the wanted examples each finished batch held.
    """
    plan = _plan(lengths, tokens_a_batch, step, bytes_a_pair)
    finished: dict[int, Result] = {}  # waiting for their turn
    turn = done
    computed = ((b, run(b)) for b in plan if max(b) >= done)
    for batch, found in read_ahead(computed):
        arrays = [np.asarray(array) for array in found]
        wanted = {i: finish(i, arrays, row) for row, i in enumerate(batch) if i >= done}
        finished |= wanted
        on_batch(len(wanted))
        while turn in finished:
            yield finished.pop(turn)
            turn += 1


def _plan(
    lengths: Sequence[int], tokens_a_batch: int, step: int, bytes_a_pair: int
) -> Iterator[list[int]]:
    """Cut examples into batches (lists of indices into `lengths`) of similar length.

    Consecutive examples whose maps fill BUFFER_BYTES are sorted by length, then cut
    so that a batch, padded to its longest example, has `tokens_a_batch` at most.
    """
    window, filled = [], 0
    for i, length in enumerate(lengths):
        window.append(i)
        filled += length**2 * bytes_a_pair
        if filled < BUFFER_BYTES and i < len(lengths) - 1:
            continue
        window.sort(key=lambda place: lengths[place])
        batch = []
        for place in window:
            padded = (len(batch) + 1) * _round_up(lengths[place], step)
            if batch and padded > tokens_a_batch:
                yield batch
                batch = []
            batch.append(place)
        yield batch
        window, filled = [], 0


def padded_inputs(
    items: Sequence[Prepared], shape: tuple[int, int]
) -> list[np.ndarray]:
    """Token ids [B, T], segment ids [B, T], lengths [B]; spare rows have length 0."""
    lengths = [len(item.tokens) for item in items] + [0] * (shape[0] - len(items))
    return [
        padded([item.token_ids for item in items], shape),
        padded([item.segment_ids for item in items], shape),
        np.array(lengths, "int32"),
    ]


def padded(
    rows: Sequence[Sequence[int]], shape: tuple[int, int], fill: int = 0
) -> np.ndarray:
    """Rows of different lengths as one array of this shape, padded with `fill`."""
    array = np.full(shape, fill, "int32")
    for row, numbers in enumerate(rows):
        array[row, : len(numbers)] = numbers
    return array


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step

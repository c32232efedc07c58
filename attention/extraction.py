"""Examples through BERT to attention maps, in batches of like length.

Shapes: B batch, L layers, H heads, T tokens, W words.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from attention.examples import Prepared, prepare_examples
from attention.word_level import word_attention

if TYPE_CHECKING:
    from bert import BertModel, Tokenizer

# Examples are reordered by length within a look-ahead of as many as these bytes of maps
# hold, so that batches need nearly no padding and memory stays bounded.
LOOK_AHEAD_BYTES = 256 * 2**20
# XLA compiles anew for each shape: its backends get few, with lengths in these steps.
XLA_STEP = 16

Item, Result = TypeVar("Item"), TypeVar("Result")


def extract_attention(
    examples: Iterable[dict],
    model: "BertModel",
    tokenizer: "Tokenizer",
    *,
    max_length: int = 128,
    batch_size: int = 16,
    segment_ids: str = "zeros",
    word_level: bool = False,
    word_level_mode: str = "mean",
    dtype: str = "float16",
) -> Iterator[dict]:
    """The examples, in order, each with its "tokens" and its "attns".

    "attns" is an array [L, H, T, T], or [L, H, W, W] at word level, of type `dtype`.
    Examples longer than `max_length` tokens are left out with a warning. Raises
    InputError for an example that cannot be used.
    """
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
    mode = word_level_mode if word_level else None
    yield from attention_maps(
        prepared, model, tokens_a_batch=batch_size * max_length, mode=mode, dtype=dtype
    )


def attention_maps(
    prepared: Sequence[Prepared],
    model: "BertModel",
    *,
    tokens_a_batch: int,
    mode: str | None = None,
    dtype: str = "float16",
    done: int = 0,
    on_batch: Callable[[int], object] = lambda examples: None,
) -> Iterator[dict]:
    """Run prepared examples through BERT; see `extract_attention` for what comes out.

    `mode` is a word-level mode, or None for maps of tokens; `in_batches` says what the
    others are.
    """
    if model.maps_dtype == "float16" and (mode or dtype == "float32"):
        raise ValueError("the model rounds its maps: load it with maps_dtype='float32'")

    step = XLA_STEP if model.jit_compile else 1

    def run(batch: list[int]) -> list[np.ndarray]:  # L arrays [B, H, T, T]
        items = [prepared[i] for i in batch]
        longest = _round_up(max(len(item.tokens) for item in items), step)
        longest = min(longest, model.config.max_position_embeddings)
        rows = tokens_a_batch // longest if model.jit_compile else len(items)
        shape = max(rows, len(items)), longest
        return model.predict_on_batch(padded_inputs(items, shape))

    def finish(i: int, maps: list[np.ndarray], row: int) -> dict:
        item, length = prepared[i], len(prepared[i].tokens)
        attns = np.stack([layer[row, :, :length, :length] for layer in maps])
        if mode:
            attns = word_attention(attns, item.word_pieces, mode)
        return item.example | {"tokens": item.tokens, "attns": attns.astype(dtype)}

    heads = len(model.layers_kept) * model.config.num_attention_heads
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
    run: Callable[[list[int]], Result],
    finish: Callable[[int, Result, int], dict],
    *,
    tokens_a_batch: int,
    bytes_a_pair: int,
    step: int = 1,
    done: int = 0,
    on_batch: Callable[[int], object] = lambda examples: None,
) -> Iterator[dict]:
    """Run examples in batches of like length, and give what comes of each in order.

    `run` takes a batch, as places in `lengths`; `finish` takes a place, what `run` gave
    for its batch, and its row in it, and gives the finished example, whose maps take
    `bytes_a_pair` for each two of its tokens. A batch holds as many examples as
    `tokens_a_batch` allows, so that short ones are not run by the handful. The first
    `done` examples are left out, but batches are cut as if they were not, since its
    batch can change the last bit of an example's map. `on_batch` is told how many of
    the wanted examples each finished batch held.
    """
    plan = _plan(lengths, tokens_a_batch, step, bytes_a_pair)
    finished: dict[int, dict] = {}  # waiting for their turn
    turn = done
    for batch, result in _run_ahead(run, (b for b in plan if max(b) >= done)):
        wanted = {i: finish(i, result, row) for row, i in enumerate(batch) if i >= done}
        finished |= wanted
        on_batch(len(wanted))
        while turn in finished:
            yield finished.pop(turn)
            turn += 1


def _run_ahead(
    function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[tuple[Item, Result]]:
    """Each item and its result; the next is computed while this one is made use of."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        ahead = None
        for item in items:
            following = item, thread.submit(function, item)
            if ahead:
                yield ahead[0], ahead[1].result()
            ahead = following
        if ahead:
            yield ahead[0], ahead[1].result()


def _plan(
    lengths: Sequence[int], tokens_a_batch: int, step: int, bytes_a_pair: int
) -> Iterator[list[int]]:
    """Cut examples into batches (lists of places in `lengths`) of like length.

    Consecutive examples whose maps fill LOOK_AHEAD_BYTES are sorted by length, then cut
    so that a batch, padded to its longest example, has `tokens_a_batch` at most.
    """
    window, filled = [], 0
    for i, length in enumerate(lengths):
        window.append(i)
        filled += length**2 * bytes_a_pair
        if filled < LOOK_AHEAD_BYTES and i < len(lengths) - 1:
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
    """Token ids [B, T], segment ids [B, T], lengths [B]; rows left over are empty."""
    lengths = [len(item.tokens) for item in items] + [0] * (shape[0] - len(items))
    return [
        padded([item.token_ids for item in items], shape),
        padded([item.segment_ids for item in items], shape),
        np.array(lengths, "int32"),
    ]


def padded(
    rows: Sequence[Sequence[int]], shape: tuple[int, int], fill: int = 0
) -> np.ndarray:
    """Rows of unlike lengths as one array of numbers of this shape, filled up."""
    array = np.full(shape, fill, "int32")
    for row, numbers in enumerate(rows):
        array[row, : len(numbers)] = numbers
    return array


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step

"""What the loss of masked tokens is without each head, on a sample of a file."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from attention.examples import prepare_examples
from attention.gradients import losses_without_heads
from attention.masking import Masked
from attention.quantities import GRADIENTS
from attention.record import Maps


def ablate_each_head(
    maps: Iterable[Maps], folder: str | Path, sample: int = 32
) -> tuple[float, np.ndarray]:
    """The mean loss of the first `sample` examples of gradients, and that without each
    head in turn [L, H], in nats.

    `maps` are as attention_gradients.py writes them, and masked as they were there;
    `folder` holds the BERT they were made with. Raises InputError for maps of anything
    else, and for a folder that cannot be read. Needs Keras on TensorFlow.
    """
    from bert import load_model, load_tokenizer

    model, tokenizer = load_model(folder, masked_lm=True), load_tokenizer(folder)
    examples, masks = [], []
    for record in itertools.islice(maps, sample):
        record.source.require(GRADIENTS)
        example = record.example
        given = {key: example[key] for key in ("segment_ids",) if key in example}
        examples.append(given | {"tokens": example["tokens"]})
        read = list(example["tokens"])
        for place, shown in zip(example["masked"], example["shown"], strict=True):
            read[place] = shown
        masks.append(
            Masked(example["masked"], example["shown"], tokenizer.token_ids(read))
        )
    prepared, _ = prepare_examples(
        examples,
        tokenizer,
        model.config,
        max_length=model.config.max_tokens,
    )
    return losses_without_heads(prepared, masks, model)

"""Maps to show beside statistics, which have none: of a few examples that are given."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from analysis.opening import holds_statistics
from attention.encoder import encoder_maps, example_options, load_encoder
from attention.examples import prepare_examples
from attention.meta import read_meta
from attention.record import Maps, read_maps
from scale.worker import describe_encoder
from toolkit.files import InputError


def maps_to_show(path: Path, examples: Sequence[Mapping]) -> Iterator[Maps]:
    """The maps in a file; of a file of statistics, those of `examples` instead, by the
    encoder and the flags that it was made with.

    Raises InputError where it does not say which, and for examples that are too long.
    """
    if not holds_statistics(path):
        yield from read_maps(path)
        return
    if not examples:
        raise InputError(f"{path}: statistics hold no maps; name examples to show")
    flags = read_meta(path).get("flags", {})
    if "bert_dir" not in flags:
        raise InputError(
            f"{path}: no .meta.json beside it that names the encoder; run "
            "corpus_statistics.py again"
        )
    args = argparse.Namespace(**flags)
    encoder = describe_encoder(args)
    prepared, skipped = prepare_examples(
        map(dict, examples),
        encoder.tokenizer,
        encoder.config,
        max_length=args.max_sequence_length,
        **example_options(args),
    )
    if skipped:
        raise InputError(
            f"example {skipped[0].example} has {skipped[0].tokens} tokens, expected "
            f"{args.max_sequence_length} at most: shorten it"
        )
    yield from encoder_maps(encoder, load_encoder(encoder), prepared)

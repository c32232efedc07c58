"""What one process does: it holds an encoder, and takes the statistics of a shard."""

import argparse
from collections.abc import Callable, Sequence

from threadpoolctl import threadpool_limits

from analysis.statistic import Statistic
from attention.encoder import (
    Encoder,
    encoder_maps,
    example_options,
    load_encoder,
    map_options,
)
from attention.examples import (
    Prepared,
    empty_examples,
    prepare_examples,
    unframed_examples,
    unknown_tokens,
)
from scale.corpus import Shard
from scale.kinds import new_statistic
from toolkit import cli
from toolkit.files import InputError

# Flags that say how the work is shared, which the result does not depend on
SHARING = ("shard", "merge", "ray", "workers", "gpus_per_worker")
FORMAT = 2  # of what is summed and counted: shards of another are not merged


def describe_encoder(args: argparse.Namespace) -> Encoder:
    """The encoder that the flags name. Raises InputError for what cannot be used."""
    return Encoder.describe(args, **map_options(args))


def shard_settings(encoder: Encoder) -> dict:
    """All that decides the statistics of a shard, beside its examples."""
    settings = encoder.settings()
    flags = {k: v for k, v in settings["flags"].items() if k not in SHARING}
    return settings | {"flags": flags, "format": FORMAT}


class Worker:
    """Holds an encoder with its weights."""

    def __init__(self, args: argparse.Namespace):
        self.args, self.encoder = args, describe_encoder(args)
        self.settings = shard_settings(self.encoder)
        self.model = load_encoder(self.encoder)
        self.device_model = None  # with statistics, where there is a GPU

    def run(
        self, shard: Shard, on_batch: Callable[[int], object] = lambda examples: None
    ) -> dict:
        """The states of the statistics over a shard, and what became of its examples.

        `on_batch` is told how many examples each finished batch held. Raises
        InputError, which names the example, for what cannot be used.
        """
        from toolkit.backend import device_name

        statistics = [
            new_statistic(name, self.args.quantity) for name in self.args.statistics
        ]
        prepared, skipped = prepare_examples(
            shard.examples,
            self.encoder.tokenizer,
            self.encoder.config,
            max_length=self.args.max_sequence_length,
            first=shard.first,
            **example_options(self.args),
        )
        # the last bits depend on the number of threads, of NumPy's products too
        with threadpool_limits(cli.threads(), "blas"):
            self._take(prepared, statistics, on_batch)
        return {
            "settings": self.settings,
            "device": device_name(),
            "tokens_a_batch": self.encoder.tokens_a_batch,
            "weights_left_over": dict(self.model.left_over),
            "examples": len(shard.examples),
            "tokens": sum(len(item.tokens) for item in prepared),
            "unknown_share": unknown_tokens(prepared, self.encoder.tokenizer),
            "empty": empty_examples(prepared, self.encoder.tokenizer),
            "unframed": unframed_examples(prepared, self.encoder.tokenizer),
            "left_out": [
                {"example": s.example, "why": f"{s.tokens} tokens"} for s in skipped
            ],
            "states": [statistic.state() for statistic in statistics],
        }

    def _take(
        self,
        prepared: Sequence[Prepared],
        statistics: Sequence[Statistic],
        on_batch: Callable[[int], object],
    ) -> None:
        from scale import device  # imports Keras

        if device.is_worthwhile(self.encoder, statistics):
            if not self.device_model:
                self.device_model = device.device_model(self.model, statistics)
            device.update_on_device(
                self.encoder, self.device_model, prepared, statistics, on_batch
            )
            return
        maps = encoder_maps(self.encoder, self.model, prepared, on_batch=on_batch)
        for item, record in zip(prepared, maps, strict=True):
            try:
                for statistic in statistics:
                    statistic.update(record)
            except InputError as error:
                raise InputError(f"example {item.number}: {error}") from None

"""Statistics of examples whose maps never leave the device that they are made on."""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from analysis.distances import HeadDistances
from analysis.general import GeneralStatistics
from analysis.on_device import KINDS, DeviceStatistics, in_order
from analysis.statistic import Statistic
from attention.encoder import Encoder
from attention.examples import Prepared
from attention.extraction import in_batches, padded, padded_inputs
from attention.quantities import ATTENTION
from attention.record import token_roles
from attention.source import TOKENS
from toolkit.backend import device_name
from toolkit.files import InputError

CLASSES = (GeneralStatistics, HeadDistances)


def is_worthwhile(encoder: Encoder, statistics: Sequence[Statistic]) -> bool:
    """Whether maps lie on a GPU, and all that is wanted can be computed there.

    On a CPU the NumPy way is the faster one (benchmarks/README.md).
    """
    return device_name() != "CPU" and is_possible(encoder, statistics)


def is_possible(encoder: Encoder, statistics: Sequence[Statistic]) -> bool:
    """Whether all of these statistics of these maps can be computed on the device."""
    return (encoder.source.quantity, encoder.source.level) == (ATTENTION, TOKENS) and (
        all(isinstance(statistic, CLASSES) for statistic in statistics)
    )


def device_model(
    model: keras.Model, statistics: Sequence[Statistic]
) -> DeviceStatistics:
    """The encoder with these statistics after it."""
    wanted = (any(isinstance(s, cls) for s in statistics) for cls in CLASSES)
    return DeviceStatistics(model, *wanted)


def update_on_device(
    encoder: Encoder,
    model: DeviceStatistics,
    prepared: Sequence[Prepared],
    statistics: Sequence[Statistic],
    on_batch: Callable[[int], object] = lambda examples: None,
) -> None:
    """Take examples into statistics. Raises InputError, which names the example."""
    source = encoder.source
    roles = [token_roles(item.tokens, source.special_tokens) for item in prepared]

    def run(batch: list[int]) -> list[np.ndarray]:
        items = [prepared[i] for i in batch]
        shape = len(items), max(len(item.tokens) for item in items)
        of_tokens = padded([roles[i].tolist() for i in batch], shape, fill=-1)
        return model.run([*padded_inputs(items, shape), of_tokens])

    found = in_batches(
        [len(item.tokens) for item in prepared],
        run,
        lambda i, result, row: [array[row] for array in result],
        tokens_a_batch=encoder.tokens_a_batch,
        bytes_a_pair=len(source.layers) * source.heads * 2,  # as if they were maps
        on_batch=on_batch,
    )
    for item, of_item, arrays in zip(prepared, roles, found, strict=True):
        try:
            for statistic in statistics:
                if isinstance(statistic, GeneralStatistics):
                    values = np.moveaxis(arrays[0], -1, 0)  # [K, L, H]
                    by_kind = dict(zip(KINDS, values, strict=True))
                    statistic.take(source, by_kind, of_item)
                else:
                    statistic.take(source, in_order(arrays[-1]), len(of_item))
        except InputError as error:
            raise InputError(f"example {item.number}: {error}") from None

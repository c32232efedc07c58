"""Norms of what is carried over: cost beside plain extraction of attention.

Four layers of BERT-base's size with random weights, batches of four 128-token segments,
float32. The encoders take the same batch in turn, after one round that does not count.
Ratios are taken round by round, of the processor time of all threads, which other work
on the machine disturbs less than the clock.

Usage: python -m benchmarks.norms
The last line is JSON.
"""

import argparse
import json
import time

import numpy as np

from benchmarks.extraction import TOKENS, ratio
from bert import BertConfig

SEGMENTS = 4
QUANTITIES = ("attention", "norms", "layer-norms", "layer-norms-residual-ln")


def main() -> None:
    """Run all in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="of each measurement")
    args = parser.parse_args()
    from toolkit.backend import start_keras

    start_keras()
    from bert.modeling import BertModel
    from bert.norms import MODELS

    config = BertConfig(1000, 768, 4, 12, 3072, 512)
    rng = np.random.default_rng(0)
    inputs = [
        rng.integers(config.vocab_size, size=(SEGMENTS, TOKENS)).astype("int32"),
        np.zeros((SEGMENTS, TOKENS), "int32"),
        np.full(SEGMENTS, TOKENS, "int32"),
    ]
    models, times = {}, {quantity: [] for quantity in QUANTITIES}
    for quantity in QUANTITIES:
        model = models[quantity] = MODELS.get(quantity, BertModel)(
            config, maps_dtype="float16"
        )
        model.build()
        for variable in model.variables:
            variable.assign(0.02 * rng.standard_normal(variable.shape, "float32"))
    for _ in range(args.runs + 1):
        for quantity, model in models.items():
            started = time.process_time()
            model.predict_on_batch(inputs)
            times[quantity].append(time.process_time() - started)
    results = {
        f"time of {quantity} / of attention": ratio(
            times[quantity][1:], times["attention"][1:]
        )
        for quantity in QUANTITIES[1:]
    }
    for name, (low, middle, high) in results.items():
        print(f"{name:52} {middle:8.3f}   ({low:.3f} to {high:.3f})")
    print(json.dumps({name: value[1] for name, value in results.items()}))


if __name__ == "__main__":
    main()

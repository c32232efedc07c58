"""Gradients by attention weights: cost beside plain extraction of attention.

BERT-base size with random weights, the same 128-token segments, float32, each in the
batches that its script makes. What counts is the time between the first batch and the
last, so that compiling, which is done once, does not.

Usage: python -m benchmarks.gradients --vocabulary vocab.txt
"""

import functools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.extraction import TOKENS, prepare_segments
from benchmarks.harness import measure, parser, peak_mb, ratio, report, spread

BATCH = 8  # segments at once, the scripts' default on a CPU


def main() -> None:
    """Run both in turn and print the ratios."""
    flags = parser(__doc__, runs=5)
    flags.add_argument("--vocabulary", type=Path, help="vocab.txt", required=True)
    args = flags.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        prepare_segments(Path(temporary), args.vocabulary)
        measured = measure("benchmarks.gradients", JOBS, Path(temporary), args.runs)
    plain, gradients = measured["extraction"], measured["gradients"]
    report(
        {
            "time of gradients / of extraction": ratio(
                plain["rate"], gradients["rate"]
            ),
            "gradients, segments per second": spread(gradients["rate"]),
            "peak memory of gradients, MB": spread(gradients["peak_mb"]),
            "peak memory of gradients / of extraction": ratio(
                gradients["peak_mb"], plain["peak_mb"]
            ),
        }
    )


def timed(run: Callable, batch: int, folder: Path) -> dict:
    """Segments a second, those of the first batch left out, and peak memory."""
    from attention.examples import prepare_examples
    from bert import BertConfig, load_tokenizer

    examples = json.loads((folder / "segments.json").read_text())
    tokenizer = load_tokenizer(folder / "model")
    config = BertConfig.from_folder(folder / "model")
    prepared, _ = prepare_examples(examples, tokenizer, config)
    finished = []  # when each batch was
    maps = run(
        prepared,
        tokenizer,
        folder / "model",
        tokens_a_batch=batch * TOKENS,
        on_batch=lambda examples: finished.append(time.perf_counter()),
    )
    for _ in maps:
        pass
    rate = (len(prepared) - batch) / (finished[-1] - finished[0])
    return {"rate": rate, "peak_mb": peak_mb()}


def extraction(prepared, tokenizer, model_folder: Path, **options):
    """Attention maps in float16, as extract_attention.py makes them."""
    from attention.extraction import attention_maps, encoder_source
    from bert import load_model

    model = load_model(model_folder, random_init="all", maps_dtype="float16")
    source = encoder_source(
        model.config, tokenizer, model.layers_kept, level="tokens", trained=False
    )
    return attention_maps(prepared, model, source, **options)


def gradients(prepared, tokenizer, model_folder: Path, **options):
    """Gradients, as attention_gradients.py makes them."""
    from attention.extraction import encoder_source
    from attention.gradients import gradient_maps
    from attention.masking import mask_examples
    from bert import load_model

    model = load_model(model_folder, random_init="all", masked_lm=True)
    source = encoder_source(
        model.config,
        tokenizer,
        model.layers_kept,
        level="tokens",
        quantity="gradients",
        trained=False,
    )
    masked = mask_examples(prepared, tokenizer, rate=0.15, seed=0)
    return gradient_maps(prepared, masked, model, source, **options)


JOBS = {
    run.__name__: functools.partial(timed, run, BATCH)
    for run in (extraction, gradients)
}

if __name__ == "__main__":
    main()

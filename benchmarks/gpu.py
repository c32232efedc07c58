"""Extraction on a GPU, or on whatever Keras's backend finds: examples per second.

128-token segments at BERT-base size with random weights, in float32 and mixed bfloat16:
maps to memory, to disk, and the general statistics alone; beside the device's own
matrix product in the same precision, and beside PyTorch (eager) where it is installed.
Needs no network and no corpus. With KERAS_BACKEND=jax, JAX runs the model.

Usage: python -m benchmarks.gpu [--examples 512] [--batch-size 64]
"""

import importlib.util
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.extraction import BERT_BASE, TOKENS, arithmetic
from benchmarks.harness import measure, parser, ratio, report, spread

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
WAYS = ("memory", "disk", "statistics")


def main() -> None:
    """Run every measurement in turn and print rates and ratios."""
    flags = parser(__doc__, runs=3)
    flags.add_argument("--examples", type=int, default=512)
    flags.add_argument("--batch-size", type=int, default=64)
    args = flags.parse_args()
    jobs = [job for job in JOBS if not job.startswith("torch")]
    if importlib.util.find_spec("torch"):
        jobs = list(JOBS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, args.examples, args.batch_size)
        measured = measure("benchmarks.gpu", jobs, folder, args.runs)
        print((folder / "device").read_text())
    results = {}
    for precision in PRECISIONS:
        product = measured[f"product_{precision}"]["rate"]
        rates = {way: measured[f"{way}_{precision}"]["rate"] for way in WAYS}
        for way, rate in rates.items():
            results[f"{precision}, {way}: examples per second"] = spread(rate)
        results[f"{precision}, memory / matrix product"] = ratio(
            rates["memory"], product
        )
        if f"torch_{precision}" in measured:
            theirs = measured[f"torch_{precision}"]["rate"]
            results[f"{precision}, memory / PyTorch"] = ratio(rates["memory"], theirs)
    report(results)


def prepare(folder: Path, examples: int, batch_size: int) -> None:
    """A model folder without weights, and segments of a made-up vocabulary."""
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(BERT_BASE))
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    names += [f"w{i}" for i in range(BERT_BASE["vocab_size"] - len(names))]
    (model / "vocab.txt").write_text("\n".join(names))
    picked = np.random.default_rng(0).integers(5, len(names), (examples, TOKENS - 2))
    segments = [
        {"tokens": ["[CLS]", *(names[i] for i in row), "[SEP]"]} for row in picked
    ]
    (folder / "segments.json").write_text(json.dumps(segments))
    (folder / "batch_size").write_text(str(batch_size))


def extraction(folder: Path, precision: str, way: str) -> dict:
    """Our rate, the model loaded and its graph compiled."""
    from analysis.general import GeneralStatistics
    from attention.extraction import extract_attention
    from attention.store import AttentionWriter
    from bert import load_model, load_tokenizer
    from toolkit.backend import device_name

    model = load_model(
        folder / "model",
        random_init="all",
        maps_dtype="float16",
        precision=PRECISIONS[precision],
    )
    (folder / "device").write_text(device_name())
    tokenizer = load_tokenizer(folder / "model")
    batch_size = int((folder / "batch_size").read_text())
    examples = json.loads((folder / "segments.json").read_text())

    def run(some: list[dict]) -> None:
        found = extract_attention(some, model, tokenizer, batch_size=batch_size)
        if way == "statistics":
            statistics = GeneralStatistics()
            for maps in found:
                statistics.update(maps)
        elif way == "disk":
            with AttentionWriter(folder / "maps.pkl", {}) as writer:
                for maps in found:
                    writer.write(maps.to_example())
        else:
            for _ in found:
                pass

    run(examples[:batch_size])
    start = time.perf_counter()
    run(examples)
    return {"rate": len(examples) / (time.perf_counter() - start)}


def product(folder: Path, precision: str) -> dict:
    """Examples per second that the device's matrix product allows."""
    from toolkit.backend import start_keras

    start_keras()
    import keras
    from keras import ops

    dtype = precision
    rows = int((folder / "batch_size").read_text()) * TOKENS
    a = ops.cast(keras.random.normal((rows, BERT_BASE["hidden_size"])), dtype)
    b = ops.cast(
        keras.random.normal((BERT_BASE["hidden_size"], BERT_BASE["intermediate_size"])),
        dtype,
    )
    flops = 2 * a.shape[0] * a.shape[1] * b.shape[1]

    def wait(times: int) -> float:
        start = time.perf_counter()
        total = 0.0
        for _ in range(times):
            total = total + ops.matmul(a, b)[0, 0]  # which waits for the product
        float(ops.convert_to_numpy(ops.cast(total, "float32")))
        return time.perf_counter() - start

    wait(2)
    return {"rate": 20 * flops / wait(20) / arithmetic(TOKENS)}


def torch_eager(folder: Path, precision: str) -> dict:
    """PyTorch's rate through transformers, maps copied to the host in float16."""
    import torch
    from transformers import BertConfig, BertModel

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.float32 if precision == "float32" else torch.bfloat16
    config = BertConfig(**BERT_BASE, attn_implementation="eager")
    model = BertModel(config, add_pooling_layer=False).eval().to(device, dtype)
    batch_size = int((folder / "batch_size").read_text())
    count = len(json.loads((folder / "segments.json").read_text()))
    ids = torch.randint(5, BERT_BASE["vocab_size"], (count, TOKENS))

    def run(some) -> None:
        for batch in some.split(batch_size):
            with torch.inference_mode():
                output = model(batch.to(device), output_attentions=True)
                torch.stack(output.attentions, 1).half().cpu()

    run(ids[:batch_size])
    start = time.perf_counter()
    run(ids)
    return {"rate": count / (time.perf_counter() - start)}


JOBS = {
    f"{way}_{precision}": lambda folder, p=precision, w=way: extraction(folder, p, w)
    for precision in PRECISIONS
    for way in WAYS
}
for name, job in (("product", product), ("torch", torch_eager)):
    JOBS |= {
        f"{name}_{precision}": lambda folder, p=precision, j=job: j(folder, p)
        for precision in PRECISIONS
    }

if __name__ == "__main__":
    main()

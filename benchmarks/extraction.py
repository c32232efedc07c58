"""Extraction of attention maps: speed beside transformers, and memory.

BERT-base size with random weights; each job has a process of its own, so that neither
library holds the other's threads or memory.

    segments   128-token segments: examples per second, beside transformers, and beside
               the machine's own float32 matrix product for the arithmetic needed
    sentences  a treebank's sentences at word level, written to disk; beside
               transformers with batches of 16 in file order, and padding all to 128
    memory     peak of extraction for some examples, and for four times as many

Usage: python -m benchmarks.extraction --vocabulary vocab.txt --treebank FILE.conllu
"""

import json
import pickle
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import measure, parser, peak_mb, ratio, report, spread

BERT_BASE = {
    "vocab_size": 30522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
TOKENS = 128
BATCH = 16


def main() -> None:
    """Run every measurement in turn and print the ratios."""
    flags = parser(__doc__, runs=5)
    flags.add_argument("--treebank", type=Path, help="CoNLL-U file")
    flags.add_argument("--vocabulary", type=Path, help="vocab.txt", required=True)
    args = flags.parse_args()
    jobs = ["segments_ours", "segments_theirs"]
    if args.treebank:
        jobs += ["sentences_ours", "sentences_16", "sentences_128"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, args.treebank, args.vocabulary)
        measured = measure("benchmarks.extraction", jobs, folder, args.runs)
        measured |= measure(
            "benchmarks.extraction", ("memory_some", "memory_more"), folder, runs=3
        )
    ours, theirs = measured["segments_ours"], measured["segments_theirs"]
    results = {
        "segments, examples per second": spread(ours["rate"]),
        "segments / matrix product": ratio(ours["rate"], ours["product_rate"]),
        "segments / transformers": ratio(ours["rate"], theirs["rate"]),
    }
    if args.treebank:
        seconds = measured["sentences_ours"]["seconds"]
        results["sentences, seconds"] = spread(seconds)
        for name, job in (
            ("batches of 16", "sentences_16"),
            ("padded to 128", "sentences_128"),
        ):
            results[f"sentences: transformers, {name} / ours"] = ratio(
                measured[job]["seconds"], seconds
            )
    some, more = (measured[job]["peak_mb"] for job in ("memory_some", "memory_more"))
    results["memory for 64 examples, MB"] = spread(some)
    results["memory for 256 / for 64"] = ratio(more, some)
    report(results)


def prepare(folder: Path, treebank: Path | None, vocabulary: Path) -> None:
    """A model folder without weights, segments, and the treebank's sentences."""
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(BERT_BASE))
    (model / "vocab.txt").write_bytes(vocabulary.read_bytes())
    words = [w for w in vocabulary.read_text(encoding="utf-8").split("\n") if w]
    rng = np.random.default_rng(0)
    for name, count in (("segments", 64), ("more", 256)):
        picked = rng.integers(1000, len(words), (count, TOKENS - 3))
        segments = [
            {"tokens": ["[CLS]", *s[:60], "[SEP]", *s[60:], "[SEP]"]}
            for s in ([words[i] for i in row] for row in picked)
        ]
        (folder / f"{name}.json").write_text(json.dumps(segments))
    if treebank:
        import conllu

        with open(treebank, encoding="utf-8") as file:
            sentences = [
                {"words": [t["form"] for t in s if isinstance(t["id"], int)]}
                for s in conllu.parse_incr(file)
            ]
        (folder / "sentences.json").write_text(json.dumps(sentences))


# --- ours -----------------------------------------------------------------------------


def segments_ours(folder: Path) -> dict:
    """Our rate, and that of the matrix product alone, in one process and in turn."""
    import tensorflow as tf

    from attention.extraction import extract_attention
    from bert import load_model, load_tokenizer

    model = load_model(folder / "model", random_init="all", maps_dtype="float16")
    tokenizer = load_tokenizer(folder / "model")
    examples = json.loads((folder / "segments.json").read_text())

    def extract(some: list[dict]) -> None:
        for _ in extract_attention(some, model, tokenizer, batch_size=BATCH):
            pass

    # what BERT multiplies most: all tokens of a batch by a layer's widest kernel
    a = tf.random.normal((BATCH * TOKENS, BERT_BASE["hidden_size"]))
    b = tf.random.normal((BERT_BASE["hidden_size"], BERT_BASE["intermediate_size"]))
    product = tf.function(tf.matmul)
    flops = 2 * a.shape[0] * a.shape[1] * b.shape[1]
    extract(examples[:BATCH])
    product(a, b)
    rates, product_rates = [], []
    for _ in range(3):
        start = time.perf_counter()
        extract(examples)
        rates.append(len(examples) / (time.perf_counter() - start))
        start = time.perf_counter()
        for _ in range(40):
            product(a, b).numpy()
        seconds = (time.perf_counter() - start) / 40
        product_rates.append(flops / seconds / arithmetic(TOKENS))
    return {
        "rate": statistics.median(rates),
        "product_rate": statistics.median(product_rates),
    }


def arithmetic(tokens: int) -> int:
    """Floating-point operations that the maps of one example need in matrix products.

    A layer multiplies by four D x D kernels and by D x I and I x D; attention takes T^2
    D twice. The last layer needs its queries, keys and scores only.
    """
    size, inner = BERT_BASE["hidden_size"], BERT_BASE["intermediate_size"]
    layer = tokens * (4 * size**2 + 2 * size * inner) + 2 * tokens**2 * size
    last = tokens * 2 * size**2 + tokens**2 * size
    return 2 * ((BERT_BASE["num_hidden_layers"] - 1) * layer + last)


def sentences_ours(folder: Path) -> dict:
    """Seconds from the examples in memory to the maps on disk, model loaded."""
    from attention.extraction import extract_attention
    from attention.store import AttentionWriter
    from bert import load_model, load_tokenizer

    model = load_model(folder / "model", random_init="all")
    tokenizer = load_tokenizer(folder / "model")
    examples = json.loads((folder / "sentences.json").read_text())

    def extract(some: list[dict]) -> float:
        start = time.perf_counter()
        with AttentionWriter(folder / "ours.pkl", {}) as writer:
            for maps in extract_attention(some, model, tokenizer, word_level=True):
                writer.write(maps.to_example())
        return time.perf_counter() - start

    extract(examples[:100])
    return {"seconds": extract(examples)}


def memory(folder: Path, name: str) -> dict:
    """Peak memory of the script itself."""
    import extract_attention

    flags = ["--bert-dir", folder / "model", "--random-init", "all"]
    flags += ["--preprocessed-data-file", folder / f"{name}.json"]
    assert extract_attention.main([*flags, "--outfile", folder / "maps.pkl"]) == 0
    return {"peak_mb": peak_mb()}


# --- transformers ---------------------------------------------------------------------


def load_theirs(folder: Path):
    """BERT-base with random weights in transformers, eager attention."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(**BERT_BASE, attn_implementation="eager")
    model = BertModel(config, add_pooling_layer=False).eval()

    def run(batch: list[list[int]], length: int) -> np.ndarray:  # [B, L, H, T, T]
        ids = torch.zeros(len(batch), length, dtype=torch.long)
        mask = torch.zeros(len(batch), length, dtype=torch.long)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        with torch.inference_mode():
            output = model(ids, attention_mask=mask, output_attentions=True)
            return torch.stack(output.attentions, 1).numpy()

    return run


def segments_theirs(folder: Path) -> dict:
    """Examples per second on the same segments, in batches of the same size."""
    from bert import load_tokenizer

    run = load_theirs(folder)
    tokenizer = load_tokenizer(folder / "model")
    examples = json.loads((folder / "segments.json").read_text())
    ids = [tokenizer.token_ids(e["tokens"]) for e in examples]
    run(ids[:BATCH], TOKENS)
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        for i in range(0, len(ids), BATCH):
            run(ids[i : i + BATCH], TOKENS).astype(np.float16)
        rates.append(len(ids) / (time.perf_counter() - start))
    return {"rate": statistics.median(rates)}


def sentences_theirs(folder: Path, pad_to: int | None) -> dict:
    """Seconds for the same maps as people write it: batches of 16 in file order."""
    from attention.word_level import word_attention
    from bert import load_tokenizer

    run = load_theirs(folder)
    tokenizer = load_tokenizer(folder / "model")
    examples = json.loads((folder / "sentences.json").read_text())

    def extract(some: list[dict]) -> float:
        start = time.perf_counter()
        found = []
        for i in range(0, len(some), BATCH):
            batch = [
                [["[CLS]"], *tokenizer.tokenize(e["words"]), ["[SEP]"]]
                for e in some[i : i + BATCH]
            ]
            ids = [
                tokenizer.token_ids([p for w in words for p in w]) for words in batch
            ]
            maps = run(ids, pad_to or max(map(len, ids)))
            for words, tokens, m in zip(batch, ids, maps, strict=True):
                places = iter(range(len(tokens)))
                pieces = [[next(places) for _ in word] for word in words]
                m = word_attention(m[:, :, : len(tokens), : len(tokens)], pieces)
                found.append({"attns": m.astype(np.float16)})
        with open(folder / "theirs.pkl", "wb") as file:
            pickle.dump(found, file, -1)
        return time.perf_counter() - start

    extract(examples[:100])
    return {"seconds": extract([e for e in examples if fits(e, tokenizer)])}


def fits(example: dict, tokenizer) -> bool:
    """Whether an example has at most 128 tokens; the others are left out by both."""
    return sum(map(len, tokenizer.tokenize(example["words"]))) + 2 <= TOKENS


JOBS = {
    "segments_ours": segments_ours,
    "segments_theirs": segments_theirs,
    "sentences_ours": sentences_ours,
    "sentences_16": lambda folder: sentences_theirs(folder, None),
    "sentences_128": lambda folder: sentences_theirs(folder, TOKENS),
    "memory_some": lambda folder: memory(folder, "segments"),
    "memory_more": lambda folder: memory(folder, "more"),
}

if __name__ == "__main__":
    main()

"""Extraction of attention maps: speed beside transformers, and memory.

BERT-base size with random weights, which both read from one folder; each job has a
process of its own, so that neither library holds the other's threads or memory.

    segments   128-token segments: examples per second, beside transformers, and beside
               the machine's own float32 matrix product for the arithmetic needed
    treebank   its sentences at word level, written to disk, beside transformers with
               batches of 16 in file order; loading the model counts
    even       the same for 400 of them that are of similar length
    memory     peak of extraction for some examples, and for four times as many

Usage: python -m benchmarks.extraction --vocabulary vocab.txt --treebank FILE.conllu
"""

import functools
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
EVEN, EVEN_WORDS = 400, range(14, 31)


def main() -> None:
    """Run every measurement in turn and print the ratios."""
    flags = parser(__doc__, runs=3)
    flags.add_argument("--treebank", type=Path, help="CoNLL-U file", required=True)
    flags.add_argument("--vocabulary", type=Path, help="vocab.txt", required=True)
    args = flags.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, args.treebank, args.vocabulary)
        measured = measure("benchmarks.extraction", JOBS, folder, args.runs)
    ours, theirs = measured["segments_ours"], measured["segments_theirs"]
    results = {
        "segments, examples per second": spread(ours["rate"]),
        "segments / matrix product": ratio(ours["rate"], ours["product_rate"]),
        "segments / transformers": ratio(ours["rate"], theirs["rate"]),
    }
    for name in SENTENCES:
        ours, theirs = measured[f"{name}_ours"], measured[f"{name}_theirs"]
        results[f"{name}, seconds"] = spread(ours["seconds"])
        for when, times in (("", "seconds"), (", a second time", "again")):
            results[f"{name}{when}: transformers / ours"] = ratio(
                theirs[times], ours[times]
            )
            results[f"{name}{when}: matrix product / ours"] = ratio(
                ours["product"], ours[times]
            )
    some, more = (measured[job]["peak_mb"] for job in ("memory_some", "memory_more"))
    results["memory for 64 examples, MB"] = spread(some)
    results["memory for 256 / for 64"] = ratio(more, some)
    report(results)


def prepare(folder: Path, treebank: Path, vocabulary: Path) -> None:
    """A model with random weights, segments, and the treebank's sentences."""
    import conllu
    import torch
    from transformers import BertConfig, BertModel

    prepare_segments(folder, vocabulary)
    torch.manual_seed(0)
    BertModel(BertConfig(**BERT_BASE)).save_pretrained(folder / "model")
    with open(treebank, encoding="utf-8") as file:
        sentences = [
            {"words": [t["form"] for t in s if isinstance(t["id"], int)]}
            for s in conllu.parse_incr(file)
        ]
    even = [s for s in sentences if len(s["words"]) in EVEN_WORDS][:EVEN]
    for name, found in zip(SENTENCES, (sentences, even), strict=True):
        (folder / f"{name}.json").write_text(json.dumps(found))


def prepare_segments(folder: Path, vocabulary: Path) -> None:
    """A model folder without weights, and segments of 128 tokens."""
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


# --- ours -----------------------------------------------------------------------------


def segments_ours(folder: Path) -> dict:
    """Our rate, and that of the matrix product alone, in one process and in turn."""
    from attention.extraction import extract_attention
    from bert import load_model, load_tokenizer

    model = load_model(folder / "model", maps_dtype="float16")
    tokenizer = load_tokenizer(folder / "model")
    examples = json.loads((folder / "segments.json").read_text())

    def extract(some: list[dict]) -> None:
        for _ in extract_attention(some, model, tokenizer):
            pass

    extract(examples[:BATCH])
    rates, product_rates = [], []
    for _ in range(3):
        start = time.perf_counter()
        extract(examples)
        rates.append(len(examples) / (time.perf_counter() - start))
        product_rates.append(product_flops() / arithmetic(TOKENS))
    return {
        "rate": statistics.median(rates),
        "product_rate": statistics.median(product_rates),
    }


def product_flops() -> float:
    """Operations a second of what BERT multiplies most: the tokens of a batch by a
    layer's widest kernel."""
    import tensorflow as tf

    a = tf.random.normal((BATCH * TOKENS, BERT_BASE["hidden_size"]))
    b = tf.random.normal((BERT_BASE["hidden_size"], BERT_BASE["intermediate_size"]))
    seconds = []
    for _ in range(100):
        start = time.perf_counter()
        tf.matmul(a, b).numpy()
        seconds.append(time.perf_counter() - start)
    return 2 * a.shape[0] * a.shape[1] * b.shape[1] / statistics.median(seconds)


def arithmetic(tokens: int) -> int:
    """Floating-point operations that the maps of one example need in matrix products.

    A layer multiplies by four D x D kernels and by D x I and I x D; attention takes T^2
    D twice. The last layer needs its queries, keys and scores only.
    """
    size, inner = BERT_BASE["hidden_size"], BERT_BASE["intermediate_size"]
    layer = tokens * (4 * size**2 + 2 * size * inner) + 2 * tokens**2 * size
    last = tokens * 2 * size**2 + tokens**2 * size
    return 2 * ((BERT_BASE["num_hidden_layers"] - 1) * layer + last)


def sentences_ours(folder: Path, name: str) -> dict:
    """Seconds from a model and examples on disk to maps on disk, twice, the libraries
    imported; and those that the matrix product alone would take, for true tokens."""
    from attention.examples import prepare_examples
    from attention.extraction import extract_attention
    from attention.store import AttentionWriter
    from toolkit.backend import start_keras

    start_keras()
    from bert import load_model, load_tokenizer

    def extract() -> None:
        with AttentionWriter(folder / "ours.pkl", {}) as writer:
            for maps in extract_attention(examples, model, tokenizer, word_level=True):
                writer.write(maps.to_example())

    start = time.perf_counter()
    model = load_model(folder / "model")
    tokenizer = load_tokenizer(folder / "model")
    examples = json.loads((folder / f"{name}.json").read_text())
    extract()
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    extract()
    again = time.perf_counter() - start
    prepared, _ = prepare_examples(examples, tokenizer, model.config)
    flops = sum(arithmetic(len(item.tokens)) for item in prepared)
    return {"seconds": seconds, "again": again, "product": flops / product_flops()}


def memory(folder: Path, name: str) -> dict:
    """Peak memory of the script itself."""
    import extract_attention

    flags = ["--bert-dir", folder / "model"]
    flags += ["--preprocessed-data-file", folder / f"{name}.json"]
    assert extract_attention.main([*flags, "--outfile", folder / "maps.pkl"]) == 0
    return {"peak_mb": peak_mb()}


# --- transformers ---------------------------------------------------------------------


def load_theirs(folder: Path):
    """The same model in transformers, eager attention."""
    import torch
    from transformers import BertModel

    model = BertModel.from_pretrained(
        folder / "model", add_pooling_layer=False, attn_implementation="eager"
    ).eval()

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


def sentences_theirs(folder: Path, name: str) -> dict:
    """Seconds for the same maps as people write it: batches of 16 in file order."""
    import torch  # noqa: F401
    from transformers import BertModel  # noqa: F401

    from attention.word_level import word_attention
    from bert import load_tokenizer

    def extract() -> None:
        found = []
        for i in range(0, len(examples), BATCH):
            batch = [
                [["[CLS]"], *tokenizer.tokenize(e["words"]), ["[SEP]"]]
                for e in examples[i : i + BATCH]
            ]
            ids = [
                tokenizer.token_ids([p for w in words for p in w]) for words in batch
            ]
            maps = run(ids, max(map(len, ids)))
            for words, tokens, m in zip(batch, ids, maps, strict=True):
                places = iter(range(len(tokens)))
                pieces = [[next(places) for _ in word] for word in words]
                m = word_attention(m[:, :, : len(tokens), : len(tokens)], pieces)
                found.append({"attns": m.astype(np.float16)})
        with open(folder / "theirs.pkl", "wb") as file:
            pickle.dump(found, file, -1)

    start = time.perf_counter()
    run = load_theirs(folder)
    tokenizer = load_tokenizer(folder / "model")
    examples = json.loads((folder / f"{name}.json").read_text())
    examples = [e for e in examples if fits(e, tokenizer)]
    extract()
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    extract()
    return {"seconds": seconds, "again": time.perf_counter() - start}


def fits(example: dict, tokenizer) -> bool:
    """Whether an example has at most 128 tokens; the others are left out by both."""
    return sum(map(len, tokenizer.tokenize(example["words"]))) + 2 <= TOKENS


SENTENCES = "treebank", "even"
JOBS = {
    "segments_ours": segments_ours,
    "segments_theirs": segments_theirs,
    **{
        f"{name}_{whose}": functools.partial(job, name=name)
        for name in SENTENCES
        for whose, job in (("ours", sentences_ours), ("theirs", sentences_theirs))
    },
    "memory_some": functools.partial(memory, name="segments"),
    "memory_more": functools.partial(memory, name="more"),
}

if __name__ == "__main__":
    main()

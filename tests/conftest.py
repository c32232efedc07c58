"""A tiny BERT for the tests, written to disk in both of the formats people have."""

import json
import os
import re
import shutil

import numpy as np
import pytest
from heads import example_of, record, to_offset, to_token, uniform
from safetensors.numpy import save_file

from toolkit import backend

VOCABULARY = """[PAD] [UNK] [CLS] [SEP] [MASK] the fox jump ##s ##ing over dog . , ' a
un ##aff ##able 中 国 cafe [ ] sep cls ## ! red Fox Café 0 ##1""".split()

# All sizes differ, so that a swapped axis cannot pass.
CONFIG = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 15,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 22,
    "max_position_embeddings": 32,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
}


def find_browser() -> str | None:
    """The Chromium that the tests of the page run in."""
    return shutil.which("chromium")


def pytest_collection_modifyitems(config, items):
    """Without Chromium, leave out the tests that need it; CI must have it."""
    if find_browser() or "CI" in os.environ:
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
    config.left_out = len(left_out)


def pytest_terminal_summary(terminalreporter, config):
    """Say which tests were left out, and how to run them."""
    if left_out := getattr(config, "left_out", 0):
        terminalreporter.write_line(
            f"{left_out} tests of the page not run, which need a browser: "
            "apt-get install chromium"
        )


@pytest.fixture(scope="session", autouse=True)
def keras_started():
    """Import Keras through the project's own door, which keeps it quiet."""
    backend.start_keras()


def tiny_weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights of the tiny BERT under Google's names, far from idle."""
    d, i = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    norms = {"LayerNorm/gamma": [d], "LayerNorm/beta": [d]}
    embeddings = {
        "word_embeddings": [CONFIG["vocab_size"], d],
        "position_embeddings": [CONFIG["max_position_embeddings"], d],
        "token_type_embeddings": [CONFIG["type_vocab_size"], d],
        **norms,
    }
    layer = {
        **{f"attention/self/{p}/kernel": [d, d] for p in ("query", "key", "value")},
        **{f"attention/self/{p}/bias": [d] for p in ("query", "key", "value")},
        "attention/output/dense/kernel": [d, d],
        "attention/output/dense/bias": [d],
        **{f"attention/output/{name}": shape for name, shape in norms.items()},
        "intermediate/dense/kernel": [d, i],
        "intermediate/dense/bias": [i],
        "output/dense/kernel": [i, d],
        "output/dense/bias": [d],
        **{f"output/{name}": shape for name, shape in norms.items()},
    }
    shapes = {f"bert/embeddings/{name}": shape for name, shape in embeddings.items()}
    for n in range(CONFIG["num_hidden_layers"]):
        shapes |= {f"bert/encoder/layer_{n}/{k}": shape for k, shape in layer.items()}
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(float(name.endswith("gamma")), 0.4, shape).astype("float32")
        for name, shape in shapes.items()
    }


def tiny_head(seed: int = 1) -> dict[str, np.ndarray]:
    """Random weights of its head for masked tokens."""
    d, at = CONFIG["hidden_size"], "cls/predictions/transform"
    shapes = {
        "cls/predictions/output_bias": [CONFIG["vocab_size"]],
        f"{at}/dense/kernel": [d, d],
        f"{at}/dense/bias": [d],
        f"{at}/LayerNorm/gamma": [d],
        f"{at}/LayerNorm/beta": [d],
    }
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(float(name.endswith("gamma")), 0.4, shape).astype("float32")
        for name, shape in shapes.items()
    }


def write_google(folder, weights, **more):
    """Write a folder as Google's: TensorFlow's own format of checkpoints."""
    import tensorflow as tf

    _write_common(folder, "bert_config.json")
    everything = weights | more
    tf.raw_ops.SaveV2(
        prefix=str(folder / "bert_model.ckpt"),
        tensor_names=list(everything),
        shape_and_slices=[""] * len(everything),
        tensors=list(everything.values()),
    )
    return folder


def write_hugging_face(folder, weights, prefix="bert.", shards=1):
    """Write a folder as Hugging Face's: kernels transposed, names with dots."""
    _write_common(folder, "config.json")
    named = {}
    for name, weight in weights.items():
        key = re.sub(r"layer_(\d+)", r"layer.\1", name).replace("/", ".")
        key = key.replace("LayerNorm.gamma", "LayerNorm.weight")
        key = key.replace("LayerNorm.beta", "LayerNorm.bias")
        key = key.replace("output_bias", "bias")
        if key.endswith("kernel"):
            key, weight = key.replace("kernel", "weight"), weight.T.copy()
        elif key.endswith("_embeddings"):
            key += ".weight"
        named[key.replace("bert.", prefix, 1)] = weight
    keys = list(named)
    files = [f"model-{n + 1}-of-{shards}.safetensors" for n in range(shards)]
    if shards == 1:
        files = ["model.safetensors"]
    where = {key: files[n % shards] for n, key in enumerate(keys)}
    for file in files:
        save_file({k: named[k] for k in keys if where[k] == file}, folder / file)
    if shards > 1:
        index = {"metadata": {}, "weight_map": where}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def _write_common(folder, config_name):
    folder.mkdir(exist_ok=True)
    (folder / config_name).write_text(json.dumps(CONFIG))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def bert_dir(tmp_path_factory):
    """The tiny BERT in a Hugging Face folder."""
    return write_hugging_face(tmp_path_factory.mktemp("bert"), tiny_weights())


@pytest.fixture(scope="session")
def masked_lm_dir(tmp_path_factory):
    """The tiny BERT with its head for masked tokens, in a Hugging Face folder."""
    folder = tmp_path_factory.mktemp("masked_lm")
    return write_hugging_face(folder, tiny_weights() | tiny_head())


@pytest.fixture(scope="session")
def model(bert_dir):
    """The tiny BERT, its maps in float32."""
    from bert import load_model

    return load_model(bert_dir)


@pytest.fixture(scope="session")
def tokenizer(bert_dir):
    """The tiny BERT's tokenizer."""
    from bert import load_tokenizer

    return load_tokenizer(bert_dir)


@pytest.fixture
def closed_figures():
    """Figures are drawn without a screen; after the test they are closed, and settings
    are as before."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    with plt.rc_context():
        yield
    plt.close("all")


@pytest.fixture
def statistics():
    """Of three layers of two heads: uniform, next; previous, [SEP]; [CLS], "."."""
    from analysis.general import GeneralStatistics

    tokens = ["[CLS]", "the", "fox", ".", "[SEP]"]
    maps = (
        uniform(tokens),
        to_offset(tokens, 1),
        to_offset(tokens, -1),
        to_token(tokens, {"[SEP]"}),
        to_token(tokens, {"[CLS]"}),
        to_token(tokens, {"."}),
    )
    statistics = GeneralStatistics()
    statistics.update(record(example_of(tokens, *maps, layers=3)))
    return statistics

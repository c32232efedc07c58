"""Each family of encoders against transformers: golden/make_families.py made what is
expected here."""

from pathlib import Path

import numpy as np
import pytest
from test_modeling import maps_of

from attention.examples import Prepared
from attention.gradients import gradient_maps
from attention.masking import Masked
from attention.source import Source
from bert import load_model
from bert.families import FAMILIES

GOLDEN = Path(__file__).parent / "golden" / "families"


def golden_of(name):
    """For each example: token ids, segment ids, and all else by its name."""
    with np.load(GOLDEN / name / "golden.npz") as file:
        values = dict(file)
    examples = []
    for i in range(3):
        example = {k[:-2]: v for k, v in values.items() if k.endswith(f"_{i}")}
        example["token_ids"] = example["token_ids"].tolist()
        zeros = np.zeros(len(example["token_ids"]), int)
        example["segment_ids"] = example.get("segment_ids", zeros).tolist()
        examples.append(example)
    return examples


@pytest.mark.parametrize("name", FAMILIES)
def test_maps_equal_those_of_transformers_alone_and_in_a_batch(name):
    model, golden = load_model(GOLDEN / name), golden_of(name)
    inputs = [(g["token_ids"], g["segment_ids"]) for g in golden]
    for found in (
        maps_of(model, inputs, 29),
        [maps_of(model, [one], len(one[0]))[0] for one in inputs],
    ):
        for maps, example in zip(found, golden, strict=True):
            assert example["maps"].max() > 0.8  # far from uniform
            np.testing.assert_allclose(maps, example["maps"], atol=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_equal_those_of_transformers(name):
    model, golden = load_model(GOLDEN / name, masked_lm=True), golden_of(name)
    prepared, masked = [], []
    for number, example in enumerate(golden):
        read = example["token_ids"]
        truth = list(read)
        for place, token in zip(example["masked"], example["truth"], strict=True):
            truth[place] = int(token)
        segments = example["segment_ids"]
        prepared.append(Prepared(number, {}, ["x"] * len(read), truth, segments, None))
        masked.append(Masked(example["masked"].tolist(), [], read))
    source = Source(layers=(0, 1, 2), heads=3)
    found = gradient_maps(prepared, masked, model, source, tokens_a_batch=100)
    for maps, example in zip(found, golden, strict=True):
        assert maps.example["loss"] == pytest.approx(example["loss"], rel=1e-4)
        expected = np.abs(example["gradients"])
        largest = expected.max()
        assert largest > 0.01
        np.testing.assert_allclose(maps.values, expected, atol=1e-4 * largest)

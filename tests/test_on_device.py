"""Statistics by keras.ops, where the maps lie: equal to NumPy's."""

import numpy as np
import pytest

import corpus_statistics
from analysis.distances import HeadDistances
from analysis.general import ATTENTION_KINDS, GeneralStatistics
from attention.encoder import encoder_maps, load_encoder
from attention.examples import prepare_examples
from scale import device
from scale.worker import describe_encoder

SPANS = [
    ["[CLS]", "the", "fox", ".", "[SEP]", "dog", ",", "over", "[SEP]"],
    ["[CLS]", "the", "dog", "[SEP]"],
    ["the", "fox", "over", "the", "dog"],  # no special token
    ["[SEP]", "[SEP]"],  # nothing else
    ["[CLS]", *["red", "fox", ".", ","] * 6, "[SEP]"],
]


@pytest.mark.parametrize(
    "wanted",
    [
        (GeneralStatistics,),
        (HeadDistances,),
        (GeneralStatistics, HeadDistances),
    ],
)
def test_the_same_as_with_numpy(bert_dir, wanted):
    args = corpus_statistics.parse_args(
        [
            "--preprocessed-data-file", "x.json", "--bert-dir", bert_dir,
            "--max-sequence-length", 32, "--batch-size", 2,
        ]
    )  # fmt: skip
    encoder = describe_encoder(args)
    examples = [{"tokens": tokens} for tokens in SPANS]
    prepared, _ = prepare_examples(
        examples, encoder.tokenizer, encoder.config, max_length=32
    )
    model = load_encoder(encoder)
    expected, found = [cls() for cls in wanted], [cls() for cls in wanted]
    for maps in encoder_maps(encoder, model, prepared):
        for statistic in expected:
            statistic.update(maps)
    assert device.is_possible(encoder, found)
    device.update_on_device(encoder, device.device_model(model, found), prepared, found)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.source == theirs.source
        if isinstance(ours, HeadDistances):
            assert ours.tokens == theirs.tokens == sum(map(len, SPANS))
            np.testing.assert_allclose(ours.distances, theirs.distances, atol=1e-6)
            continue
        assert ours.documents == len(SPANS)
        for kind in ATTENTION_KINDS:
            np.testing.assert_allclose(
                ours.averages[kind], theirs.averages[kind], atol=1e-6, err_msg=kind
            )
        assert ours.uniform_entropy == theirs.uniform_entropy
        for name in ("entropies", "cls_entropies"):
            np.testing.assert_allclose(
                getattr(ours, name), getattr(theirs, name), rtol=1e-6, err_msg=name
            )

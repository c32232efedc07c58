"""Gradients of the masked-LM loss by attention weights, against three other ways."""

import json
from pathlib import Path

import numpy as np
import oracle
import pytest
from conftest import tiny_head, tiny_weights
from scipy.special import log_softmax

from attention import extraction
from attention.examples import Prepared, prepare_examples
from attention.extraction import encoder_source
from attention.gradients import gradient_maps, losses_without_heads
from attention.masking import Masked, mask_examples
from bert import Tokenizer, load_model
from toolkit.files import InputError

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = (  # tokens and segment ids, of 9, 4 and 12 tokens
    ("[CLS] the fox jump ##s . [SEP] dog [SEP]", [0, 0, 0, 0, 0, 0, 0, 1, 1]),
    ("[CLS] red fox [SEP]", [0, 0, 0, 0]),
    ("[CLS] a dog , the un ##aff ##able fox over . [SEP]", [1] * 12),
)


@pytest.fixture(scope="module")
def masked_lm(masked_lm_dir):
    """The tiny BERT with its head, in float64."""
    return load_model(masked_lm_dir, masked_lm=True, precision="float64")


@pytest.fixture
def prepared(masked_lm, tokenizer):
    examples = [
        {"tokens": tokens.split(), "segment_ids": segments}
        for tokens, segments in EXAMPLES
    ]
    items, _ = prepare_examples(examples, tokenizer, masked_lm.config, max_length=32)
    return items


@pytest.fixture
def masks(prepared, tokenizer):
    return mask_examples(prepared, tokenizer, rate=0.3, seed=3)


def run(prepared, masks, model, tokens_a_batch=64, **options):
    source = encoder_source(
        model.config,
        Tokenizer({"[UNK]": 0}),
        model.layers_kept,
        level="tokens",
        quantity="gradients",
    )
    maps = gradient_maps(
        prepared, masks, model, source, tokens_a_batch=tokens_a_batch, **options
    )
    return [m.to_example() for m in maps]


def truth_of(item, mask):
    return [item.token_ids[place] for place in mask.places]


def test_gradients_equal_finite_differences_of_numpy_bert(prepared, masks, masked_lm):
    """Every weight of every head, in a batch with padding."""
    weights = tiny_weights() | tiny_head()
    found = run(prepared, masks, masked_lm)
    for example, item, mask in zip(found, prepared, masks, strict=True):
        given = (mask.token_ids, item.segment_ids, mask.places, truth_of(item, mask))
        expected = oracle.gradients(weights, 3, *given)
        length = len(item.tokens)
        assert example["attns"].shape == (2, 3, length, length)
        np.testing.assert_allclose(
            example["attns"], np.abs(expected), rtol=1e-4, atol=1e-6
        )
        assert expected.min() < -0.1  # absolute values made a difference
        loss = oracle.masked_loss(weights, 3, *given)
        assert example["loss"] == pytest.approx(loss, rel=1e-6)


def test_gradients_equal_finite_differences_of_the_model_itself(
    prepared, masks, masked_lm, monkeypatch
):
    """One attention weight at a time is moved between the softmax and its use."""
    item, mask = prepared[0], masks[0]
    (example,) = run([item], [mask], masked_lm)

    def loss(layer, place, size):
        attend = masked_lm.encoder[layer].self_attention.attention
        nudge = np.zeros((1, 3, 9, 9))
        nudge[0][place] = size
        with monkeypatch.context() as patch:
            patch.setattr(
                masked_lm.encoder[layer].self_attention,
                "attention",
                lambda *inputs: attend(*inputs) + nudge,
            )
            rows = mask.token_ids, item.segment_ids, 9, mask.places
            _, logits = masked_lm([np.array([row], "int32") for row in rows])
        log_shares = log_softmax(np.asarray(logits)[0], axis=-1)
        return -log_shares[np.arange(len(mask.places)), truth_of(item, mask)].mean()

    for layer in (0, 1):
        for row in (0, mask.places[0], 8):
            place = (layer + 1, row, 5)
            slope = (loss(layer, place, 1e-5) - loss(layer, place, -1e-5)) / 2e-5
            found = example["attns"][layer][place]
            assert found == pytest.approx(abs(slope), rel=1e-4, abs=1e-5)


def test_importance_is_the_slope_of_the_loss_by_a_gate(prepared, masks, masked_lm):
    """A factor on the output of each head in turn, moved a step above and below one."""
    weights = tiny_weights() | tiny_head()
    for example, item, mask in zip(
        run(prepared, masks, masked_lm), prepared, masks, strict=True
    ):
        given = (mask.token_ids, item.segment_ids, mask.places, truth_of(item, mask))
        assert example["importance"].shape == (2, 3)
        for head in np.ndindex(2, 3):
            losses = []
            for step in (1e-4, -1e-4):
                gates = np.ones((2, 3))
                gates[head] += step
                losses.append(oracle.masked_loss(weights, 3, *given, gates=gates))
            slope = (losses[0] - losses[1]) / 2e-4
            assert example["importance"][head] == pytest.approx(slope, 1e-4, 1e-6)


def test_losses_without_heads(prepared, masks, masked_lm):
    """Each head's output times zero in turn; an example without masks has no loss."""
    weights = tiny_weights() | tiny_head()
    hidden = [masks[0], Masked([], [], prepared[1].token_ids), masks[2]]

    def mean_loss(gates):
        return np.mean(
            [
                oracle.masked_loss(
                    weights,
                    3,
                    hidden[i].token_ids,
                    prepared[i].segment_ids,
                    hidden[i].places,
                    truth_of(prepared[i], hidden[i]),
                    gates=gates,
                )
                for i in (0, 2)
            ]
        )

    whole, without = losses_without_heads(prepared, hidden, masked_lm, batch_size=1)
    assert whole == pytest.approx(mean_loss(np.ones((2, 3))), rel=1e-5)
    assert without.shape == (2, 3)
    for head in np.ndindex(2, 3):
        gates = np.ones((2, 3))
        gates[head] = 0
        assert without[head] == pytest.approx(mean_loss(gates), rel=1e-5)
    nothing = [Masked([], [], item.token_ids) for item in prepared]
    with pytest.raises(InputError, match="no example has masked tokens"):
        losses_without_heads(prepared, nothing, masked_lm)


def test_gates_hold_for_losses_and_gradients(prepared, masks, masked_lm_dir):
    model = load_model(masked_lm_dir, masked_lm=True, precision="float64")
    model.gate(ablated=[(1, 2)], uniform=[(0, 1)])
    example, item, mask = run(prepared, masks, model)[0], prepared[0], masks[0]
    loss = oracle.masked_loss(
        tiny_weights() | tiny_head(),
        3,
        mask.token_ids,
        item.segment_ids,
        mask.places,
        truth_of(item, mask),
        gates=[[1, 1, 1], [1, 1, 0]],
        uniform=[(0, 1)],
    )
    assert example["loss"] == pytest.approx(loss, rel=1e-6)
    assert (example["attns"][1, 2] == 0).all()
    assert example["importance"][1, 2] == 0
    assert example["attns"][0, 1].max() > 0


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float64", 1e-5), ("float32", 1e-3)]
)
def test_gradients_equal_those_of_pytorch(precision, tolerance):
    """Golden gradients were made by golden/make_gradients.py; transformers computes the
    softmax in float32 whatever the rest. The tiny model's weights are so large that
    float32 throughout leaves three digits."""
    model = load_model(GOLDEN, masked_lm=True, precision=precision)
    examples = json.loads((GOLDEN / "gradients.json").read_text())
    prepared, masks = [], []
    for i, golden in enumerate(examples):
        token_ids = list(golden["token_ids"])
        masks.append(Masked(golden["masked"], ["?"] * len(golden["masked"]), token_ids))
        real = list(token_ids)
        for place, number in zip(golden["masked"], golden["truth"], strict=True):
            real[place] = number
        names = ["?"] * len(real)
        prepared.append(Prepared(i, {}, names, real, golden["segment_ids"], None))
    found = run(prepared, masks, model)
    for example, golden in zip(found, examples, strict=True):
        expected = np.abs(golden["gradients"])
        assert example["loss"] == pytest.approx(golden["loss"], rel=tolerance)
        np.testing.assert_allclose(
            example["attns"], expected, rtol=tolerance, atol=tolerance * 0.01
        )


def test_batch_mates_and_padding_do_not_matter(prepared, masks, masked_lm):
    together = run(prepared, masks, masked_lm)
    for i in (0, 1):
        example = together[i]
        (alone,) = run(prepared[i : i + 1], masks[i : i + 1], masked_lm)
        assert example["loss"] == pytest.approx(alone["loss"], rel=1e-9)
        np.testing.assert_allclose(
            example["attns"], alone["attns"], rtol=1e-6, atol=1e-9
        )


def test_what_comes_out(prepared, masks, masked_lm_dir):
    model = load_model(masked_lm_dir, masked_lm=True)
    for example, item, mask in zip(
        run(prepared, masks, model), prepared, masks, strict=True
    ):
        assert example["tokens"] == item.tokens == item.example["tokens"]
        assert example["masked"] == mask.places
        assert example["shown"] == mask.shown
        assert example["segment_ids"] == item.segment_ids
        assert example["attns"].dtype == np.float32
        assert (example["attns"] >= 0).all()
        assert type(example["loss"]) is float


def test_an_example_with_nothing_to_mask_has_no_loss(masked_lm, tokenizer):
    """Alone, and beside one that has."""
    examples = [{"tokens": ["[CLS]", "[SEP]"]}, {"text": "the fox"}]
    prepared, _ = prepare_examples(examples, tokenizer, masked_lm.config, max_length=32)
    masks = mask_examples(prepared, tokenizer, rate=0.15, seed=0)
    assert masks[0] == Masked([], [], prepared[0].token_ids)
    for some in (slice(0, 1), slice(0, 2)):
        nothing = run(prepared[some], masks[some], masked_lm)[0]
        assert (nothing["masked"], nothing["loss"]) == ([], 0)
        assert nothing["attns"].shape == (2, 3, 2, 2)
        assert (nothing["attns"] == 0).all()


def test_going_on_after_some_gives_the_same_bytes(
    prepared, masks, masked_lm, monkeypatch
):
    monkeypatch.setattr(extraction, "BUFFER_BYTES", 1)  # each example a batch
    everything = run(prepared, masks, masked_lm)
    for done in (1, 3):
        counts = []
        rest = run(prepared, masks, masked_lm, done=done, on_batch=counts.append)
        assert sum(counts) == len(rest) == 3 - done
        for a, b in zip(rest, everything[done:], strict=True):
            assert a["attns"].tobytes() == b["attns"].tobytes()
            assert a["loss"] == b["loss"]

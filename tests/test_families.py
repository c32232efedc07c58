"""Each family of encoders against transformers: golden/make_families.py made what is
expected here."""

import itertools
import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from test_modeling import maps_of

from attention.examples import Prepared, prepare_examples
from attention.extraction import attention_maps
from attention.gradients import gradient_maps
from attention.masking import Masked
from attention.source import Source
from bert import BertConfig, Tokenizer, load_model
from bert.config import Rotary
from bert.families import FAMILIES
from bert.layers import ACTIVATIONS
from toolkit.files import InputError

GOLDEN = Path(__file__).parent / "golden" / "families"
ROWS = [name for name in FAMILIES if name not in ("xlm-roberta", "camembert")]


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
    source = Source(layers=(0, 1, 2), heads=3, quantity="gradients")
    found = gradient_maps(prepared, masked, model, source, tokens_a_batch=100)
    for maps, example in zip(found, golden, strict=True):
        assert maps.example["loss"] == pytest.approx(example["loss"], rel=1e-4)
        expected = np.abs(example["gradients"])
        largest = expected.max()
        assert largest > 0.01
        np.testing.assert_allclose(maps.values, expected, atol=1e-4 * largest)


def stored(name):
    """The weights of a family's model as its file has them."""
    return load_file(GOLDEN / name / "model.safetensors")


def folder_of(path, name, weights, **config):
    """A folder of a family's config, changed, and these weights."""
    path.mkdir(exist_ok=True)
    values = json.loads((GOLDEN / name / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(values | config))
    save_file(weights, path / "model.safetensors")
    return path


def weights_of(model):
    return {v.path: np.asarray(v) for v in model.variables}


def assert_same(model, name):
    expected = weights_of(load_model(GOLDEN / name))
    found = weights_of(model)
    assert found.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_array_equal(found[path], value)


# What transformers adds to an encoder for a task, by the name of the class
TASKS = {
    "ForSequenceClassification": {"classifier.weight": (2, 12), "classifier.bias": 2},
    "ForTokenClassification": {"classifier.weight": (9, 12), "classifier.bias": 9},
    "ForQuestionAnswering": {"qa_outputs.weight": (2, 12), "qa_outputs.bias": 2},
    "ForMultipleChoice": {"classifier.weight": (1, 12), "classifier.bias": 1},
    "ForPreTraining": {"cls.seq_relationship.weight": (2, 12)},
    "RobertaClassificationHead": {
        "classifier.dense.weight": (12, 12),
        "classifier.out_proj.weight": (2, 12),
    },
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("task", TASKS)
def test_heads_of_tasks_are_left_over(tmp_path, name, task):
    head = {key: np.ones(shape, "float32") for key, shape in TASKS[task].items()}
    model = load_model(folder_of(tmp_path, name, stored(name) | head))
    assert_same(model, name)
    group = next(iter(head)).partition(".")[0]
    assert model.left_over[f"{group}/*"] >= len(head)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("prefix", ["encoder.", "question_encoder.bert_model.", "x.y."])
def test_an_encoder_is_found_in_whatever_is_around_it(tmp_path, name, prefix):
    """With the names of transformers below it, or in the place of their first part."""
    base = f"{FAMILIES[name].base}."
    weights = {k: v for k, v in stored(name).items() if k.startswith(base)}
    for kind in (prefix, prefix + base):
        inside = {kind + k.removeprefix(base): v for k, v in weights.items()}
        inside["scores.weight"] = np.ones((3, 4), "float32")
        model = load_model(folder_of(tmp_path, name, inside))
        assert_same(model, name)
        assert model.left_over["scores/*"] == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_an_encoder_by_itself(tmp_path, name):
    """As AutoModel saves it: without a prefix and without a head."""
    base = f"{FAMILIES[name].base}."
    weights = stored(name)
    alone = {k.removeprefix(base): v for k, v in weights.items() if k.startswith(base)}
    model = load_model(folder_of(tmp_path, name, alone))
    assert_same(model, name)
    with pytest.raises(InputError, match="no masked-LM head, as in sentence encoders"):
        load_model(tmp_path, masked_lm=True)


def test_two_encoders_are_refused_by_name(tmp_path):
    weights = stored("bert")
    both = {
        f"{part}.{key.removeprefix('bert.')}": value
        for part in ("question", "passage")
        for key, value in weights.items()
    }
    with pytest.raises(InputError, match=r"2 encoders, .*question/.*expected one"):
        load_model(folder_of(tmp_path, "bert", both))


@pytest.mark.parametrize("name", ROWS)
def test_every_weight_of_the_encoder_must_be_there(tmp_path, name):
    """Each of the embeddings and of one layer; and none that is not known."""
    base = f"{FAMILIES[name].base}."
    weights = stored(name)
    inside = sorted(k for k in weights if k.startswith(base) and "final_norm" not in k)
    for key in (k for k in inside if ".1." not in k and ".2." not in k):
        rest = {k: v for k, v in weights.items() if k != key}
        with pytest.raises(InputError, match="missing: "):
            load_model(folder_of(tmp_path, name, rest))
    more = weights | {f"{inside[0]}.lora_A": np.ones((2, 2), "float32")}
    with pytest.raises(InputError, match=r"unknown: .*lora_A"):
        load_model(folder_of(tmp_path, name, more))


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16"])
def test_weights_of_other_precisions(tmp_path, name, dtype):
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    cast = {k: v.astype(kind) for k, v in stored(name).items()}
    back = {k: v.astype("float32") for k, v in cast.items()}
    found = weights_of(load_model(folder_of(tmp_path / "cast", name, cast)))
    expected = weights_of(load_model(folder_of(tmp_path / "back", name, back)))
    for path, value in expected.items():
        np.testing.assert_array_equal(found[path], value)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("other", ["bert", "distilbert", "albert", "modernbert"])
def test_weights_of_another_family_are_refused_in_one_line(tmp_path, name, other):
    if FAMILIES[name].base == FAMILIES[other].base:
        other = "roberta"
    with pytest.raises(InputError) as error:
        load_model(folder_of(tmp_path, name, stored(other)))
    assert len(str(error.value)) < 2500
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["deberta", "deberta-v2", "gpt2", "t5", 3, ["bert"]])
def test_other_families_are_refused_with_those_that_are_supported(tmp_path, kind):
    folder = folder_of(tmp_path, "bert", stored("bert"), model_type=kind)
    with pytest.raises(InputError) as error:
        load_model(folder)
    assert str(error.value).endswith(f"expected one of {', '.join(FAMILIES)}")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *(
            ("bert", change)
            for change in (
                {"is_decoder": True},
                {"add_cross_attention": True},
                {"position_embedding_type": "relative_key_query"},
                {"attention_type": "block_sparse"},
                {"attention_window": [32, 32]},
                {"attention_chunk_size": 64},
                {"sliding_window": 64},
                {"sparse_attention": True},
                {"relative_attention": True},
                {"pruned_heads": {"0": [1]}},
                {"quantization_config": {"bits": 8}},
            )
        ),
        ("roberta", {"is_decoder": True}),
        ("albert", {"inner_group_num": 2}),
        ("mpnet", {"pad_token_id": 2}),
        ("distilbert", {"layer_norm_eps": 1e-5}),
        ("modernbert", {"attention_bias": True}),
        ("modernbert", {"mlp_bias": True}),
        ("modernbert", {"norm_bias": True}),
        ("modernbert", {"classifier_bias": True}),
        ("modernbert", {"decoder_bias": False}),
    ],
)
def test_settings_that_are_not_honoured_are_refused_by_name(tmp_path, name, change):
    folder = folder_of(tmp_path, name, stored(name), **change)
    ((key, _),) = change.items()
    with pytest.raises(InputError, match=rf"config\.json: {key} is .*, expected "):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer_types": ["sliding_attention"]}, "layer_types is .*, expected 3 of"),
        ({"layer_types": 3}, "layer_types is 3, expected 3 of"),
        ({"local_attention": -1}, "local_attention is -1, expected a whole number"),
        ({"rope_parameters": {"full_attention": {"rope_type": "yarn"}}}, "are scaled"),
        ({"rope_scaling": {"factor": 2}}, "are scaled"),
        ({"rope_parameters": 7}, "are scaled"),
        (
            {"rope_parameters": {"full_attention": {"rope_theta": "x"}}},
            "rope_theta is 'x', expected a number above 1|are scaled",
        ),
    ],
)
def test_positions_of_modernbert_that_do_not_fit(tmp_path, change, message):
    folder = folder_of(tmp_path, "modernbert", stored("modernbert"), **change)
    with pytest.raises(InputError, match=message):
        load_model(folder)


@pytest.mark.parametrize("buckets", [1, 3, 1001, 2**31])
def test_buckets_of_distances_that_cannot_be(tmp_path, buckets):
    change = {"relative_attention_num_buckets": buckets}
    with pytest.raises(InputError, match="num_buckets is .*, expected 4 to 1,000"):
        load_model(folder_of(tmp_path, "mpnet", stored("mpnet"), **change))


def test_modernbert_configs_of_before(tmp_path):
    """Layers that see all by a number, and bases of rotations by names of their own."""
    values = {"global_attn_every_n_layers": 3, "layer_types": None}
    values |= {"global_rope_theta": 160000.0, "local_rope_theta": 10000.0}
    values["rope_parameters"] = None
    folder = folder_of(tmp_path, "modernbert", stored("modernbert"), **values)
    config = BertConfig.from_folder(folder)
    assert config == BertConfig.from_folder(GOLDEN / "modernbert")
    assert config.rotary == Rotary((False, True, True), 3, 10000.0, 160000.0)


def maps_with(tmp_path, name, **change):
    model = load_model(folder_of(tmp_path, name, stored(name), **change))
    return maps_of(model, [([5, 21, 9, 17, 6], [0] * 5)], 5)[0]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bert", {"layer_norm_eps": 0.1}),
        ("roberta", {"layer_norm_eps": 0.1}),
        ("roberta", {"pad_token_id": 4}),
        ("modernbert", {"norm_eps": 0.1}),
        ("modernbert", {"local_attention": 2}),
        *(("bert", {"hidden_act": act}) for act in ACTIVATIONS if "gelu" not in act),
        ("distilbert", {"activation": "relu"}),
        ("albert", {"hidden_act": "gelu"}),
        ("modernbert", {"hidden_activation": "silu"}),
    ],
)
def test_settings_that_are_honoured_change_the_maps(tmp_path, name, change):
    changed = maps_with(tmp_path, name, **change)
    assert np.abs(changed - maps_with(tmp_path, name)).max() > 1e-5
    assert np.isfinite(changed).all()


@pytest.mark.parametrize(
    ("act", "at_minus_1", "at_2"),
    [
        ("gelu", -0.15865525, 1.9544997),  # x times the normal distribution up to x
        ("gelu_python", -0.15865525, 1.9544997),
        ("gelu_new", -0.15880801, 1.9545977),  # by its approximation with tanh
        ("gelu_pytorch_tanh", -0.15880801, 1.9545977),
        ("relu", 0, 2),
        ("silu", -0.26894142, 1.7615942),  # x / (1 + exp(-x))
        ("swish", -0.26894142, 1.7615942),
        ("tanh", -0.76159416, 0.96402758),
        ("linear", -1, 2),
    ],
)
def test_activations(act, at_minus_1, at_2):
    found = ACTIVATIONS[act](np.array([-1, 2], "float32"))
    np.testing.assert_allclose(np.asarray(found), [at_minus_1, at_2], rtol=1e-5)


def test_no_segments_and_one_segment(tmp_path):
    """Without segments: as if the table's only row were zeros."""
    weights = stored("bert")
    key = "bert.embeddings.token_type_embeddings.weight"
    zero = weights | {key: np.zeros((1, 12), "float32")}
    none = {k: v for k, v in weights.items() if k != key}
    for name, part, types in (("one", zero, 1), ("none", none, 0)):
        folder_of(tmp_path / name, "bert", part, type_vocab_size=types)
    example = [([5, 21, 9, 17, 6], [0] * 5)]
    one, none = (
        maps_of(load_model(tmp_path / name), example, 5)[0] for name in ("one", "none")
    )
    np.testing.assert_array_equal(one, none)


def test_positions_leave_room_for_padding():
    config = BertConfig.from_folder(GOLDEN / "roberta")
    assert (config.max_position_embeddings, config.max_tokens) == (34, 32)
    with pytest.raises(InputError, match="a maximum of 33 tokens is beyond the 32"):
        prepare_examples([], Tokenizer({"[UNK]": 0}), config, max_length=33)


def test_random_weights_for_every_family(tmp_path):
    for name in FAMILIES:
        (tmp_path / name).mkdir()
        config = (GOLDEN / name / "config.json").read_text()
        (tmp_path / name / "config.json").write_text(config)
        model = load_model(tmp_path / name, tiny=True)
        (maps,) = maps_of(model, [([5, 21, 6], [0, 0, 0])], 3)
        assert maps.shape == (3, 12, 3, 3)


def test_layers_that_share_weights_have_maps_of_their_own():
    model = load_model(GOLDEN / "albert")
    assert [layer.name for layer in model.encoder] == ["layer_0", "layer_0", "layer_1"]
    (maps,) = maps_of(model, [([5, 21, 9, 17, 6], [0] * 5)], 5)
    assert np.abs(maps[0] - maps[1]).max() > 0.01


def test_a_pointer_of_git_lfs_and_a_checkpoint_of_tensorflow_2(tmp_path):
    folder = folder_of(tmp_path / "lfs", "bert", {})
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (folder / "model.safetensors").write_text(pointer)
    with pytest.raises(InputError, match="a pointer of Git LFS.*git lfs pull"):
        load_model(folder)
    import tensorflow as tf

    folder = folder_of(tmp_path / "tf2", "bert", {})
    (folder / "model.safetensors").unlink()
    variable = tf.Variable([1.0])
    tf.train.Checkpoint(x=variable).write(str(folder / "bert_model.ckpt"))
    with pytest.raises(InputError, match="a checkpoint of TensorFlow 2 objects"):
        load_model(folder)


def test_weights_of_other_formats_are_named(tmp_path):
    folder = folder_of(tmp_path, "bert", {})
    (folder / "model.safetensors").unlink()
    (folder / "tf_model.h5").write_bytes(b"")
    with pytest.raises(InputError, match="no weights there.*tf_model.h5 is those of"):
        load_model(folder)


@pytest.mark.parametrize("name", FAMILIES)
def test_maps_between_words_are_pooled_from_those_of_transformers(name):
    """Attention to a word is the sum over its pieces, from it their mean: words of
    one, two and three pieces here."""
    model, golden = load_model(GOLDEN / name), golden_of(name)[:2]
    prepared, expected = [], []
    for number, example in enumerate(golden):
        ids = example["token_ids"]
        ends = [0, *range(1, len(ids) - 1, 3), len(ids) - 1, len(ids)]
        ends = sorted({*ends, 3})
        pieces = [list(range(a, b)) for a, b in itertools.pairwise(ends)]
        tokens, segments = ["x"] * len(ids), example["segment_ids"]
        prepared.append(Prepared(number, {}, tokens, ids, segments, pieces))
        to_words = np.stack([example["maps"][..., p].sum(-1) for p in pieces], -1)
        expected.append(np.stack([to_words[..., p, :].mean(-2) for p in pieces], -2))
    source = Source(layers=(0, 1, 2), heads=3, level="words")
    found = attention_maps(
        prepared, model, source, tokens_a_batch=60, mode="mean", dtype="float32"
    )
    for maps, values in zip(found, expected, strict=True):
        np.testing.assert_allclose(maps.values, values, atol=1e-5)

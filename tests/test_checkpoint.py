"""Loading: both formats, every leniency that is meant, and every strictness."""

import json
import shutil

import numpy as np
import pytest
from conftest import (
    CONFIG,
    tiny_head,
    tiny_weights,
    write_google,
    write_hugging_face,
)

from bert import BertConfig, embed_words, load_model
from bert.folder import weight_digest, weight_files
from toolkit.files import InputError


def assert_holds(model, weights):
    held = {v.path: np.asarray(v) for v in model.variables}
    assert held.keys() == weights.keys()
    for name, value in weights.items():
        np.testing.assert_array_equal(held[name], value)


def test_google_folder_with_what_pretraining_leaves_behind(tmp_path):
    weights = tiny_weights()
    more = {
        "cls/predictions/output_bias": np.zeros(9, "float32"),
        "bert/pooler/dense/kernel": np.zeros((15, 15), "float32"),
        "global_step": np.array(7),
        "beta1_power": np.float32(0.9),
    }
    for name, value in weights.items():
        more |= {f"{name}/{slot}": value for slot in ("adam_m", "adam_v", "Adam_1")}
    assert_holds(load_model(write_google(tmp_path, weights, **more)), weights)


@pytest.mark.parametrize("prefix", ["bert.", ""])
@pytest.mark.parametrize("shards", [1, 3])
def test_hugging_face_folder_with_or_without_prefix_and_shards(
    tmp_path, prefix, shards
):
    weights = tiny_weights()
    folder = write_hugging_face(tmp_path, weights, prefix, shards)
    assert_holds(load_model(folder), weights)


def test_old_names_and_stored_positions(tmp_path):
    """Early PyTorch checkpoints say gamma and beta, later ones store 0, 1, 2 ..."""
    from safetensors.numpy import load_file, save_file

    folder = write_hugging_face(tmp_path, tiny_weights())
    old = {
        key.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for key, value in load_file(folder / "model.safetensors").items()
    }
    old["bert.embeddings.position_ids"] = np.arange(32)[None]
    old["bert.pooler.dense.weight"] = np.zeros((15, 15), "float32")
    old["cls.seq_relationship.weight"] = np.zeros((2, 15), "float32")
    save_file(old, folder / "model.safetensors")
    assert_holds(load_model(folder), tiny_weights())


def test_weights_in_half_precision_are_read(tmp_path):
    import ml_dtypes

    for dtype in (np.float16, ml_dtypes.bfloat16):
        weights = {k: v.astype(dtype) for k, v in tiny_weights().items()}
        folder = write_hugging_face(tmp_path / np.dtype(dtype).name, weights)
        expected = {k: v.astype("float32") for k, v in weights.items()}
        assert_holds(load_model(folder), expected)


def test_missing_unknown_and_misshapen_weights_are_listed_together(tmp_path):
    weights = tiny_weights()
    del weights["bert/encoder/layer_1/output/dense/bias"]
    weights["bert/encoder/layer_2/output/dense/bias"] = np.zeros(15, "float32")
    weights["bert/embeddings/word_embeddings"] = np.zeros((5, 15), "float32")
    with pytest.raises(InputError) as error:
        load_model(write_google(tmp_path, weights))
    assert str(error.value) == (
        f"{tmp_path}: the weights do not fit the config. "
        "missing: bert/encoder/layer_1/output/dense/bias; "
        "unknown: bert/encoder/layer_2/output/dense/bias; "
        "of another shape: bert/embeddings/word_embeddings "
        f"(expected [{CONFIG['vocab_size']}, 15], found [5, 15])"
    )


@pytest.mark.parametrize("write", [write_google, write_hugging_face])
def test_head_for_masked_tokens_is_loaded_when_asked_for(tmp_path, write):
    folder = write(tmp_path, tiny_weights() | tiny_head())
    assert_holds(load_model(folder, masked_lm=True), tiny_weights() | tiny_head())
    assert_holds(load_model(folder), tiny_weights())


def test_checkpoint_without_a_head_says_what_is_missing(tmp_path):
    """All of it, as in sentence encoders, or some."""
    folder = write_hugging_face(tmp_path, tiny_weights())
    with pytest.raises(InputError) as error:
        load_model(folder, masked_lm=True)
    assert "no masked-LM head, as in sentence encoders" in str(error.value)
    assert str(error.value).endswith(f"missing: {', '.join(sorted(tiny_head()))}")
    head = tiny_head()
    del head["cls/predictions/transform/dense/bias"]
    write_hugging_face(tmp_path, tiny_weights() | head)
    with pytest.raises(
        InputError, match=r"config\. missing: cls/predictions/transform/dense/bias$"
    ):
        load_model(folder, masked_lm=True)


def test_decoder_stored_beside_the_words_must_be_the_same(tmp_path):
    weights = tiny_weights() | tiny_head()
    decoder = weights["bert/embeddings/word_embeddings"].T.copy()
    bias = weights["cls/predictions/output_bias"]
    more = {"cls/predictions/decoder/kernel": decoder}
    more["cls/predictions/decoder/bias"] = bias
    folder = write_hugging_face(tmp_path, weights | more)
    assert_holds(load_model(folder, masked_lm=True), weights)
    decoder[3, 4] += 1
    write_hugging_face(tmp_path, weights | more)
    with pytest.raises(InputError, match="decoder/kernel is not the word embeddings"):
        load_model(folder, masked_lm=True)
    load_model(folder)  # which has no use for it


def test_bias_of_the_decoder_must_be_that_of_the_head(tmp_path):
    weights = tiny_weights() | tiny_head()
    bias = weights["cls/predictions/output_bias"] + 1
    more = {"cls/predictions/decoder/bias": bias}
    folder = write_hugging_face(tmp_path, weights | more)
    with pytest.raises(InputError, match="decoder/bias is not the output bias"):
        load_model(folder, masked_lm=True)
    load_model(folder)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("write", [write_google, write_hugging_face])
def test_weights_that_are_no_numbers_are_refused(tmp_path, write, number):
    weights = tiny_weights()
    weights["bert/encoder/layer_1/output/dense/kernel"][3, 4] = number
    with pytest.raises(InputError, match="layer_1/output/dense/kernel holds NaN or"):
        load_model(write(tmp_path, weights))
    weights = tiny_weights()
    weights["bert/embeddings/word_embeddings"][6, 4] = number
    with pytest.raises(InputError, match="word_embeddings holds NaN or infinite"):
        embed_words(write(tmp_path, weights), ["fox"])


def test_weights_beyond_float32_are_refused(tmp_path):
    weights = tiny_weights()
    name = "bert/embeddings/position_embeddings"
    weights[name] = weights[name].astype("float64") * 1e300
    with pytest.raises(InputError, match="position_embeddings holds NaN or infinite"):
        load_model(write_hugging_face(tmp_path, weights))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool"])
def test_weights_in_whole_numbers_are_refused(tmp_path, dtype):
    weights = tiny_weights()
    name = "bert/encoder/layer_0/attention/self/key/kernel"
    weights[name] = weights[name].astype(dtype)
    with pytest.raises(InputError, match=f"key/kernel is of type {dtype}, expected fl"):
        load_model(write_hugging_face(tmp_path, weights))


@pytest.mark.parametrize("name", ["a[1]", "b*", "c?", "d{1}"])
def test_google_folder_of_any_name(tmp_path, name):
    folder = write_google(tmp_path / "plain", tiny_weights()).rename(tmp_path / name)
    assert_holds(load_model(folder), tiny_weights())


@pytest.mark.parametrize(
    "arguments",
    [
        {"random_init": "keep_embeddings"},
        {"random_init": None},
        {"masked_lm": True, "layers": [0]},
        {"masked_lm": True, "maps_dtype": "float16"},
        {"tiny": True, "random_init": "keep-embeddings"},
    ],
)
def test_arguments_that_would_have_no_effect_are_refused(masked_lm_dir, arguments):
    with pytest.raises(ValueError, match=r"random_init|masked_lm"):
        load_model(masked_lm_dir, **arguments)


def test_random_head_is_idle_but_for_its_kernel(bert_dir):
    model = load_model(bert_dir, random_init="all", masked_lm=True)
    held = {v.path: np.asarray(v) for v in model.variables if "cls/" in v.path}
    assert held.keys() == tiny_head().keys()
    assert (held["cls/predictions/output_bias"] == 0).all()
    assert held["cls/predictions/transform/dense/kernel"].any()


def test_missing_weights_hide_behind_no_left_over_group(tmp_path):
    weights = tiny_weights()
    weights["bert/encoder/layer_0/attention/self/query/adam_m"] = weights.pop(
        "bert/encoder/layer_0/attention/self/query/kernel"
    )
    with pytest.raises(InputError, match="missing: .*query/kernel"):
        load_model(write_google(tmp_path, weights))


def test_pytorch_bin_is_refused_with_the_way_to_convert_it(tmp_path, bert_dir):
    shutil.copy(bert_dir / "config.json", tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(InputError, match=r"weights_only=True.*save_file"):
        load_model(tmp_path)


def test_folder_without_weights_says_which_are_expected(tmp_path, bert_dir):
    shutil.copy(bert_dir / "config.json", tmp_path)
    with pytest.raises(InputError, match=r"bert_model\.ckpt.*model\.safetensors"):
        load_model(tmp_path)


def test_shards_that_are_not_there_are_named(tmp_path):
    folder = write_hugging_face(tmp_path, tiny_weights(), shards=2)
    (folder / "model-2-of-2.safetensors").unlink()
    with pytest.raises(InputError, match=r"model-2-of-2\.safetensors, not in the"):
        load_model(folder)


@pytest.mark.parametrize("kept_bytes", [0, 5, 2000])
def test_weight_file_cut_short(tmp_path, kept_bytes):
    folder = write_hugging_face(tmp_path, tiny_weights())
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(InputError, match=r"model\.safetensors: cannot be read"):
        load_model(folder)


def test_google_data_file_cut_short(tmp_path):
    folder = write_google(tmp_path, tiny_weights())
    (data,) = folder.glob("*.data-*")
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot read"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "deberta"}, "model_type is 'deberta', expected one of bert, r"),
        (
            {"position_embedding_type": "relative_key"},
            "'relative_key', expected absolute:",
        ),
        ({"hidden_size": None}, "hidden_size missing"),
        ({"hidden_size": 16}, "hidden_size 16 is no multiple of .*heads 3"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0, expected a whole number"),
        ({"hidden_act": "mish"}, "hidden_act is 'mish', expected one of gelu"),
        ({"hidden_act": ""}, "hidden_act is '', expected one of gelu"),
        ({"layer_norm_eps": float("inf")}, "layer_norm_eps is inf, expected a number"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps is nan, expected a number"),
        ({"layer_norm_eps": -1e-12}, "layer_norm_eps is -1e-12, expected a number fr"),
        ({"layer_norm_eps": 1e-60}, "layer_norm_eps is 1e-60, expected a number from"),
        ({"initializer_range": float("inf")}, "initializer_range is inf, expected a"),
        ({"initializer_range": 1e38}, r"initializer_range is 1e\+38, expected a num"),
        ({"initializer_range": -0.02}, "initializer_range is -0.02, expected a num"),
        ({"initializer_range": "0.02"}, "initializer_range is '0.02', expected a num"),
        ({"vocab_size": 10**12}, "2 layers and 15,000,000,003,630 weights, expect"),
        ({"vocab_size": 10**8}, "the weights do not fit the config.*1,500,0.*found 4"),
        ({"num_hidden_layers": 10**12}, "a model of 1,000,000,000,000 layers and"),
        ({"intermediate_size": 10**12}, "check the sizes"),
        ({"hidden_size": 3 * 10**12}, "check the sizes"),
        ({"max_position_embeddings": 10**12}, "check the sizes"),
        ({"vocab_size": "9" * 99}, r"vocab_size is '9{79}\.\.\., expected a whole n"),
    ],
)
def test_config_that_is_no_such_bert(tmp_path, change, message):
    folder = write_hugging_face(tmp_path, tiny_weights())
    (folder / "config.json").write_text(json.dumps(CONFIG | change))
    with pytest.raises(InputError, match=message):
        load_model(folder)


def test_config_that_lacks_sizes_is_no_json_or_is_absent(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        BertConfig.from_folder(tmp_path / "absent")
    with pytest.raises(InputError, match=r"neither of bert_config\.json and config"):
        BertConfig.from_folder(tmp_path)
    (tmp_path / "config.json").write_text('{"hidden_size": 15}')
    with pytest.raises(InputError, match="vocab_size, num_hidden_layers, .* missing"):
        BertConfig.from_folder(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        BertConfig.from_folder(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
@pytest.mark.parametrize(
    "content",
    ["[]", "3", "null", "", "[" * 9000, '{"a":' * 9000, "\xff\xfe", "9" * 9999],
)
def test_json_that_is_odd_is_one_line(tmp_path, name, content):
    folder = write_hugging_face(tmp_path, tiny_weights(), shards=2)
    (folder / name).write_bytes(content.encode("latin1"))
    with pytest.raises(InputError) as error:
        load_model(folder)
    assert str(error.value).startswith(f"{folder / name}: ")
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [(odd, "expected a weight_map of names to files") for odd in ({}, [], None)]
    + [
        ({"a": odd}, "names .*, expected the name of a file")
        for odd in (1, None, "../x", "\0")
    ],
)
def test_index_that_names_no_files(tmp_path, weight_map, message):
    folder = write_hugging_face(tmp_path, tiny_weights(), shards=2)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(InputError, match=rf"index\.json: {message}"):
        load_model(folder)


def test_layer_that_does_not_exist(bert_dir):
    with pytest.raises(InputError, match="layer 3 does not exist; the model has 2"):
        load_model(bert_dir, layers=[0, 2])


def test_random_init_keeps_word_and_position_embeddings_only(bert_dir):
    trained, again, other = (
        {v.path: np.asarray(v) for v in load_model(bert_dir, **options).variables}
        for options in (
            {},
            {"random_init": "keep-embeddings", "seed": 5},
            {"random_init": "keep-embeddings", "seed": 6},
        )
    )
    kept = {"bert/embeddings/word_embeddings", "bert/embeddings/position_embeddings"}
    for name, value in again.items():
        assert np.array_equal(value, trained[name]) == (name in kept)
        if name.endswith("gamma"):
            assert (value == 1).all()
        elif name.endswith(("bias", "beta")):
            assert (value == 0).all()
        elif name not in kept:
            assert not np.array_equal(value, other[name])
            assert np.abs(value).max() <= 2 * 0.02  # cut at two deviations of 0.02


def test_random_init_draws_each_layer_apart_and_repeats_by_seed(bert_dir):
    first, second = (
        {v.path: np.asarray(v) for v in model.variables}
        for model in (load_model(bert_dir, random_init="all", seed=5) for _ in range(2))
    )
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    query = "bert/encoder/layer_{}/attention/self/query/kernel"
    assert not np.array_equal(first[query.format(0)], first[query.format(1)])
    # a normal distribution cut at two deviations has 0.880 of the deviation left
    words = first["bert/embeddings/word_embeddings"]
    assert 0.7 * 0.02 < words.std() < 0.88 * 0.02 * 1.2


def test_debug_model_needs_no_weights(tmp_path, bert_dir):
    shutil.copy(bert_dir / "config.json", tmp_path)
    model = load_model(tmp_path, tiny=True)
    assert len(model.encoder) == 3
    assert model.config.hidden_size == 144
    assert model.config.vocab_size == CONFIG["vocab_size"]


def test_digest_is_that_of_the_weight_file(bert_dir):
    import hashlib

    data = (bert_dir / "model.safetensors").read_bytes()
    assert weight_files(bert_dir) == [bert_dir / "model.safetensors"]
    assert weight_digest(bert_dir) == hashlib.sha256(data).hexdigest()


def test_embeddings_of_whole_words(tmp_path):
    """ "Foxs" is "fox" and "##s" (numbers 6 and 8), "?" is unknown (number 1), and a
    control character no piece at all."""
    weights = tiny_weights()
    table = weights["bert/embeddings/word_embeddings"]
    expected = [table[[6, 8]].mean(0), table[1], table[1], table[5]]
    words = ["Foxs", "?", "\x00", "the"]
    for folder in (
        write_hugging_face(tmp_path / "theirs", weights),
        write_google(tmp_path / "google", weights),
    ):
        np.testing.assert_allclose(embed_words(folder, words), expected, rtol=1e-6)
    del weights["bert/embeddings/word_embeddings"]
    with pytest.raises(InputError, match="lack bert/embeddings/word_embeddings"):
        embed_words(write_hugging_face(tmp_path / "none", weights), words)


def test_a_fine_tuned_checkpoint_of_google_is_that_of_the_most_steps(tmp_path):
    """model.ckpt-N, with the head of run_classifier.py left over."""
    head = {"output_weights": np.ones((2, 15), "float32")}
    head["output_bias"] = np.ones(2, "float32")
    for steps, seed in ((90, 1), (1000, 2)):
        folder = write_google(tmp_path, tiny_weights(seed), **head)
        for path in folder.glob("bert_model.ckpt.*"):
            name = path.name.replace("bert_model.ckpt", f"model.ckpt-{steps}")
            path.rename(folder / name)
    model = load_model(folder)
    assert_holds(model, tiny_weights(2))
    assert model.left_over == {"output_weights": 1, "output_bias": 1}
    write_google(tmp_path, tiny_weights())
    with pytest.raises(InputError, match=r"both bert_model\.ckpt and model\.ckpt-1000"):
        load_model(folder)


def test_a_config_with_a_byte_order_mark_is_read(tmp_path):
    folder = write_hugging_face(tmp_path, tiny_weights())
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8-sig")
    assert_holds(load_model(folder), tiny_weights())

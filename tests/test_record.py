"""Records say what their maps are, by the meta file or, without one, by inference."""

import dataclasses
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention.heads import head_name, read_head_name
from attention.quantities import GRADIENTS
from attention.record import (
    FIRST,
    PUNCTUATION,
    SEPARATOR,
    WORD,
    Maps,
    describe_maps,
    read_maps,
    records,
    to_float32,
)
from attention.source import TOKENS, WORDS, Source
from attention.store import AttentionWriter
from toolkit.files import InputError

LAYERS, HEADS = 2, 3
PIECES = ["[CLS]", "jump", "##s", ".", "[SEP]"]

# What the scripts wrote beside maps before there were records
OLD_FLAGS = {
    "preprocessed_data_file": "dev.json",
    "bert_dir": "BERT",
    "cased": False,
    "max_sequence_length": 128,
    "batch_size": 16,
    "word_level": False,
    "word_level_mode": None,
    "segment_ids": "zeros",
    "layers": None,
    "dtype": "float16",
    "precision": "float32",
    "random_init": "none",
    "seed": 0,
    "debug": False,
}
OLD_GRADIENT_FLAGS = {
    "preprocessed_data_file": "dev.json",
    "bert_dir": "BERT",
    "cased": False,
    "max_sequence_length": 128,
    "batch_size": 8,
    "mask_rate": 0.15,
    "seed": 0,
}


def old_meta(flags=OLD_FLAGS, **changed):
    return {
        "flags": flags | changed,
        "versions": {"keras": "3.15.1", "tensorflow": "2.21.0"},
        "input_sha256": "1" * 64,
        "config_sha256": "2" * 64,
        "weights_sha256": "3" * 64,
        "examples": 3,
        "written": 2,
        "left_out": [{"example": 1, "why": "130 tokens"}],
    }


def example(size=5, layers=LAYERS, heads=HEADS, **more):
    """An example with uniform attention between so many tokens or words."""
    attns = np.full((layers, heads, size, size), 1 / size, np.float16)
    return {"tokens": PIECES, "attns": attns} | more


def source_of(meta, **more):
    return Source.from_meta(meta, example(**more))


# --- where a source comes from --------------------------------------------------------


@pytest.mark.parametrize("level", [TOKENS, WORDS])
@pytest.mark.parametrize("quantity", ["attention", GRADIENTS])
def test_a_new_meta_file_gives_back_the_source(level, quantity):
    source = Source(
        layers=(2, 4),
        heads=HEADS,
        quantity=quantity,
        level=level,
        family="bert",
        weights_sha256="3" * 64,
        trained=True,
        model_layers=12,
        special_tokens=("<s>", "</s>"),
    )
    meta = json.loads(json.dumps(source.meta() | {"flags": OLD_FLAGS}))
    assert source_of(meta) == source
    assert meta["layers"] == [3, 5]  # as people count
    assert source.depth == 12


def test_a_new_meta_file_without_flags_says_nothing_of_training():
    source = source_of(Source((0, 1), HEADS, level=TOKENS).meta())
    assert source.trained is None
    assert source.inferred == ()


def test_an_old_meta_file_says_by_its_flags():
    source = source_of(old_meta())
    assert source == Source(
        layers=(0, 1),
        heads=HEADS,
        quantity="attention",
        level=TOKENS,
        family="bert",
        weights_sha256="3" * 64,
        trained=True,
        model_layers=2,
    )
    assert source_of(old_meta(word_level=True)).level == WORDS
    assert source_of(old_meta(OLD_GRADIENT_FLAGS)).quantity == GRADIENTS
    assert source_of(old_meta(OLD_GRADIENT_FLAGS)).trained
    assert not source_of(old_meta(random_init="keep-embeddings")).trained
    assert not source_of(old_meta(random_init="all")).trained
    assert not source_of(old_meta(debug=True)).trained


def test_layers_kept_have_their_true_names():
    """However they were given: --layers 5 3 5 keeps the third and the fifth."""
    for meta in (
        old_meta(layers=[5, 3, 5]),
        old_meta() | {"layers": [3, 5], "heads": HEADS, "level": TOKENS},
    ):
        source = source_of(meta)
        assert source.layers == (2, 4)
        assert (source.head_name(0, 0), source.head_name(1, 1)) == ("3-1", "5-2")
        assert source.depth == 5  # at least; how many there are was not kept
        assert source.find_head("3-1") == (0, 0)
        assert source.find_head("5-2") == (1, 1)
        for name in ("1-1", "2-2", "4-1", "3-4"):
            with pytest.raises(InputError, match=f"no head {name}: the maps have lay"):
                source.find_head(name)


def test_without_a_meta_file_it_is_inferred_and_said_so(tmp_path):
    source = source_of({})
    assert source.inferred == ("layers", "level", "quantity", "special_tokens")
    assert source.layers == (0, 1)
    assert (source.level, source.quantity) == (None, "attention")
    assert (source.trained, source.weights_sha256, source.family) == (None,) * 3
    assert source_of({}, masked=[1], loss=0.5).quantity == GRADIENTS
    special = {"tokens": ["<s>", "a", "</s>"], "attns": np.ones((1, 1, 3, 3), "f4")}
    assert Source.from_meta({}, special).special_tokens == ("<s>", "</s>")
    assert Source.from_meta({}, special | {"tokens": ["<s>"]}).special_tokens == (
        "[CLS]",
        "[SEP]",
    )
    # what only says how large the file is, says nothing of the maps
    assert source_of({"bytes": 10}) == source
    path = tmp_path / "x_attn.pkl"
    with AttentionWriter(path, {}) as writer:
        writer.write(example())
    assert [maps.source for maps in read_maps(path)] == [source]
    path.write_bytes(pickle.dumps([example()] * 2))
    with pytest.raises(InputError, match="x_attn.pkl: its meta file is of one of "):
        list(read_maps(path))
    (tmp_path / "x_attn.meta.json").unlink()
    assert [maps.source for maps in read_maps(path)] == [source] * 2
    padded = {"tokens": ["[CLS]", "[PAD]"], "attns": np.ones((1, 1, 2, 2), "f4") / 2}
    path.write_bytes(pickle.dumps([padded]))
    with pytest.raises(InputError, match=r"example 0: the last token is \[PAD\]: cut"):
        list(read_maps(path))
    path.write_bytes(pickle.dumps([example()]))
    assert "inferred" in describe_maps(path)
    assert "inferred" not in describe_of(tmp_path, old_meta())


def describe_of(folder, meta):
    path = folder / "y_attn.pkl"
    with AttentionWriter(path, meta | {"written": 1}) as writer:
        writer.write(example())
    return describe_maps(path)


def test_levels_are_inferred_by_size():
    """Five pieces of two words: 4 rows are words, 5 are pieces. Of words that are not
    split, both fit."""
    words = ["jumps", "."]
    assert record(example(4, words=words), {}).level == WORDS
    assert record(example(5, words=words), {}).level == TOKENS
    whole = example(4, words=words, tokens=["[CLS]", *words, "[SEP]"])
    assert record(whole, {}).level == WORDS
    assert record(whole, old_meta()).level == TOKENS
    with pytest.raises(
        InputError, match="maps are 3 x 3, but there are 5 tokens and 4 words"
    ):
        record(example(3, words=words), {})


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"layers": [3], "heads": HEADS}, "2 layers and 3 heads, but .* says 1 and 3"),
        ({"layers": [1, 2], "heads": 4}, "2 layers and 3 heads, but .* says 2 and 4"),
        (old_meta(layers=[1, 2, 3]), "2 layers and 3 heads, but .* says 3 and 3"),
        ({"layers": [1, 2], "quantity": "charm"}, "maps of 'charm', expected attent"),
    ],
)
def test_meta_files_of_other_maps_are_refused(meta, message):
    with pytest.raises(InputError, match=message):
        source_of(meta)


def test_states_of_sources():
    source = Source((2, 4), HEADS, special_tokens=("<s>", "</s>"), inferred=("level",))
    state = json.loads(json.dumps(source.state()))
    assert Source.from_state(state) == source


# --- what a record refuses ------------------------------------------------------------


def record(example, meta):
    return Maps.from_example(example, Source.from_meta(meta, example))


KEPT = {"layers": [3, 5], "heads": HEADS, "level": TOKENS, "quantity": "attention"}


def with_row(values):
    """An example whose second head of layer 5 has this row, that of its third token."""
    changed = example()
    changed["attns"][1, 1, 2] = values
    return changed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (with_row(0.18), r"row 2 of head 5-2 sums to 0\.900, expected 1: these are no"),
        (with_row(np.nan), "row 2 of head 5-2 sums to nan, expected 1"),
        (with_row([0, 0, 0, 0, np.inf]), "row 2 of head 5-2 sums to inf, expected 1"),
        (with_row([-0.5, 0.5, 0.5, 0.5, 0]), "values below 0, which are no probabil"),
        (example(4), "maps are 4 x 4, but there are 5 tokens, special tokens included"),
        (example(tokens=[]), "maps are 5 x 5, but there are 0 tokens"),
    ],
)
def test_attention_that_is_none_is_refused(changed, message):
    with pytest.raises(InputError, match=message):
        record(changed, KEPT)


@pytest.mark.parametrize(
    ("dtype", "signalling"), [("f2", 0x7C01), ("f4", 0x7F800001), ("f4", 0xFF800001)]
)
def test_infinities_and_signalling_nans_are_refused_without_a_warning(
    dtype, signalling
):
    """Their sums are invalid operations, of which NumPy warns."""
    changed = with_row([np.inf, -np.inf, 0, 0, 0])
    changed["attns"] = changed["attns"].astype(dtype)
    with pytest.raises(InputError, match="row 2 of head 5-2 sums to nan, expected 1"):
        record(changed, KEPT)
    changed["attns"][1, 1, 2].view(f"u{dtype[1:]}")[:] = signalling
    with pytest.raises(InputError, match="row 2 of head 5-2 sums to nan, expected 1"):
        record(changed, KEPT)


@pytest.mark.parametrize("dtype", ["f2", "f4"])
def test_any_row_of_any_head_is_checked(dtype):
    """One row at a time gets 0.02 more than it should have."""
    for place in np.ndindex(LAYERS, HEADS, 5):
        changed = example()
        changed["attns"] = changed["attns"].astype(dtype)
        changed["attns"][place][3] += 0.02
        head = f"{(3, 5)[place[0]]}-{place[1] + 1}"
        message = f"row {place[2]} of head {head} sums to 1.020, expected 1"
        with pytest.raises(InputError, match=message):
            record(changed, KEPT)


def test_maps_that_are_not_contiguous_are_read():
    values = np.random.default_rng(0).dirichlet(np.ones(5), (5, HEADS, LAYERS))
    turned = values.astype(np.float16).transpose(2, 1, 0, 3)
    maps = record(example() | {"attns": turned}, KEPT)
    np.testing.assert_array_equal(maps.float32, turned.astype(np.float32))


def test_rounding_to_float16_is_not_refused():
    """129 times 1/129 in float16 is off by 0.0004."""
    size = 129
    many = example(size, tokens=["a"] * size)
    assert many["attns"][0, 0, 0].astype(float).sum() != 1
    assert record(many, KEPT).values is many["attns"]


def test_maps_of_other_layers_or_heads_are_refused():
    source = source_of(KEPT)
    for other in (example(layers=3), example(heads=4)):
        with pytest.raises(InputError, match="but the examples before have 2 and 3"):
            Maps.from_example(other, source)


def test_word_maps_need_words():
    meta = KEPT | {"level": WORDS}
    with pytest.raises(InputError, match="maps are 5 x 5, but there are 0 words"):
        record(example(), meta)
    with pytest.raises(InputError, match="maps are 5 x 5, but there are 4 words"):
        record(example(words=["jumps", "."]), meta)
    maps = record(example(4, words=["jumps", "."]), meta)
    assert maps.require_words() == ["jumps", "."]
    with pytest.raises(InputError, match="maps between tokens, expected .* --word-le"):
        record(example(words=["jumps", "."]), KEPT).require_words()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            example(),
            "no 'masked' tokens and 'loss', expected gradients as att",
        ),
        (example(masked=[1]), "no 'masked' tokens and 'loss'"),
        (with_row(-0.5) | {"masked": [1], "loss": 1.0}, "gradients below 0"),
        (
            with_row(np.nan) | {"masked": [1], "loss": 1.0},
            "below 0 or no numbers",
        ),
    ],
)
def test_gradients_that_are_none_are_refused(changed, message):
    with pytest.raises(InputError, match=message):
        record(changed, KEPT | {"quantity": GRADIENTS})


def test_gradients_need_not_sum_to_one():
    maps = record(with_row(7) | {"masked": [1], "loss": 1.0}, {})
    assert maps.quantity == GRADIENTS
    assert maps.values[1, 1, 2].tolist() == [7] * 5


def test_refusals_name_the_file_and_the_example(tmp_path):
    path = tmp_path / "x_attn.pkl"
    with AttentionWriter(path, KEPT) as writer:
        writer.write(example())
        writer.write(with_row(0.18))
    maps = read_maps(path)
    assert next(maps).layers == (2, 4)
    with pytest.raises(InputError, match=r"x_attn\.pkl: example 1: row 2 of head 5-2"):
        next(maps)
    with pytest.raises(InputError, match="maps: example 1: maps of 1 layers"):
        list(records([example(), example(layers=1)], {}))


# --- what a record holds --------------------------------------------------------------


def test_records_go_back_to_examples():
    given = example(document="a", words=["jumps", "."])
    maps = record(given, KEPT)
    assert maps.to_example().keys() == given.keys()
    assert maps.to_example()["attns"] is given["attns"]
    assert maps.example == {key: given[key] for key in ("tokens", "document", "words")}


@pytest.mark.parametrize("kind", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
def test_maps_of_any_float_are_read(kind):
    values = np.random.default_rng(0).dirichlet(np.ones(5), (LAYERS, HEADS, 5))
    maps = record(example() | {"attns": values.astype(kind)}, KEPT)
    assert maps.values.dtype == (np.float16 if kind[1:] == "f2" else np.float32)
    assert maps.values.dtype.isnative
    np.testing.assert_array_equal(maps.float32, values.astype(kind).astype("f4"))
    assert maps.float32 is maps.float32


def test_all_numbers_of_float16_widen_exactly():
    everything = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    for some in (everything, everything[: 1 << 10], everything[:0x7C00]):
        np.testing.assert_array_equal(to_float32(some), some.astype(np.float32))


def test_roles_of_tokens():
    tokens = ["[CLS]", "a", ".", "[SEP]", ",", "##s", "[SEP]"]
    maps = record(example(7, tokens=tokens), KEPT)
    assert maps.labels == tokens
    assert maps.roles.tolist() == [
        FIRST,
        WORD,
        PUNCTUATION,
        SEPARATOR,
        PUNCTUATION,
        WORD,
        SEPARATOR,
    ]


def test_roles_of_words_go_by_place():
    """A word may be called as a special token is, and a special token otherwise."""
    words = ["[SEP]", ",", "[CLS]", "dogs"]
    meta = KEPT | {"level": WORDS, "special_tokens": ["<s>", "</s>"]}
    maps = record(example(6, words=words), meta)
    assert maps.labels == ["<s>", *words, "</s>"]
    assert maps.roles.tolist() == [FIRST, WORD, PUNCTUATION, WORD, WORD, SEPARATOR]
    unnamed = record(example(6, words=words), {})
    assert unnamed.labels == ["[CLS]", *words, "[SEP]"]
    assert unnamed.roles.tolist() == maps.roles.tolist()


def test_tokens_of_another_encoder_are_told_by_its_own_names():
    meta = KEPT | {"special_tokens": ["<s>", "</s>"]}
    maps = record(example(4, tokens=["<s>", "[SEP]", ".", "</s>"]), meta)
    assert maps.roles.tolist() == [FIRST, WORD, PUNCTUATION, SEPARATOR]


# --- what is known of several -------------------------------------------------------


sources = st.builds(
    Source,
    layers=st.sampled_from([(0, 1), (2, 4)]),
    heads=st.just(HEADS),
    quantity=st.sampled_from(["attention"] * 3 + [GRADIENTS]),
    level=st.sampled_from([None, TOKENS, WORDS]),
    family=st.sampled_from([None, "bert"]),
    weights_sha256=st.sampled_from([None, "one", "two"]),
    trained=st.sampled_from([None, True, False]),
    model_layers=st.sampled_from([None, 12]),
    inferred=st.sampled_from([(), ("layers", "level", "quantity")]),
)


def joined(one, two):
    """The two joined, or None where they contradict each other."""
    try:
        return one and two and one.join(two)
    except InputError:
        return None


@given(sources, sources, sources)
def test_joining_has_no_order(one, two, three):
    assert one.join(one) == one
    assert joined(one, two) == joined(two, one)
    assert joined(joined(one, two), three) == joined(one, joined(two, three))


@given(sources, sources)
def test_sources_join_where_nothing_known_differs(one, two):
    def known(source):
        found = {k: v for k, v in source.state().items() if v is not None}
        del found["inferred"]
        return found

    ours, theirs = known(one), known(two)
    agree = all(ours[key] == theirs[key] for key in ours.keys() & theirs.keys())
    both = joined(one, two)
    assert (both is not None) == agree
    if agree:
        assert known(both) == ours | theirs
        assert {*both.inferred} == {*one.inferred, *two.inferred}


def test_contradictions_are_named():
    known = Source((2, 4), HEADS, level=TOKENS, weights_sha256="one", trained=True)
    for change, message in (
        (
            {"layers": (2, 5)},
            r"layers of these maps is \(2, 5\), of the examples befor",
        ),
        ({"layers": (2,)}, "maps of 1 layers and 3 heads, but the examples before hav"),
        ({"heads": 4}, "maps of 2 layers and 4 heads, but the examples before have 2"),
        ({"level": WORDS}, "level of these maps is words, of the examples before toke"),
        ({"weights_sha256": "two"}, "weights_sha256 of these maps is two, of the exam"),
        ({"trained": False}, "trained of these maps is False, of the examples before"),
    ):
        with pytest.raises(InputError, match=message):
            known.join(dataclasses.replace(known, **change))


# --- names of heads -------------------------------------------------------------------


@given(st.integers(0, 999_998), st.integers(0, 999_998))
def test_names_of_heads_are_read_back(layer, head):
    assert read_head_name(head_name(layer, head)) == (layer, head)


def test_names_count_from_one():
    assert head_name(2, 8) == "3-9"
    assert read_head_name("3-9") == (2, 8)


NO_NAMES = ("", "3", "3-", "-9", "0-1", "1-0", "03-9", "3-9-1", "3:9", "a-b", " 3-9")
NO_NAMES += ("3-9\n", "3.0-9", "٣-٩", "1234567-1", "+3-9")


@pytest.mark.parametrize("name", NO_NAMES)
def test_other_names_are_refused(name):
    with pytest.raises(InputError, match="expected a head as <layer>-<head>"):
        read_head_name(name)

"""Statistics merge in any order and in any parts to the same bytes."""

import math
import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from heads import record
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.distances import HeadDistances
from analysis.general import GeneralStatistics, GradientStatistics
from analysis.statistic import (
    BLOCKS,
    ExactSum,
    Statistic,
    accumulate,
    block_of,
    load_statistics,
    save_statistics,
    stream,
)
from attention.quantities import GRADIENTS
from attention.source import TOKENS
from attention.store import AttentionWriter, write_pickle
from toolkit.files import InputError

LAYERS, HEADS = 2, 3
META = {"layers": [3, 5], "heads": HEADS, "level": TOKENS, "quantity": "attention"}


class Lengths(Statistic):
    """How long examples are, how often each token is there, and the mean attention."""

    def update(self, maps):
        self.accept(maps)
        self.count("examples", 1)
        for token in maps.labels:
            self.count(f"token:{token}", 1)
        self.count_in_block("tokens", block_of(maps.labels[0]), len(maps.labels))
        self.add("first", maps.float32[..., 0].mean(-1))
        self.add("scaled", len(maps.labels) * self.settings.get("scale", 1) / 3)


def example(seed):
    """Attention of 1 to 7 tokens, some of them special ones and punctuation."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 8))
    return {
        "tokens": rng.choice(["[CLS]", "[SEP]", "a", "b", "."], size).tolist(),
        "attns": rng.dirichlet(np.ones(size), (LAYERS, HEADS, size)).astype("f2"),
    }


def gradients(seed):
    """Gradients of 1 to 7 tokens; where no token was masked, they are zero."""
    rng = np.random.default_rng(seed)
    made = example(seed)
    masked = [0] if rng.integers(3) else []
    made["attns"] = rng.exponential(size=made["attns"].shape).astype("f4") * len(masked)
    return made | {"masked": masked, "loss": float(rng.exponential())}


# records of one corpus, whose files are with and without a meta file
NUMBER = 9
ATTENTION_MAPS = [record(example(seed), META) for seed in range(NUMBER)]
BARE_MAPS = [record(example(seed)) for seed in range(NUMBER)]
GRADIENT_MAPS = [
    record(gradients(seed), META | {"quantity": GRADIENTS}) for seed in range(NUMBER)
]
CORPORA = {
    "Lengths": (Lengths, ATTENTION_MAPS, lambda s: s.summed("first")),
    "Lengths of unknown maps": (Lengths, BARE_MAPS, lambda s: s.counted("tokens")),
    "GeneralStatistics": (
        GeneralStatistics,
        ATTENTION_MAPS,
        lambda s: (*s.averages.values(), s.entropies, s.cls_entropies),
    ),
    "GradientStatistics": (
        GradientStatistics,
        GRADIENT_MAPS,
        lambda s: (*s.averages.values(), s.loss),
    ),
    "HeadDistances": (HeadDistances, ATTENTION_MAPS, lambda s: s.distances),
}


def taken_in(kind, maps):
    statistic = kind()
    assert accumulate(maps, statistic) == len(maps)
    return statistic


def as_bytes(statistic):
    return pickle.dumps(statistic.state())


# --- merging --------------------------------------------------------------------------


@pytest.mark.parametrize("name", CORPORA)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_split_in_any_order_gives_the_same_bytes(tmp_path_factory, name, data):
    """Parts may be empty, saved and loaded before, and merged in pairs."""
    kind, maps, results = CORPORA[name]
    folder = tmp_path_factory.mktemp("parts")
    order = data.draw(st.permutations(range(NUMBER)))
    cuts = sorted(data.draw(st.lists(st.integers(0, NUMBER), max_size=5)))
    parts = []
    for start, end in zip([0, *cuts], [*cuts, NUMBER], strict=True):
        part = taken_in(kind, [maps[place] for place in order[start:end]])
        if data.draw(st.booleans()):
            path = folder / f"{start}.stats.pkl"
            save_statistics(path, {}, part)
            (loaded,) = load_statistics(path, kind)
            assert as_bytes(loaded) == as_bytes(part)
            part = loaded
        parts.append(part)
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts[data.draw(st.integers(0, len(parts) - 1))].merge(one)
    whole = taken_in(kind, maps)
    assert as_bytes(parts[0]) == as_bytes(whole)
    for found, expected in zip(results(parts[0]), results(whole), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_sums_by_hand():
    """Two examples of 2 and 3 tokens; their first columns are 1/2, and 1/3 rounded to
    float16. The scaled lengths are 2/3 and 3/3."""
    two, three = (
        record(
            {
                "tokens": list("abc"[:size]),
                "attns": np.full((LAYERS, HEADS, size, size), 1 / size, "f2"),
            }
        )
        for size in (2, 3)
    )
    statistic = taken_in(Lengths, [two, three])
    assert statistic.counted("examples") == 2
    assert statistic.names("token:") == ["a", "b", "c"]
    assert [statistic.counted(f"token:{t}") for t in "abcd"] == [2, 2, 1, 0]
    blocks = statistic.counted("tokens")
    assert blocks.shape == (BLOCKS,)
    assert blocks[block_of("a")] == blocks.sum() == 5
    expected = 0.5 + float(np.float16(1 / 3))
    np.testing.assert_array_equal(
        statistic.summed("first"), np.full((LAYERS, HEADS), expected)
    )
    assert statistic.summed("scaled") == pytest.approx(5 / 3, abs=1e-15)


def test_other_settings_encoders_and_kinds_are_not_merged():
    known = record(example(0), META, weights_sha256="one", family="bert")
    others = {
        r"cannot merge Lengths \{'scale': 2\} into Lengths \{\}": Lengths(scale=2),
        r"cannot merge HeadDistances \{\} into Lengths \{\}": HeadDistances(),
    }
    for source, message in (
        (replace(known.source, layers=(2, 5)), r"layers .* \(2, 5\), .* \(2, 4\)"),
        (replace(known.source, heads=4), "maps of 2 layers and 4 heads, .* 2 and 3"),
        (replace(known.source, weights_sha256="two"), "weights_sha256 .* two, .* one"),
        (replace(known.source, family="electra"), "family .* electra, .* bert"),
        (GRADIENT_MAPS[0].source, "quantity .* gradients, .* attention"),
    ):
        others[message] = Lengths()
        others[message].source = source
    for message, other in others.items():
        statistic = taken_in(Lengths, [known])
        before = as_bytes(statistic)
        with pytest.raises(InputError, match=message):
            statistic.merge(other)
        assert as_bytes(statistic) == before


def test_another_encoder_or_quantity_is_not_taken_in():
    statistic = taken_in(Lengths, ATTENTION_MAPS[:1])
    with pytest.raises(InputError, match="maps of gradients, expected attention: extr"):
        statistic.update(GRADIENT_MAPS[0])
    with pytest.raises(InputError, match="maps of attention, expected gradients: atte"):
        GradientStatistics().update(ATTENTION_MAPS[0])
    other = record(example(0), META | {"layers": [1, 2]})
    with pytest.raises(InputError, match=r"layers of these maps is \(0, 1\)"):
        statistic.update(other)
    assert as_bytes(statistic) == as_bytes(taken_in(Lengths, ATTENTION_MAPS[:1]))


def test_the_loss_of_no_number_is_refused():
    lost = record(gradients(1) | {"loss": math.nan, "masked": [0]})
    with pytest.raises(InputError, match="infinite, NaN or above"):
        GradientStatistics().update(lost)


# --- exact sums -----------------------------------------------------------------------

numbers = st.floats(-1e6, 1e6)


@settings(deadline=None)
@given(values=st.lists(numbers, min_size=1, max_size=40), data=st.data())
def test_exact_sums(values, data):
    """Each value is off by half of 2^-60 at most; the sum is exact, in any order and
    grouping, and as a float64 within a unit in the last place of the true one."""
    total = ExactSum()
    for value in values:
        total.add(value)
    high, low = map(int, total.limbs)
    assert 0 <= low < 2**36
    exact = Fraction(high, 2**24) + Fraction(low, 2**60)
    true = sum(map(Fraction, values))
    assert abs(exact - true) <= len(values) * Fraction(1, 2**61) * Fraction(1001, 1000)
    expected = math.fsum(values)
    off = abs(float(total.value) - expected)
    assert off <= math.ulp(expected) + len(values) * 2.0**-61 * 1.001

    order = data.draw(st.permutations(values))
    cut = data.draw(st.integers(0, len(values)))
    one, two = ExactSum(), ExactSum()
    for part, some in ((one, order[:cut]), (two, order[cut:])):
        for value in some:
            part.add(value)
    again = ExactSum()
    for part in (two, one):
        if part.limbs is not None:
            again.add_limbs(part.limbs)
    np.testing.assert_array_equal(again.limbs, total.limbs)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=40))
def test_sums_of_multiples_of_the_step_are_those_of_fractions(numerators):
    values = [n * 2.0**-60 for n in numerators]
    total = ExactSum()
    for value in values:
        total.add(np.full((2, 3), value))
    exact = sum(Fraction(n, 2**60) for n in numerators)
    assert total.value.shape == (2, 3)
    for high, low in total.limbs.reshape(2, -1).T.tolist():
        assert Fraction(high, 2**24) + Fraction(low, 2**60) == exact


def test_large_and_small_values_cancel_exactly():
    """Which float64 cannot: 2^37 + 2^-59 - 2^37."""
    total = ExactSum()
    for value in (2.0**37, 2.0**-59, -(2.0**37)):
        total.add(value)
    assert total.value == 2.0**-59


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 2.0**38, 1e300])
def test_values_that_cannot_be_added_are_refused(value):
    total = ExactSum()
    with pytest.raises(InputError, match=r"infinite, NaN or above 2\.7e\+11"):
        total.add(np.array([0.5, value]))
    assert total.limbs is None


def test_a_sum_that_grows_too_large_is_refused():
    total = ExactSum()
    total.add(2.0**38 - 1)
    with pytest.raises(InputError, match=r"a sum is above 2\.7e\+11"):
        total.add(1.0)
    assert total.value == 2.0**38 - 1


# --- counts and names -----------------------------------------------------------------


def test_counts_and_sums_of_one_name_are_apart():
    statistic = Statistic()
    statistic.count("name", 2)
    statistic.add("name", 0.25)
    statistic.count("name", np.array(3, np.uint8))
    statistic.count("flags", np.array([True, False]))
    statistic.count("flags", [True, True])
    assert statistic.counted("name") == 5
    assert statistic.summed("name") == 0.25
    assert statistic.counted("flags").tolist() == [2, 1]
    assert statistic.counted("other") == 0
    assert statistic.names("") == ["flags", "name"]
    with pytest.raises(KeyError):
        statistic.summed("other")


@pytest.mark.parametrize("value", [0.5, 1.0, math.nan, np.ones(3)])
def test_only_whole_numbers_are_counted(value):
    statistic = Statistic()
    with pytest.raises(TypeError, match="Cannot cast"):
        statistic.count("name", value)
    assert statistic.counted("name") == 0


# --- states and files -----------------------------------------------------------------


def test_states_hold_plain_values():
    state = taken_in(Lengths, ATTENTION_MAPS[:2]).state()
    assert state["statistic"] == "Lengths"
    assert state["source"]["layers"] == [2, 4]
    assert state["counts"]["examples"].shape == ()
    assert state["sums"]["first"].shape == (2, LAYERS, HEADS)
    arrays = [*state["counts"].values(), *state["sums"].values()]
    assert {(type(array), array.dtype.name) for array in arrays} == {
        (np.ndarray, "int64")
    }


def test_a_state_is_apart_from_its_statistic():
    statistic = taken_in(Lengths, ATTENTION_MAPS[:2])
    state, before = statistic.state(), as_bytes(statistic)
    loaded = Lengths.from_state(state)
    loaded.update(ATTENTION_MAPS[2])
    assert pickle.dumps(state) == as_bytes(statistic) == before


def test_settings_are_the_same_once_loaded():
    """Whether a tuple or, as in a file, a list."""
    statistic = Lengths(scale=0.5, kinds=("a", ("b",)))
    statistic.update(ATTENTION_MAPS[0])
    loaded = Lengths.from_state(pickle.loads(as_bytes(statistic)))
    assert loaded.settings == {"scale": 0.5, "kinds": ["a", ["b"]]}
    loaded.merge(statistic)
    statistic.merge(statistic)
    assert as_bytes(loaded) == as_bytes(statistic)


def test_other_states_are_refused():
    state = taken_in(HeadDistances, ATTENTION_MAPS[:1]).state()
    tokens = state["counts"]["tokens"]
    for change, message in (
        ({"statistic": "Lengths"}, "a state of Lengths, not HeadDistances"),
        ({"counts": {"tokens": tokens * 0.5}}, "not the state of a HeadDistances"),
        ({"counts": {"tokens": [1, 2]}}, "not the state of a HeadDistances"),
        ({"counts": [1]}, "not the state of a HeadDistances"),
        ({"sums": {"pairs": tokens}}, "not the state of a HeadDistances"),
        ({"sums": {"pairs": np.zeros((3, 2), int)}}, "not the state of a HeadDis"),
        ({"sums": {"pairs": [[1], [2, 3]]}}, "not the state of a HeadDistances"),
        ({"source": {"layers": [1], "colour": "red"}}, "not the state of a HeadDist"),
        ({"settings": 5}, "not the state of a HeadDistances"),
    ):
        with pytest.raises(InputError, match=message):
            HeadDistances.from_state(state | change)
    for other in ({}, [], None, {"statistic": "HeadDistances"}):
        with pytest.raises(InputError, match="not the state of a HeadDistances"):
            HeadDistances.from_state(other)


@pytest.mark.parametrize("name", CORPORA)
def test_a_loaded_statistic_goes_on_as_if_never_saved(tmp_path, name):
    """With names that are new to it: its own arrays and the loaded ones are alike."""
    kind, maps, _ = CORPORA[name]
    save_statistics(tmp_path / "x.stats.pkl", {}, taken_in(kind, maps[:1]))
    (loaded,) = load_statistics(tmp_path / "x.stats.pkl", kind)
    accumulate(maps[1:], loaded)
    assert as_bytes(loaded) == as_bytes(taken_in(kind, maps))


def test_files_of_statistics(tmp_path):
    statistics = taken_in(Lengths, ATTENTION_MAPS), taken_in(HeadDistances, BARE_MAPS)
    path = tmp_path / "x.stats.pkl"
    save_statistics(path, {"made_of": "x"}, *statistics)
    distances, lengths = load_statistics(path, HeadDistances, Lengths)
    assert as_bytes(lengths) == as_bytes(statistics[0])
    assert as_bytes(distances) == as_bytes(statistics[1])
    assert type(lengths.counted("tokens")) is np.ndarray  # and no class of the reader
    meta = (tmp_path / "x.stats.meta.json").read_text()
    assert '"made_of": "x"' in meta
    assert "HeadDistances" in meta
    with pytest.raises(
        InputError, match=r"x\.stats\.pkl: no GeneralStatistics, found Lengths, HeadD"
    ):
        load_statistics(path, GeneralStatistics)
    with pytest.raises(InputError, match=r"must end in \.stats\.pkl"):
        save_statistics(tmp_path / "x.pkl", {}, *statistics)
    with pytest.raises(ValueError, match="two statistics of one class: Lengths, Len"):
        save_statistics(path, {}, Lengths(), Lengths(scale=2))
    for value in ({"a": 1}, [1], "text"):
        write_pickle(tmp_path / "y.stats.pkl", value, {})
        with pytest.raises(InputError, match=r"y\.stats\.pkl: expected saved stat"):
            load_statistics(tmp_path / "y.stats.pkl", Lengths)
    write_pickle(tmp_path / "z.stats.pkl", [{"statistic": ["Lengths"]}], {})
    with pytest.raises(InputError, match=r"z\.stats\.pkl: no Lengths, found \['Leng"):
        load_statistics(tmp_path / "z.stats.pkl", Lengths)


# --- passing over a corpus ------------------------------------------------------------


def test_a_pass_over_a_file_is_one_over_its_records(tmp_path):
    path = tmp_path / "x_attn.pkl"
    with AttentionWriter(path, META) as writer:
        for maps in ATTENTION_MAPS:
            writer.write(maps.to_example())
    statistic = Lengths()
    assert accumulate(path, statistic, GeneralStatistics()) == NUMBER
    assert as_bytes(statistic) == as_bytes(taken_in(Lengths, ATTENTION_MAPS))
    labels = [maps.labels for maps in stream(path)]
    assert labels == [maps.labels for maps in ATTENTION_MAPS]


def test_refusals_name_file_and_example(tmp_path):
    def refuse(maps):
        if maps is ATTENTION_MAPS[2] or maps.example.get("number") == 2:
            raise InputError("not this one")

    with pytest.raises(InputError, match="^example 2: not this one"):
        list(stream(ATTENTION_MAPS, refuse))
    path = tmp_path / "x_attn.pkl"
    with AttentionWriter(path, META) as writer:
        for number, maps in enumerate(ATTENTION_MAPS):
            writer.write(maps.to_example() | {"number": number})
    with pytest.raises(InputError, match=r"x_attn\.pkl: example 2: not this one"):
        list(stream(path, refuse))


def test_nothing_taken_in_has_no_results():
    with pytest.raises(InputError, match="no attention maps were taken in"):
        _ = Statistic().shape
    with pytest.raises(InputError, match="is the file empty"):
        _ = HeadDistances().distances

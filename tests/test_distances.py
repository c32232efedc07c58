"""Jensen-Shannon distances against hand-worked values and a direct computation."""

import json
import math
import pickle
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from heads import example_of, record, to_offset, uniform
from scipy.spatial.distance import jensenshannon

import head_distances
from analysis.distances import HeadDistances, embed_heads, load_distances
from analysis.pair_sums import fast_log, pair_sums
from attention.store import AttentionWriter, load_pickle, read_attention
from toolkit.files import InputError

ROOT = Path(__file__).parent.parent


def random_example(size, heads=6, layers=2, seed=0):
    rng = np.random.default_rng([seed, size])
    maps = rng.dirichlet(np.full(size, 0.3), (heads, size))
    return example_of(["a"] * size, *maps, layers=layers)


def distances_of(*examples):
    statistic = HeadDistances()
    for example in examples:
        statistic.update(record(example))
    return statistic


def direct(*examples):
    """SciPy's Jensen-Shannon distance, squared, token by token in float64."""
    total, tokens = 0, 0
    for example in examples:
        attns = example["attns"].astype(np.float64)
        size = attns.shape[-1]
        rows = attns.reshape(-1, size, size)
        rows = 0.999 * rows + 0.001 / size
        squared = jensenshannon(rows[:, None], rows[None], axis=-1) ** 2
        total = total + squared.sum(-1)
        tokens += size
    return total / tokens


@pytest.mark.parametrize(
    "sizes", [(1,), (2,), (16,), (17,), (5, 33, 5)], ids=lambda sizes: str(sizes)
)
@pytest.mark.parametrize(("heads", "layers"), [(6, 2), (5, 5), (1, 1)])
def test_equal_to_a_direct_computation(sizes, heads, layers):
    """Rows that float16 leaves up to 4e-4 off one are normalised by SciPy, not here."""
    examples = [random_example(size, heads, layers) for size in sizes]
    statistic = distances_of(*examples)
    found = statistic.distances
    assert found.dtype == np.float64
    assert found.shape == (heads, heads)
    assert statistic.tokens == sum(sizes)
    np.testing.assert_allclose(found, direct(*examples), atol=2e-4)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(found.diagonal(), 0)
    assert found.max() <= math.log(2)


def test_float32_maps_agree_to_rounding():
    """Maps that sum to one leave only the rounding of float32 logarithms."""
    example = random_example(40)
    rows = example["attns"].astype(np.float64)
    example["attns"] = (rows / rows.sum(-1, keepdims=True)).astype(np.float32)
    np.testing.assert_allclose(
        distances_of(example).distances, direct(example), atol=2e-6
    )


def test_disjoint_heads_by_hand():
    """T = 4, one head to the current, one to the next token (the last to itself).

    For the 3 rows that differ, smoothed: a = 0.999 + 0.001/4 and b = 0.001/4; their
    mean has (a + b)/2 twice and b twice. H of a row is -(a ln a + 3 b ln b), of the
    mean -((a + b) ln((a + b)/2) + 2 b ln b); the fourth row has distance 0."""
    tokens = ["a"] * 4
    example = example_of(tokens, to_offset(tokens, 0), to_offset(tokens, 1))
    a, b = 0.999 + 0.001 / 4, 0.001 / 4
    row = -(a * math.log(a) + 3 * b * math.log(b))
    mean = -((a + b) * math.log((a + b) / 2) + 2 * b * math.log(b))
    found = distances_of(example).distances
    assert found[0, 1] == pytest.approx((mean - row) * 3 / 4, abs=1e-6)


def test_equal_heads_have_distance_zero_exactly():
    tokens = ["a"] * 7
    same = uniform(tokens)
    found = distances_of(example_of(tokens, same, to_offset(tokens, 1), same)).distances
    assert found[0, 2] == 0
    assert found[0, 1] > 0.1


def test_merged_parts_equal_one_pass():
    examples = [random_example(size) for size in (5, 20, 3, 40)]
    whole = distances_of(*examples)
    parts = HeadDistances()
    for part in (examples[:1], [], examples[1:]):
        parts.merge(distances_of(*part))
    assert parts.tokens == whole.tokens == 68
    np.testing.assert_allclose(parts.distances, whole.distances, atol=1e-12)


def test_unlike_numbers_of_heads():
    statistic = distances_of(random_example(5))
    with pytest.raises(InputError, match="maps of 3 layers and 2 heads"):
        statistic.update(record(random_example(5, layers=3)))
    with pytest.raises(InputError, match="maps of 2 layers and 3 heads"):
        distances_of(random_example(5, layers=3)).merge(statistic)


def write_maps(path, *examples):
    with AttentionWriter(path, {"written": len(examples)}) as writer:
        for example in examples:
            writer.write(example)


def test_script(tmp_path, capsys):
    maps = tmp_path / "x_attn.pkl"
    words = {**random_example(4), "words": ["a", "b"]}  # word level, with [CLS], [SEP]
    examples = [random_example(9), words]
    write_maps(maps, *examples)
    assert head_distances.main(["--attn_data_file", str(maps)]) == 0
    expected = distances_of(*examples).distances
    outfile = tmp_path / "x_head_distances.pkl"
    np.testing.assert_array_equal(load_pickle(outfile), expected)
    with open(outfile, "rb") as file:
        np.testing.assert_array_equal(pickle.load(file), expected)
    made_from = json.loads((tmp_path / "x_head_distances.meta.json").read_text())
    assert (made_from["examples"], made_from["tokens"]) == (2, 13)
    assert made_from["maps"]["written"] == 2
    assert "6 heads over 13 tokens of 2 examples" in capsys.readouterr().out

    first = outfile.read_bytes()
    other = tmp_path / "other.pkl"  # a second corpus, in the same folder
    write_maps(other, examples[0])
    assert head_distances.main(["--attn-data-file", other]) == 0
    assert (tmp_path / "other_head_distances.pkl").exists()
    assert outfile.read_bytes() == first

    assert head_distances.main(["--attn-data-file", maps, "--reduction", "sum"]) == 0
    np.testing.assert_array_equal(load_pickle(outfile), expected * 13)
    assert head_distances.main(["--attn-data-file", maps]) == 0
    assert outfile.read_bytes() == first


def test_script_on_bad_files(tmp_path, capsys):
    maps = tmp_path / "x_attn.pkl"
    off = random_example(4)
    off["attns"] = off["attns"] / 2
    write_maps(maps, off)
    (tmp_path / "other.pkl").write_bytes(pickle.dumps({"a": 1}))
    (tmp_path / "text.pkl").write_text("hello")
    write_maps(tmp_path / "empty.pkl")
    write_maps(tmp_path / "unlike.pkl", random_example(4), random_example(4, layers=3))
    for name, message in (
        ("absent.pkl", "No such file"),
        ("x_attn.pkl", "example 0: row 0 of head 1-1 sums to 0.5"),
        ("other.pkl", "not a pickle of the expected kind"),
        ("text.pkl", "not a pickle of the expected kind"),
        ("empty.pkl", "is the file empty?"),
        ("unlike.pkl", "example 1: maps of 3 layers and 2 heads"),
    ):
        assert head_distances.main(["--attn-data-file", tmp_path / name]) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert message in error
        assert error.count("\n") == 1
    assert not (tmp_path / "x_head_distances.pkl").exists()


@pytest.fixture(scope="module")
def plane():
    """Points in a plane, and their distances, which the plane can hold exactly."""
    points = np.random.default_rng(1).normal(size=(30, 2)) * [3, 1]
    return points, np.linalg.norm(points[:, None] - points[None], axis=-1)


def test_embedding_finds_a_plane_again(plane):
    _, distances = plane
    embedding = embed_heads(distances, seed=0)
    found = embedding.points
    again = np.linalg.norm(found[:, None] - found[None], axis=-1)
    np.testing.assert_allclose(again, distances, atol=1e-2)
    assert embedding.stress < 1e-3


def test_embedding_is_turned_the_same_way_whatever_the_start(plane):
    _, distances = plane
    first, second = (embed_heads(distances, seed).points for seed in (0, 5))
    np.testing.assert_allclose(first, second, atol=2e-2)
    np.testing.assert_allclose(first.mean(0), 0, atol=1e-9)
    assert first[:, 0].std() > first[:, 1].std()
    assert abs(np.corrcoef(first.T)[0, 1]) < 1e-6
    for axis in first.T:
        assert axis.max() >= -axis.min()
    np.testing.assert_array_equal(first, embed_heads(distances, 0).points)


def test_fast_logarithm():
    """Against NumPy's in float64, over what two smoothed probabilities add up to."""
    x = np.exp(np.linspace(math.log(1e-6), math.log(2), 100_001)).astype(np.float32)
    found = np.array([fast_log(value) for value in x], np.float64)
    expected = np.log(x.astype(np.float64))
    assert np.abs((found - expected) * x).max() < 2e-7
    assert fast_log(np.float32(1)) == 0


def test_sums_do_not_depend_on_the_number_of_threads(monkeypatch):
    """24 heads and 128 tokens are 4.9 million terms, enough for three threads; the sum
    for one pair is compared with NumPy's in float64."""
    values = np.random.default_rng(0).random((24, 128 * 128), np.float32) + 1e-6
    found = {}
    for threads in (1, 2, 3):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        found[threads] = pair_sums(values).tobytes()
    assert found[1] == found[2] == found[3]
    both = values[3].astype(np.float64) + values[7]
    pairs = np.zeros((24, 24))
    pairs[np.triu_indices(24)] = np.frombuffer(found[1])
    assert pairs[3, 7] == pytest.approx((both * np.log(both)).sum(), rel=1e-6)


def test_the_script_does_not_import_tensorflow(tmp_path):
    write_maps(tmp_path / "x_attn.pkl", random_example(9))
    code = f"""
import sys, head_distances
head_distances.main(["--attn-data-file", {str(tmp_path / "x_attn.pkl")!r}])
assert not {{"keras", "tensorflow", "jax"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert load_pickle(tmp_path / "x_head_distances.pkl").shape == (6, 6)


def test_distances_of_other_maps_are_refused(tmp_path):
    maps, other = tmp_path / "x_attn.pkl", tmp_path / "y_attn.pkl"
    write_maps(maps, random_example(4))
    write_maps(other, random_example(4), random_example(5))
    assert head_distances.main(["--attn-data-file", maps]) == 0
    path = tmp_path / "x_head_distances.pkl"
    assert load_distances(path, maps).shape == (6, 6)
    with pytest.raises(InputError, match=r"not made from .*y_attn\.pkl; run head_dis"):
        load_distances(path, other)
    assert head_distances.main(["--attn-data-file", maps, "--outfile", maps]) == 1
    assert next(read_attention(maps))["tokens"] == ["a"] * 4

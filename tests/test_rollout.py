"""Rollout and flow against sums over all paths, and on a graph worked by hand."""

import itertools

import numpy as np
import pytest
from heads import example_of, interrupt, record

import attention_rollout
from analysis.rollout import flow, rollout, rollout_by_head
from attention.record import Maps, read_maps
from attention.store import AttentionWriter
from toolkit.files import InputError

TOKENS = ["[CLS]", "the", "fox", "."]


@pytest.fixture
def maps():
    """Three layers of two heads over four tokens, in float32."""
    values = np.random.default_rng(0).dirichlet(np.ones(4), (3, 2, 4))
    return record({"tokens": TOKENS, "attns": values.astype("f4")}, model_layers=3)


def test_one_layer_is_half_attention_half_itself(maps):
    mean = maps.values.mean(1)
    np.testing.assert_allclose(
        rollout(maps).values[0, 0], 0.5 * mean[0] + 0.5 * np.eye(4), atol=1e-6
    )
    np.testing.assert_allclose(
        rollout_by_head(maps).values[0],
        0.5 * maps.values[0] + 0.5 * np.eye(4),
        atol=1e-6,
    )


def test_rollout_is_the_sum_over_all_paths(maps):
    steps = 0.5 * maps.values.mean(1) + 0.5 * np.eye(4)
    heads = 0.5 * maps.values + 0.5 * np.eye(4)
    found, by_head = rollout(maps), rollout_by_head(maps)
    assert (found.quantity, found.source.heads) == ("rollout", 1)
    assert found.values.shape == (3, 1, 4, 4)
    assert by_head.values.shape == (3, 2, 4, 4)
    for i, j in np.ndindex(4, 4):
        paths = list(itertools.product(range(4), repeat=2))
        ways = sum(steps[2, i, a] * steps[1, a, b] * steps[0, b, j] for a, b in paths)
        assert found.values[2, 0, i, j] == pytest.approx(ways, rel=1e-5)
        for h in range(2):
            ways = sum(
                heads[2, h, i, a] * steps[1, a, b] * steps[0, b, j] for a, b in paths
            )
            assert by_head.values[2, h, i, j] == pytest.approx(ways, rel=1e-5)


def test_rows_sum_to_one_and_the_record_is_whole(maps):
    for found in (rollout(maps), rollout_by_head(maps)):
        np.testing.assert_allclose(found.values.sum(-1), 1, atol=1e-6)
        again = Maps.from_example(found.to_example(), found.source)
        assert again.labels == TOKENS
        assert again.source.layers == (0, 1, 2)


def test_flow_by_hand():
    """Two tokens, two layers. In the first, token 0 keeps to itself and token 1 gives
    0.6 to 0: half with the residual, [[1, 0], [0.3, 0.7]]. In the second, both attend
    evenly: [[0.75, 0.25], [0.25, 0.75]]. From token 0 of layer 2 to input 0 flow 0.75
    through 0 and min(0.25, 0.3) through 1; to input 1 only min(0.25, 0.7) through 1.
    From token 1: to input 0, 0.25 through 0 and min(0.75, 0.3) through 1; to input 1,
    min(0.75, 0.7)."""
    first, second = np.array([[1, 0], [0.6, 0.4]]), np.full((2, 2), 0.5)
    maps = record(example_of(["a", "b"], first, second, layers=2))
    found = flow(maps)
    assert found.quantity == "flow"
    np.testing.assert_allclose(
        found.values[:, 0],
        [[[1, 0], [0.3, 0.7]], [[1.0, 0.25], [0.55, 0.7]]],
        atol=1e-3,  # 0.6 is no float16
    )
    assert Maps.from_example(found.to_example(), found.source).source.heads == 1


def test_flow_is_at_least_rollout(maps):
    """Rollout is one flow that keeps to the capacities, split as attention is."""
    assert (flow(maps).values >= rollout(maps).values - 1e-5).all()


def test_layers_must_be_all_from_the_first(maps):
    with pytest.raises(InputError, match="maps of layers 2, 3, 5, expected all from 1"):
        rollout(record(maps.to_example(), layers=(1, 2, 4)))
    with pytest.raises(InputError, match="maps of rollout, expected attention"):
        flow(rollout(maps))


@pytest.fixture
def path(tmp_path, maps):
    """A file of three examples."""
    path = tmp_path / "some_attn.pkl"
    with AttentionWriter(path, {"written": 3} | maps.source.meta()) as writer:
        for _ in range(3):
            writer.write(maps.to_example())
    return path


@pytest.mark.parametrize(
    ("flags", "convert"),
    [([], rollout), (["--by-head"], rollout_by_head), (["--flow"], flow)],
)
def test_files_hold_the_same_as_the_functions_give(path, maps, flags, convert):
    outfile = path.with_name("out.pkl")
    assert (
        attention_rollout.main(["--attn-data-file", path, "--outfile", outfile, *flags])
        == 0
    )
    found, expected = list(read_maps(outfile)), convert(maps)
    assert len(found) == 3
    assert (found[0].quantity, found[0].source.heads) == (
        expected.quantity,
        expected.source.heads,
    )
    np.testing.assert_array_equal(found[2].values, expected.values)


def test_resumed_gives_the_same_bytes(path):
    assert attention_rollout.main(["--attn-data-file", path]) == 0
    outfile = path.with_name("some_attn_rollout.pkl")
    whole = outfile.read_bytes()
    interrupt(outfile)
    assert attention_rollout.main(["--attn-data-file", path, "--resume"]) == 0
    assert outfile.read_bytes() == whole


def test_resuming_what_is_whole_does_nothing(path, capsys):
    flags = ["--attn-data-file", path, "--resume"]
    assert attention_rollout.main(flags) == 0
    outfile = path.with_name("some_attn_rollout.pkl")
    written = outfile.stat().st_mtime_ns
    capsys.readouterr()
    assert attention_rollout.main(flags) == 0
    assert capsys.readouterr().out == f"{outfile} is whole already\n"
    assert outfile.stat().st_mtime_ns == written


def test_files_that_cannot_be_used_are_refused(path, maps, capsys):
    some = path.with_name("layers_attn.pkl")
    with AttentionWriter(some, maps.source.meta() | {"layers": [2, 3, 4]}) as writer:
        writer.write(maps.to_example())
    empty = path.with_name("empty_attn.pkl")
    with AttentionWriter(empty, {}):
        pass
    for file, message in (
        (some, "expected all from 1"),
        (empty, "holds no maps"),
        (path.with_name("not_there.pkl"), "No such file"),
    ):
        assert attention_rollout.main(["--attn-data-file", file]) == 1
        assert message in capsys.readouterr().err

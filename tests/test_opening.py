"""Notebooks take statistics in place of maps."""

import numpy as np
import pytest
from corpus import treebank, write

import corpus_statistics
import extract_attention
from analysis.general import GeneralStatistics
from analysis.mixing import MixingRatios
from analysis.opening import find_results, take_statistics
from analysis.roles import HeadRoles
from analysis.syntax import SyntaxScores
from attention.record import read_maps
from scale.showing import maps_to_show
from toolkit.files import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory, bert_dir):
    """The same sentences as maps and as statistics."""
    folder = tmp_path_factory.mktemp("data")
    data = write(folder / "dev.json", treebank(8))
    flags = ["--preprocessed-data-file", data, "--bert-dir", bert_dir]
    flags += ["--max-sequence-length", 32, "--word-level"]
    assert extract_attention.main(flags) == 0
    names = ["general", "syntax", "roles"]
    assert corpus_statistics.main([*flags, "--statistics", *names]) == 0
    return folder


def test_maps_and_statistics_give_the_same(folder):
    maps, statistics = folder / "dev_attn.pkl", folder / "dev.stats.pkl"
    for kind in (GeneralStatistics, SyntaxScores):
        (ours,), (theirs,) = (take_statistics(p, kind()) for p in (maps, statistics))
        assert ours.shape == theirs.shape == (2, 3)
    np.testing.assert_array_equal(ours.accuracies("det"), theirs.accuracies("det"))
    assert ours.sentences == theirs.sentences == 8
    assert find_results(folder / "dev") == maps


def test_what_a_file_of_statistics_lacks_is_named(folder):
    path = folder / "dev.stats.pkl"
    with pytest.raises(InputError, match="dev.stats.pkl: no MixingRatios, found"):
        take_statistics(path, MixingRatios())
    with pytest.raises(InputError, match=r"HeadRoles of {'sink': 0.3}, expected"):
        take_statistics(path, HeadRoles(sink=0.5))
    assert find_results(folder / "none") == folder / "none_attn.pkl"
    with pytest.raises(InputError, match="hold no maps; name examples to show"):
        next(maps_to_show(path, []))


def test_examples_to_show_beside_statistics(folder):
    sentences = treebank(3)
    expected = list(read_maps(folder / "dev_attn.pkl"))[:3]
    (*found,) = maps_to_show(folder / "dev.stats.pkl", sentences)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.labels == theirs.labels
        np.testing.assert_allclose(ours.float32, theirs.float32, atol=1e-3)
    assert len(list(maps_to_show(folder / "dev_attn.pkl", []))) == 8
    with pytest.raises(InputError, match="example 0 has 42 tokens, expected 32 at"):
        list(maps_to_show(folder / "dev.stats.pkl", [{"words": ["fox"] * 40}]))

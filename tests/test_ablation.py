"""Each head taken out in turn, on a file of gradients; figures of what follows."""

import json

import numpy as np
import pytest

import attention_gradients
import extract_attention
from analysis.importance import HeadImportance
from analysis.statistic import accumulate
from attention.ablation import ablate_each_head
from attention.record import read_maps
from toolkit.files import InputError


@pytest.fixture
def path(tmp_path, masked_lm_dir):
    """Gradients of three examples."""
    data = tmp_path / "data.json"
    texts = "the fox jumps over a dog .", "red dogs , the fox", "unaffable"
    data.write_text(json.dumps([{"text": text} for text in texts]))
    flags = ["--preprocessed-data-file", data, "--bert-dir", masked_lm_dir]
    flags += ["--max-sequence-length", "32", "--mask-rate", "0.3"]
    assert attention_gradients.main(flags) == 0
    assert extract_attention.main(flags[:6]) == 0
    return tmp_path / "data_grads.pkl"


def test_the_file_is_masked_as_it_was(path, masked_lm_dir):
    """The loss is that of the file; a head taken out alone has that of --ablate."""
    whole, without = ablate_each_head(read_maps(path), masked_lm_dir)
    losses = [maps.example["loss"] for maps in read_maps(path)]
    assert whole == pytest.approx(np.mean(losses), rel=1e-5)
    assert without.shape == (2, 3)
    other = path.with_name("ablated.pkl")
    flags = ["--preprocessed-data-file", path.with_name("data.json")]
    flags += ["--bert-dir", masked_lm_dir, "--max-sequence-length", "32"]
    flags += ["--mask-rate", "0.3", "--ablate", "2-1", "--outfile", other]
    assert attention_gradients.main(flags) == 0
    losses = [maps.example["loss"] for maps in read_maps(other)]
    assert without[1, 0] == pytest.approx(np.mean(losses), rel=1e-5)
    sample, _ = ablate_each_head(read_maps(path), masked_lm_dir, sample=1)
    first = next(read_maps(path)).example["loss"]
    assert sample == pytest.approx(first, rel=1e-5)


def test_importance_of_a_file(path):
    statistic = HeadImportance()
    accumulate(path, statistic)
    signed = [maps.example["importance"] for maps in read_maps(path)]
    np.testing.assert_allclose(statistic.importance, np.abs(signed).mean(0), rtol=1e-6)
    np.testing.assert_allclose((statistic.scaled**2).sum(1), 1)


def test_other_maps_are_refused(path, masked_lm_dir):
    maps = read_maps(path.with_name("data_attn.pkl"))
    with pytest.raises(InputError, match="maps of attention, expected gradients"):
        ablate_each_head(maps, masked_lm_dir)

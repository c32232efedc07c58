"""Parts of a notebook, statistics kept for its cells, and captions."""

import numpy as np
import pandas as pd
import pytest
from heads import example_of, record, to_offset, uniform
from matplotlib import pyplot as plt

from analysis.distances import Embedding
from analysis.general import GeneralStatistics
from analysis.mixing import Shares
from analysis.results import statistics_of
from analysis.syntax import SyntaxScores
from analysis.table_1 import relations_that_gain
from attention.store import AttentionWriter
from figures import captions
from figures.parts import Parts, present
from toolkit.files import InputError

pytestmark = pytest.mark.usefixtures("closed_figures")
TOKENS = ["<s>", "the", "fox", ".", "</s>"]


def statistics_of_a_span(**known):
    statistics = GeneralStatistics()
    example = example_of(TOKENS, uniform(TOKENS), to_offset(TOKENS, 1))
    statistics.update(record(example, **known))
    return statistics


def test_a_part_says_what_is_missing_and_the_notebook_goes_on(tmp_path, capsys):
    maps = tmp_path / "dev_attn.pkl"
    commands = """
        python a.py
        python b.py --flag"""
    part = Parts({maps: commands})
    with part():
        maps.read_bytes()
    expected = f"Left out: {maps} is not there. To make it:\n"
    expected += "  python a.py\n  python b.py --flag\n"
    assert capsys.readouterr().out == expected
    assert not part.found(maps)
    assert capsys.readouterr().out == expected
    with part():
        (tmp_path / "vocab.txt").read_bytes()
    assert capsys.readouterr().out == f"Left out: {tmp_path}/vocab.txt is not there.\n"
    with part():
        raise InputError("too few sentences")
    assert capsys.readouterr().out == "Left out: too few sentences\n"
    maps.touch()
    assert part.found(maps)
    assert capsys.readouterr().out == ""


def test_a_part_closes_the_figures_that_it_could_not_finish():
    kept = plt.figure()
    with Parts({})():
        plt.figure()
        raise InputError("nothing to draw")
    assert plt.get_fignums() == [kept.number]


def test_mistakes_in_a_part_are_not_hidden():
    with pytest.raises(NameError), Parts({})():
        raise NameError


def test_results_are_saved_and_shown_with_their_caption(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ATTN_DATA_DIR", str(tmp_path))
    figure, _ = plt.subplots()
    present(figure, "some", "What  it\n shows.")
    assert "What it shows.\n" in capsys.readouterr().out
    table = pd.DataFrame({"a": [1.25, 2]}, ["first", "second"])
    present(table, "other", "What it says.", shown=table.loc[["second"]])
    out = capsys.readouterr().out
    assert "What it says.\n" in out
    assert "second" in out
    assert "first" not in out
    assert not plt.get_fignums()
    assert (tmp_path / "figures" / "some.txt").read_text() == "What it shows.\n"
    assert "first,1.25\n" in (tmp_path / "tables" / "other.csv").read_text()


def test_statistics_of_a_file_are_taken_once_until_it_changes(tmp_path):
    path = tmp_path / "x_attn.pkl"

    def write(count):
        with AttentionWriter(path, {}) as writer:
            for _ in range(count):
                writer.write(example_of(TOKENS, uniform(TOKENS)))

    write(2)
    [first] = statistics_of(path, GeneralStatistics())
    again, shares = statistics_of(path, GeneralStatistics(), Shares())
    assert again is first
    assert first.documents == 2
    assert shares.source == first.source
    write(3)
    [new] = statistics_of(path, GeneralStatistics())
    assert (first.documents, new.documents) == (2, 3)
    write(0)
    with pytest.raises(InputError, match=r"x_attn\.pkl: holds no maps"):
        statistics_of(path, GeneralStatistics())
    with pytest.raises(FileNotFoundError):
        statistics_of(tmp_path / "y_attn.pkl", GeneralStatistics())


def test_captions_name_the_special_tokens_of_the_model():
    statistics = statistics_of_a_span(special_tokens=("<s>", "</s>"), level="tokens")
    embedding = Embedding(np.zeros((2, 2)), 0.1)
    for caption in (
        captions.figure_2(statistics),
        captions.figure_4(statistics),
        captions.figure_6(statistics, embedding, {}),
        captions.figure_5(statistics.source),
        captions.figure_5_coreference(statistics.source),
    ):
        assert "<s>" in caption
        assert "[" not in caption


def test_the_caption_of_figure_1_says_how_much_is_shown():
    """Of five tokens, the last two get 2 / 5 of the uniform head's attention from both;
    of the head to the next, all."""
    example = example_of(TOKENS, uniform(TOKENS), to_offset(TOKENS, 1))
    caption = captions.figure_1(record(example), [("1-1", ""), ("1-2", "")], last=2)
    assert "Rows shown here keep 40% to 100% of their attention; 0 of 4" in caption


@pytest.mark.parametrize(
    ("stress", "said"), [(0.21, "which is poor"), (0.2, "where 0 is perfect")]
)
def test_the_caption_of_figure_6_calls_poor_what_is(stress, said):
    """And says from what entropy on a head counts as broad: 3.8 / 4.8 of ln 5."""
    embedding = Embedding(np.zeros((2, 2)), stress)
    caption = captions.figure_6(statistics_of_a_span(), embedding, {"1-1": "det"})
    assert f"Stress-1 is {stress:.2f}, {said}" in caption
    assert "an entropy above 1.27 nats (79% of that of uniform attention)" in caption


def trees(count):
    """Of four words, arcs 1 or 2 places to the right from the first, in turns, to ROOT
    from the second, one place to the left from the third, and 1 or 2 to the left from
    the last in the first six sentences. Head 1-1 follows all arcs."""
    for n in range(count):
        words = [str(n), "b", "c", "d"]
        tokens = ["[CLS]", *words, "[SEP]"]
        rare = n < 6
        heads = [2 + n % 2, 0, 2, 3 - n % 2 * rare]
        arcs = np.eye(6)
        arcs[1:5] = np.eye(6)[heads]
        example = example_of(tokens, arcs, uniform(tokens))
        relations = ["good", "root", "easy", "rare" if rare else "easy"]
        example |= {"words": words, "heads": heads, "relns": relations}
        yield record(example, level="words")


def test_relations_that_gain_do_so_held_out_and_are_not_rare():
    """One fixed offset finds half of "good", and of "rare", of which there are six;
    the same one finds all of "easy"."""
    scores = SyntaxScores()
    for maps in trees(40):
        scores.update(maps)
    assert relations_that_gain(scores) == ["good"]
    assert relations_that_gain(scores, minimum=6) == ["good", "rare"]
    assert relations_that_gain(scores, minimum=6, most=1) == ["good"]
    with pytest.raises(InputError, match="of 4 relations, none of 41 words or more"):
        relations_that_gain(scores, minimum=41)


def test_what_is_right_by_luck_gains_nothing():
    """Fourteen heads, each right on one sentence of seven words alone: the best finds
    a seventh of all, but what it is chosen on is not what it is scored on."""
    scores = SyntaxScores()
    for n in range(7):
        words = [str(n), "b", "c", "d", "e", "f"]
        tokens = ["[CLS]", *words, "[SEP]"]
        wrong, right = np.eye(8)[[0, 2, 3, 4, 5, 6, 5, 7]], np.eye(8)
        right[1] = np.eye(8)[6]  # five places on, where no offset is
        maps = [right if head == n else wrong for head in range(7)]
        example = example_of(tokens, *maps) | {"words": words}
        example |= {"heads": [6, 1, 1, 1, 1, 0], "relns": ["lucky", *["x"] * 4, "root"]}
        scores.update(record(example, level="words"))
    assert scores.accuracies("lucky").max() == pytest.approx(1 / 7)
    with pytest.raises(InputError, match="too few sentences"):
        relations_that_gain(scores, minimum=7)

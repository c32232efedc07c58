"""Heads of known function come from saved scores of the same trained weights."""

import dataclasses

import numpy as np
import pytest
from heads import record

from analysis.coreference import CoreferenceScores
from analysis.known_heads import COREFERENCE_FILE, SYNTAX_FILE, known_heads
from analysis.statistic import save_statistics
from analysis.syntax import SyntaxScores
from attention.source import Source
from toolkit.files import InputError

MODEL = {"layers": (2, 4), "trained": True, "weights_sha256": "aa"}
SOURCE = Source(heads=2, **MODEL)
# two trees: the determiner stands one or two words before its noun, and so does the
# verb before its object; the subject and amod always stand at +1
TREES = (
    ("the dog chases cats", [2, 3, 0, 3], "det nsubj root obj"),
    ("the old dog sees big cats", [3, 3, 4, 0, 6, 4], "det amod nsubj root amod obj"),
)


def following(heads, relations, chosen):
    """A map in which words of the chosen relations attend to their syntactic heads, and
    all others to [CLS]."""
    rows = [h if r in chosen else 0 for h, r in zip(heads, relations, strict=True)]
    return np.eye(len(heads) + 2)[[0, *rows, 0]]


def save_syntax(folder, *chosen, copies=60, **known):
    """Scores of heads 3-1, 3-2, 5-1 and 5-2, each following the relations given."""
    scores = SyntaxScores()
    for n in range(copies):
        for words, heads, relations in TREES:
            names = relations.split()
            size = len(heads) + 2
            maps = np.stack([following(heads, names, c) for c in chosen])
            example = {
                "words": [*words.split()[:-1], f"cats{n}"],
                "tokens": [],
                "heads": heads,
                "relns": names,
                "attns": maps.reshape(2, 2, size, size).astype(np.float16),
            }
            scores.update(record(example, **(MODEL | known)))
    (folder / SYNTAX_FILE).parent.mkdir(exist_ok=True)
    save_statistics(folder / SYNTAX_FILE, {}, scores)


def save_coreference(folder, words="Anna met Tom . She waved .", **known):
    """Scores of one document in which head 3-2 attends from She to Anna."""
    words = words.split()
    rest = {"number": "singular", "gender": None, "person": 3}
    mentions = [
        {"start": i, "head": i, "end": i, "cluster": c, "type": t, **rest}
        for i, c, t in ((0, 1, "proper"), (2, 2, "proper"), (4, 1, "pronoun"))
        if words[i] in ("Anna", "Tom", "She")
    ]
    idle = np.eye(len(words) + 2)  # each word attends to itself
    found = idle.copy()
    found[5] = idle[1]
    to_other = idle.copy()
    to_other[5] = idle[3]
    example = {
        "document": "a",
        "sentences": [[0, 3], [4, 6]],
        "words": words,
        "tokens": [],
        "mentions": mentions,
        "attns": np.stack([to_other, found, to_other, to_other])
        .reshape(2, 2, *idle.shape)
        .astype(np.float16),
    }
    scores = CoreferenceScores()
    scores.update(record(example, **(MODEL | known)))
    (folder / COREFERENCE_FILE).parent.mkdir(exist_ok=True)
    save_statistics(folder / COREFERENCE_FILE, {}, scores)


def test_heads_that_follow_a_relation_better_than_an_offset_are_known(tmp_path):
    """Offsets find half of the determiners and objects, but all subjects and amod.

    So 3-2 is known for det, 5-1 for obj, and 5-2 for nothing.
    """
    save_syntax(tmp_path, {}, {"det"}, {"obj"}, {"nsubj", "amod"})
    assert known_heads(SOURCE, tmp_path) == {"3-2": "det", "5-1": "obj"}


def test_a_head_is_named_once(tmp_path):
    """The best head for two relations: of 120 words each and as far ahead in both, det
    comes first. Coreference is named beside."""
    save_syntax(tmp_path, {}, {"det", "obj"}, {}, {})
    assert known_heads(SOURCE, tmp_path) == {"3-2": "det"}
    save_coreference(tmp_path)
    assert known_heads(SOURCE, tmp_path) == {"3-2": "det, coreference"}


def test_rare_relations_make_no_head_known(tmp_path):
    """Of 24 sentences in each shape, 48 words are determiners, and 48 objects."""
    save_syntax(tmp_path, {}, {"det"}, {"obj"}, {}, copies=24)
    assert known_heads(SOURCE, tmp_path) == {}


def test_the_head_of_coreference_must_be_better_than_the_nearest_mention(tmp_path):
    save_coreference(tmp_path)
    assert known_heads(SOURCE, tmp_path) == {"3-2": "coreference"}
    # now the nearest mention is Anna as well
    save_coreference(tmp_path, "Anna met them . She waved .")
    assert known_heads(SOURCE, tmp_path) == {}


UNKNOWN = [{"weights_sha256": None}, {"trained": False}, {"trained": None}]


@pytest.mark.parametrize("other", [{"weights_sha256": "bb"}, *UNKNOWN])
def test_heads_of_another_model_are_not_known(tmp_path, other):
    save_syntax(tmp_path, {}, {"det"}, {"obj"}, {})
    save_coreference(tmp_path)
    assert known_heads(dataclasses.replace(SOURCE, **other), tmp_path) == {}
    save_syntax(tmp_path, {}, {"det"}, {"obj"}, {}, **other)
    save_coreference(tmp_path, **other)
    assert known_heads(SOURCE, tmp_path) == {}


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_no_head_is_known_of_weights_unknown_or_not_trained(tmp_path, unknown):
    save_syntax(tmp_path, {}, {"det"}, {"obj"}, {}, **unknown)
    save_coreference(tmp_path, **unknown)
    assert known_heads(dataclasses.replace(SOURCE, **unknown), tmp_path) == {}


def test_heads_of_layers_that_are_not_shown_are_left_out(tmp_path):
    save_syntax(tmp_path, {}, {"det"}, {"obj"}, {})
    shown = dataclasses.replace(SOURCE, layers=(4,))
    assert known_heads(shown, tmp_path) == {"5-1": "obj"}


def test_without_saved_scores_no_head_is_known(tmp_path):
    assert known_heads(SOURCE, tmp_path) == {}


def test_scores_that_cannot_be_read_are_an_error(tmp_path):
    save_coreference(tmp_path)
    (tmp_path / SYNTAX_FILE).parent.mkdir()
    (tmp_path / COREFERENCE_FILE).rename(tmp_path / SYNTAX_FILE)
    with pytest.raises(
        InputError, match=r"syntax.stats.pkl: no SyntaxScores, found Coref"
    ):
        known_heads(SOURCE, tmp_path)

"""Scores merge in any order and in any parts to the same bytes, saved in between."""

import pickle

import numpy as np
from heads import record
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.coreference import CoreferenceScores
from analysis.statistic import load_statistics, save_statistics
from analysis.syntax import SyntaxScores
from analysis.table_1 import table_1
from analysis.table_2 import table_2

RELATIONS = ("nsubj", "det", "obj", "root")


def stretch(seed: int) -> dict:
    """A sentence of up to 9 words with a tree, mentions and maps drawn at random."""
    rng = np.random.default_rng(seed)
    words = int(rng.integers(1, 10))
    mentions = []
    for _ in range(rng.integers(0, 6)):
        start, head, end = np.sort(rng.integers(0, words, 3)).tolist()
        mentions.append(
            {
                "start": start,
                "end": end,
                "head": head,
                "cluster": int(rng.integers(2)),
                "type": str(rng.choice(["pronoun", "proper", "nominal"])),
                "number": None,
                "gender": None,
                "person": 3,
            }
        )
    return {
        "words": [f"word{rng.integers(5)}" for _ in range(words)],
        "heads": rng.integers(0, words + 1, words).tolist(),
        "relns": rng.choice(RELATIONS, words).tolist(),
        "document": f"document {rng.integers(4)}",
        "sentences": [[0, words - 1]],
        "mentions": mentions,
        "attns": rng.dirichlet(np.ones(words + 2), (2, 3, words + 2)).astype("f2"),
    }


STRETCHES = [record(stretch(seed)) for seed in range(24)]


def taken_in(kind, places):
    statistic = kind()
    for place in places:
        statistic.update(STRETCHES[place])
    return statistic


@settings(max_examples=25, deadline=None)
@given(
    order=st.permutations(range(len(STRETCHES))),
    cuts=st.lists(st.integers(0, len(STRETCHES)), max_size=6).map(sorted),
    merge_order=st.randoms(use_true_random=False),
    kind=st.sampled_from([SyntaxScores, CoreferenceScores]),
)
def test_any_split_in_any_order_gives_the_same_bytes(
    tmp_path_factory, order, cuts, merge_order, kind
):
    whole = taken_in(kind, range(len(STRETCHES)))
    folder = tmp_path_factory.mktemp("parts")
    parts = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    paths = []
    for number, part in enumerate(parts):
        paths.append(folder / f"{number}.stats.pkl")
        save_statistics(paths[-1], {}, taken_in(kind, part))
    merge_order.shuffle(paths)
    merged = kind()
    for path in paths:
        merged.merge(load_statistics(path, kind)[0])
    assert pickle.dumps(merged.state()) == pickle.dumps(whole.state())
    table = {SyntaxScores: lambda s: table_1(s, minimum=1), CoreferenceScores: table_2}
    assert table[kind](merged).equals(table[kind](whole))

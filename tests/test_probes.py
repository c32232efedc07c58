"""Probes against NumPy in pairs, hand-worked values, and a head that knows syntax."""

import math
import pickle
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from heads import record
from hypothesis import given
from hypothesis import settings as examples_drawn
from hypothesis import strategies as st

from analysis import probe_batches, probes
from analysis.attachment import AttachmentScores, right_branching
from analysis.paper import BERT_BASE_UNCASED
from analysis.probes import ProbeSettings, learning_curve, train_probe
from analysis.statistic import load_statistics, save_statistics
from analysis.table_3 import ProbeRun, probe_runs, table_3
from analysis.word_vectors import WordVectors
from attention.store import AttentionWriter
from toolkit.ahead import read_ahead
from toolkit.files import InputError

LAYERS, HEADS, SIZE = 2, 3, 5  # L, H, D
K = LAYERS * HEADS
KNOWING = (1, 2)  # the head that attends to each word's syntactic head
VOCABULARY = "a b c d e".split()
FAST = ProbeSettings(batch_size=8, learning_rate=0.05)


def sentence(words, rng, knowing=KNOWING, backwards=False):
    """A random tree, whose arcs one head's attention follows; the others' is noise."""
    order = rng.permutation(words) + 1
    heads = np.zeros(words, int)
    for place, word in enumerate(order[1:], 1):
        heads[word - 1] = order[rng.integers(place)]
    attns = rng.dirichlet(np.ones(words + 2), (LAYERS, HEADS, words + 2))
    arcs = np.zeros((words + 2, words + 2))
    arcs[np.arange(1, words + 1), heads] = 1  # ROOT's place is that of [CLS]
    if backwards:
        arcs = arcs.T
    full = arcs.sum(-1) > 0
    attns[knowing][full] = (arcs[full].T / arcs[full].sum(-1)).T
    return {
        "words": rng.choice(VOCABULARY, words).tolist(),
        "heads": heads.tolist(),
        "relns": ["root" if head == 0 else "dep" for head in heads],
        "tokens": ["a"] * (words + 2),
        "attns": attns.astype(np.float16),
    }


def write(path, examples, meta=None):
    with AttentionWriter(path, meta or {}) as writer:
        for example in examples:
            writer.write(example)
    return path


@pytest.fixture(scope="module")
def vectors():
    """Vectors of some words; "e" has none."""
    rng = np.random.default_rng(3)
    return WordVectors.from_matrix(
        "GloVe", VOCABULARY[:4], rng.normal(size=(4, SIZE)), rng.normal(size=SIZE)
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Files of training and development sentences of up to 8 words."""
    folder, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    return tuple(
        write(
            folder / f"{name}_attn.pkl",
            [sentence(rng.integers(1, 9), rng) for _ in range(count)],
        )
        for name, count in (("train", 203), ("dev", 50))
    )


def test_a_head_that_knows_syntax_is_learnt_and_found(corpus):
    train, dev = corpus
    probe = train_probe(train, "attention", replace(FAST, epochs=3))
    assert probe.score(dev).uas() > 0.95
    assert probe.losses[2] < probe.losses[1] < probe.losses[0]
    weights = probe.weights
    assert weights["to head"].shape == weights["from head"].shape == (LAYERS, HEADS)
    found = np.unravel_index(weights["to head"].argmax(), (LAYERS, HEADS))
    assert found == KNOWING
    # the same head's attention back speaks against an arc: its weight is negative
    assert weights["to head"].max() > 2 * weights["from head"].max()
    assert weights["from head"][KNOWING] < 0


def test_a_head_that_attends_back_is_found_in_the_other_weights(tmp_path):
    rng = np.random.default_rng(0)
    path = write(
        tmp_path / "x_attn.pkl",
        [sentence(rng.integers(2, 9), rng, (0, 1), backwards=True) for _ in range(200)],
    )
    weights = train_probe(path, "attention", replace(FAST, epochs=2)).weights
    largest = {name: values.max() for name, values in weights.items()}
    assert largest["from head"] > 2 * largest["to head"]
    assert np.argmax(weights["from head"]) == 1


def test_first_loss_by_hand(tmp_path):
    """A word of a sentence of n has n candidates, ROOT and the n - 1 other words, and
    weights near zero make them alike: ln n for each word. Sentences of 2, 3, 9 and 40
    words, in buckets of up to 8, 8, 16 and 40."""
    rng = np.random.default_rng(1)
    sizes = (2, 3, 9, 40)
    path = write(tmp_path / "x_attn.pkl", [sentence(n, rng) for n in sizes])
    settings = ProbeSettings(learning_rate=1e-9, batch_size=3)
    probe = train_probe(path, "attention", settings)
    expected = sum(n * math.log(n) for n in sizes) / sum(sizes)
    assert probe.losses == [pytest.approx(expected, abs=0.02)]


def test_a_word_that_is_its_own_head_teaches_nothing(tmp_path):
    rng = np.random.default_rng(1)
    example = sentence(4, rng)
    example["heads"] = [2, 0, 3, 2]
    path = write(tmp_path / "x_attn.pkl", [example])
    probe = train_probe(path, "attention", ProbeSettings(learning_rate=1e-9))
    assert probe.losses == [pytest.approx(math.log(4), abs=0.02)]
    scores = probe.score(path)
    assert not any(scores.counted(f"correct:{r}") == 4 for r in ("dep", "root"))


# --- the models -----------------------------------------------------------------------


def in_pairs(model, kind, aligned, example, vectors):
    """Scores of one sentence by the paper's formulas, pair by pair in NumPy, each on
    both words' vectors end to end."""
    weight = {w.name: w.numpy().astype(np.float64) for w in model.weights}
    words = len(example["words"])
    attns = example["attns"].reshape(K, words + 2, words + 2).astype(np.float64)
    dummy = vectors.matrix[0]
    rows = [vectors.matrix[vectors.rows.get(w, 0)] for w in example["words"]]
    candidates = [dummy, *rows] if aligned else [*rows, dummy]
    scores = np.full((words, words + 1), -1e9)
    for j in range(1, words + 1):
        for i in range(words + 1):
            if i == j:
                continue
            pair = np.concatenate([candidates[i], rows[j - 1]])
            if i:
                to_head, from_head = attns[:, j, i], attns[:, i, j]
            else:
                to_head = attns[:, j, [0, -1]] @ weight.get("root", np.zeros(2))
                from_head = np.zeros(K)
            if kind == "attention":
                score = weight["to_head"] @ to_head + weight["from_head"] @ from_head
            elif kind == "attention + words":
                both = np.concatenate(
                    [weight["of_candidate"], weight["of_dependent"]]
                )  # [2 D, 2, K]
                u, w = (pair @ both).reshape(2, K)
                score = u @ to_head + w @ from_head
            else:
                both = np.concatenate(
                    [
                        weight["of_candidate"],
                        weight["of_dependent"],
                        weight["of_distance"],
                    ]
                )
                features = np.zeros(8)
                d = abs(i - j)
                if i:
                    side = [d == 1, d == 2, d > 2, math.log(1 + d)]
                    features[slice(4, 8) if i > j else slice(0, 4)] = side
                hidden = np.tanh(
                    np.concatenate([pair, features]) @ both + weight["bias"]
                )
                score = hidden @ weight["output_kernel"]
            scores[j - 1, i] = score
    return scores


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("kind", probes.PROBES)
def test_factored_equals_pairs_of_vectors(corpus, vectors, kind, aligned):
    """Of sentences of different length in one batch, so that padding shows as well."""
    rng = np.random.default_rng(5)
    examples = [sentence(words, rng) for words in (1, 3, 8)]
    used = vectors if "words" in kind else None
    probe = probes.new_probe(corpus[0], kind, ProbeSettings(aligned=aligned), used)
    for weight in probe.model.weights:
        weight.assign(rng.normal(size=weight.shape))
    inputs = probe_batches.padded(list(map(record, examples)), probe.model, vectors)
    del inputs["heads"]
    found = probe.model.predict_on_batch(inputs)
    assert found.shape == (3, 8, 9)
    for example, scores in zip(examples, found, strict=True):
        words = len(example["words"])
        expected = in_pairs(probe.model, kind, aligned, example, vectors)
        np.testing.assert_allclose(
            scores[:words, : words + 1], expected, rtol=1e-5, atol=1e-5
        )
        assert (scores[:, words + 1 :] == -1e9).all()


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("kind", ["attention", "attention + words"])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_written_gradients_train_as_tensorflows_do(
    corpus, vectors, kind, aligned, batch_size
):
    """Keras's own Adam and TensorFlow's gradients, for the same model and order."""
    settings = ProbeSettings(batch_size=batch_size, aligned=aligned, epochs=2)
    vectors = vectors if kind == "attention + words" else None
    ours = train_probe(corpus[0], kind, settings, vectors=vectors)
    theirs = probes.new_probe(corpus[0], kind, settings, vectors)
    first = [weight.numpy() for weight in theirs.model.trainable_variables]
    theirs.model.differentiated = False
    probes.training(theirs, corpus[0], settings)
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-5)
    pairs = zip(
        ours.model.trainable_variables, theirs.model.trainable_variables, strict=True
    )
    for start, (one, other) in zip(first, pairs, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=2e-4)
        assert np.abs(one.numpy() - start).max() > 0.01
    found = [probe.score(corpus[1]).uas() for probe in (ours, theirs)]
    assert found[0] == pytest.approx(found[1], abs=0.005)


def test_misaligned_is_aligned_but_for_the_column(corpus, vectors):
    """Without distances, what enters the hidden units for a candidate is what enters
    them, aligned, for the next; for the last, it is ROOT's."""
    aligned, misaligned = (
        probes.new_probe(corpus[0], "distances + words", settings, vectors).model
        for settings in (ProbeSettings(seed=7), ProbeSettings(aligned=False, seed=7))
    )
    for model in (aligned, misaligned):
        model.of_distance.assign(np.zeros(model.of_distance.shape))
    words = vectors.matrix[[[3, 1, 2, 0]]]  # of three words, and row 0
    ours, theirs = (m.units(words).numpy() for m in (aligned, misaligned))
    np.testing.assert_array_equal(theirs[:, :, :-1], ours[:, :, 1:])
    np.testing.assert_array_equal(theirs[:, :, -1], ours[:, :, 0])
    assert np.abs(ours - theirs).max() > 0.1


def test_distances_by_hand():
    """Three words; a row for each word, candidates ROOT, 1, 2 and 3."""
    from analysis.probe_models import distance_features

    one, two = math.log(2), math.log(3)
    nothing, same = [0] * 8, [0] * 8
    before = {1: [1, 0, 0, one, 0, 0, 0, 0], 2: [0, 1, 0, two, 0, 0, 0, 0]}
    after = {1: [0, 0, 0, 0, 1, 0, 0, one], 2: [0, 0, 0, 0, 0, 1, 0, two]}
    expected = [
        [nothing, same, after[1], after[2]],
        [nothing, before[1], same, after[1]],
        [nothing, before[2], before[1], same],
    ]
    np.testing.assert_allclose(distance_features(3).numpy(), expected, rtol=1e-6)
    far = distance_features(5).numpy()[4, 1]  # the first of five words, from the last
    np.testing.assert_allclose(far, [0, 0, 1, math.log(5), 0, 0, 0, 0], rtol=1e-6)


# --- training -------------------------------------------------------------------------


def weights_of(probe):
    return np.concatenate([w.numpy().ravel() for w in probe.model.weights])


def test_seeds_reproduce(corpus, vectors):
    first, again, other = (
        weights_of(
            train_probe(
                corpus[0],
                "attention + words",
                replace(FAST, seed=seed),
                vectors=vectors,
            )
        )
        for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


@pytest.mark.parametrize("kind", ["attention + words", "distances + words"])
def test_loss_falls(corpus, vectors, kind):
    settings = replace(FAST, epochs=3)
    losses = train_probe(corpus[0], kind, settings, vectors=vectors).losses
    assert losses[2] < losses[1] < losses[0]


def test_sentence_by_sentence_as_in_the_paper(corpus):
    """203 steps of at most 0.002 each."""
    probe = train_probe(corpus[0])
    change = probe.weights["to head"][KNOWING]
    assert 0.2 < change < 0.5
    assert probe.weights["to head"].argmax() == np.ravel_multi_index(KNOWING, (2, 3))


def test_order_is_drawn_among_a_bounded_number(monkeypatch):
    """With room for three, an example waits while two or three others are drawn."""
    rng = np.random.default_rng(0)
    examples = [record(sentence(2, rng) | {"number": n}) for n in range(40)]
    assert all(maps.float32.size for maps in examples)
    size = examples[0].values.nbytes
    monkeypatch.setattr(probe_batches, "SHUFFLE_BUFFER", 3 * size)
    found = list(probe_batches.shuffled(iter(examples), rng))
    order = [maps.example["number"] for maps in found]
    assert sorted(order) == list(range(40))
    assert order != sorted(order)
    assert all(number <= place + 3 for place, number in enumerate(order))
    # what a record caches, in float32, is not kept in the buffer
    assert "float32" in vars(examples[0])
    assert not any("float32" in vars(maps) for maps in found)


def test_learning_curve_counts_sentences_and_ends_as_training_does(corpus):
    """All 203 sentences are 203, however many epochs go through them."""
    train, dev = corpus
    settings = replace(FAST, epochs=2)
    curve = learning_curve(train, dev, settings=settings, first=60)
    assert curve.index.tolist() == [60, 120, 203]
    trained = train_probe(train, settings=settings).score(dev).uas()
    assert curve[203] == trained
    assert curve[203] > 0.95


def test_a_probe_of_some_sentences_sees_the_same_in_each_epoch(corpus, monkeypatch):
    train, _ = corpus
    settings = replace(FAST, epochs=3)
    seen, bucketed = [], probes.bucketed

    def listed(sentences, size):
        def noted():
            for maps in sentences:
                seen.append(" ".join(maps.example["words"]))
                yield maps

        return bucketed(noted(), size)

    monkeypatch.setattr(probes, "bucketed", listed)
    probe = probes.new_probe(train, "attention", settings, None)
    count = probes.training(probe, train, settings, most=10)
    assert count == len(seen) == 30
    assert sorted(seen[:10]) == sorted(seen[10:20]) == sorted(seen[20:])


def test_steps_are_packed_end_to_end(vectors):
    """Two steps, of two sentences and of one; "e" has no vector, and ROOT row 0."""
    rng = np.random.default_rng(2)
    words = "b d", "e", "c a d"
    examples = [sentence(len(text.split()), rng) for text in words]
    for example, text in zip(examples, words, strict=True):
        example["words"] = text.split()
    one, two, three = map(record, examples)
    batches = [[one, two], [three]]
    heads = [example["heads"] for example in examples]
    found = probe_batches.packed(batches, vectors, root_first=True)
    assert found.rows.tolist() == [0, 2, 4, 0, 0, 0, 3, 1, 4]
    assert found.heads.tolist() == [0, *heads[0], 0, *heads[1], 0, *heads[2]]
    assert found.starts.tolist() == [0, 3, 5, 9]
    assert found.steps.tolist() == [0, 2, 3]
    values = [example["attns"].ravel() for example in examples]
    assert found.maps.view(np.float16).tolist() == np.concatenate(values).tolist()
    last = probe_batches.packed(batches, vectors, root_first=False)
    assert last.rows.tolist() == [2, 4, 0, 0, 0, 3, 1, 4, 0]
    assert last.heads.tolist() == [*heads[0], 0, *heads[1], 0, *heads[2], 0]
    assert last.starts.tolist() == [0, 3, 5, 9]
    assert not probe_batches.packed(batches, None, root_first=True).rows.any()


def test_the_next_is_made_while_one_is_in_use():
    made = threading.Event()

    def items():
        yield "first"
        made.set()
        yield "second"
        raise InputError("no third")

    found = read_ahead(items())
    assert next(found) == "first"
    assert made.wait(timeout=60)
    assert next(found) == "second"
    with pytest.raises(InputError, match="no third"):
        next(found)


def test_zero_may_have_a_sign(tmp_path):
    """Minus zero, which no sum tells from zero, has other bits."""
    example = sentence(4, np.random.default_rng(1))
    assert (example["attns"] == 0).any()
    path = write(tmp_path / "x_attn.pkl", [example])
    signed = example["attns"].copy()
    signed[signed == 0] = -0.0
    other = write(tmp_path / "y_attn.pkl", [example | {"attns": signed}])
    found, expected = (weights_of(train_probe(p, settings=FAST)) for p in (other, path))
    np.testing.assert_array_equal(found, expected)


# --- scores ---------------------------------------------------------------------------


def scored(*arcs, **known):
    """The scores of one sentence with these relations, heads and predicted heads."""
    relations, heads, found = zip(*arcs, strict=True)
    example = sentence(len(arcs), np.random.default_rng(0))
    example |= {"heads": list(heads), "relns": list(relations)}
    scores = AttachmentScores()
    scores.update(record(example, **known), found)
    return scores


def test_scores_by_hand():
    """nsubj 1 of 2, root 1 of 1, punct 0 of 2: 2 of 3 without punctuation, 2 of 5
    with it."""
    scores = scored(("nsubj", 2, 2), ("root", 0, 0), ("punct", 2, 1))
    scores.merge(scored(("nsubj", 1, 2), ("punct", 2, 3)))
    assert scores.uas() == pytest.approx(2 / 3)
    assert scores.uas(punctuation=True) == pytest.approx(2 / 5)
    table = scores.relations
    assert table.loc["nsubj"].tolist() == [2, 50]
    assert table.loc["punct"].tolist() == [2, 0]
    assert table["words"].tolist() == [2, 2, 1]
    assert math.isnan(scored(("punct", 1, 1)).uas())


RELATIONS = ("nsubj", "det", "punct", "root")


def predicted_sentence(seed):
    """A sentence of up to 6 words, its relations drawn at random, and predicted heads;
    the meta file is there or not."""
    rng = np.random.default_rng(seed)
    words = int(rng.integers(1, 7))
    example = sentence(words, rng)
    example["relns"] = rng.choice(RELATIONS, words).tolist()
    meta = {"layers": [1, 2], "heads": HEADS, "level": "words"} if seed % 2 else {}
    return record(example, meta), rng.integers(0, words + 1, words)


PREDICTED = [predicted_sentence(seed) for seed in range(12)]


def scores_of(places):
    scores = AttachmentScores()
    for place in places:
        scores.update(*PREDICTED[place])
    return scores


@examples_drawn(max_examples=25, deadline=None)
@given(
    order=st.permutations(range(len(PREDICTED))),
    cuts=st.lists(st.integers(0, len(PREDICTED)), max_size=5).map(sorted),
    data=st.data(),
)
def test_scores_merge_in_any_split_and_order_to_the_same_bytes(
    tmp_path_factory, order, cuts, data
):
    folder = tmp_path_factory.mktemp("parts")
    parts = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    merged = AttachmentScores()
    for number in data.draw(st.permutations(range(len(parts)))):
        part = scores_of(parts[number])
        if data.draw(st.booleans()):
            save_statistics(path := folder / f"{number}.stats.pkl", {}, part)
            (part,) = load_statistics(path, AttachmentScores)
        merged.merge(part)
    whole = scores_of(range(len(PREDICTED)))
    assert pickle.dumps(merged.state()) == pickle.dumps(whole.state())
    assert merged.relations.equals(whole.relations)
    assert merged.uas() == whole.uas()


def test_right_branching_by_hand(tmp_path):
    """Heads 2, 3, 0: all as it says. Heads 0, 1, 4, 1: the third word's."""
    rng = np.random.default_rng(0)
    examples = [sentence(3, rng), sentence(4, rng)]
    examples[0]["heads"], examples[1]["heads"] = [2, 3, 0], [0, 1, 4, 1]
    scores = right_branching(write(tmp_path / "x_attn.pkl", examples))
    assert scores.uas() == pytest.approx(4 / 7)


def test_sentences_without_words_or_without_heads(tmp_path):
    """An empty one adds nothing; where there is no other, there is nothing to learn."""
    empty = {"words": [], "heads": [], "relns": [], "tokens": ["a", "b"]}
    empty["attns"] = np.full((LAYERS, HEADS, 2, 2), 0.5, np.float16)
    own = sentence(1, np.random.default_rng(0)) | {"heads": [1]}
    path = write(tmp_path / "x_attn.pkl", [empty, own])
    assert right_branching(path).uas() == 0
    with pytest.raises(
        InputError, match=r"x_attn\.pkl: has no word with a head to lea"
    ):
        train_probe(path)


def runs_of_two_words(trained=None, control=None):
    """Runs of three rows; sources of maps that are trained, and of the control."""
    half, all_ = (
        scored(("nsubj", 2, f), ("obj", 2, 2), **(trained or {})) for f in (1, 2)
    )
    random_half = scored(("nsubj", 2, 1), ("obj", 2, 2), **(control or {}))
    both = scored(("nsubj", 2, 2), ("punct", 2, 1), **(trained or {}))
    return {
        "right-branching": ProbeRun("right-branching", [both], []),
        "attention + own": ProbeRun("attention + words", [half, all_], [None] * 2),
        "random-init attention": ProbeRun(
            "random-init attention", [random_half], [None], control=True
        ),
        "random-init attention + own": ProbeRun(
            "random-init attention + words", [random_half], [None], control=True
        ),
    }


def test_table_3_by_hand():
    """Two seeds with 1 and 2 of 2 words right: 75 per cent, a deviation of 35.4."""
    table = table_3(runs_of_two_words(), paper_model=True)
    assert table.index.tolist()[1] == "attention + own"
    row = table.loc["attention + own"]
    assert row["UAS"] == 75
    assert row["±"] == pytest.approx(50 / math.sqrt(2))
    assert row["paper"] == 77
    assert table["seeds"].tolist() == [0, 2, 1, 1]
    assert table.loc["right-branching", ["UAS", "with punctuation"]].tolist() == [
        100,
        50,
    ]
    assert pd.isna(table.loc["random-init attention", "paper"])


def test_the_papers_numbers_stand_beside_the_papers_model_only():
    """Known by the weights' digest, or called so; random maps have 12 x 12 heads too,
    and the control's row is the paper's where the trained maps are."""
    paper = {"weights_sha256": min(BERT_BASE_UNCASED), "trained": True}
    drawn = {"trained": False}
    table = table_3(runs_of_two_words(paper, drawn))
    assert table["paper"].tolist()[:2] == [26, 77]
    assert pd.isna(table["paper"].iloc[2])
    assert table["paper"].iloc[3] == 30
    for trained in ({}, {"weights_sha256": "0" * 64, "trained": True}, drawn):
        assert "paper" not in table_3(runs_of_two_words(trained, drawn))
    assert "paper" not in table_3(runs_of_two_words(paper, drawn), paper_model=False)
    with pytest.raises(ValueError, match="weights were drawn at random"):
        table_3(runs_of_two_words(drawn, drawn), paper_model=True)


def test_all_rows_of_table_3(corpus, vectors, tmp_path):
    """With a control whose maps are noise, as those of a random BERT nearly are."""
    rng = np.random.default_rng(9)
    noise = []
    for _ in range(40):
        example = sentence(rng.integers(1, 9), rng)
        example["attns"] = rng.dirichlet(
            np.ones(len(example["tokens"])), example["attns"].shape[:3]
        ).astype(np.float16)
        noise.append(example)
    control = write(tmp_path / "noise_attn.pkl", noise)
    runs = probe_runs(
        *corpus, vectors, replace(FAST, epochs=2), control=(control, control), seeds=[1]
    )
    table = table_3(runs)
    assert table.index.tolist() == [
        "right-branching",
        "distances + GloVe",
        "distances + GloVe, misaligned",
        "random-init attention",
        "random-init attention + GloVe",
        "attention",
        "attention + GloVe",
        "attention + GloVe, misaligned",
    ]
    uas = table["UAS"]
    assert uas["attention"] > 90
    assert uas["attention"] > uas["random-init attention"] + 20
    assert uas["attention"] > uas["right-branching"] + 20
    assert "paper" not in table
    without = probe_runs(*corpus, vectors, FAST, seeds=[])
    assert not any("random-init" in name for name in without)


# --- bad input ------------------------------------------------------------------------


def test_files_that_no_probe_can_use_are_named(tmp_path, corpus, vectors):
    rng = np.random.default_rng(0)
    good = sentence(3, rng)
    bad = {
        "no 'heads', which preprocess_depparse.py writes": {**good, "heads": None},
        "maps between tokens, expected maps between words": {
            **good,
            "words": ["a", "b"],
        },
        "3 words, but 3 heads and 2 relations": {**good, "relns": ["a", "b"]},
        "heads go from 0 to 4, expected 0 to 3": {**good, "heads": [0, 1, 4]},
        "maps of 1 layers and 3 heads": {**good, "attns": good["attns"][:1]},
    }
    for number, (message, example) in enumerate(bad.items()):
        kept = {key: value for key, value in example.items() if value is not None}
        path = write(tmp_path / f"{number}_attn.pkl", [good, kept])
        with pytest.raises(InputError, match=f"_attn.pkl: example 1: {message}"):
            train_probe(path, settings=FAST)
    with pytest.raises(InputError, match="has no examples"):
        train_probe(write(tmp_path / "empty.pkl", []))
    with pytest.raises(ValueError, match="kind is 'words', expected one of attention"):
        train_probe(corpus[0], "words")
    with pytest.raises(ValueError, match=r"the probe of attention \+ words needs vec"):
        train_probe(corpus[0], "attention + words")
    norms = {"layers": [1, 2], "heads": HEADS, "level": "words", "quantity": "norms"}
    with pytest.raises(InputError, match="example 0: maps of norms, expected attenti"):
        train_probe(write(tmp_path / "n_attn.pkl", [good], norms), settings=FAST)
    probe = train_probe(corpus[0], settings=FAST)
    other = write(tmp_path / "o_attn.pkl", [{**good, "attns": good["attns"][:, :1]}])
    with pytest.raises(InputError, match="example 0: maps of 2 layers and 1 heads"):
        probe.score(other)
    layer = {"layers": [3, 5], "heads": HEADS, "level": "words"}
    other = write(tmp_path / "l_attn.pkl", [good], layer)
    with pytest.raises(
        InputError, match=r"example 0: layers of these maps is \(2, 4\)"
    ):
        probe.score(other)


def test_settings_without_effect_are_refused(corpus, vectors):
    for setting in ({"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}):
        with pytest.raises(ValueError, match="expected above 0"):
            ProbeSettings(**setting)
    for setting in ({"aligned": False}, {"seed": 1}):
        with pytest.raises(ValueError, match="leave both out"):
            probe_runs(*corpus, vectors, ProbeSettings(**setting))
    with pytest.raises(ValueError, match="the probe of attention uses no vectors"):
        train_probe(corpus[0], vectors=vectors)

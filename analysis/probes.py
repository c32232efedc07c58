"""Probing classifiers (Section 5, Table 3): how much of syntax do attention maps hold?

Shapes: B sentences, N words in the longest (filled up), L layers, H heads, K = L * H.
"""

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.maps import check_heads
from analysis.syntax import check_sentence
from analysis.word_vectors import WordVectors, corpus_vocabulary, load_glove
from attention.store import read_attention, read_meta
from backend import start_keras
from files import InputError

if TYPE_CHECKING:
    from analysis.probe_models import Probe

__all__ = [
    "AttachmentScores",
    "TrainedProbe",
    "WordVectors",
    "corpus_vocabulary",
    "learning_curve",
    "load_glove",
    "probe_runs",
    "right_branching",
    "table_3",
    "train_probe",
]

KINDS = {
    "attention": "AttentionProbe",
    "attention + words": "AttentionWordsProbe",
    "distances + words": "DistancesWordsProbe",
}
LOOK_AHEAD = 256 << 20  # bytes of maps among which the next sentence is drawn
SCORED_AT_ONCE = 32  # sentences
TRAINED_AT_ONCE = 32  # sentences of all steps in a call
LENGTH_STEP = 8  # lengths that are alike

# Table 3 without punctuation, in per cent; of BERT-base, on the Penn Treebank
PAPER = {
    "right-branching": 26,
    "distances + words": 58,
    "random-init attention + words": 30,
    "attention": 61,
    "attention + words": 77,
}


class AttachmentScores:
    """How often the head predicted for a word is the treebank's, by relation."""

    def __init__(self):
        self._words = collections.Counter()
        self._correct = collections.Counter()

    def update(self, example: dict, predicted: Sequence[int]) -> None:
        """Take in the heads predicted for an example's words: 0 is ROOT, 1 the first
        word, as in its "heads"."""
        arcs = zip(example["heads"], example["relns"], predicted, strict=True)
        for head, relation, found in arcs:
            self._words[relation] += 1
            self._correct[relation] += int(head == found)

    def merge(self, other: "AttachmentScores") -> None:
        """Take in all that another accumulator has taken in."""
        self._words.update(other._words)
        self._correct.update(other._correct)

    def uas(self, punctuation: bool = False) -> float:
        """Unlabelled attachment score from 0 to 1, with or without words whose relation
        is "punct"; not a number where there are none."""
        counted = [r for r in self._words if punctuation or r != "punct"]
        words = sum(self._words[r] for r in counted)
        return sum(self._correct[r] for r in counted) / words if words else np.nan

    @property
    def relations(self) -> pd.DataFrame:
        """Words and score of each relation in per cent, the commonest first."""
        rows = [(n, 100 * self._correct[r] / n) for r, n in self._words.most_common()]
        index = pd.Index([r for r, _ in self._words.most_common()], name="relation")
        return pd.DataFrame(rows, index, ["words", "UAS"])


@dataclasses.dataclass(frozen=True)
class TrainedProbe:
    """A probe that has learnt, and how that went."""

    model: "Probe"
    shape: tuple[int, int]  # (L, H)
    vectors: WordVectors | None
    losses: list[float]  # of each epoch: mean over words, in nats

    def score(self, path: str | Path) -> AttachmentScores:
        """Predict the heads of all sentences in a file of word-level maps."""
        scores = AttachmentScores()
        sentences = _read_sentences(path, self.shape)
        for batch in _batches(sentences, SCORED_AT_ONCE):
            inputs = _fill(batch, self)
            del inputs["heads"]
            found = self.model.predict_on_batch(inputs).argmax(-1)  # [B, N]
            for example, heads in zip(batch, found, strict=True):
                scores.update(example, heads[: len(example["words"])])
        return scores

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """What the probe of attention only makes of each head [L, H]: "to head" is the
        weight u of attention from the dependent to the head, "from head" the weight w
        of attention from the head to the dependent."""
        return {
            "to head": self.model.to_head.numpy().reshape(self.shape),
            "from head": self.model.from_head.numpy().reshape(self.shape),
        }


def train_probe(
    path: str | Path,
    kind: str = "attention",
    *,
    vectors: WordVectors | None = None,
    aligned: bool = True,
    epochs: int = 1,
    batch_size: int = 1,
    learning_rate: float = 0.002,
    seed: int = 0,
) -> TrainedProbe:
    """Train one of Table 3's probes on a file of word-level maps.

    `kind` is one of KINDS; those with words need `vectors`. By default as in the paper:
    Adam, a sentence a step, the loss summed over its words, one epoch. With
    `batch_size`, sentences of like length make a step together. They are drawn from a
    look-ahead of bounded size; `seed` decides their order and the first weights.
    `aligned` false leaves words off by one against attention, as in the original's code
    (see `Probe.candidates`). Whether the maps are of a trained BERT makes no difference
    here. Raises InputError for a file that is empty, or has no heads and relations.
    """
    probe = _new_probe(path, kind, vectors, aligned, seed)
    for _ in _training(probe, path, epochs, batch_size, learning_rate, seed):
        pass
    return probe


def learning_curve(
    train: str | Path,
    dev: str | Path,
    kind: str = "attention",
    *,
    vectors: WordVectors | None = None,
    aligned: bool = True,
    epochs: int = 1,
    batch_size: int = 1,
    learning_rate: float = 0.002,
    seed: int = 0,
    first: int = 100,
) -> pd.Series:
    """UAS on `dev` without punctuation, by the number of sentences trained on so far.

    Measured after about `first` sentences, after about each doubling, and at the end of
    a training like train_probe's.
    """
    probe = _new_probe(train, kind, vectors, aligned, seed)
    curve, due, seen = {}, first, 0
    for seen in _training(probe, train, epochs, batch_size, learning_rate, seed):
        if seen >= due:
            curve[seen], due = probe.score(dev).uas(), due * 2
    if seen not in curve:
        curve[seen] = probe.score(dev).uas()
    return pd.Series(curve, name="UAS").rename_axis("sentences")


def right_branching(path: str | Path) -> AttachmentScores:
    """The baseline that takes the next word as the head, after the last word ROOT."""
    scores = AttachmentScores()
    for example in _read_sentences(path):
        words = len(example["words"])
        scores.update(example, [*range(2, words + 1), 0][:words])
    return scores


@dataclasses.dataclass(frozen=True)
class ProbeRun:
    """A row of Table 3 in the making: its paper's name, and the scores of each seed."""

    paper: str  # a key of PAPER, if the paper has this row
    scores: list[AttachmentScores]
    probes: list[TrainedProbe]


def probe_runs(
    train: str | Path,
    dev: str | Path,
    vectors: WordVectors,
    *,
    control: tuple[str | Path, str | Path] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    **settings: Any,
) -> dict[str, ProbeRun]:
    """Train and score all probes of Table 3, by the name of their row.

    `control` are random-init maps of the same sentences, to train and to score on;
    without them, their rows are left out. Further settings are train_probe's.
    """
    words = vectors.name
    rows = [  # name, kind, files, aligned
        (f"distances + {words}", "distances + words", (train, dev), True),
        (f"distances + {words}, misaligned", "distances + words", (train, dev), False),
        ("random-init attention", "attention", control, True),
        (f"random-init attention + {words}", "attention + words", control, True),
        ("attention", "attention", (train, dev), True),
        (f"attention + {words}", "attention + words", (train, dev), True),
        (f"attention + {words}, misaligned", "attention + words", (train, dev), False),
    ]
    runs = {"right-branching": ProbeRun("right-branching", [right_branching(dev)], [])}
    for name, kind, files, aligned in rows:
        if files is None:
            continue
        paper = f"random-init {kind}" if files is control else kind
        runs[name] = ProbeRun(paper, [], [])
        for seed in seeds:
            probe = train_probe(
                files[0], kind, vectors=vectors, aligned=aligned, seed=seed, **settings
            )
            runs[name].probes.append(probe)
            runs[name].scores.append(probe.score(files[1]))
    return runs


def table_3(runs: dict[str, ProbeRun]) -> pd.DataFrame:
    """Table 3 from `probe_runs`: unlabelled attachment scores in per cent.

    "UAS" is the mean over seeds without punctuation, "±" their standard deviation,
    "paper" the paper's (BERT-base, Penn Treebank). "Misaligned" rows leave ROOT's
    column where the paper's code had it.
    """
    rows = {}
    for name, run in runs.items():
        without = [100 * scores.uas() for scores in run.scores]
        with_punctuation = [100 * scores.uas(punctuation=True) for scores in run.scores]
        rows[name] = {
            "UAS": np.mean(without),
            "±": np.std(without, ddof=1) if len(without) > 1 else np.nan,
            "with punctuation": np.mean(with_punctuation),
            "seeds": len(run.probes),
            "paper": PAPER.get(run.paper, np.nan),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
    return table.astype({"seeds": int})


def _new_probe(
    path: str | Path,
    kind: str,
    vectors: WordVectors | None,
    aligned: bool,
    seed: int,
) -> TrainedProbe:
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}, expected one of {', '.join(KINDS)}")
    start_keras()
    from analysis import probe_models

    model = getattr(probe_models, KINDS[kind])
    if model.uses_words and vectors is None:
        raise ValueError(f"the probe of {kind} needs vectors")
    first = next(read_attention(path), None)
    if first is None:
        raise InputError(f"{path}: has no examples")
    shape = first["attns"].shape[:2]
    size = vectors.matrix.shape[1] if model.uses_words else 0
    return TrainedProbe(model(shape, size, aligned, seed), shape, vectors, [])


def _training(
    probe: TrainedProbe,
    path: str | Path,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> Iterator[int]:
    """Train, giving from time to time how many sentences were seen."""
    from analysis.probe_models import IGNORED, training_steps

    take = training_steps(probe.model, learning_rate)
    steps_at_once = max(1, TRAINED_AT_ONCE // batch_size)
    rng = np.random.default_rng(seed)
    seen = 0
    for _ in range(epochs):
        total, words = 0.0, 0
        sentences = _shuffled(_read_sentences(path, probe.shape), rng)
        batches = _batches(sentences, batch_size)
        while steps := list(itertools.islice(batches, steps_at_once)):
            filled = [_fill(batch, probe) for batch in steps]
            longest = [inputs["heads"].shape[1] for inputs in filled]
            joined = {name: _join(name, filled) for name in filled[0]}
            sizes = (np.array(s, np.int32) for s in (list(map(len, steps)), longest))
            total += float(take(*sizes, joined))
            words += int((joined["heads"] != IGNORED).sum())
            seen += sum(map(len, steps))
            yield seen
        if not words:
            raise InputError(f"{path}: has no word with a head to learn")
        probe.losses.append(total / words)


def _read_sentences(
    path: str | Path, shape: tuple[int, int] | None = None
) -> Iterator[dict]:
    """The examples of a file of word-level maps, checked, with progress."""
    from tqdm import tqdm

    total = read_meta(path).get("written")  # for the bar's estimate
    examples = tqdm(read_attention(path), total=total, disable=None, unit=" sentences")
    for number, example in enumerate(examples):
        try:
            check_sentence(example)
            shape = check_heads(example["attns"].shape[:2], shape)
        except InputError as error:
            raise InputError(f"{path}: example {number}: {error}") from None
        yield example


def _shuffled(examples: Iterable[dict], rng: np.random.Generator) -> Iterator[dict]:
    """Examples in an order drawn among as many as LOOK_AHEAD bytes hold."""
    waiting, size = [], 0
    for example in examples:
        waiting.append(example)
        size += example["attns"].nbytes
        while size > LOOK_AHEAD:
            drawn = rng.integers(len(waiting))
            waiting[drawn], waiting[-1] = waiting[-1], waiting[drawn]
            size -= waiting[-1]["attns"].nbytes
            yield waiting.pop()
    for drawn in rng.permutation(len(waiting)):
        yield waiting[drawn]


def _batches(examples: Iterable[dict], size: int) -> Iterator[list[dict]]:
    """Batches of so many examples of like length; what is left makes smaller ones."""
    waiting = collections.defaultdict(list)  # by length, rounded up
    for example in examples:
        batch = waiting[-(-len(example["words"]) // LENGTH_STEP)]
        batch.append(example)
        if len(batch) == size:
            yield batch.copy()
            batch.clear()
    yield from filter(None, waiting.values())


def _fill(examples: list[dict], probe: TrainedProbe) -> dict[str, np.ndarray]:
    """Inputs of a model, and "heads" [B, N], filled up to the longest sentence."""
    from analysis.probe_models import IGNORED

    count, length = len(examples), max(len(example["words"]) for example in examples)
    all_heads = probe.shape[0] * probe.shape[1]
    inputs = {
        "lengths": np.zeros(count, np.int32),
        "heads": np.full((count, length), IGNORED, np.int32),
    }
    if probe.model.uses_attention:
        inputs["maps"] = np.zeros((count, length, length, all_heads), np.float16)
        inputs["specials"] = np.zeros((count, length, 2, all_heads), np.float16)
    if probe.model.uses_words:
        rows = np.zeros((count, length + 1), int)
    for i, example in enumerate(examples):
        words = len(example["words"])
        inputs["lengths"][i] = words
        inputs["heads"][i, :words] = example["heads"]
        if probe.model.uses_attention:
            attns = example["attns"].reshape(all_heads, words + 2, words + 2)
            attns = np.moveaxis(attns, 0, 2)  # [words + 2, words + 2, K]
            inputs["maps"][i, :words, :words] = attns[1:-1, 1:-1]
            inputs["specials"][i, :words] = attns[1:-1, [0, -1]]
        if probe.model.uses_words:
            rows[i, :words] = probe.vectors[example["words"]]
    if probe.model.uses_words:
        inputs["vectors"] = probe.vectors.matrix[rows]
    # a word that the treebank makes its own head teaches nothing
    inputs["heads"][inputs["heads"] == np.arange(1, length + 1)] = IGNORED
    return inputs


def _join(name: str, filled: list[dict[str, np.ndarray]]) -> np.ndarray:
    """One of the inputs of all steps end to end, which asks for no more filling up."""
    axes = {"lengths": 1, "maps": 3}.get(name, 2)  # of sentences and words
    arrays = [inputs[name] for inputs in filled]
    return np.concatenate([a.reshape(-1, *a.shape[axes:]) for a in arrays])

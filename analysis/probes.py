"""Probing classifiers (Section 5): how much of syntax do attention maps hold?

Shapes: B sentences, N words in the longest of them, L layers, H heads.
"""

import dataclasses
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.attachment import AttachmentScores, read_sentences
from analysis.probe_batches import bucketed, in_lists, padded, shuffled
from analysis.word_vectors import WordVectors
from attention.quantities import ATTENTION
from attention.record import read_maps
from attention.source import Source
from toolkit.ahead import read_ahead
from toolkit.backend import start_keras
from toolkit.files import InputError

if TYPE_CHECKING:
    from analysis.probe_models import Probe

PROBES = {  # classes in probe_models.py
    "attention": "AttentionProbe",
    "attention + words": "AttentionWordsProbe",
    "distances + words": "DistancesWordsProbe",
}
SCORED_AT_ONCE = 32  # sentences
TRAINED_AT_ONCE = 32  # sentences: those of a call, while the next ones are read


@dataclasses.dataclass(frozen=True)
class ProbeSettings:
    """How a probe is made and trained, by default as in the paper.

    A step of Adam takes `batch_size` sentences of similar length, their losses summed
    over words. `aligned` false leaves words off by one against attention, as in the
    original's code (see `Probe.candidates`). `seed` decides the order of sentences and
    the first weights. Raises ValueError for numbers that are not above zero.
    """

    epochs: int = 1
    batch_size: int = 1
    learning_rate: float = 0.002
    aligned: bool = True
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected above 0")


AS_IN_PAPER = ProbeSettings()


@dataclasses.dataclass(frozen=True)
class TrainedProbe:
    """A probe, what it was trained on, and how that went."""

    model: "Probe"
    source: Source  # of the maps
    vectors: WordVectors | None
    losses: list[float]  # of each epoch: mean over words, in nats

    def score(self, path: str | Path) -> AttachmentScores:
        """Predict the heads of all sentences in a file of maps between words.

        Raises InputError where the maps are of another encoder, or as `read_sentences`
        does.
        """
        scores = AttachmentScores()
        sentences = read_sentences(path, lambda maps: self.source.join(maps.source))
        for batch in bucketed(sentences, SCORED_AT_ONCE):
            inputs = padded(batch, self.model, self.vectors)
            del inputs["heads"]
            predicted = np.asarray(self.model(inputs)).argmax(-1)  # [B, N]
            for maps, heads in zip(batch, predicted, strict=True):
                scores.update(maps, heads[: len(maps.require_words())])
        return scores

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Weights [L, H] of the probe of attention alone: "to head" is u, that of
        attention from the dependent to its head, "from head" w, that of attention from
        the head to its dependent."""
        shape = len(self.source.layers), self.source.heads
        return {
            "to head": self.model.to_head.numpy().reshape(shape),
            "from head": self.model.from_head.numpy().reshape(shape),
        }


def train_probe(
    path: str | Path,
    kind: str = "attention",
    settings: ProbeSettings = AS_IN_PAPER,
    *,
    vectors: WordVectors | None = None,
) -> TrainedProbe:
    """Train one of Table 3's probes on a file of maps between words.

    `kind` is a key of PROBES; those with words need `vectors`. Sentences are shuffled
    in a buffer of bounded size. Any attention will do, that of a random-init encoder
    too. Raises InputError as `read_sentences` does, for maps of another quantity, and
    for a file without words to learn from.
    """
    probe = new_probe(path, kind, settings, vectors)
    training(probe, path, settings)
    return probe


def learning_curve(
    train: str | Path,
    dev: str | Path,
    kind: str = "attention",
    settings: ProbeSettings = AS_IN_PAPER,
    *,
    vectors: WordVectors | None = None,
    first: int = 100,
) -> pd.Series:
    """UAS on `dev` without punctuation, by the number of sentences trained on.

    These are `first` sentences, drawn at random, twice as many, and so on, up to all of
    them; a probe is trained anew, all epochs long, on each.
    """
    probe = new_probe(train, kind, settings, vectors)
    every = training(probe, train, settings) // settings.epochs
    curve, sentences = {every: probe.score(dev).uas()}, first
    while sentences < every:
        probe = new_probe(train, kind, settings, vectors)
        training(probe, train, settings, sentences)
        curve[sentences], sentences = probe.score(dev).uas(), 2 * sentences
    return pd.Series(curve, name="UAS").sort_index().rename_axis("sentences")


def new_probe(
    path: str | Path, kind: str, settings: ProbeSettings, vectors: WordVectors | None
) -> TrainedProbe:
    """A probe with its first weights, for maps like those in a file."""
    if kind not in PROBES:
        raise ValueError(f"kind is {kind!r}, expected one of {', '.join(PROBES)}")
    start_keras()
    from analysis import probe_models

    model = getattr(probe_models, PROBES[kind])
    if model.uses_words and vectors is None:
        raise ValueError(f"the probe of {kind} needs vectors")
    if not model.uses_words and vectors is not None:
        raise ValueError(f"the probe of {kind} uses no vectors")
    if (first := next(read_maps(path), None)) is None:
        raise InputError(f"{path}: has no examples; was every sentence left out?")
    shape = len(first.source.layers), first.source.heads
    dimensions = vectors.matrix.shape[1] if vectors else 0
    model = model(shape, dimensions, settings.aligned, settings.seed)
    return TrainedProbe(model, first.source, vectors, [])


def training(
    probe: TrainedProbe,
    path: str | Path,
    settings: ProbeSettings,
    most: int | None = None,
) -> int:
    """Train a probe; return how many sentences were seen, in all epochs. `most`
    sentences are drawn at random, by default all."""
    from threadpoolctl import threadpool_limits

    from analysis.probe_steps import AttentionSteps, KerasSteps

    kind = AttentionSteps if probe.model.differentiated else KerasSteps
    steps = kind(probe.model, settings.learning_rate, probe.vectors)
    rng = np.random.default_rng(settings.seed)
    seen = 0
    # products of a sentence are too small to be worth waiting for other threads
    with threadpool_limits(1, "blas"):
        for _ in range(settings.epochs):
            losses, words = 0.0, 0
            sentences = read_sentences(path, lambda m: m.source.require(ATTENTION))
            if most is not None:  # the same ones in each epoch
                drawn = shuffled(sentences, np.random.default_rng(settings.seed))
                sentences = itertools.islice(drawn, most)
            batches = bucketed(shuffled(sentences, rng), settings.batch_size)
            several = in_lists(batches, max(1, TRAINED_AT_ONCE // settings.batch_size))
            packs = ((sum(map(len, some)), steps.pack(some)) for some in several)
            for count, inputs in read_ahead(packs):
                loss, learnt = steps.take(inputs)
                losses, words, seen = losses + loss, words + learnt, seen + count
            if not words:
                raise InputError(f"{path}: has no word with a head to learn")
            probe.losses.append(losses / words)
    steps.store()
    return seen

"""Jensen-Shannon distances between heads, and heads in two dimensions (Section 6).

Shapes: L layers, H heads, N = L * H heads in layer-major order, T tokens.
"""

import dataclasses
import math
from pathlib import Path

import numpy as np

from analysis.opening import holds_statistics, take_statistics
from analysis.statistic import Statistic
from attention.record import Maps
from attention.source import Source
from attention.store import load_pickle, read_meta
from toolkit.files import InputError

SMOOTHING = 1e-3  # of rows: 0.999 a + 0.001 / T


class HeadDistances(Statistic):
    """Jensen-Shannon divergence between every two heads, averaged over tokens.

    For two heads' attention p and q from one token, JS(p, q) = H((p + q) / 2) - (H(p) +
    H(q)) / 2, with H the entropy. With s = p + q and F(s) the sum of s ln s, that is
    JS = (F(2p) + F(2q) - 2 F(p + q)) / 4: sums of F over tokens are all that is kept.
    """

    def update(self, maps: Maps) -> None:
        """Take in the maps of one example; see `Statistic.update`."""
        self.accept(maps)
        tokens = len(maps.labels)
        values = maps.float32.reshape(-1, tokens * tokens)  # [L * H, N * N]
        from analysis.pair_sums import pair_sums

        smooth = (1 - SMOOTHING) * values + SMOOTHING / tokens
        self.add("pairs", pair_sums(smooth))  # the upper triangle of [N, N]
        self.count("tokens", tokens)

    def take(self, source: Source, pairs: np.ndarray, tokens: int) -> None:
        """Take in the sums over pairs of heads that on_device.py found of an example
        of this source and so many tokens."""
        self.join(source)
        self.add("pairs", pairs)
        self.count("tokens", tokens)

    @property
    def tokens(self) -> int:
        """How many tokens (or words) were taken in."""
        return int(self.counted("tokens"))

    @property
    def distances(self) -> np.ndarray:
        """Mean divergence [L * H, L * H] in nats, float64; symmetric, zero diagonal, at
        most ln 2. Times `tokens`, it is the sum that the original's code gives."""
        heads = math.prod(self.shape)
        total = np.empty((heads, heads))  # sums of F(p + q)
        rows, columns = np.triu_indices(heads)
        total[rows, columns] = total[columns, rows] = self.summed("pairs")
        own = total.diagonal()
        distances = (own[:, None] + own[None] - 2 * total) / 4 / self.tokens
        return distances.clip(0, math.log(2))


def find_distances(path: str | Path, maps: Path) -> np.ndarray:
    """Distances [N, N]: those of a file of statistics, else those that
    head_distances.py wrote of this file of maps; see `load_distances`."""
    if holds_statistics(maps):
        return take_statistics(maps, HeadDistances())[0].distances
    return load_distances(path, maps)


def load_distances(path: str | Path, maps: str | Path) -> np.ndarray:
    """Distances [N, N] that head_distances.py wrote, of this very file of maps.

    Raises InputError where the maps have been made anew since.
    """
    if (made_from := read_meta(path).get("maps")) and made_from != read_meta(maps):
        raise InputError(f"{path}: not made from {maps}; run head_distances.py again")
    return load_pickle(path)


@dataclasses.dataclass(frozen=True)
class Embedding:
    """Heads in two dimensions."""

    points: np.ndarray  # [N, 2]
    stress: float  # Kruskal's Stress-1: 0 is perfect, above 0.2 is poor


def embed_heads(distances: np.ndarray, seed: int = 0) -> Embedding:
    """Place heads [N, N] in the plane by metric multidimensional scaling (Figure 6).

    The best of five random starts, as in the paper. The axes are the principal ones,
    and the point farthest out along each lies on its positive side, so that the same
    distances and seed give the same picture.
    """
    from sklearn.manifold import MDS

    scaling = MDS(
        metric="precomputed",
        n_init=5,
        init="random",
        eps=1e-10,
        max_iter=1000,
        normalized_stress=True,
        random_state=seed,
    )
    points = scaling.fit_transform(distances)
    points = points - points.mean(0)
    _, _, axes = np.linalg.svd(points, full_matrices=False)
    points = points @ axes.T
    farthest = points[np.abs(points).argmax(0), np.arange(points.shape[1])]
    return Embedding(points * np.where(farthest < 0, -1, 1), float(scaling.stress_))

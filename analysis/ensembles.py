"""Syntax from several heads together: means of the best, and spanning trees
(Limisiewicz et al. 2020; Htut et al. 2019).

Shapes: L layers, H attention heads, W words without special tokens.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from analysis.statistic import Statistic, block_of
from analysis.syntax import (
    OFFSETS,
    DirectedHead,
    SyntaxScores,
    check_sentence,
    is_root,
    possessors,
    right_picks,
)
from attention.record import Maps
from toolkit.files import InputError

Halves = tuple[Sequence[DirectedHead], Sequence[DirectedHead]]


def choose_ensembles(
    scores: SyntaxScores, size: int = 4, minimum: int = 100
) -> dict[str, Halves]:
    """The `size` best heads of each relation of `minimum` words or more, for each half.

    Blocks of sentences of even and of odd number are two halves; the heads for one are
    those most accurate on the other. Relations without a word in one are left out.
    """
    chosen = {}
    for relation, count in scores.counts.items():
        if count < minimum or is_root(relation):
            continue
        right, total = scores.by_block(relation)
        if not all(total[half::2].any() for half in (0, 1)):
            continue
        heads = right[:, : -len(OFFSETS) - 1]
        shape, halves = (2, *scores.shape), []
        for half in (0, 1):
            best = np.argsort(-heads[1 - half :: 2].sum(0), kind="stable")[:size]
            places = zip(*np.unravel_index(best, shape), strict=True)
            halves.append([DirectedHead(*map(int, place)) for place in places])
        chosen[relation] = tuple(halves)
    return chosen


class EnsembleScores(Statistic):
    """How often the mean of several heads picks the syntactic heads of words.

    `ensembles` is from `choose_ensembles`: a sentence is scored with heads chosen on
    the other half of the corpus. The maps of heads are averaged as they are, or
    transposed where the head attends from head to dependent; otherwise as SyntaxScores.
    """

    def __init__(self, ensembles: Mapping[str, Halves]):
        super().__init__(
            ensembles={
                relation: [[[*head] for head in half] for half in halves]
                for relation, halves in ensembles.items()
            }
        )

    def update(self, maps: Maps) -> None:
        """Take in one sentence; see `SyntaxScores.update`."""
        self.accept(maps)
        heads, relations = check_sentence(maps)
        owners = possessors(maps.example, relations)
        half = block_of(" ".join(maps.example["words"])) % 2
        for relation in {*relations} & self.settings["ensembles"].keys():
            chosen = self.settings["ensembles"][relation][half]
            found = [maps.float32[layer, head] for _, layer, head in chosen]
            found = [
                values.T if direction else values
                for values, (direction, *_) in zip(found, chosen, strict=True)
            ]
            mean = np.mean(found, axis=0)[None, None]  # one head of one layer
            of_relation = np.array([name == relation for name in relations], int)
            right = right_picks(mean, heads, owners, of_relation, 2)
            # of the one head, and how many words there are
            self.count(f"relation:{relation}", right[1, [0, -1]])

    @property
    def accuracies(self) -> dict[str, float]:
        """Accuracy by relation."""
        names = self.names("relation:")
        counts = {name: self.counted(f"relation:{name}") for name in names}
        return {name: right / total for name, (right, total) in counts.items()}


def add_ensembles(table: pd.DataFrame, scores: EnsembleScores) -> pd.DataFrame:
    """Table 1 with a column for ensembles, their accuracy held out in per cent: to be
    read beside "held out", which is the best head's."""
    sizes = {len(h) for hs in scores.settings["ensembles"].values() for h in hs}
    column = {name: 100 * value for name, value in scores.accuracies.items()}
    name = f"mean of {' or '.join(map(str, sorted(sizes)))}, held out"
    return table.assign(**{name: pd.Series(column)})


class TreeScores(Statistic):
    """Agreement of each attention head's maximum spanning tree with the syntactic tree.

    The tree joins the words of a sentence by the pairs (i, j) of largest a_ij + a_ji,
    special tokens aside, and hangs from the true root, as in Htut et al. Its edges are
    undirected; hung from the root they have directions. Words whose head is ROOT do not
    count. Sentences of several roots, or none, are left out and counted.
    """

    def update(self, maps: Maps) -> None:
        """Take in one sentence; see `SyntaxScores.update`."""
        self.accept(maps)
        heads, _ = check_sentence(maps)
        roots = np.flatnonzero(heads == 0)
        if len(roots) != 1:
            self.count("left out", 1)
            return
        parents = spanning_trees(maps.float32[:, :, 1:-1, 1:-1], int(roots[0]))
        words = np.flatnonzero(heads)
        gold = heads[words] - 1
        chain = np.abs(gold - words) == 1
        self.count("words", len(words))
        self.count("chain", chain.sum())
        down = parents[..., words] == gold  # the word hangs from its head
        up = parents[..., gold] == words  # or its head from the word
        self.count("directed", down.sum(-1))
        self.count("undirected", (down | up).sum(-1))

    @property
    def left_out(self) -> int:
        """How many sentences were left out, not being trees of one root."""
        return int(self.counted("left out"))

    @property
    def directed(self) -> np.ndarray:
        """Unlabelled attachment [L, H]: the share of words hung from their head."""
        return self._share("directed")

    @property
    def undirected(self) -> np.ndarray:
        """Undirected attachment [L, H]: the share of true edges found."""
        return self._share("undirected")

    @property
    def chain(self) -> float:
        """Undirected attachment of the tree that joins neighbours."""
        return float(self._share("chain"))

    def _share(self, name: str) -> np.ndarray:
        if not self.counted("words"):
            raise InputError(
                f"no word with a head to score; {self.left_out} sentences were left "
                "out, not being trees of one root"
            )
        return self.counted(name) / self.counted("words")


def spanning_trees(attns: np.ndarray, root: int) -> np.ndarray:
    """Parents [L, H, W] of words in the maximum spanning trees of maps [L, H, W, W].

    Words count from 0; the parent of the root is -1. The maps of all heads are parts of
    one graph, joined at the root by a node of their own.
    """
    layers, heads, words, _ = attns.shape
    trees = layers * heads
    pairs = (attns + attns.swapaxes(-1, -2)).reshape(trees, words, words)
    first, second = np.triu_indices(words, 1)
    starts = np.arange(trees)[:, None] * words
    top = trees * words  # the node that joins them
    rows = np.append(starts + first, np.full(trees, top))
    columns = np.append(starts + second, starts + root)
    # costs above zero, which would be no edge; a pair's attention is at most 2
    costs = np.append(3.0 - pairs[:, first, second].astype(np.float64), np.ones(trees))
    graph = csr_array((costs, (rows, columns)), shape=(top + 1, top + 1))
    tree = minimum_spanning_tree(graph)
    _, parents = breadth_first_order(tree, top, directed=False)
    parents = parents[:-1].reshape(trees, words)
    parents = np.where(parents == top, -1, parents - starts)
    return parents.reshape(layers, heads, words)

"""Heads of known function, from the results at hand (the crosses of Figure 6).

The paper names heads that follow a dependency relation (Table 1) or coreference
(Table 2). Here they come from the scores that the notebooks of these tables save.
"""

from pathlib import Path

from analysis.coreference import CoreferenceScores
from analysis.statistic import load_statistics
from analysis.syntax import SyntaxScores
from analysis.table_1 import table_1
from attention.heads import read_head_name
from attention.source import Source

# what the notebooks save in the data folder
GENERAL_FILE = Path("general.stats.pkl")
SYNTAX_FILE = Path("depparse", "syntax.stats.pkl")
COREFERENCE_FILE = Path("coref", "coreference.stats.pkl")

MINIMUM = 50  # words of a relation
MARGIN = 10  # per cent of these words, above the best fixed offset
MOST = 6  # heads that follow a relation


def known_heads(source: Source, folder: str | Path) -> dict[str, str]:
    """What heads of known function follow, by the head's name, such as "3-9".

    Scores saved in a data folder count if they are of the same trained weights as the
    source. A head follows a relation if it is the best for it and, held out, at least
    MARGIN better than any fixed offset. Each head has the relation for which it is
    farthest ahead of the offset; the MOST heads farthest ahead are given. The best head
    for coreference is given if it finds more antecedents than the nearest mention is.
    Heads of layers that the source has not kept are left out.

    Raises InputError for a file of scores that cannot be read.
    """
    kinds = {
        SYNTAX_FILE: (SyntaxScores, _relations),
        COREFERENCE_FILE: (CoreferenceScores, _coreference),
    }
    found: dict[str, list[str]] = {}
    for name, (kind, functions) in kinds.items():
        if (path := Path(folder) / name).exists():
            (scores,) = load_statistics(path, kind)
            if _same_weights(source, scores.source):
                for head, function in functions(scores).items():
                    found.setdefault(head, []).append(function)
    return {
        head: ", ".join(functions)
        for head, functions in found.items()
        if read_head_name(head)[0] in source.layers
    }


def _same_weights(source: Source, other: Source | None) -> bool:
    """Whether the weights of both are known, trained, and the same."""
    if other is None or source.weights_sha256 is None:
        return False
    trained = bool(source.trained and other.trained)
    return trained and source.weights_sha256 == other.weights_sha256


def _relations(scores: SyntaxScores) -> dict[str, str]:
    table = table_1(scores, minimum=MINIMUM, paper_model=False).drop("all")
    ahead = table["held out"] - table["offset accuracy"]
    clear = table.assign(ahead=ahead)[ahead >= MARGIN]
    clear = clear.sort_values("ahead", ascending=False, kind="stable")
    heads = clear.drop_duplicates("head")["head"].head(MOST)
    return {head: relation for relation, head in heads.items()}


def _coreference(scores: CoreferenceScores) -> dict[str, str]:
    place = scores.best_head("mentions")
    right = scores.heads["mentions"][place].sum()
    if right <= scores.baselines["nearest other mention"].sum():
        return {}
    return {scores.head_name(*place): "coreference"}

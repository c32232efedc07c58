"""Mentions and constituents from the brackets that coreference files write.

`(3` begins a mention of cluster 3, `3)` ends it, `(3)` is one of a single word.
Mentions may nest and cross; a closing bracket is that of the last mention of its
cluster which began at an earlier word.
"""

import collections
import dataclasses
import itertools
import re
from collections.abc import Iterable
from pathlib import Path

from toolkit.files import InputError, printable, quoted

Bracket = tuple[bool, str, bool]  # whether it opens, the cluster, whether it closes

NOTHING = {"", "-", "_", "*"}  # ways to leave a column empty
CLUSTER_NAMES = {"GRP", "eid"}  # of the cluster in `# global.Entity`
ALONE = "NOCOREF"  # begins what AnCora calls the cluster of each mention without one
BRACKET = re.compile(r"(\(?)([^()|]+)(\)?)")
PIECE = re.compile(r"\[(\d{1,4})/(\d{1,4})\]$")
PARSE = re.compile(r"\(([^()*]*)|(\))")


@dataclasses.dataclass
class Place:
    """Where brackets stand: at a word, or at an empty node between two words."""

    first: int  # the word that a mention which opens here begins with
    last: int  # the word that one which closes here ends with; before `first` at a node
    line: int
    brackets: list[Bracket]


@dataclasses.dataclass
class Mentions:
    """The mentions of a document."""

    spans: list[tuple[int, int, int]]  # first and last word, cluster; sorted
    repeated: int = 0  # left out: the span is in the cluster already
    zeros: int = 0  # left out: of empty nodes only
    in_pieces: int = 0  # left out: with words between that are not theirs


def column_brackets(field: str, where: str) -> list[Bracket]:
    """The brackets of a column of CoNLL-2012 or GUM, whose clusters are numbers."""
    if field in NOTHING:
        return []
    found = _brackets(field)
    if not found or not all(cluster.isdecimal() for _, cluster, _ in found):
        raise InputError(
            f"{where}: expected mentions, found {quoted(field)}; "
            "the last column must hold brackets with numbers of clusters, such as "
            "(3)|(12, or - for none"
        )
    return found


def entity_brackets(field: str, layout: list[str] | None, where: str) -> list[Bracket]:
    """The brackets of a CoNLL-U `Entity=`, with nothing but the cluster in each.

    `layout` names the attributes of a mention, as `# global.Entity` does. Without it, a
    bracket holds the cluster alone, or <type>-<number> as in GUM before UD 2.8, where
    the number is the cluster. A piece of a mention in several keeps its number, as in
    `e3[1/2]`.
    """
    found = []
    for opens, text, closes in _brackets(field) or [(True, "", True)]:
        cluster = _cluster(text, opens, layout)
        if not PIECE.sub("", cluster):
            expected = "(<cluster>) or, in old GUM, (<type>-<number>)"
            advice = "is a line # global.Entity missing before it?"
            if layout:
                expected = f"({printable('-'.join(layout))}), as # global.Entity says"
                advice = "correct the one or the other"
            raise InputError(
                f"{where}: expected brackets of mentions, {expected}, "
                f"found Entity={printable(field)}; {advice}"
            )
        found.append((opens, cluster, closes))
    return found


def _cluster(text: str, opens: bool, layout: list[str] | None) -> str:
    """The cluster among the attributes of a mention; "" where it cannot be told."""
    parts = text.split("-")
    if len(parts) == 1 and not (opens and layout and layout[0] not in CLUSTER_NAMES):
        # a closing bracket may repeat nothing else; a name without a digit is a type's
        return text if layout or any(map(str.isdigit, text)) else ""
    if not layout:
        return parts[1] if len(parts) == 2 and parts[1].isdecimal() else ""
    place = next(i for i, name in enumerate(layout) if name in CLUSTER_NAMES)
    return parts[place] if place < len(parts) else ""


def _brackets(field: str) -> list[Bracket] | None:
    """The brackets of a field; None where it holds anything else."""
    found = BRACKET.findall(field)
    readable = "".join(map("".join, found)) == field.replace("|", "")
    if not readable or not all(opening or closing for opening, _, closing in found):
        return None
    return [(bool(opening), text, bool(closing)) for opening, text, closing in found]


def pair_brackets(places: Iterable[Place], path: Path) -> Mentions:
    """The mentions of a document from its brackets, in order.

    They are sorted by first word, longer ones first; clusters are numbered from 0 as
    they come, and a mention of none has one of its own. Raises InputError, which names
    file and line, for a bracket without its other half.
    """
    begun = collections.defaultdict(list)  # by cluster
    found = []
    for place in places:
        # those that close were begun earlier, wherever they stand in the field
        for opens, cluster, closes in sorted(place.brackets, key=lambda b: b[0]):
            if opens and closes:
                found.append((place.first, place.last, cluster))
            elif opens:
                begun[cluster].append(place)
            elif begun[cluster]:
                found.append((begun[cluster].pop().first, place.last, cluster))
            else:
                raise InputError(
                    f"{path}:{place.line}: {printable(cluster)}) ends a mention that "
                    "did not begin"
                )
    for cluster, left in begun.items():
        for place in left:
            raise InputError(
                f"{path}:{place.line}: ({printable(cluster)} begins a mention "
                "that does not end"
            )
    whole, in_pieces = _join_pieces(found)
    overt = [(first, last, c) for first, last, c in whole if first <= last]
    spans = sorted(dict.fromkeys(overt), key=lambda span: (span[0], -span[1]))
    numbers: dict[object, int] = {}
    keys = [(c, i) if c.startswith(ALONE) else c for i, (_, _, c) in enumerate(spans)]
    return Mentions(
        [
            (first, last, numbers.setdefault(key, len(numbers)))
            for (first, last, _), key in zip(spans, keys, strict=True)
        ],
        repeated=len(overt) - len(spans),
        zeros=len(whole) - len(overt),
        in_pieces=in_pieces,
    )


def _join_pieces(
    found: list[tuple[int, int, str]],
) -> tuple[list[tuple[int, int, str]], int]:
    """The mentions, those in pieces with no word between (but an empty node) among
    them; and how many others are in pieces."""
    whole = [span for span in found if not PIECE.search(span[2])]
    begun: dict[str, list[tuple[int, int]]] = {}  # pieces of a mention so far
    left_out = 0
    for first, last, cluster in sorted(found):
        if not (piece := PIECE.search(cluster)):
            continue
        number, count = map(int, piece.groups())
        name = cluster[: piece.start()]
        pieces = begun.setdefault(name, [])
        pieces.append((first, last))
        if number < count:
            continue
        del begun[name]
        gaps = any(b[0] > a[1] + 1 for a, b in itertools.pairwise(pieces))
        if gaps or len(pieces) != count:
            left_out += 1
        else:
            whole.append((pieces[0][0], last, name))
    return whole, left_out + len(begun)


def constituents(
    fields: Iterable[tuple[int, str]], path: Path
) -> dict[int, list[tuple[int, str]]]:
    """Constituents from the parse column: by first word, last word and label.

    `fields` are those of a document's words, each with the number of its line.
    """
    found = collections.defaultdict(list)
    begun = []  # first word, place in the list of its constituents, line
    for word, (number, field) in enumerate(fields):
        if field in NOTHING:
            continue
        for label, closing in PARSE.findall(field):
            if not closing:
                begun.append((word, len(found[word]), number))
                found[word].append((word, label))
            elif begun:
                first, place, _ = begun.pop()
                found[first][place] = (word, found[first][place][1])
            else:
                raise InputError(
                    f"{path}:{number}: a bracket too many in {quoted(field)}"
                )
    if begun:
        raise InputError(f"{path}:{begun[-1][2]}: a constituent that does not end")
    return dict(found)

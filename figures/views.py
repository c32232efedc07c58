"""What is shown of one head on one example, whatever draws it (Figures 1 and 5).

A view knows nothing of files. Shapes: N tokens or words of an example, n of them shown.
"""

import dataclasses
from collections.abc import Collection

import numpy as np

from attention.quantities import ATTENTION
from attention.record import FIRST, SEPARATOR, Maps
from toolkit.files import InputError

SPECIAL = (FIRST, SEPARATOR)  # the roles of special tokens


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """The attention of one head among the tokens of an example that are shown."""

    labels: list[str]  # of the n tokens
    weights: np.ndarray  # [n, n], float64: row i is what token i gives; sums to one
    kept: np.ndarray  # [n]: of all attention from each token, the part that is shown
    marked: np.ndarray  # bool [n]: the tokens in question, with what they give
    targets: np.ndarray  # bool [n]: the tokens that these should attend to
    title: str

    @property
    def share(self) -> float:
        """Of all attention from the tokens shown, the part that is shown."""
        return float(self.kept.mean())


def view_head(
    maps: Maps,
    head: str,
    *,
    last: int | None = None,
    hidden: Collection[int] = (),
    marked: Collection[int] = (),
    targets: Collection[int] = (),
    title: str | None = None,
) -> View:
    """The view of a head, named like "3-9", on one example.

    Tokens whose role is in `hidden` (SPECIAL: all special tokens) are left out; of the
    others only the `last` are shown. Rows are renormalised over what is shown; `kept`
    says how much that is of each. `marked` and `targets` are positions in the example.
    The title is the head's name where none is given.

    Raises InputError for a head that is not in the maps, for maps of another quantity,
    where no token is left to be shown, and for a marked token that is not shown.
    """
    maps.source.require(ATTENTION)
    layer, column = maps.source.find_head(head)
    if last is not None and last < 1:
        raise InputError(f"expected to show 1 token or more, found last={last}")
    shown = np.flatnonzero(~np.isin(maps.roles, list(hidden)))[-(last or 0) :]
    if not len(shown):
        raise InputError(f"nothing to show: all {len(maps.labels)} tokens are hidden")
    if lost := {*marked, *targets} - {*shown.tolist()}:
        raise InputError(f"token {min(lost)} is marked, but not among those shown")
    weights = maps.values[layer, column][np.ix_(shown, shown)].astype(np.float64)
    sums = weights.sum(-1, keepdims=True)
    return View(
        labels=[maps.labels[position] for position in shown],
        weights=weights / np.maximum(sums, 1e-12),
        kept=sums[:, 0],  # each row of the maps sums to one
        marked=np.isin(shown, list(marked)),
        targets=np.isin(shown, list(targets)),
        title=head if title is None else title,
    )

"""One head in print: the matrix beside the lines, from the same view."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

from figures.one_head import plot_head
from figures.style import RED
from figures.views import View

pytestmark = pytest.mark.usefixtures("closed_figures")

WEIGHTS = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.1, 0.2, 0.7]])
LABELS = ["[CLS]", "$x$", "dog"]  # not mathematics


@pytest.fixture
def view():
    return View(
        labels=LABELS,
        weights=WEIGHTS,
        kept=np.ones(3),
        marked=np.array([False, True, False]),
        targets=np.array([False, False, True]),
        title="head 3-9: $y$",
    )


def test_the_matrix_holds_the_weights_of_the_lines(view):
    figure = plot_head(view)
    lines, matrix = figure.axes[:2]
    (mesh,) = [c for c in matrix.collections if isinstance(c, QuadMesh)]
    np.testing.assert_array_equal(mesh.get_array().reshape(3, 3), WEIGHTS)
    opacities = lines.collections[0].get_colors()[:, 3]
    np.testing.assert_array_equal(opacities.reshape(3, 3), WEIGHTS)
    rows, columns = matrix.get_yticklabels(), matrix.get_xticklabels()
    assert [t.get_text() for t in rows] == [t.get_text() for t in columns] == LABELS
    assert [t.get_color() == RED for t in rows] == [False, True, False]
    assert [t.get_color() == RED for t in columns] == [False, False, True]
    low, high = sorted(matrix.get_ylim())
    assert (low, high, matrix.yaxis_inverted()) == (0, 3, True)  # row 0 on top


def test_dollar_signs_are_tokens(view):
    figure = plot_head(view)
    texts = [*figure.axes[0].texts, *figure.axes[1].get_yticklabels()]
    texts += [*figure.axes[1].get_xticklabels(), figure.texts[0]]
    assert {"$x$", "head 3-9: $y$"} <= {text.get_text() for text in texts}
    assert not any(t.get_parse_math() for t in texts if "$" in t.get_text())

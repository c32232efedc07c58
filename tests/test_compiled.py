"""Compiled loops keep their machine code on disk where they can, and work where not."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from toolkit.compiled import compiled

ROOT = Path(__file__).parent.parent
MODULE = """
import numpy as np
from toolkit.compiled import compiled

@compiled
def total(values):
    sum = 0.0
    for value in values:
        sum += value
    return sum

assert total(np.array([1.0, 2.5, 4.0])) == 7.5
print(sum(total.stats.cache_hits.values()), sum(total.stats.cache_misses.values()))
"""


@pytest.fixture
def run(tmp_path):
    """Run a module that holds a compiled loop, in a process of its own; the loads from
    disk and the compilations that it counts."""
    module = tmp_path / "source" / "module.py"
    module.parent.mkdir()
    module.write_text(MODULE)

    def run(user_cache):
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(user_cache),
            "HOME": str(user_cache),
        }
        result = subprocess.run(
            [sys.executable, module], env=environment, capture_output=True, text=True
        )
        assert not result.stderr
        return result.stdout

    return run


def test_code_is_kept_beside_the_source(run, tmp_path):
    assert run(tmp_path / "cache") == "0 1\n"
    assert run(tmp_path / "cache") == "1 0\n"
    assert list((tmp_path / "source" / "__pycache__").glob("*.nbc"))
    assert not (tmp_path / "cache").exists()


def test_code_is_kept_in_the_users_cache_where_the_source_cannot_be_written(
    run, tmp_path
):
    """A file in the place of the folder keeps everybody from writing, root too."""
    (tmp_path / "source" / "__pycache__").touch()
    assert run(tmp_path / "cache") == "0 1\n"
    assert run(tmp_path / "cache") == "1 0\n"


def test_loops_are_compiled_anew_where_nothing_can_be_written(run, tmp_path):
    (tmp_path / "source" / "__pycache__").touch()
    (tmp_path / "cache").touch()
    assert run(tmp_path / "cache") == "0 1\n"
    assert run(tmp_path / "cache") == "0 1\n"


def test_division_by_zero_is_numpys():
    """Rather than Python's error, which keeps loops from vector instructions."""

    @compiled
    def ratios(values, by):
        for k in range(len(values)):
            values[k] /= by[k]
        return values

    found = ratios(np.array([1.0, -1, 0, 6]), np.array([0.0, 0, 0, 2]))
    np.testing.assert_array_equal(found, [np.inf, -np.inf, np.nan, 3])

"""What a notebook is made of: parts that show a result, or say what is missing."""

import contextlib
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure

from figures.style import save_figure
from figures.tables import save_table, show_table
from toolkit.files import InputError

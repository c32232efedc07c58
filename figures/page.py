"""A page of maps: one HTML file that shows what every head attends to in a sentence.

The page is ordinary HTML, CSS and JavaScript in the folder `page`, filled with data. It
loads nothing, and its Content-Security-Policy lets it load nothing: scripts and style
are named by their digests, and text is only ever set as text.
"""

import base64
import dataclasses
import hashlib
import html
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attention.record import Maps
from attention.sentences import sentence_maps
from attention.source import TOKENS, WORDS
from figures.panels import ROUNDINGS, Panel, group_panels, head_names
from toolkit.files import InputError, open_whole

if TYPE_CHECKING:
    from analysis.statistic import Statistic
    from bert import BertModel

FOLDER = Path(__file__).parent / "page"
SCRIPTS = (
    "data.js",
    "draw.js",
    "figure.js",
    "state.js",
    "overview.js",
    "switches.js",
    "page.js",
    "events.js",
)  # in this order
MAX_BYTES = 200 * 2**20  # of data in a page; browsers fail at strings of 512 MB
HEIGHT = 860  # of the frame in a notebook, in CSS pixels


@dataclasses.dataclass(frozen=True)
class Page:
    """A whole HTML page. A notebook shows it in a frame that holds all of it."""

    html: str

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" title="Attention maps" '
            f'style="width:100%;height:{HEIGHT}px;border:0"></iframe>'
        )

    def save(self, path: str | Path) -> None:
        """Write the page to a file, which appears under its name only when whole."""
        with open_whole(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(self.html)


def look(
    sentences: str | Mapping | Iterable[str | Mapping],
    *models: "BertModel",
    cased: bool = False,
    **options: Any,
) -> Page:
    """A page of what a model attends to in one or several sentences.

    Sentences, models and `cased` are those of `panels_of`, `options` those of `show`.
    Raises InputError for a sentence that cannot be used.
    """
    return show(panels_of(sentences, *models, cased=cased), **options)


def panels_of(
    sentences: str | Mapping | Iterable[str | Mapping],
    *models: "BertModel",
    cased: bool = False,
) -> list[Panel]:
    """The maps of one or several sentences by each model, sentence by sentence.

    Sentences are strings or examples, as `sentence_maps` takes them. Models come from
    `bert.load_model`; the page shows two encoders side by side, and switches between
    the quantities of one. Raises InputError for a sentence that cannot be used.
    """
    if isinstance(sentences, str | Mapping):
        sentences = [sentences]
    sentences = list(sentences)
    packages = ("keras", "tensorflow", "numpy", "tokenizers")
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in packages)
    by_model = [
        [
            Panel(
                maps,
                model.folder.resolve().name,
                pieces,
                {"Folder": str(model.folder), "Versions": versions},
            )
            for maps, pieces in sentence_maps(sentences, model, cased)
        ]
        for model in models
    ]
    # the same sentence by every model, then the next
    return [panel for row in zip(*by_model, strict=True) for panel in row]


def show(
    maps: Maps | Panel | Iterable[Maps | Panel],
    *,
    head: str | None = None,
    words: bool = False,
    statistics: Iterable["Statistic"] = (),
    dtype: str = "uint8",
) -> Page:
    """A page of maps.

    It opens on `head` (such as "3-9"; else on the first), and between words where
    `words` is true and they are known. `statistics` of a corpus say what is known of
    each head; they must be of the encoder of some of the maps. Values are kept as
    `dtype`, a key of ROUNDINGS: "uint8" is scaled by row. Maps of several quantities of
    the same text and encoder share a place, and a switch changes between them. Raises
    InputError where the maps have no such head, words or encoder, or are too many for a
    page.
    """
    if dtype not in ROUNDINGS:
        raise ValueError(f"dtype is {dtype!r}, expected {' or '.join(ROUNDINGS)}")
    if isinstance(maps, Maps | Panel):
        maps = [maps]
    panels = [m if isinstance(m, Panel) else Panel(m) for m in maps]
    if not panels:
        raise InputError("no maps to show: which example was asked for?")
    size = sum(p.maps.values.size for p in panels) * np.dtype(dtype).itemsize
    if size > MAX_BYTES:
        raise InputError(
            f"{size / 2**20:,.0f} MB of maps, but a page holds {MAX_BYTES >> 20} MB at "
            "most: give fewer or shorter texts, or fewer layers"
        )
    first = panels[0]
    names = head_names(first.maps.source)
    if head and head not in names:
        first.maps.source.find_head(head)  # raises, unless it is of the wrong kind
        raise InputError(
            f"no head {head}: maps of {first.maps.quantity} are of whole layers, "
            f"{', '.join(names)}"
        )
    if words and first.maps.level != WORDS and not first.word_pieces:
        raise InputError(
            "which pieces make a word is not known of these maps between tokens: make "
            "them with extract_attention.py --word-level"
        )
    known = []
    if statistics := list(statistics):
        from figures.head_notes import head_notes  # imports pandas: only now

        known = head_notes(statistics, [p.maps.source for p in panels])
    groups = zip(panels, group_panels(panels), strict=True)
    data = {
        "panels": [panel.data(dtype) | {"group": group} for panel, group in groups],
        "known": known,
        "head": head or names[0],
        "level": WORDS if words else TOKENS,
    }
    return Page(_fill(data, title=data["panels"][0]["name"]))


def _fill(data: dict, title: str) -> str:
    """The page's HTML with its style, scripts and data put in."""
    parts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS}
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src {_digest(style)}; "
        f"script-src {' '.join(map(_digest, parts.values()))}"
    )
    # no "<" in the data, so that no token can end the element that holds it
    text = json.dumps(data, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")
    fields = {
        "POLICY": policy,
        "TITLE": html.escape(title),
        "STYLE": style,
        "DATA": text,
        "SCRIPTS": "\n".join(f"<script>{part}</script>" for part in parts.values()),
    }
    page = (FOLDER / "page.html").read_text(encoding="utf-8")
    pieces = page.split("%%")  # literal, field, literal, ..., so no field is searched
    pieces[1::2] = [fields[name] for name in pieces[1::2]]
    return "".join(pieces)


def _digest(text: str) -> str:
    """A Content-Security-Policy source that admits exactly this inline text."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"

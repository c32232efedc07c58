"""A page of maps: one HTML file that shows what every head attends to in a sentence.

The page is ordinary HTML, CSS and JavaScript in the folder `page`, filled with data. It
loads nothing, and its Content-Security-Policy lets it load nothing: scripts and style
are named by their digests, and text is only ever set as text.

Shapes: L layers, H heads, N rows of a map (tokens, or words with special tokens).
"""

import base64
import dataclasses
import hashlib
import html
import importlib.metadata
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attention.record import FIRST, SEPARATOR, Maps
from attention.sentences import sentence_maps
from attention.source import TOKENS, WORDS
from toolkit.files import InputError, open_whole

if TYPE_CHECKING:
    from analysis.statistic import Statistic
    from bert import BertModel

FOLDER = Path(__file__).parent / "page"
SCRIPTS = (
    "data.js",
    "draw.js",
    "figure.js",
    "overview.js",
    "switches.js",
    "page.js",
)  # in this order
ROUNDINGS = {
    "uint8": "to 8 bits a value, by at most 1/510 of the largest in its row",
    "float16": "to float16, by at most 1/2048 of a value",
}
MAX_BYTES = 200 * 2**20  # of data in a page; browsers fail at strings of 512 MB
HEIGHT = 860  # of the frame in a notebook, in CSS pixels


@dataclasses.dataclass(frozen=True)
class Panel:
    """The maps of one text, and what the page says of them."""

    maps: Maps
    model: str = "model"  # a short name
    # positions of each word's pieces, special tokens included, as Prepared.word_pieces
    word_pieces: Sequence[Sequence[int]] | None = None
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)


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

    Sentences are strings or examples, as `sentence_maps` takes them. Models come from
    `bert.load_model`; the page shows two of them side by side. `options` are those of
    `show`. Raises InputError for a sentence that cannot be used.
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
    panels = [panel for row in zip(*by_model, strict=True) for panel in row]
    return show(panels, **options)


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
    `dtype`, a key of ROUNDINGS: "uint8" is scaled by row. Raises InputError where the
    maps have no such head, words or encoder, or are too many for a page.
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
    head = head or first.maps.source.head_name(0, 0)
    first.maps.source.find_head(head)
    if words and first.maps.level != WORDS and not first.word_pieces:
        raise InputError(
            "which pieces make a word is not known of these maps between tokens: make "
            "them with extract_attention.py --word-level"
        )
    known = []
    if statistics := list(statistics):
        from figures.head_notes import head_notes  # imports pandas: only now

        known = head_notes(statistics, [p.maps.source for p in panels])
    data = {
        "panels": [_panel(panel, dtype) for panel in panels],
        "known": known,
        "head": head,
        "level": WORDS if words else TOKENS,
    }
    return Page(_fill(data, title=data["panels"][0]["name"]))


def _panel(panel: Panel, dtype: str) -> dict[str, Any]:
    """A panel as the page's scripts read it; positions and heads count from 0."""
    maps, source = panel.maps, panel.maps.source
    labels, special = maps.labels, np.isin(maps.roles, (FIRST, SEPARATOR))
    values, largest = _rounded(maps.float32, dtype)
    text = [label for label, hidden in zip(labels, special, strict=True) if not hidden]
    words = None
    if panel.word_pieces:
        words = {
            "pieces": [list(pieces) for pieces in panel.word_pieces],
            "labels": [labels[0], *maps.example["words"], labels[-1]],
        }
    return {
        "name": " ".join(maps.example.get("words") or text),
        "model": panel.model,
        "facts": _facts(maps, dtype) | dict(panel.facts),
        "quantity": maps.quantity,
        "level": maps.level,
        "labels": labels,
        "special": np.flatnonzero(special).tolist(),
        "words": words,
        "layers": list(source.layers),
        "heads": source.heads,
        "weights": source.weights_sha256,
        "dtype": dtype,
        "values": _base64(values),
        "largest": _base64(largest),
    }


def _rounded(values: np.ndarray, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Values [L, H, N, N] as `dtype`, and the largest of each row [L, H, N]."""
    largest = values.max(-1)
    if dtype == "float16":
        return values.astype("<f2"), largest.astype("<f4")
    scale = 255 / np.where(largest > 0, largest, 1)
    return np.rint(values * scale[..., None]).astype(np.uint8), largest.astype("<f4")


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array)).decode("ascii")


def _facts(maps: Maps, dtype: str) -> dict[str, str]:
    """What the footer says of maps."""
    source, rows = maps.source, maps.values.shape[-1]
    weights = f"SHA-256 {source.weights_sha256}" if source.weights_sha256 else "unknown"
    if source.trained is False:
        weights = "drawn at random"
    kept = ", ".join(str(layer + 1) for layer in source.layers)
    values = f"{maps.quantity} between {rows} {maps.level}, special tokens included"
    facts = {
        "Values": f"{values}; rounded {ROUNDINGS[dtype]}",
        "Layers": f"{kept} of {source.model_layers or 'an unknown number'}, with "
        f"{source.heads} heads",
        "Family": source.family or "unknown",
        "Weights": weights,
    }
    if source.inferred:
        facts["Inferred"] = f"{', '.join(source.inferred)}: no meta file says"
    return facts


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

"""Look at what BERT attends to in a sentence: one HTML page that opens anywhere.

In:  sentences, their words separated by spaces; or --file, a JSON of examples or a text
     with one sentence a line; or --maps, files of maps
Out: look.html, a page that needs no network: all heads, one head in detail, quantities,
     models and sentences side by side; or, named .pdf, a picture of one head

Try: python look.py "The cat that she saw slept ." --bert-dir DIR
"""

import dataclasses
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from attention.heads import read_head_name
from attention.meta import read_meta
from attention.quantities import ATTENTION, LAYER_NORMS, NORMS, ROLLOUT
from attention.record import describe_maps, read_maps
from attention.sentences import read_sentences
from bert import BertConfig
from bert.config import check_layers
from toolkit import cli
from toolkit.files import InputError, check_output, make_folder, spare_inputs

if TYPE_CHECKING:
    from figures.panels import Panel


QUANTITIES = (ATTENTION, NORMS, *LAYER_NORMS.values(), ROLLOUT)


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    add = parser.add_argument
    add("sentences", nargs="*", metavar="SENTENCE", help="words separated by spaces")
    add(
        "--file",
        type=cli.file_path,
        metavar="FILE",
        help="a .json or .jsonl of examples, or a text with one sentence a line",
    )
    add(
        "--maps",
        type=cli.file_path,
        metavar="FILE",
        nargs="+",
        help="maps on disk, no encoder; of several quantities, the page switches "
        "between them",
    )
    add(
        "--example",
        type=cli.seed,
        metavar="N",
        nargs="+",
        help="which of --file or --maps, from 0; default: all of --file, the first of "
        "--maps",
    )
    add("--bert-dir", type=Path, metavar="DIR", help="Google or Hugging Face folder")
    add(
        "--compare",
        type=Path,
        metavar="DIR",
        help="a second BERT, whose maps stand beside those of the first",
    )
    add(
        "--quantity",
        choices=QUANTITIES,
        nargs="+",
        help="what the page shows and switches between; default: attention. Rollout is "
        "added to attention, of --maps too; the others need an encoder",
    )
    add("--cased", action="store_true", help="keep case (and accents) of the text")
    add("--words", action="store_true", help="open between words, not pieces")
    add(
        "--layers",
        type=cli.positive,
        metavar="N",
        nargs="+",
        help="which to show, counted from 1; default: all",
    )
    add("--head", metavar="NAME", help="open on this head, such as 3-9")
    add(
        "--statistics",
        type=cli.file_path,
        metavar="FILE",
        nargs="+",
        default=[],
        help=".stats.pkl of a corpus: each head carries what is known of it",
    )
    add(
        "--dtype",
        choices=("uint8", "float16"),
        default="uint8",
        help="of values in the page: 8 bits scaled by row, or float16, twice as large",
    )
    add(
        "--outfile",
        type=cli.file_path,
        metavar="FILE",
        default=Path("look.html"),
        help="the page",
    )
    args = parser.parse_args(argv)
    given = [bool(args.sentences), args.file is not None, args.maps is not None]
    if sum(given) != 1:
        parser.error("expected one of: sentences, --file, --maps")
    if args.maps and (args.bert_dir or args.compare or args.cased):
        parser.error("--maps needs no encoder: no --bert-dir, --compare or --cased")
    if not args.maps and not args.bert_dir:
        parser.error("--bert-dir is needed, which makes the maps")
    if args.sentences and args.example:
        parser.error("--example chooses among --file or --maps")
    if args.outfile.suffix == ".pdf":
        if not args.head:
            parser.error("a .pdf shows one head: name it with --head")
        if args.statistics or args.dtype != "uint8":
            parser.error("--statistics and --dtype are of the page, not of a .pdf")
    if args.maps and {*(args.quantity or [])} - {ROLLOUT}:
        parser.error("--maps have their quantity; only rollout can be added to them")
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    picture = args.outfile.suffix == ".pdf"
    if not picture and args.outfile.suffix != ".html":
        raise InputError(
            f"{args.outfile}: the name must end in .html, or in .pdf for one head"
        )
    check_output(args.outfile)
    given = filter(None, [args.file, *(args.maps or []), *args.statistics])
    spare_inputs(args.outfile, *given)
    make_folder(args.outfile.parent)
    if args.head and not args.head.isdecimal():  # of a layer's maps, its number
        read_head_name(args.head)
    panels = from_disk(args) if args.maps else from_models(args)
    if picture:
        from figures.one_head import save_heads

        save_heads(panels, args.head, args.outfile, words=args.words)
        print(f"{args.outfile} written")
        return
    from figures.page import show

    statistics = []
    if args.statistics:
        from figures.head_notes import read_statistics  # imports pandas: only now

        statistics = [s for path in args.statistics for s in read_statistics(path)]
    page = show(
        panels,
        head=args.head,
        words=args.words,
        statistics=statistics,
        dtype=args.dtype,
    )
    page.save(args.outfile)
    print(f"{args.outfile} written ({cli.size(args.outfile)}): open it in a browser")


def from_disk(args) -> list["Panel"]:
    """The maps on disk: an example of every file, then the next example."""
    from figures.panels import Panel

    by_file = []
    for path in args.maps:
        bert_dir = read_meta(path).get("flags", {}).get("bert_dir")
        name, facts = Path(bert_dir or path).name, {"Maps": describe_maps(path)}
        chosen = list(_chosen(read_maps(path), args.example or [0], path))
        there = [layer + 1 for layer in chosen[0].layers]
        if missing := {*(args.layers or [])} - {*there}:
            held = ", ".join(map(str, there))
            raise InputError(f"{path}: no layer {min(missing)}, it holds layers {held}")
        by_file.append([Panel(maps, name, facts=facts) for maps in chosen])
    panels = [panel for row in zip(*by_file, strict=True) for panel in row]
    return _adjusted(panels, args)


def from_models(args) -> list["Panel"]:
    """Sentences through one or two encoders."""
    sentences = args.sentences or read_sentences(args.file)
    if args.example:
        sentences = list(_chosen(sentences, args.example, args.file))
    folders = [folder for folder in (args.bert_dir, args.compare) if folder]
    layers = args.layers and sorted({layer - 1 for layer in args.layers})
    for folder in folders:
        check_layers(BertConfig.from_folder(folder), layers, folder)
    wanted = args.quantity or [ATTENTION]
    quantities = dict.fromkeys(ATTENTION if q == ROLLOUT else q for q in wanted)

    from bert import load_model  # imports TensorFlow: only now
    from figures.page import panels_of

    models = [
        load_model(folder, layers=None if ROLLOUT in wanted else layers, quantity=q)
        for folder in folders
        for q in quantities
    ]
    return _adjusted(panels_of(sentences, *models, cased=args.cased), args)


def _adjusted(panels: list["Panel"], args) -> list["Panel"]:
    """With rollout where it is asked for, which needs all layers, and then with the
    layers that are to be shown."""
    from figures.panels import with_rollout

    if ROLLOUT in (args.quantity or []):
        panels = with_rollout(panels)
    if args.layers:
        panels = [_keep_layers(panel, args.layers) for panel in panels]
    return panels


def _chosen(items, numbers: list[int], path: Path) -> Iterator:
    """The items of these numbers (from 0), in the order of the file."""
    wanted, count = set(numbers), 0
    for count, item in enumerate(islice(items, max(wanted) + 1), 1):
        if count - 1 in wanted:
            yield item
    if count <= max(wanted):
        raise InputError(f"{path}: no example {max(wanted)}, it has {count}, from 0")


def _keep_layers(panel: "Panel", layers: list[int]) -> "Panel":
    """A panel of some layers only, counted from 1."""
    maps = panel.maps
    numbers = sorted({layer - 1 for layer in layers})
    places = [maps.layers.index(n) for n in numbers]
    source = dataclasses.replace(maps.source, layers=tuple(numbers))
    kept = dataclasses.replace(maps, values=maps.values[places], source=source)
    return dataclasses.replace(panel, maps=kept)


if __name__ == "__main__":
    raise SystemExit(main())

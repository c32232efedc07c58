"""Look at what BERT attends to in a sentence: one HTML page that opens anywhere.

In:  sentences, their words separated by spaces; or --file, a JSON of examples or a text
     with one sentence a line; or --maps, a file of maps
Out: look.html, a page that needs no network: all heads, one head in detail, models and
     sentences side by side

Try: python look.py "The cat that she saw slept ." --bert-dir DIR
"""

import dataclasses
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from attention.heads import read_head_name
from attention.record import Maps, describe_maps, read_maps
from attention.sentences import read_sentences
from bert import BertConfig
from bert.config import check_layers
from toolkit import cli
from toolkit.files import InputError, check_output, make_folder


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    add = parser.add_argument
    add("sentences", nargs="*", metavar="SENTENCE", help="words separated by spaces")
    add(
        "--file",
        type=cli.file_path,
        metavar="FILE",
        help="a .json of examples, or a text with one sentence a line",
    )
    add("--maps", type=cli.file_path, metavar="FILE", help="maps on disk, no encoder")
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
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    if args.outfile.suffix != ".html":
        raise InputError(f"{args.outfile}: the page's name must end in .html")
    check_output(args.outfile)
    make_folder(args.outfile.parent)
    if args.head:
        read_head_name(args.head)
    statistics = []
    if args.statistics:
        from figures.head_notes import read_statistics  # imports pandas: only now

        statistics = [s for path in args.statistics for s in read_statistics(path)]
    options = {
        "head": args.head,
        "words": args.words,
        "statistics": statistics,
        "dtype": args.dtype,
    }
    page = from_disk(args, options) if args.maps else from_models(args, options)
    page.save(args.outfile)
    size = args.outfile.stat().st_size
    print(f"{args.outfile} written ({size / 1e6:,.1f} MB): open it in a browser")


def from_disk(args, options: dict):
    """The page of maps on disk."""
    from figures.page import Panel, show

    name, made_from = args.maps.name, describe_maps(args.maps)
    chosen = list(_chosen(read_maps(args.maps), args.example or [0], args.maps))
    facts = {"Maps": made_from}
    if args.layers:
        chosen = [_keep_layers(maps, args.layers, args.maps) for maps in chosen]
    return show([Panel(maps, name, facts=facts) for maps in chosen], **options)


def from_models(args, options: dict):
    """The page of sentences through one or two encoders."""
    sentences = args.sentences or read_sentences(args.file)
    if args.example:
        sentences = list(_chosen(sentences, args.example, args.file))
    folders = [folder for folder in (args.bert_dir, args.compare) if folder]
    layers = args.layers and sorted({layer - 1 for layer in args.layers})
    for folder in folders:
        check_layers(BertConfig.from_folder(folder), layers, folder)

    from bert import load_model  # imports TensorFlow: only now
    from figures.page import look

    models = [load_model(folder, layers=layers) for folder in folders]
    return look(sentences, *models, cased=args.cased, **options)


def _chosen(items, numbers: list[int], path: Path) -> Iterator:
    """The items of these numbers (from 0), in the order of the file."""
    wanted, count = set(numbers), 0
    for count, item in enumerate(islice(items, max(wanted) + 1), 1):
        if count - 1 in wanted:
            yield item
    if count <= max(wanted):
        raise InputError(f"{path}: no example {max(wanted)}, it has {count}, from 0")


def _keep_layers(maps: Maps, layers: list[int], path: Path) -> Maps:
    """Maps of some layers only, counted from 1."""
    numbers = sorted({layer - 1 for layer in layers})
    if missing := [n + 1 for n in numbers if n not in maps.layers]:
        there = ", ".join(str(n + 1) for n in maps.layers)
        raise InputError(f"{path}: no layer {missing[0]}, it holds layers {there}")
    places = [maps.layers.index(n) for n in numbers]
    source = dataclasses.replace(maps.source, layers=tuple(numbers))
    return dataclasses.replace(maps, values=maps.values[places], source=source)


if __name__ == "__main__":
    raise SystemExit(main())

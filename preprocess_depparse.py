"""Turn dependency treebanks into examples for the analysis of syntax (Section 4).

In:  files of the original's format (.txt, a line `word <head>-<relation>` for each
     word), CoNLL-U (.conllu) or CoNLL-X (.conll, .conllx, .conll10), compressed (.gz)
     or not, with an empty line between sentences
Out: <stem>.json, a list of {"words", "heads", "relns"}, with "tags" where there are
     any; heads count from 1, and 0 is ROOT

Try: python preprocess_depparse.py --data-dir examples/depparse --outdir out/depparse
"""

import re
from pathlib import Path

from corpora.examples import spare_others, write_examples
from corpora.lines import escape_note, is_withheld
from corpora.treebank import find_splits, read_treebank
from toolkit import cli
from toolkit.files import InputError, spare_inputs

LISTED = 3  # sentences that are not trees


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder with files called train and dev, or one of them",
    )
    data.add_argument(
        "--data-file", type=Path, metavar="FILE", nargs="+", help="any treebank files"
    )
    add = parser.add_argument
    out = parser.add_mutually_exclusive_group()
    out.add_argument(
        "--outdir",
        type=Path,
        metavar="DIR",
        help="where the JSON goes; default: beside each file",
    )
    out.add_argument(
        "--outfile",
        type=cli.file_path,
        metavar="FILE",
        help="one JSON for all files instead, in the order given",
    )
    add(
        "--universal",
        action="store_true",
        help="cut subtypes of relations, so that nmod:poss becomes nmod",
    )
    add("--strict", action="store_true", help="refuse sentences that are not trees")
    return parser.parse_args(argv)


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    paths = args.data_file or find_splits(args.data_dir)
    sources: dict[Path, list[Path]] = {}  # of each file that is written
    for path in paths:
        name = Path(re.sub(r"(?i)\.gz$", "", path.name)).with_suffix(".json")
        outfile = args.outfile or (args.outdir or path.parent) / name
        known = sources.setdefault(outfile, [])
        if path.resolve() in map(Path.resolve, known):
            raise InputError(f"{path}: given twice; name each file once")
        known.append(path)
        if args.outfile:
            spare_inputs(outfile, path)
        else:
            spare_others(outfile)
    for outfile, paths in sources.items():
        if len(paths) > 1 and not args.outfile:
            raise InputError(
                f"{outfile}: would be written from more than one file; "
                "--outfile puts them together"
            )
    for outfile, paths in sources.items():
        examples, defects = [], []
        for path in paths:
            found = read_treebank(path, universal=args.universal, strict=args.strict)
            for kept, more in zip((examples, defects), found, strict=True):
                kept += more
        write_examples(outfile, examples)
        words = sum(len(example["words"]) for example in examples)
        print(
            f"{cli.plural(len(examples), 'sentence')} of {cli.plural(words, 'word')} "
            f"written to {outfile}"
        )
        if withheld := sum(is_withheld(example["words"]) for example in examples):
            print(
                f"{cli.plural(withheld, 'sentence')} of placeholders such as _ instead "
                "of words: get the text from the treebank's publisher"
            )
        if note := escape_note(examples):
            print(note)
        if defects:
            print(f"{cli.plural(len(defects), 'sentence')} kept that are not trees:")
            print(*defects[:LISTED], sep="\n")
            if len(defects) > LISTED:
                print(f"and {len(defects) - LISTED} more")


if __name__ == "__main__":
    raise SystemExit(main())

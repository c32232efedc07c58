"""Cut plain text into spans for the general analysis (Section 3).

In:  a text file, one sentence a line, an empty line between documents; or with
     --split-sentences, lines that end anywhere (a paragraph a line, wrapped lines)
Out: a JSON list of {"tokens": ["[CLS]", ..., "[SEP]", ..., "[SEP]"]}, with the special
     tokens of the model

Try: python preprocess_unlabeled.py --data-file examples/unlabeled.txt --bert-dir DIR
"""

import argparse
import itertools
import re
from pathlib import Path

from bert import load_tokenizer
from corpora.examples import spare_others, write_examples
from corpora.unlabeled import SHORTEST_SPAN, cut_corpus
from toolkit import cli
from toolkit.files import spare_inputs


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    add = parser.add_argument
    add(
        "--data-file",
        type=cli.file_path,
        metavar="FILE",
        required=True,
        help="the text file",
    )
    add(
        "--bert-dir",
        type=Path,
        metavar="DIR",
        required=True,
        help="BERT folder, for its vocabulary",
    )
    add(
        "--outfile",
        type=cli.file_path,
        metavar="FILE",
        help="default: the data file, ending in .json",
    )
    add(
        "--num-docs",
        type=cli.positive,
        metavar="N",
        default=1000,
        help="how many spans at most",
    )
    add(
        "--max-sequence-length",
        type=cli.positive,
        metavar="N",
        default=128,
        help="tokens in a span, at most",
    )
    add("--cased", action="store_true", help="keep case (and accents) of the text")
    add(
        "--split-sentences",
        type=language_code,
        metavar="LANGUAGE",
        nargs="?",
        const="en",
        help="join the lines of a document and split them into sentences first, by the "
        "rules that the library sentencex has for this language code, such as de; "
        "English without one",
    )
    add("--seed", type=cli.seed, metavar="N", default=0, help="of the random cuts")
    add(
        "--keep-all",
        action="store_true",
        help="go on with a document after a chunk of a single sentence; in the "
        "original that ends the document",
    )
    args = parser.parse_args(argv)
    if args.max_sequence_length < SHORTEST_SPAN:
        parser.error(f"--max-sequence-length must be at least {SHORTEST_SPAN}")
    return args


def language_code(value: str) -> str:
    """A flag's value that must be a code: the library takes other words for English."""
    if not re.fullmatch("[a-z]{2,3}", value):
        raise argparse.ArgumentTypeError(
            f"expected the code of a language, such as en or de, found {value!r}"
        )
    return value


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    outfile = args.outfile or args.data_file.with_suffix(".json")
    spare_inputs(outfile, args.data_file)
    if not args.outfile:
        spare_others(outfile)
    tokenizer = load_tokenizer(args.bert_dir, args.cased)
    spans = cut_corpus(
        args.data_file,
        tokenizer,
        num_docs=args.num_docs,
        max_length=args.max_sequence_length,
        seed=args.seed,
        keep_all=args.keep_all,
        split_sentences=args.split_sentences,
    )
    write_examples(outfile, spans.examples)
    print(
        f"{cli.plural(len(spans.examples), 'span')} from "
        f"{cli.plural(spans.documents, 'document')} written to {outfile}"
    )
    for note in spans.notes(args.keep_all):
        print(note)
    tokens = itertools.chain(*(example["tokens"] for example in spans.examples))
    if warning := tokenizer.unknown_warning(tokenizer.unknown_share(tokens)):
        print(warning)


if __name__ == "__main__":
    raise SystemExit(main())

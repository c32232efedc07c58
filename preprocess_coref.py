"""Turn coreference files into examples for the analysis of coreference (Section 4.3).

In:  CoNLL-2012, GUM's three columns, or CoNLL-U (.conllu) with Entity= in MISC; see
     corpora/coreference.py
Out: a JSON list of {"words", "sentences", "mentions", ...}; each is a stretch, the
     whole sentences of a document that fit into BERT together

Try: python preprocess_coref.py --data-dir examples/coref --bert-dir DIR \\
         --outfile out/coref/dev.json
"""

from pathlib import Path

from bert import load_tokenizer
from corpora.coreference import find_files
from corpora.examples import write_examples
from corpora.lines import escape_note
from corpora.stretches import SHORTEST_STRETCH, cut_documents, require_mentions
from toolkit import cli
from toolkit.files import spare_inputs


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder, of which all files that end in conll or conllu are read",
    )
    data.add_argument(
        "--data-file",
        type=cli.file_path,
        metavar="FILE",
        nargs="+",
        help="any coreference files",
    )
    add = parser.add_argument
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
        required=True,
        help="where the JSON goes",
    )
    add(
        "--max-sequence-length",
        type=cli.positive,
        metavar="N",
        default=128,
        help="word pieces in a stretch at most, [CLS] and [SEP] included",
    )
    add("--cased", action="store_true", help="keep case (and accents) of the text")
    add(
        "--windows",
        action="store_true",
        help="cut documents into stretch after stretch, instead of keeping the first",
    )
    args = parser.parse_args(argv)
    if args.max_sequence_length < SHORTEST_STRETCH:
        parser.error(f"--max-sequence-length must be at least {SHORTEST_STRETCH}")
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    paths = args.data_file or find_files(args.data_dir)
    spare_inputs(args.outfile, *paths)
    tokenizer = load_tokenizer(args.bert_dir, args.cased)
    cut = cut_documents(
        paths,
        tokenizer,
        max_length=args.max_sequence_length,
        windows=args.windows,
    )
    require_mentions(cut, paths)
    write_examples(args.outfile, cut.examples)
    words = sum(len(example["words"]) for example in cut.examples)
    mentions = sum(len(example["mentions"]) for example in cut.examples)
    clusters = {
        (example["document"], example["part"], mention["cluster"])
        for example in cut.examples
        for mention in example["mentions"]
    }
    print(
        f"{cli.plural(len(cut.examples), 'example')} from "
        f"{cli.plural(cut.documents, 'document')} written to {args.outfile}: "
        f"{cli.plural(words, 'word')}, {cli.plural(mentions, 'mention')} in "
        f"{cli.plural(len(clusters), 'cluster')}"
    )
    sentences = cli.plural(cut.sentences, "sentence")
    limit = args.max_sequence_length
    reports = {
        f"of {sentences} lie beyond the first stretch of their documents (--windows "
        "keeps them)": cut.beyond,
        f"of {sentences} left out, each too long by itself for {limit} word "
        "pieces": cut.too_long,
        f"of {sentences} have placeholders such as _ instead of words: get the text "
        "from the corpus's publisher": cut.withheld,
    }
    for text, count in reports.items():
        if count:
            print(f"{count:,} {text}")
    reports = {
        "left out, which reach beyond the end of their stretch": cut.cut_mentions,
        "left out, whose span is in its cluster already": cut.repeated,
        "left out, of empty nodes only (zeros)": cut.zeros,
        "left out, in several pieces, with words between": cut.in_pieces,
    }
    for text, count in reports.items():
        if count:
            print(f"{cli.plural(count, 'mention')} {text}")
    if note := escape_note(cut.examples):
        print(note)
    if 2 * cut.foreign > cut.tags:
        print(
            "warning: most tags are neither the Penn Treebank's nor universal: types "
            "and heads of mentions, which they tell, will be wrong"
        )
    if warning := tokenizer.unknown_warning(cut.unknown / cut.pieces):
        print(warning)


if __name__ == "__main__":
    raise SystemExit(main())

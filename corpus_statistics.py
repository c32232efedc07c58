"""Statistics of a corpus without its maps: encoder and sums run together, in shards.

In:  JSON or JSON Lines of examples, as extract_attention.py takes, or plain text, which
     is cut into spans as preprocess_unlabeled.py does; also compressed (.gz)
Out: <data>.stats.pkl, the statistics, which the notebooks take in place of maps
     <data>.stats.meta.json, what they were made from and what was left out
     <data>.shards/, finished shards, until all are merged

Try: python corpus_statistics.py --text examples/unlabeled.txt --bert-dir DIR \\
         --outfile out/unlabeled.stats.pkl
"""

from attention import encoder
from scale import flags
from toolkit import cli
from toolkit.files import check_outfile


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    flags.add_data_flags(parser)
    encoder.add_flags(parser, batch_size="auto")
    encoder.add_map_flags(parser)
    flags.add_sharing_flags(parser)
    args = parser.parse_args(argv)
    encoder.check_map_flags(parser, args)
    flags.check_flags(parser, args)
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    from scale.run import Run

    check_outfile(args.outfile, args.text or args.preprocessed_data_file)
    run = Run(args)
    if args.resume and run.is_done():
        print(f"{args.outfile} is whole already")
        return
    names = run.names() if args.merge else run.compute()
    if args.shard:
        part, parts = args.shard
        print(
            f"part {part} of {parts} computed into {run.folder.path}; when all parts "
            "are, --merge makes the statistics"
        )
    else:
        run.report_text()
        run.merge(names)


if __name__ == "__main__":
    raise SystemExit(main())

"""Measure how alike attention heads are (Section 6).

In:  a file of attention maps, as extract_attention.py writes it
Out: <data>_head_distances.pkl, a pickled float64 array [layers * heads, layers * heads]
     of Jensen-Shannon divergences in nats, heads in layer-major order
     <data>_head_distances.meta.json, what they were made from

Try: python head_distances.py --attn-data-file unlabeled_attn.pkl
"""

from analysis.distances import HeadDistances
from analysis.statistic import accumulate
from attention.store import read_meta, write_pickle
from toolkit import cli
from toolkit.files import check_outfile


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    add = parser.add_argument
    add(
        "--attn-data-file",
        type=cli.file_path,
        metavar="FILE",
        required=True,
        help="the maps",
    )
    add(
        "--outfile",
        type=cli.file_path,
        metavar="FILE",
        help="default: <data>_head_distances.pkl beside the maps",
    )
    add(
        "--reduction",
        choices=("mean", "sum"),
        default="mean",
        help="over all tokens of all examples; the original's code gives the sum",
    )
    args = parser.parse_args(argv)
    maps = args.attn_data_file
    data = maps.stem.removesuffix("_attn")
    args.outfile = args.outfile or maps.with_name(f"{data}_head_distances.pkl")
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    check_outfile(args.outfile, args.attn_data_file)
    statistic = HeadDistances()
    examples = accumulate(args.attn_data_file, statistic)
    distances = statistic.distances
    if args.reduction == "sum":
        distances = distances * statistic.tokens
    made_from = cli.describe_run(args) | {
        "maps": read_meta(args.attn_data_file),
        "examples": examples,
        "tokens": statistic.tokens,
    }
    write_pickle(args.outfile, distances, made_from)
    print(
        f"distances between {cli.plural(len(distances), 'head')} over "
        f"{cli.plural(statistic.tokens, 'token')} of {cli.plural(examples, 'example')} "
        f"written to {args.outfile}"
    )


if __name__ == "__main__":
    raise SystemExit(main())

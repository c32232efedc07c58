"""Attention of each layer to the input, through all layers below (rollout and flow).

Abnar and Zuidema (2020); analysis/rollout.py has the definitions. Neither shows what a
prediction depends on: values and feed-forward layers are left out.

In:  a file of attention maps of all layers, as extract_attention.py writes it
Out: <maps>_rollout.pkl, the same examples with rollout in "attns" [layers, 1, tokens,
     tokens], with --by-head [layers, heads, tokens, tokens]; or <maps>_flow.pkl
     <maps>_rollout.meta.json, what they were made from

Try: python attention_rollout.py --attn-data-file unlabeled_attn.pkl
"""

import itertools

from analysis.rollout import flow, rollout, rollout_by_head
from attention import runner
from attention.meta import SIZE
from attention.quantities import FLOW, ROLLOUT
from attention.record import read_maps
from attention.store import is_written, read_meta
from toolkit import cli
from toolkit.files import InputError, check_outfile, file_digest


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
        help="default: <maps>_rollout.pkl or <maps>_flow.pkl beside the maps",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--by-head", action="store_true", help="of single heads, not of whole layers"
    )
    kind.add_argument(
        "--flow",
        action="store_true",
        help="maximum flow, in place of rollout; slow, for short texts",
    )
    add("--resume", action="store_true", help="go on where an interrupted run stopped")
    args = parser.parse_args(argv)
    maps = args.attn_data_file
    ending = FLOW if args.flow else ROLLOUT
    args.outfile = args.outfile or maps.with_name(f"{maps.stem}_{ending}.pkl")
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    check_outfile(args.outfile, args.attn_data_file)
    convert = flow if args.flow else rollout_by_head if args.by_head else rollout
    meta, maps = read_meta(args.attn_data_file), read_maps(args.attn_data_file)
    first = next(maps, None)
    if first is None:
        raise InputError(f"{args.attn_data_file}: holds no maps: was the text empty?")
    made = {
        "maps_sha256": file_digest(args.attn_data_file),
        "rollout": cli.describe_run(args),
    }
    settings = meta | convert(first).source.meta() | made
    settings.pop(SIZE, None)  # of the input

    if args.resume and is_written(args.outfile, settings):
        print(f"{args.outfile} is whole already")
        return

    def converted(done, on_batch):
        for record in itertools.islice(itertools.chain([first], maps), done, None):
            yield convert(record)
            on_batch(1)

    written = runner.write_records(args, settings, meta.get("written"), converted)
    print(
        f"{FLOW if args.flow else ROLLOUT} of {cli.plural(written, 'example')} "
        f"written to {args.outfile}"
    )


if __name__ == "__main__":
    raise SystemExit(main())

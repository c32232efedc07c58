"""Run BERT over examples and write its attention maps.

In:  a JSON list of objects with exactly one of "text" (a string), "words" (a list of
     strings) and "tokens" (a list of word pieces with [CLS] and [SEP])
Out: <data>_attn.pkl, a pickled list of the same objects with "tokens" and "attns", an
     array [layers, heads, tokens, tokens], with --word-level [.., words, words];
     attns[l, h, i, j] is attention from i to j, or with --quantity how much of j is
     carried over to i
     <data>_attn.meta.json, what they were made from and what was left out

Try: python extract_attention.py --preprocessed-data-file unlabeled.json --bert-dir DIR
"""

import functools

from attention import encoder, runner
from attention.quantities import ATTENTION
from toolkit import cli

ENDINGS = {ATTENTION: "_attn.pkl"}  # of others: their names


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    runner.add_flags(
        parser, ending="_attn.pkl, or _norms.pkl and so on,", batch_size="auto"
    )
    encoder.add_map_flags(parser)
    args = parser.parse_args(argv)
    encoder.check_map_flags(parser, args)
    runner.name_outfile(args, ENDINGS.get(args.quantity, f"_{args.quantity}.pkl"))
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    run = runner.prepare(
        args, **encoder.map_options(args), **encoder.example_options(args)
    )
    runner.write(
        run,
        run.settings(),
        load=lambda: encoder.load_encoder(run),
        maps_of=functools.partial(encoder.encoder_maps, run, prepared=run.prepared),
    )


if __name__ == "__main__":
    raise SystemExit(main())

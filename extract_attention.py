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

from attention import runner
from attention.examples import SEGMENT_IDS
from attention.extraction import attention_maps
from attention.quantities import ATTENTION, LAYER_NORMS, NORMS
from attention.source import TOKENS, WORDS
from attention.word_level import MODES
from bert import BertConfig
from bert.config import check_layers
from toolkit import cli

ENDINGS = {ATTENTION: "_attn.pkl"}  # of others: their names
RANDOM_INIT = ("none", "all", "keep-embeddings")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    runner.add_flags(
        parser, ending="_attn.pkl, or _norms.pkl and so on,", batch_size=16
    )
    add = parser.add_argument
    add("--word-level", action="store_true", help="maps between words, not pieces")
    add(
        "--word-level-mode",
        choices=MODES,
        help="attention from a split word: over its pieces, or its first piece's "
        "(default: mean)",
    )
    add(
        "--segment-ids",
        choices=SEGMENT_IDS,
        default="zeros",
        help="all zero as in the paper's released maps, or 1 after the first [SEP]; "
        "a segment_ids field in an example wins",
    )
    add(
        "--quantity",
        choices=(ATTENTION, NORMS, "layer-norms"),
        default=ATTENTION,
        help="attention weights; or the norms of the vectors that each head, or all of "
        "a layer, carries from token to token",
    )
    add(
        "--with",
        dest="parts",
        choices=LAYER_NORMS,
        help="what to add to a layer's heads: the residual connection, and layer "
        "normalisation after it (default: none)",
    )
    add(
        "--layers",
        type=cli.positive,
        metavar="N",
        nargs="+",
        help="which to keep, counted from 1 as in the paper; default: all",
    )
    add(
        "--dtype", choices=("float16", "float32"), default="float16", help="of the maps"
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of the computation; the mixed ones are for GPUs",
    )
    add(
        "--random-init",
        choices=RANDOM_INIT,
        default="none",
        help="draw all weights anew, or all but word and position embeddings (the "
        "control of the paper's Section 5)",
    )
    add(
        "--seed",
        type=cli.seed,
        metavar="N",
        default=0,
        help="of --random-init and --debug",
    )
    add("--debug", action="store_true", help="a tiny random BERT, without the weights")
    args = parser.parse_args(argv)
    if args.word_level_mode and not args.word_level:
        parser.error("--word-level-mode needs --word-level")
    if args.parts and args.quantity != "layer-norms":
        parser.error("--with needs --quantity layer-norms")
    if args.word_level_mode == "max" and args.quantity != ATTENTION:
        parser.error("--word-level-mode max makes rows sum to one, which norms do not")
    if args.quantity == "layer-norms":
        args.quantity = LAYER_NORMS[args.parts or "none"]
    runner.name_outfile(args, ENDINGS.get(args.quantity, f"_{args.quantity}.pkl"))
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    config = BertConfig.from_folder(args.bert_dir)
    if args.debug:
        config = config.tiny()
    layers = args.layers and sorted({layer - 1 for layer in args.layers})
    check_layers(config, layers, args.bert_dir)
    run = runner.prepare(
        args,
        quantity=args.quantity,
        level=WORDS if args.word_level else TOKENS,
        config=config,
        layers=layers,
        random_init="all" if args.debug else args.random_init,
        segment_ids=args.segment_ids,
        need_words=args.word_level,
    )
    mode = (args.word_level_mode or "mean") if args.word_level else None

    def load():
        from bert import load_model  # imports TensorFlow: only now

        model = load_model(
            args.bert_dir,
            layers=layers,
            random_init=args.random_init,
            seed=args.seed,
            tiny=args.debug,
            maps_dtype="float32" if mode else args.dtype,
            precision=args.precision,
            quantity=args.quantity,
        )
        return run.gate(model)

    def maps_of(model, **progress):
        return attention_maps(
            run.prepared,
            model,
            run.source,
            tokens_a_batch=args.batch_size * args.max_sequence_length,
            mode=mode,
            dtype=args.dtype,
            **progress,
        )

    runner.write(run, run.settings(), load, maps_of)


if __name__ == "__main__":
    raise SystemExit(main())

"""Run BERT over examples and write its attention maps.

In:  a JSON list of objects with exactly one of "text" (a string), "words" (a list of
     strings) and "tokens" (a list of word pieces with [CLS] and [SEP])
Out: <data>_attn.pkl, a pickled list of the same objects with "tokens" and "attns", an
     array [layers, heads, tokens, tokens], with --word-level [.., words, words];
     attns[l, h, i, j] is attention from i to j
     <data>_attn.meta.json, what they were made from and what was left out

Try: python extract_attention.py --preprocessed-data-file unlabeled.json --bert-dir DIR
"""

import time

import cli
from attention.examples import SEGMENT_IDS, prepare_examples, read_examples
from attention.store import AttentionWriter, is_written
from attention.word_level import MODES
from bert import BertConfig, load_tokenizer
from bert.folder import config_digest, weight_digest
from files import check_outfile, file_digest

ENDING = "_attn.pkl"
RANDOM_INIT = ("none", "all", "keep-embeddings")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    cli.add_map_flags(parser, ending=ENDING, batch_size=16)
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
    cli.name_outfile(args, ENDING)
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args, started = parse_args(argv), time.monotonic()
    check_outfile(args.outfile, args.preprocessed_data_file)
    config = BertConfig.from_folder(args.bert_dir)
    examples = read_examples(args.preprocessed_data_file)
    prepared, skipped = prepare_examples(
        examples,
        load_tokenizer(args.bert_dir, args.cased),
        config,
        max_length=args.max_sequence_length,
        segment_ids=args.segment_ids,
        need_words=args.word_level,
    )
    drawn = args.debug or args.random_init == "all"
    settings = cli.describe_run(args) | {
        "input_sha256": file_digest(args.preprocessed_data_file),
        "config_sha256": config_digest(args.bert_dir),
        "weights_sha256": None if drawn else weight_digest(args.bert_dir),
        "examples": len(examples),
        "written": len(prepared),
        "left_out": [
            {"example": s.example, "why": f"{s.tokens} tokens"} for s in skipped
        ],
    }
    if args.resume and is_written(args.outfile, settings):
        print(f"{args.outfile} is whole already")
        return
    write(args, prepared, settings)
    cli.report_maps(args, len(prepared), len(skipped), time.monotonic() - started)


def write(args, prepared: list, settings: dict) -> None:
    """Load BERT, run it and write the maps."""
    from attention.extraction import attention_maps
    from bert import load_model  # imports TensorFlow: only now

    cli.warn_of_restart(args)
    mode = (args.word_level_mode or "mean") if args.word_level else None
    model = load_model(
        args.bert_dir,
        layers=args.layers and sorted({layer - 1 for layer in args.layers}),
        random_init=args.random_init,
        seed=args.seed,
        tiny=args.debug,
        maps_dtype="float32" if mode else args.dtype,
        precision=args.precision,
    )
    with (
        AttentionWriter(args.outfile, settings, args.resume) as writer,
        cli.progress(total=len(prepared), initial=writer.done, unit=" examples") as bar,
    ):
        maps = attention_maps(
            prepared,
            model,
            tokens_a_batch=args.batch_size * args.max_sequence_length,
            mode=mode,
            dtype=args.dtype,
            done=writer.done,
            on_batch=bar.update,
        )
        cli.write_maps(writer, maps)


if __name__ == "__main__":
    raise SystemExit(main())

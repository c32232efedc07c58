"""Measure how much BERT's predictions depend on each attention weight (Section 3.2).

Masks tokens as BERT's pre-training does, and takes the gradient of the loss of
predicting them (the mean over the masked tokens of an example, in nats) with respect to
every attention weight. Needs a BERT with its head for masked tokens.

In:  a JSON list of examples, as for extract_attention.py
Out: <data>_grads.pkl, a pickled list of the same objects with "tokens" (as they were
     before masking), "attns" (absolute gradients, a float32 array [layers, heads,
     tokens, tokens]), "masked" (places of the masked tokens), "shown" (what BERT read
     there) and "loss"
     <data>_grads.meta.json, what they were made from and what was left out

Try: python attention_gradients.py --preprocessed-data-file data.json --bert-dir DIR
"""

import os
import time

import cli
from attention.examples import prepare_examples, read_examples
from attention.masking import mask_examples
from attention.store import AttentionWriter, is_written
from bert import BertConfig, load_tokenizer
from bert.folder import config_digest, weight_digest
from files import InputError, check_outfile, file_digest

ENDING = "_grads.pkl"


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    cli.add_map_flags(
        parser,
        bert=", with the head for masked tokens",
        ending=ENDING,
        batch_size=8,
        batch="; going back takes more memory than extraction",
    )
    add = parser.add_argument
    add(
        "--mask-rate",
        type=cli.share,
        metavar="X",
        default=0.15,
        help="share of an example's tokens to mask; at least one is",
    )
    add("--seed", type=cli.seed, metavar="N", default=0, help="of the masks")
    args = parser.parse_args(argv)
    cli.name_outfile(args, ENDING)
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args, started = parse_args(argv), time.monotonic()
    if (backend := os.environ.get("KERAS_BACKEND", "tensorflow")) != "tensorflow":
        raise InputError(
            f"KERAS_BACKEND is {backend!r}, but gradients need TensorFlow: unset it"
        )
    check_outfile(args.outfile, args.preprocessed_data_file)
    config = BertConfig.from_folder(args.bert_dir)
    tokenizer = load_tokenizer(args.bert_dir, args.cased)
    examples = read_examples(args.preprocessed_data_file)
    prepared, skipped = prepare_examples(
        examples, tokenizer, config, max_length=args.max_sequence_length
    )
    masks = mask_examples(prepared, tokenizer, rate=args.mask_rate, seed=args.seed)
    unmasked = [
        item.number
        for item, mask in zip(prepared, masks, strict=True)
        if not mask.places
    ]
    settings = cli.describe_run(args) | {
        "input_sha256": file_digest(args.preprocessed_data_file),
        "config_sha256": config_digest(args.bert_dir),
        "weights_sha256": weight_digest(args.bert_dir),
        "examples": len(examples),
        "written": len(prepared),
        "left_out": [
            {"example": s.example, "why": f"{s.tokens} tokens"} for s in skipped
        ],
        "nothing_to_mask": unmasked,
    }
    if args.resume and is_written(args.outfile, settings):
        print(f"{args.outfile} is whole already")
        return
    write(args, prepared, masks, settings)
    cli.report_maps(args, len(prepared), len(skipped), time.monotonic() - started)
    if unmasked:
        print(
            f"{cli.plural(len(unmasked), 'example')} with no token to mask: no loss, "
            "and gradients of zero"
        )


def write(args, prepared: list, masks: list, settings: dict) -> None:
    """Load BERT, run it and write the gradients."""
    from attention.gradients import gradient_maps
    from bert import load_model  # imports TensorFlow: only now

    cli.warn_of_restart(args)
    model = load_model(args.bert_dir, masked_lm=True)
    with (
        AttentionWriter(args.outfile, settings, args.resume) as writer,
        cli.progress(total=len(prepared), initial=writer.done, unit=" examples") as bar,
    ):
        maps = gradient_maps(
            prepared,
            masks,
            model,
            tokens_a_batch=args.batch_size * args.max_sequence_length,
            done=writer.done,
            on_batch=bar.update,
        )
        cli.write_maps(writer, maps)


if __name__ == "__main__":
    raise SystemExit(main())

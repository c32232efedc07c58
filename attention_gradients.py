"""Measure how much BERT's predictions depend on each attention weight (Section 3.2).

Masks tokens as BERT's pre-training does, and takes the gradient of the loss of
predicting them (the mean over the masked tokens of an example, in nats) with respect to
every attention weight. Needs a BERT with its head for masked tokens.

In:  a JSON list of examples, as for extract_attention.py
Out: <data>_grads.pkl, a pickled list of the same objects with "tokens" (as they were
     before masking), "attns" (absolute gradients, a float32 array [layers, heads,
     tokens, tokens]), "masked" (places of the masked tokens), "shown" (what BERT read
     there), "loss" and "importance" (of each head [layers, heads], signed: the
     derivative of the loss by a factor on the head's output)
     <data>_grads.meta.json, what they were made from and what was left out

Try: python attention_gradients.py --preprocessed-data-file data.json --bert-dir DIR
"""

import os

from attention import runner
from attention.gradients import gradient_maps
from attention.masking import mask_examples
from attention.quantities import GRADIENTS
from attention.source import TOKENS
from bert import BertConfig
from toolkit import cli
from toolkit.files import InputError

ENDING = "_grads.pkl"


def parse_args(argv: list[str] | None):
    parser = cli.Parser(__doc__)
    runner.add_flags(
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
    runner.name_outfile(args, ENDING)
    return args


@cli.script
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    if (backend := os.environ.get("KERAS_BACKEND", "tensorflow")) != "tensorflow":
        raise InputError(
            f"KERAS_BACKEND is {backend!r}, but gradients need TensorFlow: unset it"
        )
    run = runner.prepare(
        args,
        quantity=GRADIENTS,
        level=TOKENS,
        config=BertConfig.from_folder(args.bert_dir),
    )
    masks = mask_examples(
        run.prepared, run.tokenizer, rate=args.mask_rate, seed=args.seed
    )
    unmasked = [
        item.number
        for item, mask in zip(run.prepared, masks, strict=True)
        if not mask.places
    ]

    def load():
        from bert import load_model  # imports TensorFlow: only now

        return run.gate(load_model(args.bert_dir, masked_lm=True))

    def maps_of(model, **progress):
        return gradient_maps(
            run.prepared,
            masks,
            model,
            run.source,
            tokens_a_batch=run.tokens_a_batch,
            **progress,
        )

    settings = run.settings(nothing_to_mask=unmasked)
    if runner.write(run, settings, load, maps_of) and unmasked:
        print(
            f"{cli.plural(len(unmasked), 'example')} with no token to mask: no loss, "
            "and gradients of zero"
        )


if __name__ == "__main__":
    raise SystemExit(main())

"""Masked tokens, which an encoder is to predict, as in its pre-training.

Follows Devlin et al. (2019), Section 3.1, and the program that made BERT's training
data: a fixed share of an example's tokens, and at least one.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from attention.examples import Prepared
from bert.tokenization import Tokenizer
from toolkit.files import InputError

TO_MASK, TO_RANDOM = 0.8, 0.1  # the rest is shown as it is


@dataclasses.dataclass(frozen=True)
class Masked:
    """Which tokens of an example are masked, and what BERT reads instead."""

    places: list[int]  # positions, in order; M of them
    shown: list[str]  # the token that stands at each
    token_ids: list[int]  # of all that BERT reads, [T]


def mask_examples(
    prepared: Sequence[Prepared], tokenizer: Tokenizer, *, rate: float, seed: int
) -> list[Masked]:
    """Choose the tokens that BERT is to predict in each example.

    Of T tokens, `rate` x T (rounded, at least one, no special tokens) are chosen; of
    these, 80 % are replaced by the mask, 10 % by a random piece of the vocabulary, and
    10 % stay. Each example has its own random stream, seeded by `seed` and its number,
    so that other examples in the file have no influence. Raises InputError for a
    vocabulary without a mask.
    """
    special = tokenizer.special_tokens
    if special.mask not in tokenizer.vocabulary:
        raise InputError(f"the vocabulary lacks {special.mask}")
    never = special.first, special.separator
    pieces = sorted(tokenizer.vocabulary, key=tokenizer.vocabulary.get)

    def mask(item: Prepared) -> Masked:
        rng = np.random.default_rng([seed, item.number])
        choice = [i for i, name in enumerate(item.tokens) if name not in never]
        count = max(1, round(rate * len(item.tokens)))
        places = sorted(rng.permutation(choice)[:count].tolist())
        shown = [item.tokens[place] for place in places]
        for i, chance in enumerate(rng.random(len(places))):
            if chance < TO_MASK:
                shown[i] = special.mask
            elif chance < TO_MASK + TO_RANDOM:
                shown[i] = pieces[rng.integers(len(pieces))]
        token_ids = list(item.token_ids)
        for place, number in zip(places, tokenizer.token_ids(shown), strict=True):
            token_ids[place] = number
        return Masked(places, shown, token_ids)

    return [mask(item) for item in prepared]

"""Sentences as people type them, through an encoder: a few, all at once in memory."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from attention.examples import (
    ending,
    prepare_examples,
    read_examples,
    require_preprocessed,
)
from attention.extraction import attention_maps, model_source
from attention.record import Maps
from attention.source import TOKENS
from bert import load_tokenizer
from corpora.lines import text_lines
from toolkit.files import InputError

if TYPE_CHECKING:
    from bert import BertModel


def read_sentences(path: Path) -> list[str | dict]:
    """The examples of a .json or .jsonl, or the lines of a text that are not blank.

    Raises InputError where there is none, for a corpus that is not preprocessed, and
    for a file of another kind.
    """
    kind = ending(path)
    if kind in (".json", ".jsonl"):
        return read_examples(path)
    if kind != ".txt":
        require_preprocessed(path)
    if not (found := [line for line in text_lines(path) if line.strip()]):
        raise InputError(f"{path}: no sentence, expected one a line")
    return found


def sentence_maps(
    sentences: Iterable[str | Mapping], model: "BertModel", cased: bool = False
) -> Iterator[tuple[Maps, list[list[int]] | None]]:
    """The maps of sentences between tokens, in float32, and the pieces of their words.

    A sentence is a string, whose words are what spaces separate, or an example as
    `prepare_examples` takes it; `model` comes from `bert.load_model`. The pieces of a
    word are positions of tokens, special tokens being words of one piece; they are
    None where an example gives no words. Raises InputError for a sentence that is
    empty, or longer than the positions of the model.
    """
    examples = [{"words": s.split()} if isinstance(s, str) else s for s in sentences]
    for number, example in enumerate(examples, 1):
        if example.get("words") == []:
            raise InputError(f"sentence {number} is empty, expected at least one word")
    longest = model.config.max_tokens
    tokenizer = load_tokenizer(model.folder, cased)
    prepared, skipped = prepare_examples(
        examples, tokenizer, model.config, max_length=longest
    )
    if skipped:
        raise InputError(
            f"sentence {skipped[0].example + 1} has {skipped[0].tokens} tokens, but "
            f"{model.folder} takes {longest} at most: split it"
        )
    source = model_source(model, tokenizer, TOKENS)
    found = attention_maps(
        prepared, model, source, tokens_a_batch=longest, dtype="float32"
    )
    for item, maps in zip(prepared, found, strict=True):
        yield maps, item.word_pieces

"""Examples: reading them from JSON, and preparing them for an encoder."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from attention.example_files import iter_examples
from bert.config import BertConfig
from bert.tokenization import Tokenizer
from toolkit.cli import plural
from toolkit.files import InputError

FIELDS = ("text", "words", "tokens")
SEGMENT_IDS = ("zeros", "sep")
# keys by which people ask for what is not done, and what to do instead
REFUSED = {
    "attns": "which is what maps are called; give it another name",
    "token_type_ids": "which are called 'segment_ids' here",
    "text_pair": "but a text is one here; give both as 'tokens', with special tokens",
}
# what turns a file of another kind into examples
SCRIPTS = {
    ".txt": "preprocess_unlabeled.py (text) or preprocess_depparse.py (a treebank)",
    ".conllx": "preprocess_depparse.py",
    ".conll10": "preprocess_depparse.py",
    ".conll": "preprocess_depparse.py (treebanks) or preprocess_coref.py (coreference)",
    ".v4_gold_conll": "preprocess_coref.py",
}
SCRIPTS[".conllu"] = SCRIPTS[".conll"]


@dataclasses.dataclass(frozen=True)
class Prepared:
    """An example as an encoder takes it."""

    number: int  # of the example, from 0, those left out counted
    example: dict  # as it was read
    tokens: list[str]  # word pieces and special tokens; T of them
    token_ids: list[int]  # [T]
    segment_ids: list[int]  # [T]
    word_pieces: list[list[int]] | None  # positions of each word's pieces, W lists

    @property
    def words(self) -> list[int]:
        """The number of each token's word, [T]; special tokens are words."""
        return [word for word, pieces in enumerate(self.word_pieces) for _ in pieces]


@dataclasses.dataclass(frozen=True)
class Skipped:
    """An example that was left out as too long."""

    example: int  # its number, from 0
    tokens: int  # how many it has


def read_examples(path: str | Path) -> list[dict]:
    """Read a JSON list of examples, or JSON Lines, and check the form of each.

    Each is an object with exactly one of "text" (a string), "words" (a list of strings)
    and "tokens" (a list of word pieces); other keys are kept. Raises InputError, also
    for an empty list, and for a corpus that is not preprocessed yet.
    """
    path = Path(path)
    require_preprocessed(path)
    examples = list(iter_examples(path))
    if not examples:
        raise InputError(
            f"{path}: expected examples, found an empty list; what did the script that "
            "wrote it report?"
        )
    for i, example in enumerate(examples):
        try:
            _check(example)
        except InputError as error:
            raise InputError(f"{path}: example {i}: {error}") from None
    return examples


def ending(path: Path) -> str:
    """How a file's name ends, in small letters, without the .gz of a compressed one."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def require_preprocessed(path: Path) -> None:
    """InputError for a corpus, by its name, that has to be turned into examples."""
    if script := SCRIPTS.get(ending(path)):
        raise InputError(
            f"{path}: expected JSON of examples; make it from this file with {script}"
        )


def _check(example: object) -> None:
    if not isinstance(example, dict):
        raise InputError(f"expected an object, found {_kind(example)}")
    present = [field for field in FIELDS if field in example]
    if len(present) != 1:
        raise InputError(
            f"expected exactly one of {', '.join(FIELDS)}; "
            f"found {' and '.join(present) or 'none'}"
        )
    for key in REFUSED.keys() & example.keys():
        raise InputError(f"found {key!r}, {REFUSED[key]}")
    (field,) = present
    value = example[field]
    if field == "text":
        if not isinstance(value, str):
            raise InputError(f"'text' must be a string, found {_kind(value)}")
    elif not isinstance(value, list):
        raise InputError(f"'{field}' must be a list of strings, found {_kind(value)}")
    elif others := [v for v in value if not isinstance(v, str)]:
        raise InputError(f"'{field}' must hold strings only, found {_kind(others[0])}")
    elif field == "tokens" and not value:
        raise InputError("'tokens' must hold special tokens at least, found none")


def prepare_examples(
    examples: Iterable[dict],
    tokenizer: Tokenizer,
    config: BertConfig,
    *,
    max_length: int = 128,
    segment_ids: str = "zeros",
    need_words: bool = False,
    first: int = 0,
) -> tuple[list[Prepared], list[Skipped]]:
    """Tokenize examples and number them from `first`; leave out those of more than
    `max_length` tokens.

    `segment_ids` is "zeros" (as the paper's released maps) or "sep" (1 after the first
    [SEP]; for models of two segment types); a "segment_ids" field in an example wins.
    `need_words` asks for "words" in each. Raises ValueError for another `segment_ids`;
    InputError, which names the example, for what cannot be used, and for lengths, a
    vocabulary or segments beyond what the model (`config`) has.
    """
    if segment_ids not in SEGMENT_IDS:
        raise ValueError(
            f"segment_ids is {segment_ids!r}, expected one of {', '.join(SEGMENT_IDS)}"
        )
    if segment_ids == "sep" and config.type_vocab_size < 2:
        raise InputError(
            "segment ids by [SEP] need a model of two segment types, this one has "
            f"{config.type_vocab_size}: leave out --segment-ids sep"
        )
    if max_length > config.max_tokens:
        raise InputError(
            f"a maximum of {max_length} tokens is beyond the "
            f"{config.max_tokens} positions of the model: lower "
            "--max-sequence-length"
        )
    if (highest := max(tokenizer.vocabulary.values())) >= config.vocab_size:
        raise InputError(
            f"the vocabulary goes up to number {highest}, but the model has "
            f"{config.vocab_size} word pieces: they do not belong together; take "
            "vocabulary and weights from one model"
        )
    prepared, skipped = [], []
    for i, example in enumerate(examples, first):
        try:
            _check(example)
            if need_words and "words" not in example:
                raise InputError("no 'words', which word-level maps need")
            item = _prepare(i, example, tokenizer, segment_ids, config)
        except InputError as error:
            raise InputError(f"example {i}: {error}") from None
        if len(item.tokens) > max_length:
            skipped.append(Skipped(i, len(item.tokens)))
        else:
            prepared.append(item)
    return prepared, skipped


def require_examples(prepared: list[Prepared], skipped: list[Skipped]) -> None:
    """InputError where every example was too long: nothing would be written."""
    if not prepared and skipped:
        raise InputError(
            f"no example left, as all {len(skipped):,} are too long; the shortest has "
            f"{min(item.tokens for item in skipped)} tokens: raise "
            "--max-sequence-length, or cut the examples"
        )


def empty_examples(prepared: Iterable[Prepared], tokenizer: Tokenizer) -> int:
    """How many examples have nothing between the special tokens around the text."""
    return sum({*item.tokens} <= {*tokenizer.edges} for item in prepared)


def unframed_examples(prepared: Iterable[Prepared], tokenizer: Tokenizer) -> int:
    """How many examples do not stand between the special tokens of the model."""
    return sum(
        (item.tokens[0], item.tokens[-1]) != tokenizer.edges for item in prepared
    )


def example_notes(empty: int, unframed: int, tokenizer: Tokenizer) -> Iterator[str]:
    """What to say where there are such examples."""
    if empty:
        yield (
            f"warning: {plural(empty, 'example')} without text, whose maps are of "
            "special tokens alone and count like all others: leave them out of the "
            "input"
        )
    if unframed:
        first, separator = tokenizer.edges
        yield (
            f"warning: the tokens of {plural(unframed, 'example')} do not begin with "
            f"{first} and end with {separator}, as this model has learned it: were "
            "they made for another?"
        )


def unknown_tokens(prepared: Iterable[Prepared], tokenizer: Tokenizer) -> float:
    """The share of unknown tokens in examples, those around the text not counted."""
    return tokenizer.unknown_share(token for item in prepared for token in item.tokens)


def _prepare(
    number: int,
    example: dict,
    tokenizer: Tokenizer,
    segment_ids: str,
    config: BertConfig,
) -> Prepared:
    special, word_pieces = tokenizer.special_tokens, None
    if "tokens" in example:
        tokens = example["tokens"]
    elif "text" in example:
        tokens = tokenizer.sequence(*tokenizer.tokenize([example["text"]]))
    else:
        pieces = [
            [special.first],
            *tokenizer.tokenize_words(example["words"]),
            [special.separator],
        ]
        tokens = [piece for word in pieces for piece in word]
        positions = iter(range(len(tokens)))
        word_pieces = [[next(positions) for _ in word] for word in pieces]
    segments, segment_types = [0] * len(tokens), max(config.type_vocab_size, 1)
    if "segment_ids" in example:
        segments = example["segment_ids"]
        if not isinstance(segments, list) or len(segments) != len(tokens):
            raise InputError(f"'segment_ids' must be a list of {len(tokens)} numbers")
        if any(type(s) is not int or not 0 <= s < segment_types for s in segments):
            raise InputError(
                f"'segment_ids' must be whole numbers below {segment_types}"
            )
    elif segment_ids == "sep" and special.separator in tokens:
        first = tokens.index(special.separator) + 1
        segments = [0] * first + [1] * (len(tokens) - first)
    if special.padding in tokens:
        raise InputError(
            f"{special.padding} among the tokens, to which all others would attend: "
            "leave padding out"
        )
    ids = tokenizer.token_ids(tokens)
    return Prepared(number, example, tokens, ids, segments, word_pieces)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    if value is None:
        return "null"
    return names.get(type(value), "a number")

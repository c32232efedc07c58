"""Tokenization: text to pieces of a vocabulary to numbers.

The work is done by the `tokenizers` library, set up as the model's folder says
(tokenizer_files.py). A `Tokenizer` of a vocabulary alone is that of the original BERT:
control characters dropped, spaces around CJK characters, accents stripped when
lower-casing, words of more than 200 characters unknown. Special tokens are not
registered with the library, so that "[SEP]" inside a text is text.
docs/differences.md lists where the library differs from the original BERT's code;
tests/test_tokenization.py compares them over all code points.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from bert.families import SpecialTokens
from toolkit.files import InputError, printable

BERT_TOKENS = SpecialTokens()
LONGEST_WORD = 200  # characters
FEW_UNKNOWN = 0.03  # share of [UNK] that rare words and signs explain
MANY_CAPITALS = 100  # pieces with capitals, that no uncased vocabulary has


class Tokenizer:
    """Splits text into the pieces of a vocabulary (piece -> number).

    `backend` is the library's tokenizer, by default BERT's with this vocabulary;
    `lowercase` says whether it lower-cases. `two_separators` stand between the parts of
    a pair in RoBERTa's kin. `doubt` is what a person should know of its files.
    """

    def __init__(
        self,
        vocabulary: dict[str, int],
        lowercase: bool = True,
        *,
        backend: tokenizers.Tokenizer | None = None,
        special_tokens: SpecialTokens = BERT_TOKENS,
        two_separators: bool = False,
        doubt: str | None = None,
    ):
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self.special_tokens = special_tokens
        self.two_separators = two_separators
        self.doubt = doubt
        self._backend = backend or word_piece(vocabulary, lowercase)
        known = self._backend.get_vocab(with_added_tokens=True)
        self._pieces = {number: piece for piece, number in known.items()}
        # whether the space before a word is part of its pieces, as in byte-level BPE
        self.keeps_spaces = self.tokenize(["a"]) != self.tokenize([" a"])

    @property
    def edges(self) -> tuple[str, str]:
        """The tokens around a text: the first, and the separator."""
        return self.special_tokens.first, self.special_tokens.separator

    def tokenize(self, texts: Sequence[str]) -> list[list[str]]:
        """The pieces of each text; none for a text of which nothing is kept."""
        with refused("the tokenizer", "cannot split this text"):
            encoded = self._backend.encode_batch(_valid(texts))
        return [[self._pieces[number] for number in e.ids] for e in encoded]

    def tokenize_words(self, words: Sequence[str]) -> list[list[str]]:
        """The pieces of each word of one text, at least one.

        Each word but the first has a space before it, which is part of its pieces in
        tokenizers that keep spaces. A word of which nothing is kept is unknown.
        """
        if self.keeps_spaces:
            words = [*words[:1], *(f" {word}" for word in words[1:])]
        unknown = [self.special_tokens.unknown]
        return [pieces or unknown for pieces in self.tokenize(words)]

    def sequence(self, *parts: Sequence[str]) -> list[str]:
        """The pieces of a text, or of the two parts of a pair, with special tokens."""
        between = [self.special_tokens.separator] * (1 + self.two_separators)
        tokens = [self.special_tokens.first, *parts[0]]
        for part in parts[1:]:
            tokens += [*between, *part]
        return [*tokens, self.special_tokens.separator]

    def token_ids(self, tokens: Sequence[str]) -> list[int]:
        """The number of each token; InputError names one that has none."""
        try:
            return [self.vocabulary[token] for token in tokens]
        except KeyError as error:
            raise InputError(f"token {error} is not in the vocabulary") from None

    def unknown_share(self, tokens: Iterable[str]) -> float:
        """The share of unknown tokens, those around the text not counted; 0 of none."""
        unknown = [
            token == self.special_tokens.unknown
            for token in tokens
            if token not in self.edges
        ]
        return sum(unknown) / len(unknown) if unknown else 0.0

    def unknown_warning(self, share: float) -> str | None:
        """What to say of a share of unknown tokens, of a vocabulary with many capitals
        that lower-cased text never finds, or of the files; None where all is well."""
        capitals = sum(
            piece != piece.lower() and not piece.startswith(("[", "<"))
            for piece in self.vocabulary
        )
        cause = "is the text in the language of the model?"
        if self.lowercase and capitals:
            cause = (
                "text is lower-cased, but the vocabulary has capitals: --cased is "
                "likely to be missing"
            )
        elif not self.lowercase and not capitals:
            cause = (
                "case is kept, but the vocabulary has no capitals: --cased (or "
                "do_lower_case in tokenizer_config.json) is likely to be wrong"
            )
        if share > FEW_UNKNOWN:
            unknown = self.special_tokens.unknown
            return f"warning: {100 * share:.1f} % of the tokens are {unknown}; {cause}"
        if self.lowercase and capitals >= MANY_CAPITALS:
            return f"warning: {cause}"
        return self.doubt and f"warning: {self.doubt}"


@contextlib.contextmanager
def refused(path: object, found: str) -> Iterator[None]:
    """InputError for whatever a library raises that reads a file: the tokenizers
    library bare Exceptions, and where Rust panics, one that is no Exception."""
    try:
        yield
    except BaseException as error:
        panics = type(error).__name__ == "PanicException"
        if not isinstance(error, Exception) and not panics:
            raise
        raise InputError(
            f"{path}: {found} ({printable(str(error))}); fetch the model again"
        ) from None


def word_piece(
    vocabulary: dict[str, int],
    lowercase: bool = True,
    strip_accents: bool | None = None,
    chinese_chars: bool = True,
    unknown: str = BERT_TOKENS.unknown,
) -> tokenizers.Tokenizer:
    """The library's tokenizer, set up as the original BERT's.

    Accents are stripped where text is lower-cased, unless `strip_accents` says
    otherwise; `chinese_chars` sets spaces around CJK characters.
    """
    backend = tokenizers.Tokenizer(
        models.WordPiece(
            vocabulary, unk_token=unknown, max_input_chars_per_word=LONGEST_WORD
        )
    )
    backend.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=chinese_chars,
        strip_accents=lowercase if strip_accents is None else strip_accents,
        lowercase=lowercase,
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return backend


def _valid(texts: Sequence[str]) -> list[str]:
    """The texts with halves of surrogate pairs, which JSON may hold, replaced."""
    return [
        t.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for t in texts
    ]

"""BERT's tokenization: text to word pieces to numbers.

The work is done by the `tokenizers` library, set up as the original BERT: control
characters dropped, spaces around CJK characters, accents stripped when lower-casing,
words of more than 200 characters unknown. No special tokens are registered, so that
"[SEP]" inside a text is text. README lists where the library differs from the original;
tests/test_tokenization.py compares them over all code points.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from bert.folder import check_folder, read_json
from toolkit.files import InputError

UNK, CLS, SEP, MASK = "[UNK]", "[CLS]", "[SEP]", "[MASK]"
LONGEST_WORD = 200  # characters
FEW_UNKNOWN = 0.03  # share of [UNK] that rare words and signs explain


class Tokenizer:
    """Splits text into the word pieces of a vocabulary (piece -> number)."""

    def __init__(self, vocabulary: dict[str, int], lowercase: bool = True):
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self._tokenizer = tokenizers.Tokenizer(
            models.WordPiece(
                vocabulary, unk_token=UNK, max_input_chars_per_word=LONGEST_WORD
            )
        )
        self._tokenizer.normalizer = normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=True,
            strip_accents=lowercase,
            lowercase=lowercase,
        )
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()

    def tokenize(self, texts: Sequence[str]) -> list[list[str]]:
        """The word pieces of each text; none for a text of spaces and controls."""
        return [e.tokens for e in self._tokenizer.encode_batch(_valid(texts))]

    def token_ids(self, tokens: Sequence[str]) -> list[int]:
        """The number of each token; InputError names one that has none."""
        try:
            return [self.vocabulary[token] for token in tokens]
        except KeyError as error:
            raise InputError(f"token {error} is not in the vocabulary") from None

    def unknown_warning(self, share: float) -> str | None:
        """What to say of a share of [UNK] among tokens; None where it is small."""
        if share <= FEW_UNKNOWN:
            return None
        has_capitals = any(
            piece != piece.lower() and not piece.startswith("[")
            for piece in self.vocabulary
        )
        cause = "is the text in the language of the model?"
        if self.lowercase and has_capitals:
            cause = (
                "text is lower-cased, but the vocabulary has capitals: --cased is "
                "likely to be missing"
            )
        elif not self.lowercase and not has_capitals:
            cause = (
                "case is kept, but the vocabulary has no capitals: --cased (or "
                "do_lower_case in tokenizer_config.json) is likely to be wrong"
            )
        return f"warning: {100 * share:.1f} % of the tokens are [UNK]; {cause}"


def unknown_share(tokens: Iterable[str]) -> float:
    """The share of [UNK] among tokens, [CLS] and [SEP] not counted; 0 of no token."""
    unknown = [token == UNK for token in tokens if token not in (CLS, SEP)]
    return sum(unknown) / len(unknown) if unknown else 0.0


def load_tokenizer(folder: str | Path, cased: bool = False) -> Tokenizer:
    """The tokenizer of a BERT folder, from `vocab.txt` or `tokenizer.json`.

    `cased` keeps case and accents. Otherwise `do_lower_case` in `tokenizer_config.json`
    decides where there is one, and else text is lower-cased. Raises InputError where
    there is no such folder, or no usable vocabulary in it.
    """
    folder = check_folder(folder)
    vocabulary = _load_vocabulary(folder)
    if missing := [t for t in (UNK, CLS, SEP) if t not in vocabulary]:
        raise InputError(f"{folder}: the vocabulary lacks {', '.join(missing)}")
    lowercase = not cased
    settings = folder / "tokenizer_config.json"
    if lowercase and settings.is_file():
        lowercase = bool(read_json(settings).get("do_lower_case", True))
    return Tokenizer(vocabulary, lowercase)


def _load_vocabulary(folder: Path) -> dict[str, int]:
    text, bundle = folder / "vocab.txt", folder / "tokenizer.json"
    if text.is_file():
        try:
            vocabulary = models.WordPiece.read_file(str(text))
        except Exception as error:  # the library raises bare Exceptions
            raise InputError(f"{text}: not a vocabulary ({error})") from None
        vocabulary.pop("", None)  # an empty line is no word piece
        return vocabulary
    if bundle.is_file():
        model = read_json(bundle).get("model")
        if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict):
            raise InputError(f"{bundle}: expected the vocabulary of a WordPiece model")
        if model.get("type", "WordPiece") != "WordPiece":
            raise InputError(f"{bundle}: expected WordPiece, found {model['type']}")
        if not all(type(number) is int for number in model["vocab"].values()):
            raise InputError(f"{bundle}: expected a whole number for each word piece")
        return model["vocab"]
    raise InputError(
        f"{folder}: no vocabulary there; expected vocab.txt or tokenizer.json, as they "
        "come with the model"
    )


def _valid(texts: Sequence[str]) -> list[str]:
    """The texts with halves of surrogate pairs, which JSON may hold, replaced."""
    return [
        t.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for t in texts
    ]

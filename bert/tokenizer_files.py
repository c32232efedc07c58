"""The tokenizer of a model's folder, set up as its files say.

`tokenizer.json` is what tokenizes where it is there. Its padding, truncation and
template are switched off: examples say themselves where they begin and end. Else it is
`vocab.txt` (WordPiece) with the settings beside it, a SentencePiece model, or
`vocab.json` and `merges.txt` (byte-level BPE).
"""

import json
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from bert.config import config_file
from bert.families import FAMILIES, Family, SpecialTokens
from bert.folder import check_folder, check_no_pointer
from bert.normalizer import keep_case, lowers
from bert.tokenization import Tokenizer, refused, word_piece
from bert.tokenizer_settings import (
    added_tokens,
    check_agreement,
    check_numbers,
    missing_pieces,
    read_settings,
    special_tokens,
)
from toolkit.files import InputError, printable
from toolkit.files import read_json_object as read_json

SENTENCE_PIECES = ("sentencepiece.bpe.model", "spiece.model")
MOST_MISSING = 20  # bytes of byte-level BPE: 13 are in no UTF-8, a few in no text
HIDDEN = "\0"  # behind a piece that no text has


def load_tokenizer(folder: str | Path, cased: bool = False) -> Tokenizer:
    """The tokenizer of the folder of an encoder.

    `cased` keeps case and accents, whatever the folder says. Raises InputError where
    there is no such folder or no usable vocabulary in it, for settings that are not
    honoured, and for files that contradict each other.
    """
    folder = check_folder(folder)
    config = read_json(path) if (path := config_file(folder)) else {}
    family = _family(config)
    settings = read_settings(folder)
    special = special_tokens(folder, settings, family)
    path = folder / "tokenizer.json"
    if bundled := path.is_file():
        bundle = read_json(path)
        check_agreement(path, bundle, settings, cased)
        vocabulary = _vocabulary_of(path, bundle)
        _check_model(path, bundle["model"], special)
        _check_vocab_txt(folder / "vocab.txt", vocabulary)
        backend = _from_bundle(path, bundle, special, cased)
    else:
        backend, vocabulary = _from_vocabulary(folder, family, settings, special, cased)
        check_numbers(folder, vocabulary)
    vocabulary = vocabulary | _add_tokens(
        folder, backend, vocabulary, settings, special
    )
    needed = special.unknown, special.first, special.separator
    if missing := [token for token in needed if token not in vocabulary]:
        raise InputError(
            f"{folder}: the vocabulary lacks {', '.join(map(printable, missing))}"
        )
    normalizer = backend.normalizer
    return Tokenizer(
        vocabulary,
        bool(normalizer) and lowers(json.loads(normalizer.__getstate__())),
        backend=backend,
        special_tokens=special,
        two_separators=family.two_separators,
        doubt=None if bundled else missing_pieces(folder, vocabulary, config),
    )


def _family(config: dict[str, Any]) -> Family:
    """The family that a config names; BERT's where it names none that is known."""
    name = config.get("model_type")
    return FAMILIES.get(name if isinstance(name, str) else "bert", FAMILIES["bert"])


def _from_bundle(
    path: Path, bundle: dict[str, Any], special: SpecialTokens, cased: bool
) -> tokenizers.Tokenizer:
    """The tokenizer of a tokenizer.json, to which special tokens are text like any
    other, unless it adds them as tokens that are not special."""
    roles = {*vars(special).values()}
    added = [
        token
        for token in bundle.get("added_tokens") or []
        if token["content"] not in roles or token.get("special") is False
    ]
    off = {"padding": None, "truncation": None, "post_processor": None}
    bundle = bundle | off | {"added_tokens": added}
    if cased:
        bundle["normalizer"] = keep_case(bundle.get("normalizer"))
    model = bundle["model"]
    if isinstance(model["vocab"], list):  # Unigram, which finds them in a text
        hidden = roles - {special.unknown}
        vocab = [
            [piece + HIDDEN * (piece in hidden), score]
            for piece, score in model["vocab"]
        ]
        bundle["model"] = model | {"vocab": vocab}
    found = f"cannot be read by tokenizers {tokenizers.__version__}, which may be old"
    with refused(path, found):
        return tokenizers.Tokenizer.from_str(json.dumps(bundle))


def _vocabulary_of(path: Path, bundle: dict[str, Any]) -> dict[str, int]:
    """The pieces of a tokenizer.json and their numbers, those that it adds as well."""
    model, added = bundle.get("model"), bundle.get("added_tokens") or []
    vocab = model.get("vocab") if isinstance(model, dict) else None
    try:
        if isinstance(vocab, list):  # of Unigram: [piece, score]
            vocab = {piece: number for number, (piece, _) in enumerate(vocab)}
        vocabulary = vocab | {token["content"]: token["id"] for token in added}
    except (TypeError, KeyError, ValueError):
        raise InputError(
            f"{path}: expected a tokenizer with the vocabulary of a model"
        ) from None
    check_numbers(path, vocabulary)
    return vocabulary


def _check_model(path: Path, model: dict[str, Any], special: SpecialTokens) -> None:
    """Raise InputError where pieces are drawn at random, or another token than the
    settings' stands for what is unknown."""
    if model.get("dropout"):
        raise InputError(
            f"{path}: dropout is {printable(repr(model['dropout']))}, which draws "
            "pieces at random; set it to null"
        )
    vocab, unknown = model["vocab"], model.get("unk_token")
    if isinstance(vocab, list):  # of Unigram, which names its number
        number = model.get("unk_id")
        fits = type(number) is int and 0 <= number < len(vocab)
        unknown = vocab[number][0] if fits else number
    if unknown != special.unknown and (unknown or isinstance(vocab, list)):
        raise InputError(
            f"{path}: the unknown token is {printable(repr(unknown))}, but "
            f"{printable(repr(special.unknown))} in the settings beside it; correct "
            "unk_token in one of them"
        )


def _check_vocab_txt(path: Path, vocabulary: dict[str, int]) -> None:
    """Raise InputError where vocab.txt has a piece that tokenizer.json has not."""
    if not path.is_file():
        return
    for piece, number in _read_vocab_txt(path).items():
        if vocabulary.get(piece) != number:
            raise InputError(
                f"{path}: {printable(piece)} is number {number}, but "
                f"{vocabulary.get(piece, 'not there')} in tokenizer.json: remove the "
                "file that is not the model's"
            )


def _from_vocabulary(
    folder: Path,
    family: Family,
    settings: dict[str, Any],
    special: SpecialTokens,
    cased: bool,
) -> tuple[tokenizers.Tokenizer, dict[str, int]]:
    """The tokenizer and vocabulary of a folder without tokenizer.json."""
    lowercase = not cased and bool(settings.get("do_lower_case", True))
    if (path := folder / "vocab.txt").is_file():
        vocabulary = _read_vocab_txt(path)
        backend = word_piece(
            vocabulary,
            lowercase,
            False if cased else settings.get("strip_accents"),
            bool(settings.get("tokenize_chinese_chars", True)),
            special.unknown,
        )
        return backend, vocabulary
    for path in (folder / name for name in SENTENCE_PIECES):
        if path.is_file():
            return _from_sentence_piece(path, family, settings, special, cased)
    path, merges = folder / "vocab.json", folder / "merges.txt"
    if path.is_file() and merges.is_file():
        check_numbers(path, read_json(path))  # the library passes over what is none
        with refused(path, f"not a vocabulary for {merges.name} beside it"):
            backend = tokenizers.Tokenizer(models.BPE.from_file(str(path), str(merges)))
        vocabulary = backend.get_vocab()
        missing = {*pre_tokenizers.ByteLevel.alphabet()} - vocabulary.keys()
        if len(missing) > MOST_MISSING:
            raise InputError(
                f"{path}: lacks {len(missing)} of the 256 bytes that byte-level BPE "
                "has; transformers can save another kind as tokenizer.json"
            )
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(
            add_prefix_space=bool(settings.get("add_prefix_space", False))
        )
        return backend, vocabulary
    raise InputError(
        f"{folder}: no vocabulary there; expected tokenizer.json, vocab.txt, "
        f"{' or '.join(SENTENCE_PIECES)}, or vocab.json and merges.txt, as they come "
        "with the model"
    )


def _read_vocab_txt(path: Path) -> dict[str, int]:
    check_no_pointer(path)
    with refused(path, "not a vocabulary"):
        vocabulary = models.WordPiece.read_file(str(path))
    vocabulary.pop("", None)  # an empty line is no word piece
    return vocabulary


def _from_sentence_piece(
    path: Path,
    family: Family,
    settings: dict[str, Any],
    special: SpecialTokens,
    cased: bool,
) -> tuple[tokenizers.Tokenizer, dict[str, int]]:
    """A SentencePiece model as transformers sets it up for its family."""
    from sentencepiece import sentencepiece_model_pb2

    if family.sentence_pieces is None:
        raise InputError(f"{path}: SentencePiece is not a tokenizer of this family")
    check_no_pointer(path)
    model = sentencepiece_model_pb2.ModelProto()
    with refused(path, "not a SentencePiece model"):
        model.ParseFromString(path.read_bytes())
        if not all(isinstance(piece.piece, str) for piece in model.pieces):
            raise ValueError("a piece is not UTF-8")
    if model.trainer_spec.model_type != model.trainer_spec.UNIGRAM:
        raise InputError(
            f"{path}: expected a model of type Unigram; transformers can save this one "
            "as tokenizer.json"
        )
    before, left_out, after = family.sentence_pieces
    scores = [(piece.piece, piece.score) for piece in model.pieces[left_out:]]
    scores = [*((p, 0.0) for p in before), *scores, *((p, 0.0) for p in after)]
    vocabulary = {piece: number for number, (piece, _) in enumerate(scores)}
    hidden = {*vars(special).values()} - {special.unknown}
    scores = [(piece + HIDDEN * (piece in hidden), score) for piece, score in scores]
    unknown = vocabulary.get(special.unknown, 0)
    with refused(path, "not a SentencePiece model"):
        unigram = models.Unigram(scores, unk_id=unknown, byte_fallback=False)
    backend = tokenizers.Tokenizer(unigram)
    steps = []
    if family.albert_quotes:
        steps += [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
        if not cased and not settings.get("keep_accents"):
            steps += [normalizers.NFKD(), normalizers.StripAccents()]
        if not cased and settings.get("do_lower_case", True):
            steps.append(normalizers.Lowercase())
    if charsmap := model.normalizer_spec.precompiled_charsmap:
        with refused(path, "not a SentencePiece model"):
            steps.append(normalizers.Precompiled(charsmap))
    backend.normalizer = normalizers.Sequence(steps)
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    return backend, vocabulary


def _add_tokens(
    folder: Path,
    backend: tokenizers.Tokenizer,
    vocabulary: dict[str, int],
    settings: dict[str, Any],
    special: SpecialTokens,
) -> dict[str, int]:
    """Add the tokens that settings name, but special ones, which are text in a text;
    returns the numbers of all."""
    numbers, tokens = added_tokens(folder, settings)
    check_numbers(folder, numbers, vocabulary)
    kept = settings.get("never_split", [])
    roles = {token for token in vars(special).values() if token not in kept}
    tokens = [token for token in tokens if token.content not in roles]
    for token in tokens:
        if token.content not in vocabulary and token.content not in numbers:
            raise InputError(
                f"{folder}: the settings name the token "
                f"{printable(repr(token.content))}, which has no number; expected it "
                "in added_tokens.json"
            )
    backend.add_tokens(tokens)
    return numbers

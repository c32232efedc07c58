"""The tokenizer of a model's folder, set up as its files say.

`tokenizer.json` is what tokenizes where it is there. Its padding, truncation and
template are switched off: examples say themselves where they begin and end. Else it is
`vocab.txt` (WordPiece) with the settings beside it, a SentencePiece model, or
`vocab.json` and `merges.txt` (byte-level BPE).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from bert.config import config_file
from bert.families import FAMILIES, Family, SpecialTokens
from bert.folder import check_folder, check_no_pointer
from bert.tokenization import Tokenizer, word_piece
from toolkit.files import InputError, printable
from toolkit.files import read_json_object as read_json

SENTENCE_PIECES = ("sentencepiece.bpe.model", "spiece.model")
# Names of special tokens in settings, and ours
ROLES = {
    "cls_token": "first",
    "sep_token": "separator",
    "mask_token": "mask",
    "unk_token": "unknown",
    "pad_token": "padding",
}
# Settings that would change the pieces, and the values that are honoured
ONLY = {
    "do_basic_tokenize": (True,),
    "do_word_tokenize": (True,),
    "do_subword_tokenize": (True,),
    "word_tokenizer_type": ("basic",),
    "subword_tokenizer_type": ("wordpiece",),
}
# Settings that tokenizer.json has as well, by the parts that have them
AS_WELL = {
    "BertNormalizer": {
        "do_lower_case": "lowercase",
        "strip_accents": "strip_accents",
        "tokenize_chinese_chars": "handle_chinese_chars",
    },
    "ByteLevel": {"add_prefix_space": "add_prefix_space"},
}
HIDDEN = "\0"  # behind a piece that no text has


def load_tokenizer(folder: str | Path, cased: bool = False) -> Tokenizer:
    """The tokenizer of the folder of an encoder.

    `cased` keeps case and accents, whatever the folder says. Raises InputError where
    there is no such folder or no usable vocabulary in it, for settings that are not
    honoured, and for files that contradict each other.
    """
    folder = check_folder(folder)
    family = _family(folder)
    settings = _settings(folder)
    special = _special_tokens(folder, settings, family)
    if (path := folder / "tokenizer.json").is_file():
        bundle = read_json(path)
        _check_agreement(path, bundle, settings, cased)
        vocabulary = _vocabulary_of(path, bundle)
        _check_vocab_txt(folder / "vocab.txt", vocabulary)
        backend = _from_bundle(path, bundle, special, cased)
    else:
        backend, vocabulary = _from_vocabulary(folder, family, settings, special, cased)
        vocabulary = vocabulary | _add_tokens(
            folder, backend, vocabulary, settings, special
        )
    needed = special.unknown, special.first, special.separator
    if missing := [token for token in needed if token not in vocabulary]:
        raise InputError(f"{folder}: the vocabulary lacks {', '.join(missing)}")
    return Tokenizer(
        vocabulary,
        _lowers(json.loads(backend.to_str())["normalizer"]),
        backend=backend,
        special_tokens=special,
        two_separators=family.two_separators,
    )


def _family(folder: Path) -> Family:
    """The family that the folder's config names; BERT's where there is none."""
    path = config_file(folder)
    name = read_json(path).get("model_type") if path else None
    return FAMILIES.get(name if isinstance(name, str) else "bert", FAMILIES["bert"])


def _settings(folder: Path) -> dict[str, Any]:
    """tokenizer_config.json, if there is one; InputError for what is not honoured."""
    path = folder / "tokenizer_config.json"
    settings = read_json(path) if path.is_file() else {}
    settings = {key: value for key, value in settings.items() if value is not None}
    for key, only in ONLY.items():
        if key in settings and settings[key] not in only:
            raise InputError(
                f"{path}: {key} is {printable(repr(settings[key]))}, expected "
                f"{only[0]!r}: other tokenizers are read from tokenizer.json only"
            )
    return settings


def _special_tokens(
    folder: Path, settings: dict[str, Any], family: Family
) -> SpecialTokens:
    """Those of the folder; where it names none, the family's."""
    path = folder / "special_tokens_map.json"
    found = (read_json(path) if path.is_file() else {}) | settings
    names = vars(family.special_tokens).copy()
    for key, role in ROLES.items():
        token = found.get(key)
        token = token.get("content") if isinstance(token, dict) else token
        if isinstance(token, str):
            names[role] = token
    return SpecialTokens(**names)


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
        bundle["normalizer"] = _keep_case(bundle.get("normalizer"))
    model = bundle["model"]
    if isinstance(model["vocab"], list):  # Unigram, which finds them in a text
        hidden = roles - {special.unknown}
        vocab = [
            [piece + HIDDEN * (piece in hidden), score]
            for piece, score in model["vocab"]
        ]
        bundle["model"] = model | {"vocab": vocab}
    try:
        return tokenizers.Tokenizer.from_str(json.dumps(bundle))
    except Exception as error:  # the library raises bare Exceptions
        raise InputError(
            f"{path}: cannot be read by tokenizers {tokenizers.__version__} "
            f"({printable(str(error))}); update the library"
        ) from None


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
    if not all(type(number) is int and number >= 0 for number in vocabulary.values()):
        raise InputError(f"{path}: expected a whole number for each piece")
    return vocabulary


def _check_agreement(
    path: Path, bundle: dict[str, Any], settings: dict[str, Any], cased: bool
) -> None:
    """Raise InputError where tokenizer_config.json contradicts tokenizer.json."""
    for key in ("normalizer", "pre_tokenizer"):
        for part in _parts(bundle.get(key)):
            for setting, name in AS_WELL.get(part.get("type"), {}).items():
                ours, theirs = part.get(name), settings.get(setting)
                if cased and setting in ("do_lower_case", "strip_accents"):
                    continue
                if None not in (ours, theirs) and ours != theirs:
                    raise InputError(
                        f"{path}: {name} is {ours}, but {setting} in "
                        f"tokenizer_config.json is {theirs}: correct one of them"
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


def _parts(part: Any) -> Iterator[dict[str, Any]]:
    """The parts of a normalizer or pre-tokenizer that may be a sequence of them."""
    if isinstance(part, dict):
        yield part
        for key in ("normalizers", "pretokenizers"):
            for inner in part.get(key) or []:
                yield from _parts(inner)


def _lowers(normalizer: Any) -> bool:
    return any(
        part.get("lowercase") or part.get("type") == "Lowercase"
        for part in _parts(normalizer)
    )


def _keep_case(normalizer: Any) -> Any:
    """A normalizer without what lower-cases and what strips accents."""
    if not isinstance(normalizer, dict):
        return normalizer
    if normalizer.get("type") == "BertNormalizer":
        return normalizer | {"lowercase": False, "strip_accents": False}
    if normalizer.get("type") in ("Lowercase", "StripAccents"):
        return {"type": "Sequence", "normalizers": []}
    if "normalizers" in normalizer:
        inner = normalizer["normalizers"]
        if any(part.get("type") == "StripAccents" for part in inner):
            # which needs accents apart from their letters, as no piece has them
            inner = [part for part in inner if part.get("type") not in ("NFD", "NFKD")]
        return normalizer | {"normalizers": [_keep_case(part) for part in inner]}
    return normalizer


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
        try:
            backend = tokenizers.Tokenizer(models.BPE.from_file(str(path), str(merges)))
        except Exception as error:  # the library raises bare Exceptions
            raise InputError(f"{path}: not a vocabulary ({error})") from None
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(
            add_prefix_space=bool(settings.get("add_prefix_space", False))
        )
        return backend, backend.get_vocab()
    raise InputError(
        f"{folder}: no vocabulary there; expected tokenizer.json, vocab.txt, "
        f"{' or '.join(SENTENCE_PIECES)}, or vocab.json and merges.txt, as they come "
        "with the model"
    )


def _read_vocab_txt(path: Path) -> dict[str, int]:
    check_no_pointer(path)
    try:
        vocabulary = models.WordPiece.read_file(str(path))
    except Exception as error:  # the library raises bare Exceptions
        raise InputError(f"{path}: not a vocabulary ({error})") from None
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
    try:
        model.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf's
        raise InputError(f"{path}: not a SentencePiece model ({error})") from None
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
    backend = tokenizers.Tokenizer(
        models.Unigram(
            [(piece + HIDDEN * (piece in hidden), score) for piece, score in scores],
            unk_id=vocabulary.get(special.unknown, 0),
            byte_fallback=False,
        )
    )
    steps = []
    if family.albert_quotes:
        steps += [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
        if not cased and not settings.get("keep_accents"):
            steps += [normalizers.NFKD(), normalizers.StripAccents()]
        if not cased and settings.get("do_lower_case", True):
            steps.append(normalizers.Lowercase())
    if model.normalizer_spec.precompiled_charsmap:
        steps.append(
            normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)
        )
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
    """Add the tokens that settings name and that are one piece of a text each; returns
    the numbers of all, special tokens too."""
    path = folder / "added_tokens.json"
    numbers = read_json(path) if path.is_file() else {}
    for number, token in settings.get("added_tokens_decoder", {}).items():
        numbers[token["content"]] = int(number)
    kept = settings.get("never_split", [])
    more = settings.get("additional_special_tokens", [])
    more = [token["content"] if isinstance(token, dict) else token for token in more]
    wanted = [*numbers, *more]
    roles = {*vars(special).values()}
    wanted = [token for token in wanted if token not in roles] + list(kept)
    for token in wanted:
        if token not in vocabulary and token not in numbers:
            raise InputError(
                f"{folder}: the settings name the token {printable(repr(token))}, "
                "which has no number; expected it in added_tokens.json"
            )
    backend.add_tokens(
        [tokenizers.AddedToken(token, normalized=False) for token in wanted]
    )
    return numbers

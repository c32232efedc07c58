"""What the settings beside a vocabulary say: special tokens, added tokens, and how text
is normalized. InputError names a setting that is not honoured, or of another kind."""

from pathlib import Path
from typing import Any

import tokenizers

from bert.families import Family, SpecialTokens
from bert.normalizer import parts
from toolkit.files import InputError, json_kind, printable
from toolkit.files import read_json_object as read_json

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
KINDS = {
    "do_lower_case": bool,
    "strip_accents": bool,
    "tokenize_chinese_chars": bool,
    "add_prefix_space": bool,
    "keep_accents": bool,
    "never_split": list,
    "additional_special_tokens": list,
    "added_tokens_decoder": dict,
}
KIND_NAMES = {bool: "true or false", list: "a list", dict: "an object"}
# Settings that tokenizer.json has as well, by the parts that have them
AS_WELL = {
    "BertNormalizer": {
        "do_lower_case": "lowercase",
        "strip_accents": "strip_accents",
        "tokenize_chinese_chars": "handle_chinese_chars",
    },
    "ByteLevel": {"add_prefix_space": "add_prefix_space"},
}
FLAGS = ("single_word", "lstrip", "rstrip", "normalized")  # of an added token
MOST_PIECES = 10**7  # the tokenizers library goes through all numbers up to the highest


def read_settings(folder: Path) -> dict[str, Any]:
    """special_tokens_map.json and tokenizer_config.json, which wins, as far as they are
    there; without what is null."""
    settings: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        path = folder / name
        found = read_json(path) if path.is_file() else {}
        found = {key: value for key, value in found.items() if value is not None}
        for key, only in ONLY.items():
            if key in found and found[key] not in only:
                raise InputError(
                    f"{path}: {key} is {printable(repr(found[key]))}, expected "
                    f"{only[0]!r}: other tokenizers are read from tokenizer.json only"
                )
        for key, kind in KINDS.items():
            if key in found and not isinstance(found[key], kind):
                raise InputError(
                    f"{path}: {key} is {printable(repr(found[key]))}, expected "
                    f"{KIND_NAMES[kind]}"
                )
        settings |= found
    return settings


def special_tokens(
    folder: Path, settings: dict[str, Any], family: Family
) -> SpecialTokens:
    """Those of the folder; where it names none, the family's."""
    names = vars(family.special_tokens).copy()
    for key, role in ROLES.items():
        if key in settings:
            names[role] = _content(settings[key], f"{folder}: {key}")
    return SpecialTokens(**names)


def added_tokens(
    folder: Path, settings: dict[str, Any]
) -> tuple[dict[str, int], list[tokenizers.AddedToken]]:
    """The numbers of the tokens that settings add, and the tokens that are one piece of
    a text each, with their flags. Where a file names a token alone, spaces around it
    stay; one of added_tokens.json is found in the normalized text, so that case does
    not matter where text is lower-cased, and special ones in the text as it is."""
    path = folder / "added_tokens.json"
    numbers = read_json(path) if path.is_file() else {}
    wanted: dict[str, tokenizers.AddedToken] = {}
    path = folder / "tokenizer_config.json"
    for number, token in settings.get("added_tokens_decoder", {}).items():
        content = _content(token, f"{path}: added_tokens_decoder")
        if not (number.isdecimal() and len(number) < 10):
            raise InputError(
                f"{path}: {printable(repr(content))} is number "
                f"{printable(repr(number))}, expected a whole number"
            )
        numbers[content] = int(number)
        wanted[content] = _added(token, str(path))
    for key in ("additional_special_tokens", "never_split"):
        for token in settings.get(key, []):
            content = _content(token, f"{folder}: {key}")
            wanted.setdefault(content, _added(token, f"{folder}: {key}"))
    path = folder / "added_tokens.json"
    for content in numbers:
        token = {"content": content, "normalized": True}
        wanted.setdefault(content, _added(token, str(path)))
    return numbers, list(wanted.values())


def check_numbers(
    where: str | Path,
    numbers: dict[str, Any],
    vocabulary: dict[str, int] | None = None,
) -> None:
    """Raise InputError unless each piece is a text with a whole number, which is that
    of the same piece in `vocabulary`, if it is there."""
    for piece, number in numbers.items():
        if not isinstance(piece, str) or type(number) is not int:
            raise InputError(
                f"{where}: expected a whole number for each piece, found "
                f"{json_kind(number)} for {printable(piece)}"
            )
        if not 0 <= number < MOST_PIECES:
            raise InputError(
                f"{where}: {printable(piece)} is number {printable(str(number), 20)}, "
                f"expected one from 0 to {MOST_PIECES - 1:,}"
            )
        if number != (expected := (vocabulary or {}).get(piece, number)):
            raise InputError(
                f"{where}: {printable(piece)} is number {number} in the settings, but "
                f"{expected} in the vocabulary; correct one of them"
            )


def check_agreement(
    path: Path, bundle: dict[str, Any], settings: dict[str, Any], cased: bool
) -> None:
    """Raise InputError where tokenizer_config.json contradicts tokenizer.json."""
    for key in ("normalizer", "pre_tokenizer"):
        for part in parts(bundle.get(key)):
            for setting, name in AS_WELL.get(str(part.get("type")), {}).items():
                ours, theirs = part.get(name), settings.get(setting)
                if name == "strip_accents" and ours is None:  # then with the case
                    ours = part.get("lowercase")
                if cased and setting in ("do_lower_case", "strip_accents"):
                    continue
                if None not in (ours, theirs) and ours != theirs:
                    raise InputError(
                        f"{path}: {name} is {printable(repr(ours))}, but {setting} in "
                        f"tokenizer_config.json is {theirs}: correct one of them"
                    )


def missing_pieces(
    folder: Path, vocabulary: dict[str, int], config: dict[str, Any]
) -> str | None:
    """What to say of a vocabulary that is smaller than the model's; some models have
    rows to spare."""
    found, size = max(vocabulary.values(), default=-1) + 1, config.get("vocab_size")
    if type(size) is not int or found >= size:
        return None
    return (
        f"{folder}: {found:,} pieces for a model of {size:,}; if a line of the "
        "vocabulary is missing, all after it are taken for others"
    )


def _content(token: Any, where: str) -> str:
    """What a token is called, which may be an object with flags."""
    content = token.get("content") if isinstance(token, dict) else token
    if not isinstance(content, str) or not content:
        raise InputError(
            f"{where}: expected a token, or an object with its content, found "
            f"{'an empty one' if content == '' else json_kind(content)}"
        )
    if any("\ud800" <= character <= "\udfff" for character in content):
        raise InputError(
            f"{where}: {printable(repr(content))} is no text: it holds half of a "
            "surrogate pair"
        )
    return content


def _added(token: Any, where: str) -> tokenizers.AddedToken:
    content = _content(token, where)
    given = token if isinstance(token, dict) else {}
    flags = {flag: given.get(flag, False) for flag in FLAGS}
    for flag, value in flags.items():
        if not isinstance(value, bool):
            raise InputError(
                f"{where}: {flag} of {printable(repr(content))} is "
                f"{printable(repr(value))}, expected true or false"
            )
    return tokenizers.AddedToken(content, **flags)

"""What the normalizer of a tokenizer.json does with case, and how to keep case."""

from collections.abc import Iterator
from typing import Any


def parts(part: Any) -> Iterator[dict[str, Any]]:
    """The parts of a normalizer or pre-tokenizer that may be a sequence of them."""
    if isinstance(part, dict):
        yield part
        for key in ("normalizers", "pretokenizers"):
            yield from parts(part.get(key))
    elif isinstance(part, list):
        for inner in part:
            yield from parts(inner)


def lowers(normalizer: Any) -> bool:
    """Whether it lower-cases."""
    return any(
        part.get("lowercase") or part.get("type") == "Lowercase"
        for part in parts(normalizer)
    )


def keep_case(normalizer: Any) -> Any:
    """A normalizer without what lower-cases and what strips accents."""
    dropped = ["Lowercase", "StripAccents"]
    if any(part.get("type") == "StripAccents" for part in parts(normalizer)):
        # which needs accents apart from their letters, as no piece has them
        dropped += ["NFD", "NFKD"]
    return _without(normalizer, dropped)


def _without(normalizer: Any, dropped: list[str]) -> Any:
    """A normalizer without the parts of these types, however deep."""
    if isinstance(normalizer, list):
        return [_without(part, dropped) for part in normalizer]
    if not isinstance(normalizer, dict):
        return normalizer
    if normalizer.get("type") in dropped:
        return {"type": "Sequence", "normalizers": []}
    if normalizer.get("type") == "BertNormalizer":
        return normalizer | {"lowercase": False, "strip_accents": False}
    if "normalizers" in normalizer:
        inner = _without(normalizer["normalizers"], dropped)
        return normalizer | {"normalizers": inner}
    return normalizer

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
    if not isinstance(normalizer, dict):
        return normalizer
    kind, inner = normalizer.get("type"), normalizer.get("normalizers")
    if kind == "BertNormalizer":
        return normalizer | {"lowercase": False, "strip_accents": False}
    if kind in ("Lowercase", "StripAccents"):
        return {"type": "Sequence", "normalizers": []}
    if isinstance(inner, list):
        kinds = [p.get("type") if isinstance(p, dict) else None for p in inner]
        if "StripAccents" in kinds:
            # which needs accents apart from their letters, as no piece has them
            pairs = zip(inner, kinds, strict=True)
            inner = [part for part, kind in pairs if kind not in ("NFD", "NFKD")]
        return normalizer | {"normalizers": [keep_case(part) for part in inner]}
    return normalizer

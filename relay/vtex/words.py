"""What VTEX says in its several error shapes, and how long it wants to wait."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LIMIT: Final = 500
"""The most characters of VTEX's words that are kept."""

_SHORTEST_SECRET: Final = 8  # a shorter one would cut ordinary words
_DEEPEST: Final = 4
_TELLING: Final = ("message", "title", "detail", "description", "error", "errors")
_TAG: Final = re.compile(r"<[^>]*>")


def useful_words(payload: object, text: str, *, secrets: Sequence[str] = ()) -> str:
    """Return the message in an error's *payload*, else its *text*; bounded.

    Shapes seen: `{"error": {"code", "message"}}` (VTEX Orders API, 401 and 404),
    ASP.NET problem details with `errors` by field (Feed v3, 400), `{"message"}`,
    lists of errors, plain text and pages. Trace ids are left out, so that the same
    trouble has the same words. *secrets* are blotted out should they be echoed.
    """
    said = ". ".join(part.rstrip(". ") for part in _said(payload, 0) if part.strip())
    words = " ".join((said or _plain(text)).split())
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            words = words.replace(secret, "***")
    return words[:LIMIT]


def _said(value: object, depth: int) -> Iterator[str]:
    """Yield the texts of *value* that speak to a reader."""
    if isinstance(value, str):
        yield value
    elif depth > _DEEPEST:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _said(item, depth + 1)
    elif isinstance(value, dict):
        yield from _said_by_keys(
            {str(key).lower(): inner for key, inner in value.items()}, depth
        )


def _said_by_keys(fields: dict[str, object], depth: int) -> Iterator[str]:
    code = fields.get("code")
    for key in _TELLING:
        inner = fields.get(key)
        if key == "errors" and isinstance(inner, dict):
            for field, texts in inner.items():
                yield from (f"{field}: {text}" for text in _said(texts, depth + 1))
            continue
        for text in _said(inner, depth + 1):
            yield f"{text} ({code})" if code and key == "message" else text


def _plain(text: str) -> str:
    """Return *text* without tags if it is a page, and without control characters."""
    readable = _TAG.sub(" ", text) if text.lstrip().startswith("<") else text
    return "".join(c if c.isprintable() else " " for c in readable)


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` *header*, seconds or HTTP-date, as seconds from *now*.

    None if there is none or it cannot be read; a date that has passed is 0.
    """
    if header is None:
        return None
    value = header.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

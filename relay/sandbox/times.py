"""Parse and format instants as VTEX does."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

Clock = Callable[[], datetime]

_ISO_8601: Final = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"([T ]\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:?\d\d)?)?"
)


def utcnow() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)


def as_text(moment: datetime) -> str:
    """Format *moment* as VTEX does: seven decimals and `+00:00` (real answers)."""
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{text[:26]}0+00:00"


def instant(text: str) -> datetime:
    """Parse a date, with or without time and offset; a naive one counts as UTC.

    VTEX's own examples have `2015-06-23`, `2022-10-01 21:15` and full ISO 8601.
    Raises `ValueError` for anything else.
    """
    if not _ISO_8601.fullmatch(text):
        raise ValueError(f"{text!r} is not an ISO 8601 date")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is out of range") from error

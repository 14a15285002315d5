"""The one place that reads the time, and the two spellings of an instant."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

Clock = Callable[[], datetime]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def utcnow() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)


def micros(moment: datetime) -> int:
    """Spell *moment* as the store does: whole microseconds since 1970, UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment(stored: int) -> datetime:
    """Return the aware instant that the store keeps as *stored* microseconds."""
    return EPOCH + timedelta(microseconds=stored)

"""The one place that reads the time; conversion to and from stored instants."""

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
    """Return *moment* as it is stored: whole microseconds since 1970, UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment(stored: int) -> datetime:
    """Return the aware instant of *stored* microseconds since 1970, UTC."""
    return EPOCH + timedelta(microseconds=stored)

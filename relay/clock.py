"""The one place that reads the time; conversion to and from stored instants."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

Clock = Callable[[], datetime]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
_EDGES: Final = frozenset({1, 9999})


def utcnow() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)


def micros(moment: datetime) -> int:
    """Return *moment* as it is stored: whole microseconds since 1970, UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment(stored: int) -> datetime:
    """Return the aware instant of *stored* microseconds since 1970, UTC."""
    # Positional, because naming the argument takes three times as long.
    return EPOCH + timedelta(0, 0, stored)


def whole_second(moment: datetime) -> datetime:
    """Return *moment* in whole seconds: sources differ in their fractions."""
    return moment.replace(microsecond=0) if moment.microsecond else moment


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Return *moment* in *zone*; one of the first or last year stays as it is.

    These are placeholders, whose date another zone would change, and some have no time
    in another zone.
    """
    return moment if moment.year in _EDGES else moment.astimezone(zone)

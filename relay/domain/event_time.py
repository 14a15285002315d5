"""When an event occurred, as precisely as its carrier says: second, minute or day."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from relay.domain.events import utc

SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EventTime:
    """The time of an event: where its unit begins, in UTC, and how long the unit is.

    A `precision` of a day is the length of that day in its zone. `midnight` says that
    a format with a time of day gave exactly 00:00, which usually means that the
    carrier had the day only. The unit is then the day.
    """

    at: datetime
    precision: timedelta = SECOND
    midnight: bool = False


def event_time(parsed: datetime, unit: timedelta, zone: ZoneInfo) -> EventTime:
    """Return the time of a *parsed* text, which gives it to the *unit*.

    Without an offset *parsed* is local to *zone*.
    """
    local = parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)
    midnight = unit < DAY and local.time() == time.min
    precision = _length(local) if unit >= DAY or midnight else unit
    return EventTime(utc(local), precision, midnight)


def _length(local: datetime) -> timedelta:
    """Return the length of a day, which summer time makes an hour longer or shorter."""
    try:
        after = date.fromordinal(local.toordinal() + 1)
    except ValueError:  # 9999-12-31 is the last day that Python knows
        return DAY
    begins = datetime.combine(local.date(), time.min, local.tzinfo).utcoffset()
    ends = datetime.combine(after, time.min, local.tzinfo).utcoffset()
    return DAY + (begins or timedelta()) - (ends or timedelta())

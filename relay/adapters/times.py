"""Parse carriers' times, which are often local, without an offset, or days only."""

import re
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from relay.domain.event_time import DAY, HOUR, MINUTE, SECOND, EventTime, event_time
from relay.suggestions import suggest

_UNITS: Final = (
    (SECOND, re.compile(r"%-?[SsTcXfr]")),
    (MINUTE, re.compile(r"%-?[MR]")),
    (HOUR, re.compile(r"%-?[HIp]")),
)
_ISO_TIME: Final = re.compile(
    r"[T ]\d\d(?P<minute>:?\d\d)?(?P<second>:?\d\d)?", re.ASCII
)


def local(text: str, layout: str, zone: ZoneInfo) -> EventTime:
    """Return a local *text* of *zone*, in a `strptime` *layout*, as UTC.

    Its precision is that of the layout. Raises `ValueError` if the text does not
    match the layout.
    """
    parsed = datetime.strptime(text.strip(), layout)  # noqa: DTZ007 -- the zone follows
    return event_time(parsed, unit_of(layout), zone)


def iso(text: str, zone: ZoneInfo) -> EventTime:
    """Return an ISO 8601 *text* as UTC; without an offset it is local to *zone*.

    Its precision is that of the text: seconds, minutes, hours, or days only.
    """
    stripped = text.strip()
    return event_time(datetime.fromisoformat(stripped), _unit_of_iso(stripped), zone)


@cache
def unit_of(layout: str) -> timedelta:
    """Return the smallest unit in a `strptime` *layout*, from a second to a day."""
    fields = layout.replace("%%", "")
    return next((unit for unit, found in _UNITS if found.search(fields)), DAY)


def _unit_of_iso(text: str) -> timedelta:
    found = _ISO_TIME.search(text)
    if found is None:
        # Any other character may separate date and time, such as `_`.
        return DAY if ":" not in text else SECOND
    if found["minute"] is None:
        return HOUR
    return MINUTE if found["second"] is None else SECOND


EXAMPLE: Final = "America/Sao_Paulo"


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all time zones; they are case-sensitive."""
    return frozenset(available_timezones())


def unknown_zone(name: str) -> tuple[str, str]:
    """Say that there is no zone called *name*, and what to write in its place."""
    meant = suggest(name, sorted(zone_names()), cutoff=0.6) or EXAMPLE
    return f"unknown time zone {name!r}", f'write for example "{meant}"'

"""Parse carriers' times, which are often local and without an offset."""

from datetime import datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from relay.domain.events import utc
from relay.suggestions import suggest


def local(text: str, layout: str, zone: ZoneInfo) -> datetime:
    """Return a local *text* of *zone*, in a `strptime` *layout*, as UTC.

    Raises `ValueError` if the text does not match the layout.
    """
    naive = datetime.strptime(text.strip(), layout)  # noqa: DTZ007 -- the zone follows
    return utc(naive.replace(tzinfo=zone))


def iso(text: str, zone: ZoneInfo) -> datetime:
    """Return an ISO 8601 *text* as UTC; without an offset it is local to *zone*."""
    parsed = datetime.fromisoformat(text.strip())
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=zone)
    return utc(parsed)


EXAMPLE: Final = "America/Sao_Paulo"


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all time zones; they are case-sensitive."""
    return frozenset(available_timezones())


def unknown_zone(name: str) -> tuple[str, str]:
    """Say that there is no zone called *name*, and what to write in its place."""
    meant = suggest(name, sorted(zone_names()), cutoff=0.6) or EXAMPLE
    return f"unknown time zone {name!r}", f'write for example "{meant}"'

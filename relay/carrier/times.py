"""Carriers' local times, in the contract's zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def local(text: str, layout: str, zone: ZoneInfo) -> datetime:
    """Read a naive *text* in *layout* (as `strptime`) as a time of *zone*, in UTC.

    Raises `ValueError` if the text has another layout.
    """
    naive = datetime.strptime(text.strip(), layout)  # noqa: DTZ007 -- the zone follows
    return naive.replace(tzinfo=zone).astimezone(UTC)


def iso(text: str, zone: ZoneInfo) -> datetime:
    """Read an ISO 8601 *text*; one without offset is a time of *zone*; in UTC."""
    parsed = datetime.fromisoformat(text.strip())
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=zone)
    return parsed.astimezone(UTC)

"""Whether this machine's time zone data is recent enough; pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FACTS: Final = (
    ("America/Sao_Paulo", datetime(2020, 1, 15, tzinfo=UTC), -3, "2019b"),
    ("America/Cuiaba", datetime(2020, 1, 15, tzinfo=UTC), -4, "2019b"),
    ("America/Campo_Grande", datetime(2020, 1, 15, tzinfo=UTC), -4, "2019b"),
    ("America/Mexico_City", datetime(2023, 7, 1, tzinfo=UTC), -6, "2022f"),
    ("America/Asuncion", datetime(2025, 7, 1, tzinfo=UTC), -3, "2025a"),
)
"""Zone, instant, its offset in hours, and the release of tz that says so.

https://data.iana.org/time-zones/tzdb/NEWS
"""


def stale_zones(zones: Iterable[str]) -> dict[str, str]:
    """Return those of *zones* whose data is older than the release with their rules."""
    used = set(zones)
    return {
        name: release
        for name, instant, hours, release in _FACTS
        if name in used and _offset(name, instant) != timedelta(hours=hours)
    }


def _offset(name: str, instant: datetime) -> timedelta | None:
    """Return a zone's offset by the data on disk, not by what was loaded before."""
    try:
        return instant.astimezone(ZoneInfo.no_cache(name)).utcoffset()
    except ZoneInfoNotFoundError:
        return None

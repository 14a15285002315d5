"""Time zones by name, and what to say of a name that is none."""

from functools import cache
from typing import Final
from zoneinfo import available_timezones

from relay.carrier.options import closest

EXAMPLE: Final = "America/Sao_Paulo"


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all zones, in their exact spelling."""
    return frozenset(available_timezones())


def no_such_zone(name: str) -> tuple[str, str]:
    """Say that there is no zone called *name*, and what to write in its place."""
    meant = closest(name, zone_names(), cutoff=0.6) or EXAMPLE
    return f"there is no time zone {name!r}", f'write for instance "{meant}"'

"""Find events of an invoice in VTEX that another system wrote; pure."""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from relay.vtex.bodies import instants, tidy
from relay.vtex.orders import PackageView


def foreign_events(
    package: PackageView, ours: Iterable[Mapping[str, str]], zone: ZoneInfo
) -> list[str]:
    """Return the texts of events that VTEX shows and the relay did not send.

    *ours* are the event objects that the relay sent, accepted or not.
    """
    sent = {
        (instant, tidy(one["description"]))
        for one in ours
        for instant in instants(one["date"], zone)
    }
    return sorted({text for instant, text in package.shown - sent})

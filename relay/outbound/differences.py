"""What VTEX shows of an invoice, compared with what was sent; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from relay.domain.shipment import PublishedEvent, Snapshot
from relay.outbound.exchanged import shown_of
from relay.vtex.bodies import instants
from relay.vtex.orders import PackageView

What = Literal[
    "number", "foreign_number", "events", "delivery", "foreign_delivery", "invoice"
]
"""What differs; a delivery that another system wrote cannot be sent again.

`foreign_number`: instead of a number that the relay has not sent, VTEX shows another.
`invoice`: the order does not show it, or has ended.
"""

_DATE_ALONE: Final = len("2026-08-01")
_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class ShownDifference:
    """One difference: VTEX's field, what was sent, and what VTEX shows."""

    what: What
    field: str
    sent: str
    shown: str

    def __str__(self) -> str:
        return f"{self.field}: sent {self.sent}, VTEX shows {self.shown}"


def differences(
    snapshot: Snapshot, package: PackageView, zone: ZoneInfo
) -> tuple[ShownDifference, ...]:
    """Return how *package* differs from what VTEX accepted.

    Events are sets of instant and text; those of other systems are no difference. A
    field without a value in the relay never differs.
    """
    return (
        *_number(snapshot, package),
        *_events(missing_events(snapshot, package, zone), package),
        *_delivery(snapshot, package, zone),
    )


def missing_events(
    snapshot: Snapshot, package: PackageView, zone: ZoneInfo
) -> Sequence[PublishedEvent]:
    """Return the accepted events that *package* does not show."""
    shown = shown_of(snapshot.accepted, package, zone)
    return [e for e in snapshot.accepted if e not in shown]


def _number(snapshot: Snapshot, package: PackageView) -> Iterator[ShownDifference]:
    sent = snapshot.tracking_sent_as
    if sent is None:
        return
    fields = (
        ("trackingNumber", sent.tracking_number, package.tracking_number),
        ("trackingUrl", sent.tracking_url, package.tracking_url),
    )
    foreign = sent.stated and bool(package.tracking_number)
    what: What = "foreign_number" if foreign else "number"
    # Of a number that the ERP has sent, the relay does not know with which page.
    for field, ours, shown in fields[:1] if sent.stated else fields:
        if ours and ours.strip() != shown.strip():
            yield ShownDifference(what, field, repr(ours), repr(shown))


def _events(
    missing: Sequence[PublishedEvent], package: PackageView
) -> Iterator[ShownDifference]:
    if not missing:
        return
    named = [f"{e.object['date']} {e.object['description']!r}" for e in missing]
    more = len(named) - _MOST_NAMED
    sent = ", ".join(named[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    shown = f"{len(package.data)} events without them" if package.data else "no event"
    yield ShownDifference("events", "events", sent, shown)


def _delivery(
    snapshot: Snapshot, package: PackageView, zone: ZoneInfo
) -> Iterator[ShownDifference]:
    if snapshot.taking_back:
        return
    published, sent = snapshot.delivered_published, snapshot.read_back.delivered_as
    if published and not package.finished:
        yield ShownDifference("delivery", "finished", "true", "false")
    elif package.finished and not published:
        yield ShownDifference("foreign_delivery", "finished", "false", "true")
    elif published and sent and not same_date(sent, package.delivered_date, zone):
        shown = repr(package.delivered_date)
        yield ShownDifference("delivery", "deliveredDate", repr(sent), shown)


def same_date(sent: str, shown: str, zone: ZoneInfo) -> bool:
    """Whether two forms of a delivery's time mean the same minute, or the same day.

    VTEX documents minutes (`yyyy-mm-dd hh:mm`) and carriers' integrations send days. A
    time without offset may be UTC or local.
    """
    ours, theirs = _minutes(sent, zone), _minutes(shown, zone)
    if len(shown.strip()) > _DATE_ALONE:
        return not ours.isdisjoint(theirs)
    days = {i.astimezone(z).date() for i in ours for z in (zone, i.tzinfo)}
    return any(i.date() in days for i in theirs)


def _minutes(text: str, zone: ZoneInfo) -> set[datetime]:
    return {i.replace(second=0) for i in instants(text, zone)}

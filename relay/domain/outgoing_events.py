"""Outgoing events: what other systems get about shipments; pure.

A shipment's stored progress says what was recorded, so that every milestone is recorded
once, however often the shipment is planned.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros
from relay.domain.events import Milestone
from relay.domain.publishable import Publishable, parcel_of
from relay.domain.shipment import WHOLE, KnownEvent, Snapshot

BODY_VERSION: Final = 1
"""The version of the bodies: fields may be added; other changes raise it."""
TEST: Final = "relay.test"
REGISTERED: Final = "shipment.registered"
STUCK: Final = "shipment.stuck"
LATE: Final = "shipment.late"
DELIVERED: Final = f"shipment.{Milestone.DELIVERED}"
PARTLY_DELIVERED: Final = "shipment.partly_delivered"
DELIVERY_UNDONE: Final = "shipment.delivery_undone"

_BY_MILESTONE: Final[Mapping[str, str]] = {
    f"shipment.{Milestone.LABEL_CREATED}": "The carrier has the label's data.",
    f"shipment.{Milestone.PICKED_UP}": "The carrier has the parcel.",
    f"shipment.{Milestone.IN_TRANSIT}": "The parcel is between two places.",
    f"shipment.{Milestone.AT_HUB}": "The parcel is in a depot.",
    f"shipment.{Milestone.OUT_FOR_DELIVERY}": "It is on its way to the recipient.",
    f"shipment.{Milestone.AVAILABLE_FOR_PICKUP}": "It waits at a pickup point.",
    f"shipment.{Milestone.DELIVERY_FAILED}": "A delivery attempt failed.",
    f"shipment.{Milestone.HELD}": "An authority stopped it.",
    f"shipment.{Milestone.EXCEPTION}": "There is a problem with the parcel.",
    f"shipment.{Milestone.RETURNING}": "It is on its way back to the sender.",
    f"shipment.{Milestone.RETURNED}": "It is back at the sender.",
    DELIVERED: "The recipient has it; with several parcels, all of them.",
    f"shipment.{Milestone.LOST}": "It is lost.",
    f"shipment.{Milestone.DAMAGED}": "It is damaged.",
    f"shipment.{Milestone.CANCELLED}": "The carrier cancelled it.",
}
TYPES: Final[Mapping[str, str]] = {
    REGISTERED: "The label was registered.",
    **_BY_MILESTONE,
    PARTLY_DELIVERED: "One of several parcels was delivered; `volume` says which.",
    DELIVERY_UNDONE: "The carrier took a delivery back that was reported before.",
    STUCK: "The shipment is not published until an operator acts; `reason` says why.",
    LATE: "The promised day is over, and it is not delivered.",
    "alert.opened": "An operational alert began.",
    "alert.resolved": "An operational alert is over.",
    TEST: "A test that an operator sent; nothing happened.",
}
"""Every type of event, and what it means."""


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """Something that happened; `data` is the content of its body, as JSON has it."""

    type: str
    occurred_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    account: str | None = None
    shipment: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one receiver wants: types, `x.*` for all of a kind, and accounts.

    None at all means all.
    """

    receiver: str
    types: Collection[str] = ()
    accounts: Collection[str] = ()

    def wants(self, event: OutgoingEvent) -> bool:
        """Whether the receiver gets *event*."""
        if event.account and self.accounts and event.account not in self.accounts:
            return False
        kind = event.type.partition(".")[0]
        return not self.types or event.type in self.types or f"{kind}.*" in self.types


Subscriptions = Sequence[Subscription]
GIVE_UP_AFTER: Final = timedelta(days=3)
"""How long a delivery is repeated."""
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(hours=6)


def retry_wait(attempts: int, jitter: float) -> timedelta:
    """Return the wait after so many attempts: three times the one before, to 6 hours.

    *jitter*, 0 to 1, shortens it by up to half, so that retries do not come together.
    """
    grown: timedelta = FIRST_WAIT * 3 ** min(max(attempts - 1, 0), 12)
    return min(grown, LONGEST_WAIT) * (1 - jitter / 2)


def shipment_data(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every event says of its shipment, from its row; no personal data."""
    return {
        "shipment": {
            "id": row["id"],
            "account": row["account"],
            "orderId": row["order_id"],
            "invoiceNumber": row["invoice_number"],
            "contract": row["contract"],
            "courier": row["courier"],
            "trackingNumber": row["tracking_number"],
            "trackingUrl": row["tracking_url"],
        }
    }


def of_row(
    type_: str, row: Mapping[str, Any], at: datetime, **more: Any
) -> OutgoingEvent:
    """Return an event of the shipment in *row*, with *more* in its data."""
    data = shipment_data(row) | more
    return OutgoingEvent(type_, at, data, row["account"], row["id"])


def of_snapshot(
    type_: str, snapshot: Snapshot, at: datetime, **more: Any
) -> OutgoingEvent:
    """Return an event of the shipment of *snapshot*, with *more* in its data."""
    tracking = snapshot.tracking
    row = {
        "id": snapshot.id,
        "account": snapshot.account,
        "order_id": snapshot.order_id,
        "invoice_number": snapshot.invoice_number,
        "contract": snapshot.contract,
        "courier": tracking.courier if tracking else None,
        "tracking_number": tracking.tracking_number if tracking else None,
        "tracking_url": tracking.tracking_url if tracking else None,
    }
    return of_row(type_, row, at, **more)


@dataclass(slots=True)
class OutgoingProgress:
    """What was recorded of a shipment: the last scan of each volume, and the delivery.

    A scan is its time in microseconds, its position and its milestone.
    """

    scans: dict[int, tuple[int, int, str]] = field(default_factory=dict)
    delivered: bool = False

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> "OutgoingProgress":
        """Return the progress of its stored form."""
        scans = stored.get("scans", {}).items()
        found = {int(volume): (at, place, name) for volume, (at, place, name) in scans}
        return cls(found, bool(stored.get("delivered")))

    def as_json(self) -> dict[str, Any]:
        """Return the form that is stored."""
        scans = {str(volume): list(scan) for volume, scan in self.scans.items()}
        return {"scans": scans, "delivered": self.delivered}


def milestones(
    snapshot: Snapshot, found: Publishable, before: OutgoingProgress | None
) -> tuple[list[OutgoingEvent], OutgoingProgress]:
    """Return the events that were not recorded *before*, oldest first; the progress.

    A repeated milestone, and one that is older than the last, is not recorded. Of a
    shipment without progress, so from before the first receiver, only the last one is.
    """
    known = before or OutgoingProgress()
    progress = OutgoingProgress(dict(known.scans), known.delivered)
    events = list(_scans(snapshot, found, progress))
    if found.delivered_at is not None and not progress.delivered:
        progress.delivered = True
        events.append(_of_milestone(DELIVERED, snapshot, found.delivered_at))
    elif found.delivered_at is None and progress.delivered:
        progress.delivered = False
        at = max((e.occurred_at for e in found.events), default=snapshot.registered_at)
        events.insert(0, of_snapshot(DELIVERY_UNDONE, snapshot, at))
    return (events if before else events[-1:]), progress


def _scans(
    snapshot: Snapshot, found: Publishable, progress: OutgoingProgress
) -> Iterator[OutgoingEvent]:
    """Yield the new milestones of all parcels but whole deliveries."""
    for event in found.events:
        volume = parcel_of(event.volume, snapshot.volumes)
        scan = (micros(event.occurred_at), event.position, str(event.milestone))
        last = progress.scans.get(volume)
        if last is not None and scan[:2] <= last[:2]:
            continue
        progress.scans[volume] = scan
        type_ = _type_of(event, snapshot, found)
        if type_ is None or (last is not None and last[2] == scan[2]):
            continue
        yield _of_milestone(type_, snapshot, event.occurred_at, event.volume)


def _type_of(event: KnownEvent, snapshot: Snapshot, found: Publishable) -> str | None:
    """Return the type of a scan's event; None if there is none.

    A delivery is recorded once it is certain for all parcels.
    """
    if event.milestone is Milestone.DELIVERED:
        partly = snapshot.volumes > 1 and event.volume != WHOLE
        return PARTLY_DELIVERED if partly and found.delivered_at is None else None
    type_ = f"shipment.{event.milestone}"
    return type_ if type_ in _BY_MILESTONE else None


def _of_milestone(
    type_: str, snapshot: Snapshot, at: datetime, volume: int = WHOLE
) -> OutgoingEvent:
    return of_snapshot(type_, snapshot, at, volume=volume or None)

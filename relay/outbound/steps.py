"""The next step for a claimed shipment: read the order, write, or rest; pure."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from relay.domain.next_update import next_update, tracking_number_sent, tracking_to_send
from relay.domain.publishable import Publishable, publishable
from relay.domain.shipment import (
    ORDER_ENDED,
    OVER,
    Policy,
    PublishedEvent,
    SentTrackingNumber,
    Snapshot,
    UnconfirmedWrite,
)
from relay.domain.status import NO_NUMBER
from relay.outbound.event_objects import to_publish, update_objects
from relay.records import record
from relay.store.snapshots import Claim
from relay.vtex.bodies import (
    as_bytes,
    delivered_date,
    partial_invoice_body,
    tracking_body,
)

UNREAD_PAUSE: Final = timedelta(seconds=2)
"""How soon to plan again while documents wait too long to be parsed."""

ReadReason = Literal["first", "again", "import", "unconfirmed", "verify", "taken_back"]
"""Why an order is read.

`first`: before the first write. `again`: before a later one, because VTEX does not have
the invoice any more, or because an operator has an ended order read. `import`: before
the first write, or the first one after shadow mode, and to compare the events that VTEX
shows. `unconfirmed`: to settle a
write whose answer was lost. `verify`: to read back what VTEX accepted. `taken_back`: to
see whether VTEX took a delivery back.
"""


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """Read the order (VTEX Orders API: get order)."""

    why: ReadReason

    kind = "read_order"


@record
class SendTrackingNumber:
    """Send the invoice's tracking number (VTEX: update order's partial invoice)."""

    tracking: SentTrackingNumber
    body: str

    kind = "send_tracking_number"
    is_delivered = False


@record
class SendEvents:
    """Publish events (VTEX: update order tracking status).

    `new` are those that VTEX gets for the first time. `assessment` is what they were
    found by; the repetition of a stored write has none.
    """

    new: tuple[PublishedEvent, ...]
    body: str
    is_delivered: bool
    assessment: Publishable | None = None

    kind = "send_events"

    @property
    def delivered_as(self) -> str | None:
        """The `deliveredDate` in its body."""
        sent: str | None = json.loads(self.body).get("deliveredDate")
        return sent if self.is_delivered else None


@record
class Rest:
    """Make no call now; the fields say until when, or why the shipment ends.

    `assessment` is what it was found by, if the events mattered.
    """

    next_at: datetime | None = None
    waiting_reason: str | None = None
    closes_because: str | None = None
    stuck_reason: str | None = None
    assessment: Publishable | None = field(default=None, compare=False)


Write = SendTrackingNumber | SendEvents
Call = ReadOrder | Write
Step = Call | Rest


def next_step(  # noqa: PLR0913 -- by keyword, and called from one place
    claim: Claim,
    now: datetime,
    policy: Policy,
    *,
    can_read: bool,
    read_up_to: datetime | None = None,
    assessment: Publishable | None = None,
) -> Step:
    """Return the next step for a claimed shipment.

    `can_read` is False while VTEX refuses to show orders. `read_up_to` is set while
    documents wait too long to be parsed. *assessment* is one that was made earlier in
    this claim, of the same events.
    """
    snapshot = claim.snapshot
    if (first := _before_events(snapshot, now, policy, can_read=can_read)) is not None:
        return first
    # An earlier assessment stays right: publishing does not change what may be
    # published, and an event whose time comes meanwhile makes the shipment due.
    assessment = assessment or publishable(snapshot, now, policy, read_up_to=read_up_to)
    step = _events(snapshot, now, policy, assessment, read_up_to)
    if can_read and (read := _read_first(snapshot, step)):
        return read
    if isinstance(step, Rest):
        return _verified_or_rest(snapshot, step, now, can_read=can_read)
    return step


def _before_events(
    snapshot: Snapshot, now: datetime, policy: Policy, *, can_read: bool
) -> Step | None:
    """Return the step that comes before all events, or None if they matter now."""
    closed = snapshot.closed_reason
    if closed in OVER or closed in ORDER_ENDED:
        reads = closed in ORDER_ENDED and not snapshot.order_checked and can_read
        return ReadOrder("again") if reads else Rest(closes_because=closed)
    if (pending := snapshot.pending) is not None:
        return ReadOrder("unconfirmed") if can_read else _repeat(snapshot, pending)
    unsent = snapshot.tracking_sent_as is None and snapshot.read_back.repaired
    if snapshot.delivered_published and not unsent:
        delivered = Rest(closes_because="delivered")
        return _verified_or_rest(snapshot, delivered, now, can_read=can_read)
    # VTEX takes events only for an invoice that has a tracking number (Orders API).
    if not tracking_number_sent(snapshot, policy):
        return _tracking_number(snapshot, policy, can_read=can_read)
    return None


def _verified_or_rest(
    snapshot: Snapshot, rest: Rest, now: datetime, *, can_read: bool
) -> ReadOrder | Rest:
    """Read back what VTEX accepted if it is time for it, else rest until then."""
    at = (
        now
        if snapshot.in_doubt_since and rest.closes_because
        else snapshot.read_back.at
    )
    if not can_read or at is None:
        return rest
    if at <= now:
        return ReadOrder("verify")
    times = [t for t in (at, rest.next_at) if t is not None]
    return replace(rest, next_at=min(times))


def _read_first(snapshot: Snapshot, step: SendEvents | Rest) -> ReadOrder | None:
    """Return the read before *step*, if what VTEX shows matters for it."""
    if isinstance(step, Rest):
        return ReadOrder("taken_back") if snapshot.taking_back else None
    if not snapshot.order_checked:
        return ReadOrder("again")
    # The relay's own event has nothing to be compared with.
    compares = step.is_delivered or any(e.event is not None for e in step.new)
    return ReadOrder("import") if snapshot.uncompared and compares else None


def _tracking_number(snapshot: Snapshot, policy: Policy, *, can_read: bool) -> Step:
    """Send the tracking number, after an order check where that is possible."""
    tracking = tracking_to_send(snapshot, policy)
    if tracking is None:
        return Rest(waiting_reason=NO_NUMBER)
    if not snapshot.order_checked and can_read:
        return ReadOrder("import" if snapshot.uncompared else "first")
    body = partial_invoice_body(
        tracking.tracking_number,
        tracking.tracking_url,
        tracking.courier,
        tracking.dispatched_date,
    )
    return SendTrackingNumber(tracking, as_bytes(body).decode())


def _events(
    snapshot: Snapshot,
    now: datetime,
    policy: Policy,
    assessment: Publishable,
    read_up_to: datetime | None,
) -> SendEvents | Rest:
    found = next_update(snapshot, assessment, policy)
    if found is None:
        # "delivered" closes a shipment only after VTEX has accepted the delivery.
        closes = assessment.closes_because
        return Rest(
            next_at=_next_at(assessment, now, read_up_to),
            closes_because=closes if closes != "delivered" else None,
            assessment=assessment,
        )
    new = tuple(to_publish(e, snapshot, policy) for e in found.new)
    delivered_at = (
        delivered_date(found.delivered_at, policy.zone, policy.delivered_time)
        if found.delivered_at
        else None
    )
    objects = update_objects(snapshot, new, policy)
    body = tracking_body(objects, delivered_at, is_delivered=found.is_delivered)
    return SendEvents(new, body.decode(), found.is_delivered, assessment)


def _next_at(
    assessment: Publishable, now: datetime, read_up_to: datetime | None
) -> datetime | None:
    """Return when to plan again: when another event becomes publishable by itself."""
    times = [assessment.next_at, now + UNREAD_PAUSE if read_up_to else None]
    return min((t for t in times if t is not None), default=None)


def _repeat(snapshot: Snapshot, pending: UnconfirmedWrite) -> Write:
    """Repeat an unconfirmed write byte for byte, because it cannot be read back.

    An identical update changes nothing and triggers no e-mail (VTEX: known issue
    "first shipping update email").
    """
    if pending.kind == "send_tracking_number":
        return SendTrackingNumber(tracking_in(pending.body), pending.body)
    new = tuple(e for e in snapshot.published if not e.accepted)
    return SendEvents(new, pending.body, pending.is_delivered)


def tracking_in(body: str) -> SentTrackingNumber:
    """Parse the stored body of *update order's partial invoice*."""
    fields = json.loads(body)
    return SentTrackingNumber(
        tracking_number=fields["trackingNumber"] or "",
        tracking_url=fields["trackingUrl"],
        courier=fields["courier"],
        dispatched_date=fields["dispatchedDate"],
    )

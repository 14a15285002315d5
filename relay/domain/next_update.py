"""What the next *update order tracking status* has to contain, if one is needed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from relay.clock import whole_second
from relay.domain.events import Effect, Milestone
from relay.domain.publishable import Publishable, accepted, parcel_of
from relay.domain.shipment import (
    LABEL_CODE,
    OWN_EVENT,
    WHOLE,
    KnownEvent,
    Policy,
    SentTrackingNumber,
    Snapshot,
)
from relay.records import record

JOINED_BY: Final = ";"
"""Between several numbers (https://community.vtex.com/t/42917; VTEX documents none)."""
LONGEST_JOINED: Final = 500
"""In characters; of more parcels only the first number is sent."""

BEFORE_SCAN: Final = timedelta(seconds=1)
"""How long before the first scan the relay's own label event is dated."""


@record
class NextUpdate:
    """The events to publish for the first time, and the delivery if there is one."""

    new: tuple[KnownEvent, ...]
    delivered_at: datetime | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the update says that all parcels were delivered."""
        return self.delivered_at is not None


def tracking_to_send(snapshot: Snapshot, policy: Policy) -> SentTrackingNumber | None:
    """Return what VTEX should have; None without a tracking number.

    VTEX has one number for an invoice. All numbers are joined once all are known: each
    change of the number may repeat the shopper's e-mail.
    """
    tracking = snapshot.tracking
    if tracking is None or policy.announce_numbers == "first":
        return tracking
    numbers = snapshot.numbers
    if (
        len(numbers) < snapshot.volumes
        or tracking.tracking_number not in numbers.values()
    ):
        return tracking
    joined = JOINED_BY.join(dict.fromkeys(numbers[v] for v in sorted(numbers)))
    if len(joined) > LONGEST_JOINED:
        return tracking
    return replace(tracking, tracking_number=joined)


def tracking_number_sent(snapshot: Snapshot, policy: Policy) -> bool:
    """Whether VTEX has the tracking number, URL and courier as they should be."""
    wanted = tracking_to_send(snapshot, policy)
    accepted = snapshot.tracking_sent_as
    return wanted is not None and accepted is not None and accepted.same_as(wanted)


def next_update(
    snapshot: Snapshot, assessment: Publishable, policy: Policy
) -> NextUpdate | None:
    """Return what to publish next, or None if VTEX has everything.

    The first update of a shipment holds the e-mail trigger event alone; a label
    event alone never causes an update. A delivery that was sent is resent as such
    or not at all.
    """
    fresh = unpublished_events(snapshot, assessment)
    if snapshot.delivered_published or _stays_closed(snapshot, assessment, fresh):
        return None
    delivers = assessment.delivered_at is not None
    # VTEX does not document how isDelivered goes back to false, so only an operator's
    # order does it.
    if snapshot.delivered_sent and not delivers:
        return None
    worth_it = (
        delivers
        or snapshot.taking_back == "requested"
        or any(e.milestone is not Milestone.LABEL_CREATED for e in fresh)
    )
    # VTEX sends its first "shipping update" e-mail only after a second, different
    # call (VTEX: known issue "first shipping update email").
    if not snapshot.accepted and _wants_email_trigger(
        snapshot, policy, worth_it=worth_it
    ):
        return NextUpdate(new=(email_trigger(snapshot, assessment, policy),))
    if not worth_it:
        return None
    return NextUpdate(
        new=tuple(fresh),
        delivered_at=assessment.delivered_at,
    )


def unpublished_events(snapshot: Snapshot, assessment: Publishable) -> list[KnownEvent]:
    """Return the publishable events that VTEX has not accepted yet."""
    events = {(t.event, t.volume) for t in snapshot.accepted}
    fresh = [e for e in assessment.events if (e.event, e.volume) not in events]
    published = accepted(snapshot) if fresh and events else set()
    return [
        e
        for e in fresh
        if published.isdisjoint(
            {(WHOLE, e.happening), (parcel_of(e.volume, snapshot.volumes), e.happening)}
        )
    ]


def _stays_closed(
    snapshot: Snapshot, assessment: Publishable, fresh: Sequence[KnownEvent]
) -> bool:
    """Whether a closed shipment stays closed: no new event is later than the published.

    "expired" never follows from the events, so any new event reopens such a shipment.
    """
    closed = snapshot.closed_reason
    if closed is None or closed != assessment.closes_because:
        return False
    last = max((t.occurred_at for t in snapshot.accepted), default=None)
    return last is not None and all(e.occurred_at <= last for e in fresh)


def email_trigger(
    snapshot: Snapshot, assessment: Publishable, policy: Policy
) -> KnownEvent:
    """Return the e-mail trigger event: the carrier's last label event, else our own.

    It is never later than the first scan, so that the history stays in order.
    """
    scans = [e for e in assessment.events if e.milestone is not Milestone.LABEL_CREATED]
    first_scan = min((e.occurred_at for e in scans), default=None)
    labels = [
        e
        for e in assessment.events
        if e.milestone is Milestone.LABEL_CREATED
        and (first_scan is None or e.occurred_at <= first_scan)
    ]
    if labels:
        return labels[-1]
    times = [snapshot.registered_at, snapshot.dispatched_at]
    times.append(first_scan - BEFORE_SCAN if first_scan else None)
    return KnownEvent(
        event=OWN_EVENT,
        volume=WHOLE,
        milestone=Milestone.LABEL_CREATED,
        effect=Effect.NORMAL,
        occurred_at=whole_second(min(t for t in times if t is not None)),
        received_at=snapshot.registered_at,
        position=-1,
        code=LABEL_CODE,
        description=policy.phrases[Milestone.LABEL_CREATED],
    )


def _wants_email_trigger(snapshot: Snapshot, policy: Policy, *, worth_it: bool) -> bool:
    """Whether to trigger the first e-mail; not if shoppers have had it already."""
    # After shadow mode, events of another system have caused the e-mails already.
    emailed = snapshot.shadowed and snapshot.read_back.shown_before
    if snapshot.imported or snapshot.resent or emailed:
        return False
    if policy.first_email == "at_label":
        return True
    return policy.first_email == "with_first_scan" and worth_it

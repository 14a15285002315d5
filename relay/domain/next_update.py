"""What the next *update order tracking status* has to say, if there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.domain.events import Milestone
from relay.domain.publishable import Publishable, parcel_of
from relay.domain.shipment import LABEL_CODE, WHOLE, KnownEvent, Policy, Snapshot


@dataclass(frozen=True, slots=True)
class EventToPublish:
    """Something to be told for the first time, not yet in VTEX's words."""

    volume: int
    occurred_at: datetime
    code: str
    position: int
    description: str
    city: str = ""
    state: str = ""
    event: int | None = None


@dataclass(frozen=True, slots=True)
class NextUpdate:
    """New objects, and whether the parcel counts as handed over with them."""

    new: tuple[EventToPublish, ...]
    delivered_at: datetime | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether shoppers are told that everything arrived."""
        return self.delivered_at is not None


def tracking_number_sent(snapshot: Snapshot) -> bool:
    """Whether VTEX has the number, the page and the carrier's name as we hold them."""
    held, accepted = snapshot.tracking, snapshot.tracking_sent_as
    return held is not None and accepted is not None and accepted.same_as(held)


def next_update(
    snapshot: Snapshot, assessment: Publishable, policy: Policy
) -> NextUpdate | None:
    """Return what VTEX has to be told next, or None.

    The first shipping-update e-mail needs a second, different call (VTEX: known
    issue "first shipping update email"), so the first call of a shipment carries
    the guard event alone; and a created label alone never makes a call. A
    delivery that is to be told again, and no longer stands, is not unsaid.
    """
    fresh = unpublished_events(snapshot, assessment)
    if snapshot.delivered_published or _stays_closed(snapshot, assessment, fresh):
        return None
    delivers = assessment.delivered_at is not None
    if snapshot.true_sent and not delivers:
        return None
    worth_it = delivers or any(
        e.milestone is not Milestone.LABEL_CREATED for e in fresh
    )
    if not snapshot.accepted and _wants_guard(snapshot, policy, worth_it=worth_it):
        return NextUpdate(new=(email_trigger(snapshot, assessment, policy),))
    if not worth_it:
        return None
    return NextUpdate(
        new=tuple(as_object(e, policy) for e in fresh),
        delivered_at=assessment.delivered_at,
    )


def unpublished_events(snapshot: Snapshot, assessment: Publishable) -> list[KnownEvent]:
    """Return what may be told and was not accepted yet."""
    published = {
        (parcel_of(t.volume, snapshot.volumes), t.happening) for t in snapshot.accepted
    }
    events = {(t.event, t.volume) for t in snapshot.accepted}
    return [
        e
        for e in assessment.tellable
        if (e.event, e.volume) not in events
        and published.isdisjoint(
            {(WHOLE, e.happening), (parcel_of(e.volume, snapshot.volumes), e.happening)}
        )
    ]


def _stays_closed(
    snapshot: Snapshot, assessment: Publishable, fresh: Sequence[KnownEvent]
) -> bool:
    """Whether nothing reopens a closed shipment: all news is older than what is told.

    A shipment that expired has no reason of its own any more once there is news.
    """
    closed = snapshot.closed_reason
    if closed is None or closed != assessment.closes_because:
        return False
    last = max((t.occurred_at for t in snapshot.accepted), default=None)
    return last is not None and all(e.occurred_at <= last for e in fresh)


def as_object(event: KnownEvent, policy: Policy) -> EventToPublish:
    """Return *event* as something to tell, in the relay's words if it has none."""
    return EventToPublish(
        volume=event.volume,
        occurred_at=event.occurred_at,
        code=event.published_code,
        position=event.position,
        description=event.description.strip() or policy.words[event.milestone],
        city=event.city,
        state=event.state,
        event=event.event,
    )


def email_trigger(
    snapshot: Snapshot, assessment: Publishable, policy: Policy
) -> EventToPublish:
    """Return the event told first: the carrier's last created label, else ours."""
    scans = [
        e for e in assessment.tellable if e.milestone is not Milestone.LABEL_CREATED
    ]
    first_scan = min((e.occurred_at for e in scans), default=None)
    labels = [
        e
        for e in assessment.tellable
        if e.milestone is Milestone.LABEL_CREATED
        and (first_scan is None or e.occurred_at <= first_scan)
    ]
    if labels:
        return as_object(labels[-1], policy)
    times = [snapshot.registered_at, snapshot.dispatched_at]
    times.append(first_scan - timedelta(seconds=1) if first_scan else None)
    return EventToPublish(
        volume=WHOLE,
        occurred_at=min(t for t in times if t is not None).replace(microsecond=0),
        code=LABEL_CODE,
        position=-1,
        description=policy.words[Milestone.LABEL_CREATED],
    )


def _wants_guard(snapshot: Snapshot, policy: Policy, *, worth_it: bool) -> bool:
    """Whether the first e-mail is provoked, unless shoppers had it already."""
    if snapshot.imported or snapshot.resent:
        return False
    if policy.first_email == "at_label":
        return True
    return policy.first_email == "with_first_scan" and worth_it

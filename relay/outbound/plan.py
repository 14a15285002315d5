"""What comes next for a claimed shipment; pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from relay.clock import micros
from relay.domain.next_update import EventToPublish, next_update, tracking_number_sent
from relay.domain.plausibility import quarantined
from relay.domain.publishable import Publishable, publishable
from relay.domain.shipment import (
    OVER,
    WHOLE,
    Policy,
    PublishedEvent,
    SentTrackingNumber,
    Snapshot,
    UnconfirmedWrite,
)
from relay.store.codec import dumps, new_id
from relay.store.snapshots import Change, Claim
from relay.vtex.bodies import (
    as_bytes,
    delivered_date,
    partial_invoice_body,
    tracking_body,
    tracking_object,
)

NO_NUMBER: Final = "there is no tracking number yet"
UNREAD_PAUSE: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """Read the order: before the first announcement, for a doubt, or afterwards."""

    why: str  # first, import, doubt, verify

    kind = "look"


@dataclass(frozen=True, slots=True)
class SendTrackingNumber:
    """Tell VTEX the tracking number of the invoice."""

    tracking: SentTrackingNumber
    body: str

    kind = "send_tracking"
    is_delivered = False


@dataclass(frozen=True, slots=True)
class SendEvents:
    """Tell VTEX what happened; `new` are the objects it gets for the first time.

    `assessment` is what they were found by; a stored write has none.
    """

    new: tuple[PublishedEvent, ...]
    body: str
    is_delivered: bool
    assessment: Publishable | None = None

    kind = "publish"


@dataclass(frozen=True, slots=True)
class Rest:
    """There is nothing to tell now."""

    next_at: datetime | None = None
    waiting_reason: str | None = None
    closes_because: str | None = None
    stuck_reason: str | None = None


Write = SendTrackingNumber | SendEvents
Step = ReadOrder | SendTrackingNumber | SendEvents | Rest


def next_step(  # noqa: PLR0913 -- by keyword, and asked from one place
    claim: Claim,
    now: datetime,
    policy: Policy,
    *,
    can_read: bool,
    read_up_to: datetime | None = None,
    assessment: Publishable | None = None,
) -> Step:
    """Say what comes next for a shipment.

    `can_read` is False while VTEX refuses to show orders. `read_up_to` is set
    while documents wait unread for too long. *assessment* was made of the same
    events in this claim: what may be told does not depend on what was told now,
    and what its time comes for meanwhile is due at once.
    """
    snapshot = claim.snapshot
    if snapshot.closed_reason in OVER:
        return Rest(closes_because=snapshot.closed_reason)
    if snapshot.pending is not None:
        return ReadOrder("doubt") if can_read else _repeat(snapshot, snapshot.pending)
    if snapshot.delivered_published:
        doubtful = snapshot.in_doubt_since is not None and can_read
        return ReadOrder("verify") if doubtful else Rest(closes_because="delivered")
    if not tracking_number_sent(snapshot):
        return _tracking_to_send(snapshot, can_read=can_read)
    assessment = assessment or publishable(snapshot, now, policy, read_up_to=read_up_to)
    step = _publish(snapshot, now, policy, assessment, read_up_to)
    if (
        isinstance(step, SendEvents)
        and can_read
        and snapshot.imported
        and not snapshot.compared
    ):
        return ReadOrder("import")
    return step


def _tracking_to_send(snapshot: Snapshot, *, can_read: bool) -> Step:
    """Announce, after a look at what VTEX has, where that is possible."""
    if snapshot.tracking is None:
        return Rest(waiting_reason=NO_NUMBER)
    if not snapshot.looked and snapshot.tracking_sent_as is None and can_read:
        return ReadOrder("import" if snapshot.imported else "first")
    return _send_tracking(snapshot.tracking)


def _send_tracking(published: SentTrackingNumber) -> SendTrackingNumber:
    body = partial_invoice_body(
        published.tracking_number,
        published.tracking_url,
        published.courier,
        published.dispatched_date,
    )
    return SendTrackingNumber(published, as_bytes(body).decode())


def _publish(
    snapshot: Snapshot,
    now: datetime,
    policy: Policy,
    assessment: Publishable,
    read_up_to: datetime | None,
) -> Step:
    found = next_update(snapshot, assessment, policy)
    if found is None:
        closes = assessment.closes_because
        return Rest(
            next_at=_next_at(assessment, now, read_up_to),
            closes_because=closes if closes != "delivered" else None,
        )
    new = tuple(as_json_value(o, snapshot, policy) for o in found.new)
    objects = _objects(snapshot, new, policy)
    delivered_at = found.delivered_at
    spelled = (
        delivered_date(delivered_at, policy.zone, policy.event_time)
        if delivered_at
        else None
    )
    body = tracking_body(objects, spelled, is_delivered=found.is_delivered)
    return SendEvents(new, body.decode(), found.is_delivered, assessment)


def _next_at(
    assessment: Publishable, now: datetime, read_up_to: datetime | None
) -> datetime | None:
    """Return when to look again: when something becomes tellable by itself."""
    times = [assessment.next_at, now + UNREAD_PAUSE if read_up_to else None]
    return min((t for t in times if t is not None), default=None)


def as_json_value(
    new: EventToPublish, snapshot: Snapshot, policy: Policy
) -> PublishedEvent:
    """Return something new as VTEX is told it."""
    named = snapshot.volumes > 1 and new.volume != WHOLE
    spelled = tracking_object(
        new,
        policy.zone,
        policy.event_time,
        volume=(new.volume, snapshot.volumes) if named else None,
    )
    return PublishedEvent(
        volume=new.volume,
        occurred_at=new.occurred_at,
        code=new.code,
        position=new.position,
        object=cast("Mapping[str, str]", spelled),
        event=new.event,
    )


def _objects(
    snapshot: Snapshot, new: Sequence[PublishedEvent], policy: Policy
) -> Sequence[Any]:
    """Return the objects of a call: all that was ever told, or what is new."""
    published = [*snapshot.accepted, *new]
    if policy.events == "delta":
        published = list(new) or published[-1:]
    published.sort(key=lambda t: (t.occurred_at, t.position, t.code, t.volume))
    return [t.object for t in published]


def _repeat(snapshot: Snapshot, pending: UnconfirmedWrite) -> Step:
    """Repeat a stored write byte for byte: its fate cannot be read."""
    if pending.kind == "send_tracking":
        return SendTrackingNumber(tracking_in(pending.body), pending.body)
    new = tuple(t for t in snapshot.published if not t.accepted)
    return SendEvents(new, pending.body, pending.is_delivered)


def tracking_in(body: str) -> SentTrackingNumber:
    """Return what the stored body of an announcement says."""
    published = json.loads(body)
    return SentTrackingNumber(
        tracking_number=published["trackingNumber"] or "",
        tracking_url=published["trackingUrl"],
        courier=published["courier"],
        dispatched_date=published["dispatchedDate"],
    )


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """A step, the id of its call, and what is stored before it is taken."""

    step: Step
    call: str
    changes: tuple[Change, ...] = ()


def plan(claim: Claim, step: Step, now: datetime) -> PlannedWrite:
    """Say what is stored before *step* is taken: the call, and a write's content."""
    if isinstance(step, Rest):
        return PlannedWrite(step, "")
    call = new_id(now)
    shipment = claim.snapshot.shipment
    changes: list[Change] = [("store_call", _call_row(claim, step, call, now))]
    if isinstance(step, ReadOrder):
        return PlannedWrite(step, call, tuple(changes))
    pending = {"kind": step.kind, "body": step.body, "is_delivered": step.is_delivered}
    changes.append(
        (
            "store_write",
            {
                "shipment": shipment,
                "pending": dumps(pending),
                "is_delivered": int(step.is_delivered),
                "now": micros(now),
            },
        )
    )
    if isinstance(step, SendEvents):
        changes += [
            ("store_published", published_row(t, shipment, now)) for t in step.new
        ]
    return PlannedWrite(step, call, tuple(changes))


def _call_row(
    claim: Claim, step: ReadOrder | Write, call: str, now: datetime
) -> Mapping[str, Any]:
    return {
        "call": call,
        "shipment": claim.snapshot.shipment,
        "account": claim.snapshot.account,
        "kind": step.kind,
        "body": None if isinstance(step, ReadOrder) else step.body,
        "now": micros(now),
    }


def published_row(
    published: PublishedEvent, shipment: int, now: datetime
) -> Mapping[str, Any]:
    """Return what is stored of an object that VTEX is told, or shows."""
    return {
        "shipment": shipment,
        "volume": published.volume,
        "occurred_at": micros(published.occurred_at),
        "code": published.code,
        "position": published.position,
        "object": dumps(dict(published.object)),
        "event": published.event,
        "now": micros(now),
    }


def quarantine_changes(
    snapshot: Snapshot, now: datetime, policy: Policy
) -> list[Change]:
    """Return what the lists of quarantined events have to show anew."""
    if snapshot.delivered_published:
        return []
    doubtful = quarantined(snapshot, now, policy)
    return [
        (
            "quarantine_event",
            {
                "shipment": snapshot.shipment,
                "event": e.event,
                "reason": doubtful.get(e.event),
            },
        )
        for e in snapshot.events
        if doubtful.get(e.event) != e.quarantine_reason
    ]

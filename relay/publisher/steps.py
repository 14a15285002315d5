"""What comes next for a claimed shipment; pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from relay.store.claimed import Claim
from relay.telling.facts import OVER, WHOLE, Announcement, Facts, Pending, Policy, Told
from relay.telling.publishing import NewObject, is_announced, publishing
from relay.telling.tellable import Assessment, assess
from relay.vtex.bodies import (
    announcement,
    as_bytes,
    delivered_date,
    tracking_body,
    tracking_object,
)

NO_NUMBER: Final = "there is no tracking number yet"
UNREAD_PAUSE: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Look:
    """Read the order: before the first announcement, for a doubt, or afterwards."""

    why: str  # first, import, doubt, verify

    kind = "look"


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell VTEX the tracking number of the invoice."""

    announcement: Announcement
    body: str

    kind = "announce"
    is_delivered = False


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell VTEX what happened; `new` are the objects it gets for the first time.

    `assessment` is what they were found by; a stored write has none.
    """

    new: tuple[Told, ...]
    body: str
    is_delivered: bool
    assessment: Assessment | None = None

    kind = "publish"


@dataclass(frozen=True, slots=True)
class Rest:
    """There is nothing to tell now."""

    next_at: datetime | None = None
    waiting_because: str | None = None
    closes_because: str | None = None
    stuck_because: str | None = None


Write = Announce | Publish
Step = Look | Announce | Publish | Rest


def next_step(  # noqa: PLR0913 -- by keyword, and asked from one place
    claim: Claim,
    now: datetime,
    policy: Policy,
    *,
    can_read: bool,
    read_up_to: datetime | None = None,
    assessment: Assessment | None = None,
) -> Step:
    """Say what comes next for a shipment.

    `can_read` is False while VTEX refuses to show orders. `read_up_to` is set
    while documents wait unread for too long. *assessment* was made of the same
    events in this claim: what may be told does not depend on what was told now,
    and what its time comes for meanwhile is due at once.
    """
    facts = claim.facts
    if facts.closed_because in OVER:
        return Rest(closes_because=facts.closed_because)
    if facts.pending is not None:
        return Look("doubt") if can_read else _repeat(facts, facts.pending)
    if facts.delivered_told:
        doubtful = facts.in_doubt_since is not None and can_read
        return Look("verify") if doubtful else Rest(closes_because="delivered")
    if not is_announced(facts):
        return _to_announce(facts, can_read=can_read)
    assessment = assessment or assess(facts, now, policy, read_up_to=read_up_to)
    step = _publish(facts, now, policy, assessment, read_up_to)
    if isinstance(step, Publish) and can_read and facts.imported and not facts.compared:
        return Look("import")
    return step


def _to_announce(facts: Facts, *, can_read: bool) -> Step:
    """Announce, after a look at what VTEX has, where that is possible."""
    if facts.announcement is None:
        return Rest(waiting_because=NO_NUMBER)
    if not facts.looked and facts.announced_as is None and can_read:
        return Look("import" if facts.imported else "first")
    return _announce(facts.announcement)


def _announce(told: Announcement) -> Announce:
    body = announcement(
        told.tracking_number, told.tracking_url, told.courier, told.dispatched_date
    )
    return Announce(told, as_bytes(body).decode())


def _publish(
    facts: Facts,
    now: datetime,
    policy: Policy,
    assessment: Assessment,
    read_up_to: datetime | None,
) -> Step:
    found = publishing(facts, assessment, policy)
    if found is None:
        closes = assessment.closes_because
        return Rest(
            next_at=_next_at(assessment, now, read_up_to),
            closes_because=closes if closes != "delivered" else None,
        )
    new = tuple(spelled_out(o, facts, policy) for o in found.new)
    objects = _objects(facts, new, policy)
    delivered_at = found.delivered_at
    spelled = (
        delivered_date(delivered_at, policy.zone, policy.event_time)
        if delivered_at
        else None
    )
    body = tracking_body(objects, spelled, is_delivered=found.is_delivered)
    return Publish(new, body.decode(), found.is_delivered, assessment)


def _next_at(
    assessment: Assessment, now: datetime, read_up_to: datetime | None
) -> datetime | None:
    """Return when to look again: when something becomes tellable by itself."""
    times = [assessment.next_at, now + UNREAD_PAUSE if read_up_to else None]
    return min((t for t in times if t is not None), default=None)


def spelled_out(new: NewObject, facts: Facts, policy: Policy) -> Told:
    """Return something new as VTEX is told it."""
    named = facts.volumes > 1 and new.volume != WHOLE
    spelled = tracking_object(
        new,
        policy.zone,
        policy.event_time,
        volume=(new.volume, facts.volumes) if named else None,
    )
    return Told(
        volume=new.volume,
        occurred_at=new.occurred_at,
        code=new.code,
        position=new.position,
        object=cast("Mapping[str, str]", spelled),
        event=new.event,
    )


def _objects(facts: Facts, new: Sequence[Told], policy: Policy) -> Sequence[Any]:
    """Return the objects of a call: all that was ever told, or what is new."""
    told = [*facts.accepted, *new]
    if policy.events == "delta":
        told = list(new) or told[-1:]
    told.sort(key=lambda t: (t.occurred_at, t.position, t.code, t.volume))
    return [t.object for t in told]


def _repeat(facts: Facts, pending: Pending) -> Step:
    """Repeat a stored write byte for byte: its fate cannot be read."""
    if pending.kind == "announce":
        return Announce(announced_in(pending.body), pending.body)
    new = tuple(t for t in facts.told if not t.accepted)
    return Publish(new, pending.body, pending.is_delivered)


def announced_in(body: str) -> Announcement:
    """Return what the stored body of an announcement says."""
    told = json.loads(body)
    return Announcement(
        tracking_number=told["trackingNumber"] or "",
        tracking_url=told["trackingUrl"],
        courier=told["courier"],
        dispatched_date=told["dispatchedDate"],
    )

"""The one function that decides what may be published of a shipment now."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from relay.domain.events import CONTRADICTING_DELIVERY, Effect, Milestone
from relay.domain.history import (
    History,
    before_its_dispatch,
    delivers,
    distinct,
    final_milestone,
    has_date,
    histories,
    implausible,
    provisional_until,
    scans,
)
from relay.domain.plausibility import judge
from relay.domain.shipment import WHOLE, Happening, KnownEvent, Policy, Snapshot
from relay.records import record

PARTLY_DELIVERED: Final = "partly_delivered"
CANCELLED_BY_CARRIER: Final = "cancelled_by_carrier"
"""Unlike a shipment that the ERP cancelled, a later scan reopens it."""


@record
class Publishable:
    """What may be published now, what waits and until when, and whether it ends.

    `events` are oldest first. `quarantined` holds reasons by event id. `next_at` is
    when another event becomes publishable by itself.
    """

    events: tuple[KnownEvent, ...]
    quarantined: Mapping[int, str]
    delivered_at: datetime | None
    next_at: datetime | None
    closes_because: str | None


def publishable(
    snapshot: Snapshot,
    now: datetime,
    policy: Policy,
    *,
    read_up_to: datetime | None = None,
) -> Publishable:
    """Return what may be published of a shipment at *now*.

    `read_up_to` is set while documents wait too long to be parsed: deliveries wait
    then, and so do events received after it, because an unparsed document may hold
    a rollback.
    """
    alone = implausible(snapshot, now)
    of_parcels = histories(snapshot, now, alone)
    reasons = judge(snapshot, alone, of_parcels, now, policy)
    waiting = {e.event for e in snapshot.events if _waits(e, now, policy, read_up_to)}
    out = waiting.union(reasons)
    counting = {id(h): h.effective(out) for h in distinct(of_parcels)}
    delivered_at = _delivered_at(counting.values(), snapshot.dispatched_at, now, policy)
    return Publishable(
        events=tuple(_publishable_events(snapshot, of_parcels, policy, out)),
        quarantined=reasons,
        delivered_at=delivered_at,
        next_at=_next_moment(snapshot, now, policy),
        closes_because=_closes_because(
            counting, id(of_parcels[-1]), now, policy, delivered_at
        ),
    )


def _waits(
    event: KnownEvent, now: datetime, policy: Policy, read_up_to: datetime | None
) -> bool:
    """Whether the event is in the future, or an unparsed document may undo it."""
    if event.occurred_at > now:
        return True
    if read_up_to is None:
        return False
    return delivers(event, now, policy) or event.received_at > read_up_to


def _publishable_events(
    snapshot: Snapshot, of_parcels: Sequence[History], policy: Policy, out: set[int]
) -> list[KnownEvent]:
    """Return the events for shoppers, duplicates merged, oldest first."""
    gone: set[int] = set()
    undoing: dict[Happening, set[Happening]] = {}
    for history in distinct(of_parcels):
        gone |= history.undone
        for rollback, taken in history.undoing.items():
            undoing.setdefault(rollback, set()).update(taken)
    # Shoppers saw the undone event, so they also need to see that it was undone.
    published = {h for _, h in accepted(snapshot)} if undoing else set()
    retracting = {rollback for rollback, taken in undoing.items() if taken & published}
    left_out = out | gone
    wanted = [
        e
        for e in snapshot.events
        if e.event not in left_out
        and not before_its_dispatch(e, snapshot)
        and _is_for_shoppers(e, policy, retracting)
    ]
    return _merged(wanted, snapshot.volumes)


def _is_for_shoppers(
    event: KnownEvent, policy: Policy, retracting: set[Happening]
) -> bool:
    """Whether to publish the event; a rollback only if its target was published."""
    if event.decision == "dropped" or event.effect is Effect.ADMINISTRATIVE:
        return False
    if event.effect is Effect.ROLLBACK:
        return event.happening in retracting
    return event.milestone is not Milestone.UNKNOWN or policy.publish_unknown


def _merged(events: Sequence[KnownEvent], volumes: int) -> list[KnownEvent]:
    """Merge events that arrived under several references or channels.

    An event of the whole invoice covers the same event of each parcel.
    """
    if len({e.happening for e in events}) == len(events):
        return sorted(events, key=lambda e: (e.order, e.volume))
    first: dict[tuple[int, Happening], KnownEvent] = {}
    for event in sorted(events, key=lambda e: (e.volume, e.precision, e.order)):
        volume = parcel_of(event.volume, volumes)
        if (WHOLE, event.happening) not in first:
            first.setdefault((volume, event.happening), event)
    return sorted(first.values(), key=lambda e: (e.order, e.volume))


def accepted(snapshot: Snapshot) -> set[tuple[int, Happening]]:
    """Return what VTEX has accepted: the parcel and the identity of each event.

    A more precise record may have changed the time of an event since.
    """
    now_known_as = {e.event: e.happening for e in snapshot.events}
    found: set[tuple[int, Happening]] = set()
    for sent in snapshot.accepted:
        volume = parcel_of(sent.volume, snapshot.volumes)
        found.add((volume, sent.happening))
        found.add((volume, now_known_as.get(sent.event or 0, sent.happening)))
    return found


def parcel_of(volume: int, volumes: int) -> int:
    """Return the volume to compare by: a single parcel is the whole invoice."""
    return WHOLE if volumes == 1 else volume


def _delivered_at(
    counting: Iterable[list[KnownEvent]],
    dispatched_at: datetime | None,
    now: datetime,
    policy: Policy,
) -> datetime | None:
    """Return when the last parcel was delivered, or None if one is missing."""
    moments: list[datetime] = []
    for history in counting:
        scan = _delivering(history, now, policy)
        if scan is None:
            return None
        moments.append(scan.shown_at(dispatched_at))
    return max(moments)


def _delivering(
    history: list[KnownEvent], now: datetime, policy: Policy
) -> KnownEvent | None:
    """Return the scan that delivered a parcel: the first after all contradictions.

    A delivery before them counts only if an operator released it; the others are
    quarantined and not in *history*.
    """
    deliveries = [e for e in history if delivers(e, now, policy)]
    if not deliveries:
        return None
    against = [e.order for e in scans(history) if e.milestone in CONTRADICTING_DELIVERY]
    after = [e for e in deliveries if not against or e.order > max(against)]
    return next(iter([*after, *deliveries[-1:]]), None)


def _next_moment(snapshot: Snapshot, now: datetime, policy: Policy) -> datetime | None:
    """Return when another event becomes publishable by itself."""
    # Only future and provisional events matter, and there are few of them.
    events = [
        e
        for e in snapshot.events
        if (e.occurred_at > now or e.effect is Effect.PROVISIONAL)
        and e.decision != "dropped"
        and has_date(e)
    ]
    times = [e.occurred_at for e in events]
    times += [t for e in events if (t := provisional_until(e, policy))]
    return min((t for t in times if t > now), default=None)


def _closes_because(
    counting: Mapping[int, list[KnownEvent]],
    last_parcel: int,
    now: datetime,
    policy: Policy,
    delivered_at: datetime | None,
) -> str | None:
    """Return the closing reason, if every parcel has reached its end.

    Different ends are those of the *last_parcel*, a key of *counting*, unless one was
    delivered.
    """
    if delivered_at is not None:
        return Milestone.DELIVERED.value
    ends = {key: final_milestone(h, now, policy) for key, h in counting.items()}
    last = ends[last_parcel]
    if None in ends.values() or last is None:
        return None
    if Milestone.DELIVERED in ends.values():
        return PARTLY_DELIVERED
    return CANCELLED_BY_CARRIER if last is Milestone.CANCELLED else last.value

"""Which events wait for a person, and why: nobody is told "delivered" by mistake."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from relay.domain.events import CONTRADICTING_DELIVERY, Milestone
from relay.domain.history import delivers, doubtful_in_itself, effective, scans
from relay.domain.shipment import KnownEvent, Policy, Snapshot

DISPATCH_GRACE: Final = timedelta(seconds=60)
TOO_SOON: Final = timedelta(minutes=10)

BEFORE_DISPATCH: Final = "delivered before it was dispatched"
TOO_SOON_ALONE: Final = "delivered as soon as registered, with no other scan"
RETURN_DIRECTION: Final = "delivered while on its way back"
CONTRADICTED: Final = "a later scan contradicts the delivery"

_BACK: Final = frozenset({Milestone.RETURNING, Milestone.RETURNED})


def quarantined(snapshot: Snapshot, now: datetime, policy: Policy) -> dict[int, str]:
    """Return the implausible events and why each waits; released ones do not."""
    found: dict[int, str] = {}
    for event in snapshot.events:
        because = doubtful_in_itself(event, now)
        if because is not None:
            found[event.event] = because
    for volume in range(1, snapshot.volumes + 1):
        for number, because in _deliveries(snapshot, volume, now, policy).items():
            found.setdefault(number, because)
    return found


def _deliveries(
    snapshot: Snapshot, volume: int, now: datetime, policy: Policy
) -> dict[int, str]:
    """Return the deliveries of one parcel that cannot be believed.

    The last one is judged first: only one that is believed itself, and whose time
    has come, decides for an earlier one that was contradicted.
    """
    history = effective(snapshot, volume, now)
    found: dict[int, str] = {}
    believed: list[KnownEvent] = []
    for event in reversed(history):
        if not delivers(event, now, policy):
            continue
        because = _why(event, history, snapshot, believed)
        if because is not None and event.decision != "released":
            found[event.event] = because
        elif event.occurred_at <= now:
            believed.append(event)
    return found


def _why(
    delivery: KnownEvent,
    history: Sequence[KnownEvent],
    snapshot: Snapshot,
    believed: Collection[KnownEvent],
) -> str | None:
    """Return why a *delivery* cannot be believed, if so."""
    before = [e for e in scans(history) if e.order < delivery.order]
    doubts = (
        (BEFORE_DISPATCH, _before_dispatch(delivery, snapshot)),
        (TOO_SOON_ALONE, _too_soon(delivery, history, snapshot)),
        (RETURN_DIRECTION, any(e.milestone in _BACK for e in before)),
        (CONTRADICTED, _contradicted(delivery, history, believed)),
    )
    return next((because for because, doubted in doubts if doubted), None)


def _before_dispatch(delivery: KnownEvent, snapshot: Snapshot) -> bool:
    if snapshot.dispatched_at is None:
        return False
    happened = delivery.occurred_at.replace(microsecond=0)
    return happened < snapshot.dispatched_at.replace(microsecond=0) - DISPATCH_GRACE


def _too_soon(
    delivery: KnownEvent, history: Sequence[KnownEvent], snapshot: Snapshot
) -> bool:
    """Whether a delivery came with its label, and no other kind of scan did."""
    if delivery.occurred_at > snapshot.registered_at + TOO_SOON:
        return False
    if snapshot.imported and snapshot.dispatched_at is not None:
        return False
    return not any(e.milestone is not Milestone.DELIVERED for e in scans(history))


def _contradicted(
    delivery: KnownEvent,
    history: Sequence[KnownEvent],
    believed: Collection[KnownEvent],
) -> bool:
    """Whether the parcel was seen elsewhere afterwards, and not delivered again."""
    against = [
        e.order
        for e in scans(history)
        if e.milestone in CONTRADICTING_DELIVERY and e.order > delivery.order
    ]
    return bool(against) and not any(e.order > max(against) for e in believed)

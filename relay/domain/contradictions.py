"""What contradicts a delivery that VTEX already shows: an operator has to act."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from relay.domain.events import CONTRADICTING_DELIVERY, Milestone
from relay.domain.history import delivers, of_volume, scans, undone
from relay.domain.precision import later
from relay.domain.shipment import KnownEvent, Policy, Snapshot

WITHDRAWN: Final = "the carrier withdrew a delivery that VTEX already shows"
DROPPED: Final = "the delivery that VTEX shows was dropped by an operator"
AGAINST: Final = CONTRADICTING_DELIVERY | {Milestone.LOST, Milestone.CANCELLED}
"""Milestones that cannot follow a delivery of the same parcel."""


def contradiction(snapshot: Snapshot, now: datetime, policy: Policy) -> str | None:
    """Return what contradicts the published delivery, or None.

    A delivery that VTEX showed before the relay has no event, so nothing can
    contradict it; a later delivery settles an earlier contradiction.
    """
    if not snapshot.delivered_published:
        return None
    found = (
        _of_parcel(snapshot, of_volume(snapshot, volume, now), now, policy)
        for volume in range(1, snapshot.volumes + 1)
    )
    return next(filter(None, found), None)


def _of_parcel(
    snapshot: Snapshot, history: Sequence[KnownEvent], now: datetime, policy: Policy
) -> str | None:
    gone = undone(history)
    counting = [e for e in history if e.event not in gone]
    deliveries = [e for e in counting if delivers(e, now, policy)]
    if not deliveries:
        if any(e.milestone is Milestone.DELIVERED for e in history if e.event in gone):
            return WITHDRAWN
        return DROPPED if _dropped(snapshot) else None
    last = deliveries[-1]
    against = [e for e in scans(counting) if e.milestone in AGAINST and later(e, last)]
    return _scanned(against[0]) if against else None


def _scanned(event: KnownEvent) -> str:
    at = event.occurred_at.isoformat(timespec="minutes")
    return (
        f"VTEX shows it delivered, but event {event.event} of {at} is {event.milestone}"
    )


def _dropped(snapshot: Snapshot) -> bool:
    """Whether a delivery that was published has been dropped since."""
    sent = {published.event for published in snapshot.accepted}
    return any(
        e.event in sent
        for e in snapshot.events
        if e.milestone is Milestone.DELIVERED and e.decision == "dropped"
    )

"""What contradicts a delivery that VTEX already shows: an operator has to act."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from relay.domain.events import CONTRADICTING_DELIVERY, Effect, Milestone
from relay.domain.history import History, delivers, distinct, histories, scans
from relay.domain.precision import later
from relay.domain.shipment import KnownEvent, Policy, Snapshot

WITHDRAWN: Final = "the carrier withdrew a delivery that VTEX already shows"
DROPPED: Final = "the delivery that VTEX shows was dropped by an operator"
DENIED: Final = "VTEX shows it delivered, but a document of the carrier denies that"
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
        _of_parcel(snapshot, history, now, policy)
        for history in distinct(histories(snapshot, now))
    )
    return next(filter(None, found), None)


def _of_parcel(
    snapshot: Snapshot, history: History, now: datetime, policy: Policy
) -> str | None:
    counting = history.effective()
    deliveries = [e for e in counting if delivers(e, now, policy)]
    if not deliveries:
        undone = (e for e in history.events if e.event in history.undone)
        if any(e.milestone is Milestone.DELIVERED for e in undone):
            return WITHDRAWN
        if _published(snapshot, denied):
            return DENIED
        return DROPPED if _published(snapshot, dropped) else None
    # A day reaches further than a time in it: a scan of that day is not later.
    last = max(deliveries, key=lambda e: e.ends_at)
    against = [e for e in scans(counting) if e.milestone in AGAINST and later(e, last)]
    return _scanned(against[0]) if against else None


def _scanned(event: KnownEvent) -> str:
    at = event.occurred_at.isoformat(timespec="minutes")
    return (
        f"VTEX shows it delivered, but event {event.event} of {at} is {event.milestone}"
    )


def _published(snapshot: Snapshot, doubted: Callable[[KnownEvent], bool]) -> bool:
    """Whether a delivery that was published has become *doubted* since."""
    sent = {published.event for published in snapshot.accepted}
    return any(
        e.event in sent and e.milestone is Milestone.DELIVERED and doubted(e)
        for e in snapshot.events
    )


def dropped(event: KnownEvent) -> bool:
    """Whether an operator dropped *event*."""
    return event.decision == "dropped"


def denied(event: KnownEvent) -> bool:
    """Whether a document denies the delivery *event*, and no one released it."""
    return event.effect is Effect.CONTRADICTORY and event.decision is None

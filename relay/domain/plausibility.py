"""Which events are implausible and wait for an operator, and why.

VTEX documents no way to take a delivery back. Marketplaces reject one that is dated
before dispatch or in the future (VTEX: known issue 856984).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from relay.domain.events import CONTRADICTING_DELIVERY, Milestone
from relay.domain.history import delivers, effective, implausible_alone, scans
from relay.domain.shipment import KnownEvent, Policy, Snapshot

DISPATCH_GRACE: Final = timedelta(seconds=60)
TOO_SOON: Final = timedelta(minutes=10)

BEFORE_DISPATCH: Final = "delivered before dispatch"
TOO_SOON_ALONE: Final = "delivered right after registration, with no other scan"
RETURN_DIRECTION: Final = "delivered while being returned"
CONTRADICTED: Final = "contradicted by a later scan"

_BACK: Final = frozenset({Milestone.RETURNING, Milestone.RETURNED})


def quarantined(snapshot: Snapshot, now: datetime, policy: Policy) -> dict[int, str]:
    """Return the reason by event id, without events that an operator released."""
    found: dict[int, str] = {}
    for event in snapshot.events:
        because = implausible_alone(event, now)
        if because is not None:
            found[event.event] = because
    for volume in range(1, snapshot.volumes + 1):
        for number, because in _deliveries(snapshot, volume, now, policy).items():
            found.setdefault(number, because)
    return found


def _deliveries(
    snapshot: Snapshot, volume: int, now: datetime, policy: Policy
) -> dict[int, str]:
    """Return the implausible deliveries of one parcel, with the reason.

    The last one is judged first: a plausible delivery whose time has come also
    confirms an earlier one that a scan in between contradicts.
    """
    history = effective(snapshot, volume, now)
    found: dict[int, str] = {}
    plausible: list[KnownEvent] = []
    for event in reversed(history):
        if not delivers(event, now, policy):
            continue
        because = _why(event, history, snapshot, plausible)
        if because is not None and event.decision != "released":
            found[event.event] = because
        elif event.occurred_at <= now:
            plausible.append(event)
    return found


def _why(
    delivery: KnownEvent,
    history: Sequence[KnownEvent],
    snapshot: Snapshot,
    plausible: Collection[KnownEvent],
) -> str | None:
    """Return why a *delivery* is implausible, or None."""
    before = [e for e in scans(history) if e.order < delivery.order]
    checks = (
        (BEFORE_DISPATCH, _before_dispatch(delivery, snapshot)),
        (TOO_SOON_ALONE, _too_soon(delivery, history, snapshot)),
        (RETURN_DIRECTION, any(e.milestone in _BACK for e in before)),
        (CONTRADICTED, _contradicted(delivery, history, plausible)),
    )
    return next((because for because, failed in checks if failed), None)


def _before_dispatch(delivery: KnownEvent, snapshot: Snapshot) -> bool:
    if snapshot.dispatched_at is None:
        return False
    # In whole seconds: sources differ in their fractions of a second.
    happened = delivery.occurred_at.replace(microsecond=0)
    return happened < snapshot.dispatched_at.replace(microsecond=0) - DISPATCH_GRACE


def _too_soon(
    delivery: KnownEvent, history: Sequence[KnownEvent], snapshot: Snapshot
) -> bool:
    """Whether a delivery came with its label, and no other kind of scan did.

    A label that is registered late, with `imported` and a dispatch date, is normal.
    """
    if delivery.occurred_at > snapshot.registered_at + TOO_SOON:
        return False
    if snapshot.imported and snapshot.dispatched_at is not None:
        return False
    return not any(e.milestone is not Milestone.DELIVERED for e in scans(history))


def _contradicted(
    delivery: KnownEvent,
    history: Sequence[KnownEvent],
    plausible: Collection[KnownEvent],
) -> bool:
    """Whether a later scan shows the parcel in transit, with no delivery after it."""
    against = [
        e.order
        for e in scans(history)
        if e.milestone in CONTRADICTING_DELIVERY and e.order > delivery.order
    ]
    return bool(against) and not any(e.order > max(against) for e in plausible)

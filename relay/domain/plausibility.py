"""Which events are implausible and wait for an operator, and why.

VTEX documents no way to take a delivery back. Marketplaces reject one that is dated
before dispatch or in the future (VTEX: known issue 856984).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from relay.domain.events import CONTRADICTING_DELIVERY, Milestone
from relay.domain.history import (
    delivers,
    earliest_scan,
    effective,
    implausible_alone,
    scans,
    whole_second,
)
from relay.domain.shipment import KnownEvent, Policy, Snapshot

TOO_SOON: Final = timedelta(minutes=10)

BEFORE_DISPATCH: Final = "delivered before dispatch"
BEFORE_LABEL: Final = "delivered before its label was registered"
TOO_SOON_ALONE: Final = "delivered right after registration, with no other scan since"
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
        because = _why(event, history, snapshot, policy, plausible)
        if because is not None and event.decision != "released":
            found[event.event] = because
        elif event.occurred_at <= now:
            plausible.append(event)
    return found


def _why(
    delivery: KnownEvent,
    history: Sequence[KnownEvent],
    snapshot: Snapshot,
    policy: Policy,
    plausible: Collection[KnownEvent],
) -> str | None:
    """Return why a *delivery* is implausible, or None."""
    before = [e for e in scans(history) if e.order < delivery.order]
    checks = (
        (BEFORE_DISPATCH, _before_dispatch(delivery, snapshot)),
        (BEFORE_LABEL, _before_label(delivery, snapshot, policy)),
        (TOO_SOON_ALONE, _too_soon(delivery, history, snapshot, policy)),
        (RETURN_DIRECTION, any(e.milestone in _BACK for e in before)),
        (CONTRADICTED, _contradicted(delivery, history, plausible)),
    )
    return next((because for because, failed in checks if failed), None)


def _before_dispatch(delivery: KnownEvent, snapshot: Snapshot) -> bool:
    if snapshot.dispatched_at is None:
        return False
    return whole_second(delivery.occurred_at) < earliest_scan(snapshot.dispatched_at)


def _before_label(delivery: KnownEvent, snapshot: Snapshot, policy: Policy) -> bool:
    """Whether a delivery is older than its label, which nothing explains.

    It is then more likely that of an earlier parcel: carriers reuse numbers, and
    polling carriers give the whole history of one. `dispatchedDate` says when the
    parcel left, so it is compared in place of the registration.
    """
    if _registered_late(snapshot, policy) or snapshot.dispatched_at is not None:
        return False
    return whole_second(delivery.occurred_at) < whole_second(snapshot.registered_at)


def _too_soon(
    delivery: KnownEvent,
    history: Sequence[KnownEvent],
    snapshot: Snapshot,
    policy: Policy,
) -> bool:
    """Whether a delivery came with its label, and no other kind of scan did since.

    A scan before the registration, or before the dispatch where that is known, may be
    another parcel's and confirms nothing. A label that is registered late, with
    `imported` and a dispatch date, is normal.
    """
    if delivery.occurred_at > snapshot.registered_at + TOO_SOON:
        return False
    if snapshot.imported and snapshot.dispatched_at is not None:
        return False
    others = [e for e in scans(history) if e.milestone is not Milestone.DELIVERED]
    if snapshot.dispatched_at is not None:
        since = earliest_scan(snapshot.dispatched_at)
    elif _registered_late(snapshot, policy):
        return not others
    else:
        since = whole_second(snapshot.registered_at)
    return not any(whole_second(e.occurred_at) >= since for e in others)


def _registered_late(snapshot: Snapshot, policy: Policy) -> bool:
    """Whether the label was registered after its parcel had left, and says so."""
    return snapshot.imported or policy.labels_come_late


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

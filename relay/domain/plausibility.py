"""Which events are implausible and wait for an operator, and why.

VTEX documents no way to take a delivery back. Marketplaces reject one that is dated
before dispatch or in the future (VTEX: known issue 856984).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Self

from relay.clock import whole_second
from relay.domain.event_time import SECOND
from relay.domain.events import CONTRADICTING_DELIVERY, Milestone
from relay.domain.history import (
    History,
    delivers,
    distinct,
    earliest_scan,
    histories,
    implausible,
    scans,
)
from relay.domain.precision import later
from relay.domain.shipment import KnownEvent, Policy, Snapshot
from relay.records import record

TOO_SOON: Final = timedelta(minutes=10)

BEFORE_DISPATCH: Final = "delivered before dispatch"
BEFORE_LABEL: Final = "delivered before its label was registered"
TOO_SOON_ALONE: Final = "delivered right after registration, with no other scan since"
RETURN_DIRECTION: Final = "delivered while being returned"
NO_TIME: Final = "delivered at exactly 00:00: the time may be missing"
CONTRADICTED: Final = "contradicted by a later scan"

_BACK: Final = frozenset({Milestone.RETURNING, Milestone.RETURNED})


def quarantined(snapshot: Snapshot, now: datetime, policy: Policy) -> dict[int, str]:
    """Return the reason by event id, without events that an operator released."""
    alone = implausible(snapshot, now)
    return judge(snapshot, alone, histories(snapshot, now, alone), now, policy)


def judge(
    snapshot: Snapshot,
    alone: Sequence[str | None],
    of_parcels: Sequence[History],
    now: datetime,
    policy: Policy,
) -> dict[int, str]:
    """Return the same, given what is implausible *alone*, and the histories."""
    found: dict[int, str] = {}
    for event, reason in zip(snapshot.events, alone, strict=True):
        if reason is not None:
            found[event.event] = reason
    for history in distinct(of_parcels):
        deliveries = _deliveries(history.effective(), snapshot, now, policy)
        for number, because in deliveries.items():
            found.setdefault(number, because)
    return found


def _deliveries(
    history: Sequence[KnownEvent], snapshot: Snapshot, now: datetime, policy: Policy
) -> dict[int, str]:
    """Return the implausible deliveries of one parcel, with the reason.

    The last one is judged first: a plausible delivery whose time has come also
    confirms an earlier one that a scan in between contradicts.
    """
    deliveries = [e for e in history if delivers(e, now, policy)]
    found: dict[int, str] = {}
    if not deliveries:
        return found
    course = _Course.of(history, snapshot, policy)
    confirming: KnownEvent | None = None
    for event in sorted(deliveries, key=_reach, reverse=True):
        because = _why(event, course, snapshot, policy, confirming)
        if because is not None and event.decision != "released":
            found[event.event] = because
        elif event.occurred_at <= now:
            confirming = confirming or event
    return found


def _reach(event: KnownEvent) -> tuple[datetime, tuple[datetime, int, int]]:
    return (event.ends_at, event.order)


@record
class _Course:
    """What the other scans of a parcel say about every one of its deliveries.

    Computed once, so that the cost does not grow with the square of the events.
    """

    first_return: KnownEvent | None
    last_contradiction: KnownEvent | None
    scanned_since: bool

    @classmethod
    def of(
        cls, history: Sequence[KnownEvent], snapshot: Snapshot, policy: Policy
    ) -> Self:
        handled = scans(history)
        back = (e for e in handled if e.milestone in _BACK)
        against = (e for e in handled if e.milestone in CONTRADICTING_DELIVERY)
        others = [e for e in handled if e.milestone is not Milestone.DELIVERED]
        return cls(
            first_return=min(back, key=lambda e: e.order, default=None),
            last_contradiction=max(against, key=lambda e: e.order, default=None),
            scanned_since=_scanned_since(others, snapshot, policy),
        )


def _why(
    delivery: KnownEvent,
    course: _Course,
    snapshot: Snapshot,
    policy: Policy,
    confirming: KnownEvent | None,
) -> str | None:
    """Return why a *delivery* is implausible, or None."""
    # A return of the same day as a delivery may have come first.
    back = course.first_return
    checks = (
        (BEFORE_DISPATCH, _before_dispatch(delivery, snapshot)),
        (BEFORE_LABEL, _before_label(delivery, snapshot, policy)),
        (NO_TIME, delivery.midnight and not policy.days_only),
        (TOO_SOON_ALONE, _too_soon(delivery, course, snapshot)),
        (RETURN_DIRECTION, back is not None and not later(back, delivery)),
        (CONTRADICTED, _contradicted(delivery, course, confirming)),
    )
    return next((because for because, failed in checks if failed), None)


def _before_dispatch(delivery: KnownEvent, snapshot: Snapshot) -> bool:
    if snapshot.dispatched_at is None:
        return False
    return delivery.latest < earliest_scan(snapshot.dispatched_at)


def _before_label(delivery: KnownEvent, snapshot: Snapshot, policy: Policy) -> bool:
    """Whether a delivery is older than its label, which nothing explains.

    It is then more likely that of an earlier parcel: carriers reuse numbers, and
    polling carriers give the whole history of one. `dispatchedDate` says when the
    parcel left, so it is compared in place of the registration.
    """
    if _registered_late(snapshot, policy) or snapshot.dispatched_at is not None:
        return False
    return delivery.latest < whole_second(snapshot.registered_at)


def _too_soon(delivery: KnownEvent, course: _Course, snapshot: Snapshot) -> bool:
    """Whether a delivery came with its label, and no other kind of scan did since.

    A label that is registered late, with `imported` and a dispatch date, is normal.
    """
    instant = delivery.precision <= SECOND
    came = delivery.occurred_at if instant else delivery.latest
    if came > snapshot.registered_at + TOO_SOON:
        return False
    if snapshot.imported and snapshot.dispatched_at is not None:
        return False
    return not course.scanned_since


def _scanned_since(
    others: Sequence[KnownEvent], snapshot: Snapshot, policy: Policy
) -> bool:
    """Whether one of the *other* scans confirms that the parcel is under way.

    One before the registration, or before the dispatch where that is known, may be
    another parcel's and confirms nothing.
    """
    if snapshot.dispatched_at is not None:
        since = earliest_scan(snapshot.dispatched_at)
    elif _registered_late(snapshot, policy):
        return bool(others)
    else:
        since = whole_second(snapshot.registered_at)
    return any(e.latest >= since for e in others)


def _registered_late(snapshot: Snapshot, policy: Policy) -> bool:
    """Whether the label was registered after its parcel had left, and says so."""
    return snapshot.imported or policy.labels_come_late


def _contradicted(
    delivery: KnownEvent, course: _Course, confirming: KnownEvent | None
) -> bool:
    """Whether a later scan shows the parcel in transit, with no delivery after it."""
    against = course.last_contradiction
    if against is None or not later(against, delivery):
        return False
    return confirming is None or later(against, confirming)

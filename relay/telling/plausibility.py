"""Which events wait for a person, and why: nobody is told "delivered" by mistake."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from relay.telling.facts import Facts, KnownEvent, Policy
from relay.telling.history import delivers, of_volume, scans, undone
from relay.tracking import CONTRADICTING_DELIVERY, Milestone

FUTURE: Final = timedelta(hours=24)
"""An event further ahead than this is quarantined; a nearer one waits."""

DISPATCH_GRACE: Final = timedelta(seconds=60)
TOO_SOON: Final = timedelta(minutes=10)

IN_FUTURE: Final = "more than 24 hours in the future"
BEFORE_DISPATCH: Final = "delivered before it was dispatched"
TOO_SOON_ALONE: Final = "delivered as soon as registered, with no other scan"
RETURN_DIRECTION: Final = "delivered while on its way back"
CONTRADICTED: Final = "a later scan contradicts the delivery"
AMBIGUOUS: Final = "several shipments or volumes under this order id"


def quarantined(facts: Facts, now: datetime, policy: Policy) -> dict[int, str]:
    """Return the implausible events and why each waits; released ones do not."""
    found: dict[int, str] = {}
    for volume in range(1, facts.volumes + 1):
        history = of_volume(facts, volume)
        gone = undone(history)
        history = [e for e in history if e.event not in gone]
        for event in history:
            because = _why(event, history, facts, now, policy)
            if because is not None and event.judged != "released":
                found.setdefault(event.event, because)
    return found


def _why(
    event: KnownEvent,
    history: Sequence[KnownEvent],
    facts: Facts,
    now: datetime,
    policy: Policy,
) -> str | None:
    """Return why *event* cannot be believed, if so."""
    if event.ambiguous:
        return AMBIGUOUS
    if event.occurred_at > now + FUTURE:
        return IN_FUTURE
    if not delivers(event, now, policy):
        return None
    back = any(e.milestone in _BACK and e.order < event.order for e in scans(history))
    doubts = (
        (BEFORE_DISPATCH, _before_dispatch(event, facts)),
        (TOO_SOON_ALONE, _too_soon(event, history, facts)),
        (RETURN_DIRECTION, back),
        (CONTRADICTED, _contradicted(event, history, now, policy)),
    )
    return next((because for because, doubted in doubts if doubted), None)


_BACK: Final = frozenset({Milestone.RETURNING, Milestone.RETURNED})


def _before_dispatch(event: KnownEvent, facts: Facts) -> bool:
    if facts.dispatched_at is None:
        return False
    happened = event.occurred_at.replace(microsecond=0)
    return happened < facts.dispatched_at.replace(microsecond=0) - DISPATCH_GRACE


def _too_soon(event: KnownEvent, history: Sequence[KnownEvent], facts: Facts) -> bool:
    if event.occurred_at > facts.registered_at + TOO_SOON:
        return False
    return not any(e.milestone is not Milestone.DELIVERED for e in scans(history))


def _contradicted(
    event: KnownEvent, history: Sequence[KnownEvent], now: datetime, policy: Policy
) -> bool:
    """Whether the parcel was seen elsewhere afterwards, and not delivered again."""
    later = [e for e in history if e.order > event.order]
    against = [e for e in scans(later) if e.milestone in CONTRADICTING_DELIVERY]
    again = [e for e in later if delivers(e, now, policy)]
    return bool(against) and not (again and again[-1].order > against[-1].order)

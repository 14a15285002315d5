"""The history of one parcel: which events count, and which were rolled back."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from relay.domain.events import Effect, Milestone, is_final, is_real_date, is_scan
from relay.domain.precision import in_order, later
from relay.domain.shipment import WHOLE, Happening, KnownEvent, Policy, Snapshot

FUTURE: Final = timedelta(hours=24)
"""Events further ahead are quarantined; nearer ones wait until their time comes."""

DISPATCH_GRACE: Final = timedelta(seconds=60)

IN_FUTURE: Final = "more than 24 hours in the future"
NO_DATE: Final = "placeholder date: before 2005, or over a year after its receipt"
CONTRADICTORY: Final = "two fields of the document contradict each other"
OTHER_INVOICE: Final = "names another order, invoice or key than the label"
BEFORE_KEY: Final = "before the month of its NF-e or CT-e key"
AMBIGUOUS: Final = "ambiguous: could refer to more than one parcel"


def implausible_alone(event: KnownEvent, now: datetime) -> str | None:
    """Return why *event* is implausible whatever the other events are, or None.

    A placeholder date stays one if the event is released: VTEX would show the date.
    """
    if event.decision != "dropped" and not has_date(event):
        return NO_DATE
    if event.decision is not None:
        return None
    checks = (
        (OTHER_INVOICE, event.contradictory),
        (BEFORE_KEY, event.before_key),
        (AMBIGUOUS, event.ambiguous),
        (CONTRADICTORY, event.effect is Effect.CONTRADICTORY),
        (IN_FUTURE, event.occurred_at > now + FUTURE),
    )
    return next((because for because, failed in checks if failed), None)


def has_date(event: KnownEvent) -> bool:
    """Whether *event* has a real date, not a placeholder."""
    return is_real_date(event.occurred_at, event.received_at)


def before_its_dispatch(event: KnownEvent, snapshot: Snapshot) -> bool:
    """Whether an event is older than the dispatch, so it is of an earlier parcel.

    A label is printed before the parcel leaves. A delivery stays in the history: it is
    quarantined, so that an operator can correct a wrong `dispatchedDate`.
    """
    if snapshot.dispatched_at is None or event.decision == "released":
        return False
    stays = event.milestone is Milestone.LABEL_CREATED or (
        event.milestone is Milestone.DELIVERED and event.effect is Effect.NORMAL
    )
    return not stays and event.latest < earliest_scan(snapshot.dispatched_at)


def whole_second(moment: datetime) -> datetime:
    """Return *moment* in whole seconds: sources differ in their fractions."""
    return moment.replace(microsecond=0)


def earliest_scan(dispatched_at: datetime) -> datetime:
    """Return the earliest time of an event of a parcel dispatched at that time."""
    return whole_second(dispatched_at) - DISPATCH_GRACE


def of_volume(snapshot: Snapshot, volume: int, now: datetime) -> list[KnownEvent]:
    """Return the events that count for one parcel, oldest first.

    Dropped events are left out, and so are those that are implausible alone, or from
    before the dispatch: they must not hold up the others. Contradictory ones count
    once they are released.
    """
    counting = (
        replace(e, effect=Effect.NORMAL) if e.effect is Effect.CONTRADICTORY else e
        for e in snapshot.events
        if e.volume in {WHOLE, volume}
        and e.decision != "dropped"
        and implausible_alone(e, now) is None
        and not before_its_dispatch(e, snapshot)
    )
    return in_order(counting)


def taken_back(history: Sequence[KnownEvent]) -> Mapping[Happening, set[Happening]]:
    """Return what each rollback of a parcel undoes.

    The same rollback from two channels, webhook and poll, is one.
    """
    found: dict[Happening, set[Happening]] = {}
    gone: set[Happening] = set()
    for place, event in enumerate(history):
        if event.effect is Effect.ROLLBACK and event.happening not in found:
            found[event.happening] = _undone_by(event, history[:place], gone)
            gone |= found[event.happening]
    return found


def _undone_by(
    rollback: KnownEvent, before: Sequence[KnownEvent], gone: Collection[Happening]
) -> set[Happening]:
    """Return what one rollback undoes: the codes it names, else the event before."""
    candidates = [
        e
        for e in before
        if e.effect in {Effect.NORMAL, Effect.PROVISIONAL} and e.happening not in gone
    ]
    if not rollback.undoes:
        return {e.happening for e in candidates[-1:]}
    return {e.happening for e in candidates if e.code in rollback.undoes}


def undone(history: Sequence[KnownEvent]) -> set[int]:
    """Return the ids of the events that a later rollback of the parcel undoes."""
    gone = set[Happening]().union(*taken_back(history).values())
    if not gone:
        return set()
    return {e.event for e in history if e.happening in gone}


def effective(
    snapshot: Snapshot, volume: int, now: datetime, out: Collection[int] = ()
) -> list[KnownEvent]:
    """Return one parcel's history without undone events and those in *out*."""
    history = of_volume(snapshot, volume, now)
    gone = undone(history)
    return [e for e in history if e.event not in gone and e.event not in out]


def confirmed(event: KnownEvent, now: datetime, policy: Policy) -> bool:
    """Whether a provisional delivery counts by now, if the contract has a limit."""
    until = provisional_until(event, policy)
    return until is not None and until <= now


def provisional_until(event: KnownEvent, policy: Policy) -> datetime | None:
    """Return when a provisional delivery starts to count without a confirmation."""
    wait = policy.confirm_provisional_after
    if event.effect is Effect.PROVISIONAL and wait is not None:
        return event.occurred_at + wait
    return None


def delivers(event: KnownEvent, now: datetime, policy: Policy) -> bool:
    """Whether an event says that its parcel was delivered."""
    return event.milestone is Milestone.DELIVERED and (
        event.effect is Effect.NORMAL or confirmed(event, now, policy)
    )


def scans(history: Iterable[KnownEvent]) -> list[KnownEvent]:
    """Return the events that show that the carrier handled the parcel."""
    return [e for e in history if is_scan(e.milestone, e.effect)]


def final_milestone(
    history: Sequence[KnownEvent], now: datetime, policy: Policy
) -> Milestone | None:
    """Return the milestone that ended the parcel's history, or None.

    It is one after which no scan is certain to have come.
    """
    moving = [
        e
        for e in history
        if is_scan(e.milestone, e.effect) or confirmed(e, now, policy)
    ]
    ends = [
        e.milestone
        for e in moving
        if is_final(e.milestone, marked=e.final) and not later(moving[-1], e)
    ]
    return ends[-1] if ends else None

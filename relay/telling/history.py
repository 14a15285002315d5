"""One parcel's history: merged, without what was rolled back."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from relay.telling.facts import WHOLE, Facts, KnownEvent, Policy
from relay.tracking import Effect, Milestone, is_final, is_scan


def of_volume(facts: Facts, volume: int) -> list[KnownEvent]:
    """Return what counts for one parcel, oldest first; dropped events are out."""
    return sorted(
        (
            e
            for e in facts.events
            if e.volume in {WHOLE, volume} and e.judged != "dropped"
        ),
        key=lambda e: e.order,
    )


def undone(history: Sequence[KnownEvent]) -> set[int]:
    """Return the events that a later rollback of the same parcel takes back."""
    gone: set[int] = set()
    for place, event in enumerate(history):
        if event.effect is Effect.ROLLBACK:
            gone |= _taken_back(event, history[:place], gone)
    return gone


def _taken_back(
    rollback: KnownEvent, before: Sequence[KnownEvent], gone: set[int]
) -> set[int]:
    """Find what one rollback undoes: the codes it names, else the event before."""
    candidates = [
        e
        for e in reversed(before)
        if e.effect in {Effect.NORMAL, Effect.PROVISIONAL} and e.event not in gone
    ]
    if not rollback.undoes:
        return {e.event for e in candidates[:1]}
    latest = {
        e.code: e.event for e in reversed(candidates) if e.code in rollback.undoes
    }
    return set(latest.values())


def confirmed(event: KnownEvent, now: datetime, policy: Policy) -> bool:
    """Whether a provisional delivery is old enough to count, if the contract says."""
    wait = policy.confirm_provisional_after
    return (
        event.effect is Effect.PROVISIONAL
        and wait is not None
        and event.occurred_at + wait <= now
    )


def delivers(event: KnownEvent, now: datetime, policy: Policy) -> bool:
    """Whether an event says that its parcel was handed over."""
    return event.milestone is Milestone.DELIVERED and (
        event.effect is Effect.NORMAL or confirmed(event, now, policy)
    )


def scans(history: Iterable[KnownEvent]) -> list[KnownEvent]:
    """Return the events that say that the carrier handled the parcel."""
    return [e for e in history if is_scan(e.milestone, e.effect)]


def final_milestone(
    history: Sequence[KnownEvent],
    out: Collection[int | None],
    now: datetime,
    policy: Policy,
) -> Milestone | None:
    """Return where the parcel stands still, if it does; events *out* do not count."""
    moving = [
        e
        for e in history
        if e.event not in out
        and (is_scan(e.milestone, e.effect) or confirmed(e, now, policy))
    ]
    last = moving[-1] if moving else None
    if last is not None and is_final(last.milestone, marked=last.final):
        return last.milestone
    return None


def provisional_until(event: KnownEvent, policy: Policy) -> datetime | None:
    """Return when a provisional delivery begins to count by itself."""
    wait: timedelta | None = policy.confirm_provisional_after
    if event.effect is Effect.PROVISIONAL and wait is not None:
        return event.occurred_at + wait
    return None

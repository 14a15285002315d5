"""The one function that says what may be told of a shipment at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from relay.telling.facts import WHOLE, Facts, KnownEvent, Policy
from relay.telling.history import (
    delivers,
    final_milestone,
    of_volume,
    provisional_until,
    undone,
)
from relay.telling.plausibility import quarantined
from relay.tracking import CONTRADICTING_DELIVERY, Effect, Milestone

Key = tuple[int, datetime, str]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What may be told now, what waits and until when, and how it stands."""

    tellable: tuple[KnownEvent, ...]
    quarantined: dict[int, str]
    delivered_at: datetime | None
    next_at: datetime | None
    closes_because: str | None


def code_of(event: KnownEvent) -> str:
    """Return what tells two events of one instant apart: code, else words."""
    if event.code:
        return event.code
    return "text:" + sha256(event.description.encode()).hexdigest()[:16]


def key_of(event: KnownEvent) -> Key:
    """Return the key under which *event* is told."""
    return (event.volume, event.occurred_at, code_of(event))


def assess(
    facts: Facts, now: datetime, policy: Policy, *, read_up_to: datetime | None = None
) -> Assessment:
    """Say what may be told of a shipment at *now*.

    `read_up_to` is set while documents wait unread for too long: deliveries
    wait for the reader then, and so does what was received after it.
    """
    doubtful = quarantined(facts, now, policy)
    gone = _undone(facts)
    waiting = {e.event for e in facts.events if _waits(e, now, policy, read_up_to)}
    out: set[int | None] = {*doubtful, *waiting, *gone}
    told = {t.event for t in facts.told if t.accepted}
    tellable = [
        e
        for e in facts.events
        if e.event not in out and _worth_telling(e, policy, gone & told)
    ]
    delivered_at = _delivered_at(facts, now, policy, {*doubtful, *waiting})
    return Assessment(
        tellable=tuple(_merged(tellable)),
        quarantined=doubtful,
        delivered_at=delivered_at,
        next_at=_next_moment(facts, now, policy),
        closes_because=_closes_because(facts, now, policy, delivered_at, out),
    )


def _undone(facts: Facts) -> set[int | None]:
    """Return the events of any parcel that a rollback took back."""
    gone: set[int | None] = set()
    for volume in range(1, facts.volumes + 1):
        gone |= undone(of_volume(facts, volume))
    return gone


def _waits(
    event: KnownEvent, now: datetime, policy: Policy, read_up_to: datetime | None
) -> bool:
    """Whether an event's time has not come, or the reader may still undo it."""
    if event.occurred_at > now:
        return True
    if read_up_to is None:
        return False
    return delivers(event, now, policy) or event.received_at > read_up_to


def _worth_telling(
    event: KnownEvent, policy: Policy, undone_told: set[int | None]
) -> bool:
    """Whether shoppers are told of such an event at all."""
    if event.judged == "dropped" or event.effect is Effect.ADMINISTRATIVE:
        return False
    if event.effect is Effect.ROLLBACK:
        return bool(undone_told)
    return event.milestone is not Milestone.UNKNOWN or policy.tell_unknown


def _merged(events: Iterable[KnownEvent]) -> list[KnownEvent]:
    """Merge what came under several references or by several doors."""
    first: dict[Key, KnownEvent] = {}
    for event in sorted(events, key=lambda e: e.order):
        first.setdefault(key_of(event), event)
    return list(first.values())


def _delivered_at(
    facts: Facts, now: datetime, policy: Policy, out: set[int | None]
) -> datetime | None:
    """Return when the last parcel was handed over, if all of them were."""
    moments: list[datetime] = []
    for volume in range(1, facts.volumes + 1):
        history = of_volume(facts, volume)
        gone = undone(history) | out
        scan = _delivering([e for e in history if e.event not in gone], now, policy)
        if scan is None:
            return None
        moments.append(scan.occurred_at)
    return max(moments)


def _delivering(
    history: list[KnownEvent], now: datetime, policy: Policy
) -> KnownEvent | None:
    """Return the scan that delivered a parcel: the first after all contradictions."""
    against = [e.order for e in history if e.milestone in CONTRADICTING_DELIVERY]
    handed_over = [e for e in history if delivers(e, now, policy)]
    after = [e for e in handed_over if not against or e.order > max(against)]
    return after[0] if after else (handed_over[-1] if handed_over else None)


def _next_moment(facts: Facts, now: datetime, policy: Policy) -> datetime | None:
    """Return when something becomes tellable by itself."""
    times = [e.occurred_at for e in facts.events]
    times += [t for e in facts.events if (t := provisional_until(e, policy))]
    ahead = [t for t in times if t > now]
    return min(ahead) if ahead else None


def _closes_because(
    facts: Facts,
    now: datetime,
    policy: Policy,
    delivered_at: datetime | None,
    out: set[int | None],
) -> str | None:
    """Return why the shipment is over, if every parcel stands still."""
    if delivered_at is not None:
        return Milestone.DELIVERED.value
    ends: list[Milestone] = []
    for volume in range(1, facts.volumes + 1):
        end = final_milestone(of_volume(facts, volume), out, now, policy)
        if end is None:
            return None
        ends.append(end)
    if Milestone.DELIVERED in ends:
        return "partly_delivered"
    return ends[-1].value


def tellable_volume(volume: int, volumes: int) -> str:
    """Return how a description names its parcel, if there are several."""
    return f"volume {volume}/{volumes}: " if volumes > 1 and volume != WHOLE else ""

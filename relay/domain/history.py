"""The history of one parcel: which events count, and which were rolled back."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Self

from relay.clock import whole_second
from relay.domain.denied_deliveries import CONTRADICTORY, DeniedDeliveries
from relay.domain.events import Effect, Milestone, is_final, is_real_date, is_scan
from relay.domain.other_history import OTHER_INVOICE, OtherHistory
from relay.domain.precision import in_order, later
from relay.domain.shipment import WHOLE, Happening, KnownEvent, Policy, Snapshot
from relay.records import record

FUTURE: Final = timedelta(hours=24)
"""Events further ahead are quarantined; nearer ones wait until their time comes."""

DISPATCH_GRACE: Final = timedelta(seconds=60)

IN_FUTURE: Final = "more than 24 hours in the future"
NO_DATE: Final = "placeholder date: before 2005, or over a year after its receipt"
TEXT_ONLY: Final = "delivered by its text alone, which no code confirms"
INCOMPLETE: Final = "its document has an unreadable event that may undo it"
BEFORE_KEY: Final = "before the month of its NF-e or CT-e key"
AMBIGUOUS: Final = "ambiguous: could refer to more than one parcel"

_DOUBTFUL: Final[Mapping[Effect, str]] = {
    Effect.CONTRADICTORY: CONTRADICTORY,
    Effect.TEXT_ONLY: TEXT_ONLY,
    Effect.INCOMPLETE: INCOMPLETE,
}
"""Effects that quarantine an event until an operator releases it, and the reason."""


def implausible_alone(event: KnownEvent, now: datetime) -> str | None:
    """Return why *event* is implausible whatever the other events are, or None.

    A placeholder date stays one if the event is released: VTEX would show the date.
    """
    if event.decision == "dropped":
        return None
    if not has_date(event):
        return NO_DATE
    if event.decision is not None:
        return None
    if (because := _uncertain(event)) is not None:
        return because
    return IN_FUTURE if event.occurred_at > now + FUTURE else None


def implausible(snapshot: Snapshot, now: datetime) -> Sequence[str | None]:
    """Return the same of each of the snapshot's events, in their order.

    An event that names another order belongs to the history of another parcel that had
    the number before, so the scans of that history are implausible, too.
    """
    reasons = _without_repeats_of_denied(
        snapshot.events, [implausible_alone(event, now) for event in snapshot.events]
    )
    others = [
        e for e in snapshot.events if e.contradictory and e.decision != "released"
    ]
    if not others:
        return reasons
    history = OtherHistory.of(others, snapshot)
    return [
        because if because is not None or e.decision else history.reason(e)
        for e, because in zip(snapshot.events, reasons, strict=True)
    ]


def _without_repeats_of_denied(
    events: Sequence[KnownEvent], reasons: Sequence[str | None]
) -> Sequence[str | None]:
    """Return *reasons*, with one for each delivery that another document denies."""
    denied = DeniedDeliveries.of(events)
    if denied is None:
        return reasons
    return [
        because if because is not None or e.decision else denied.reason(e)
        for e, because in zip(events, reasons, strict=True)
    ]


def _uncertain(event: KnownEvent) -> str | None:
    """Return why it is uncertain what *event* says, or of which parcel."""
    if event.contradictory:
        return OTHER_INVOICE
    if event.before_key:
        return BEFORE_KEY
    if event.ambiguous:
        return AMBIGUOUS
    return _DOUBTFUL.get(event.effect)


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


def earliest_scan(dispatched_at: datetime) -> datetime:
    """Return the earliest time of an event of a parcel dispatched at that time."""
    return whole_second(dispatched_at) - DISPATCH_GRACE


@record
class History:
    """The events that count for one parcel, oldest first.

    `undoing` has what each rollback undoes, `undone` the ids of the undone events.
    """

    events: Sequence[KnownEvent]
    undoing: Mapping[Happening, set[Happening]]
    undone: frozenset[int]

    @classmethod
    def of(cls, events: Iterable[KnownEvent]) -> Self:
        """Return the history of *events* in any order."""
        ordered = in_order(events)
        undoing = taken_back(ordered)
        if not undoing:
            return cls(ordered, undoing, frozenset())
        gone = set[Happening]().union(*undoing.values())
        undone = frozenset(e.event for e in ordered if e.happening in gone)
        return cls(ordered, undoing, undone)

    def effective(self, out: Collection[int] = ()) -> list[KnownEvent]:
        """Return the events without undone ones and those in *out*."""
        if not self.undone and not out:
            return list(self.events)
        return [
            e for e in self.events if e.event not in self.undone and e.event not in out
        ]


def histories(
    snapshot: Snapshot, now: datetime, alone: Sequence[str | None] | None = None
) -> list[History]:
    """Return the history of each parcel, in the order of their volumes.

    Events of the whole invoice count for each parcel. Parcels without events of their
    own share one history, so hundreds of them cost as much as one. *alone* is what
    `implausible` returns, where it is known.
    """
    alone = implausible(snapshot, now) if alone is None else alone
    whole: list[KnownEvent] = []
    own: defaultdict[int, list[KnownEvent]] = defaultdict(list)
    for event in _counting(snapshot, alone):
        (whole if event.volume == WHOLE else own[event.volume]).append(event)
    shared = History.of(whole)
    return [
        History.of([*whole, *own[volume]]) if volume in own else shared
        for volume in range(1, snapshot.volumes + 1)
    ]


def distinct(of_parcels: Iterable[History]) -> Collection[History]:
    """Return each history once, although parcels share one."""
    return {id(history): history for history in of_parcels}.values()


def _counting(snapshot: Snapshot, alone: Sequence[str | None]) -> Iterator[KnownEvent]:
    """Yield the events that count.

    Dropped events are left out, and so are those that are implausible *alone*, or from
    before the dispatch: they must not hold up the others. Contradictory and incomplete
    ones count once they are released.
    """
    for event, because in zip(snapshot.events, alone, strict=True):
        if (
            because is None
            and event.decision != "dropped"
            and not before_its_dispatch(event, snapshot)
        ):
            released = event.effect in _DOUBTFUL
            yield replace(event, effect=Effect.NORMAL) if released else event


def taken_back(history: Iterable[KnownEvent]) -> Mapping[Happening, set[Happening]]:
    """Return what each rollback of a parcel undoes.

    The same rollback from two channels, webhook and poll, is one.
    """
    events = list(history)
    found: dict[Happening, set[Happening]] = {}
    if not any(e.effect is Effect.ROLLBACK for e in events):
        return found
    left = _Undoable()
    for event in events:
        if event.effect in {Effect.NORMAL, Effect.PROVISIONAL}:
            left.add(event)
        elif event.effect is Effect.ROLLBACK and event.happening not in found:
            found[event.happening] = left.take(event.undoes)
    return found


class _Undoable:
    """The events so far that a rollback may undo.

    Every event is added once and taken once, however many rollbacks there are.
    """

    def __init__(self) -> None:
        self._latest: list[Happening] = []
        self._by_code: defaultdict[str, list[Happening]] = defaultdict(list)
        self._gone: set[Happening] = set()

    def add(self, event: KnownEvent) -> None:
        self._latest.append(event.happening)
        self._by_code[event.code].append(event.happening)

    def take(self, codes: Collection[str]) -> set[Happening]:
        """Take out what a rollback undoes: its *codes*, else the event before it."""
        taken = {h for code in codes for h in self._by_code.pop(code, ())}
        taken -= self._gone
        while not codes and not taken and self._latest:
            taken = {self._latest.pop()} - self._gone
        self._gone |= taken
        return taken


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
    if not any(is_final(e.milestone, marked=e.final) for e in history):
        return None
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

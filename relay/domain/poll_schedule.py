"""When a parcel is asked for next; pure.

```
out for delivery     minutes
on its way           hours
silent               longer and longer, up to a day
silent for weeks     never: the sweep closes it as expired, reversibly
```
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import moment
from relay.domain.events import FINAL, Effect, Milestone, ParcelView

DEMANDED: Final = 0
"""The lane of what a person wants to know now."""
URGENT: Final = 1
NORMAL: Final = 2
QUIET: Final = 3
LANES: Final = (DEMANDED, URGENT, NORMAL, QUIET)
COUNTED: Final = frozenset({Effect.NORMAL, Effect.PROVISIONAL})
"""Effects of events that say where a parcel stands."""


@dataclass(frozen=True, slots=True)
class PollUpdate:
    """What was last heard of a parcel: its milestone, when it happened, and came."""

    milestone: Milestone | None = None
    occurred_at: datetime | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueParcel:
    """A parcel that a contract's carrier may be asked for.

    `failures` counts claims that were never answered, the present one left out.
    `resting` says that nothing is about to be told, which might reopen it.
    """

    shipment: int
    contract: str
    volume: int
    registered_at: datetime
    polled_at: datetime | None = None
    heard: PollUpdate = PollUpdate()
    lane: int = NORMAL
    failures: int = 0
    closed: bool = False
    resting: bool = True
    view: ParcelView = field(default_factory=lambda: ParcelView(()))

    @property
    def key(self) -> dict[str, Any]:
        """The parcel's key, as queries want it."""
        return {
            "shipment": self.shipment,
            "contract": self.contract,
            "volume": self.volume,
        }


@dataclass(frozen=True, slots=True)
class Next:
    """When a parcel is asked for next, and in which lane; None means never."""

    at: datetime | None
    lane: int = NORMAL


Planner = Callable[[DueParcel, datetime], Next]
"""Says when a parcel is to be asked for next, as things stand at an instant."""


def later(one: PollUpdate, other: PollUpdate) -> PollUpdate:
    """Put two words on a parcel together: the later event, the later receipt."""
    received = [h.received_at for h in (one, other) if h.received_at is not None]
    happened = [h for h in (one, other) if h.occurred_at is not None]
    last = max(happened, key=lambda h: h.occurred_at or moment(0), default=PollUpdate())
    return PollUpdate(last.milestone, last.occurred_at, max(received, default=None))


URGENT_MILESTONES: Final = frozenset({Milestone.OUT_FOR_DELIVERY})
PATIENCE: Final = 6
"""A parcel is asked for after this part of its silence, within bounds."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """The shortest intervals, and the one that no silence makes longer."""

    urgent: timedelta = timedelta(minutes=15)
    moving: timedelta = timedelta(hours=3)
    quiet: timedelta = timedelta(hours=24)

    def plan(self, parcel: DueParcel, now: datetime) -> Next:
        """Return when *parcel* is asked for next, the past included.

        What a webhook told just now is worth as much as an answer.
        """
        interval = self.interval(parcel.heard.milestone, silence(parcel, now))
        lane = _lane(parcel, interval, self)
        last = last_word(parcel)
        # After a clock that was wrong, either may lie ahead.
        if last is None:
            return Next(min(parcel.registered_at, now), lane)
        return Next(min(last, now) + interval, lane)

    def interval(self, milestone: Milestone | None, silent: timedelta) -> timedelta:
        """Return the time between two polls of a parcel that was *silent* so long."""
        if milestone in FINAL:
            return self.quiet
        shortest = self.urgent if milestone in URGENT_MILESTONES else self.moving
        return max(shortest, min(silent / PATIENCE, self.quiet))


def silence(parcel: DueParcel, now: datetime) -> timedelta:
    """Return how long nothing new was heard of a parcel, or of its label."""
    since = max(filter(None, (parcel.registered_at, parcel.heard.received_at)))
    return max(now - since, timedelta(0))


def last_word(parcel: DueParcel) -> datetime | None:
    """Return when the carrier last said anything, asked or not."""
    times = [t for t in (parcel.polled_at, parcel.heard.received_at) if t is not None]
    return max(times, default=None)


def interval_after(parcel: DueParcel, heard: PollUpdate, now: datetime) -> DueParcel:
    """Return *parcel* after an answer that said what was *heard*."""
    return replace(parcel, polled_at=now, heard=later(parcel.heard, heard))


def _lane(parcel: DueParcel, interval: timedelta, intervals: Intervals) -> int:
    if interval >= intervals.quiet:
        return QUIET
    urgent = parcel.heard.milestone in URGENT_MILESTONES
    return URGENT if urgent and interval < intervals.moving else NORMAL

"""When to poll a parcel's carrier next; pure.

```
out for delivery     every few minutes
in transit           every few hours
without new events   at growing intervals, up to a day
for weeks            never: the sweep closes it as expired; a new event reopens it
```
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import moment
from relay.domain.events import FINAL, Effect, Milestone, ParcelView

DEMANDED: Final = 0
"""The lane of polls that an operator requested."""
URGENT: Final = 1
NORMAL: Final = 2
QUIET: Final = 3
LANES: Final = (DEMANDED, URGENT, NORMAL, QUIET)
COUNTED: Final = frozenset({Effect.NORMAL, Effect.PROVISIONAL})
"""Effects of events that change the parcel's status."""


@dataclass(frozen=True, slots=True)
class PollUpdate:
    """The last event of a parcel: its milestone, when it happened and was received."""

    milestone: Milestone | None = None
    occurred_at: datetime | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueParcel:
    """A parcel that a contract's carrier can be polled for.

    `failures` counts earlier claims without an answer.
    `resting` says that nothing is about to be published that could reopen it.
    """

    shipment: int
    contract: str
    volume: int
    registered_at: datetime
    polled_at: datetime | None = None
    last_event: PollUpdate = PollUpdate()
    lane: int = NORMAL
    failures: int = 0
    closed: bool = False
    resting: bool = True
    view: ParcelView = field(default_factory=lambda: ParcelView(()))

    @property
    def key(self) -> dict[str, Any]:
        """The parcel's key as query parameters."""
        return {
            "shipment": self.shipment,
            "contract": self.contract,
            "volume": self.volume,
        }


@dataclass(frozen=True, slots=True)
class Next:
    """When to poll a parcel next, and in which lane; None means never."""

    at: datetime | None
    lane: int = NORMAL


Planner = Callable[[DueParcel, datetime], Next]
"""Returns when to poll a parcel next, as of an instant."""


def later(one: PollUpdate, other: PollUpdate) -> PollUpdate:
    """Combine two updates of a parcel: the later event, and the later receipt."""
    received = [h.received_at for h in (one, other) if h.received_at is not None]
    happened = [h for h in (one, other) if h.occurred_at is not None]
    last = max(happened, key=lambda h: h.occurred_at or moment(0), default=PollUpdate())
    return PollUpdate(last.milestone, last.occurred_at, max(received, default=None))


URGENT_MILESTONES: Final = frozenset({Milestone.OUT_FOR_DELIVERY})
PATIENCE: Final = 6
"""The interval is this fraction of the time without events, within bounds."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Shortest intervals while urgent and moving, and `quiet`, the longest one."""

    urgent: timedelta = timedelta(minutes=15)
    moving: timedelta = timedelta(hours=3)
    quiet: timedelta = timedelta(hours=24)

    def plan(self, parcel: DueParcel, now: datetime) -> Next:
        """Return when to poll *parcel* next; a time in the past means at once.

        An event from a webhook delays the poll as an answer does.
        """
        interval = self.interval(parcel.last_event.milestone, silence(parcel, now))
        lane = _lane(parcel, interval, self)
        last = last_word(parcel)
        # Either time may be in the future if the clock was wrong before.
        if last is None:
            return Next(min(parcel.registered_at, now), lane)
        return Next(min(last, now) + interval, lane)

    def interval(self, milestone: Milestone | None, silent: timedelta) -> timedelta:
        """Return the interval between polls; *silent* is the time without events."""
        # Still polled, rarely: a return or a correction can follow a delivery.
        if milestone in FINAL:
            return self.quiet
        shortest = self.urgent if milestone in URGENT_MILESTONES else self.moving
        return max(shortest, min(silent / PATIENCE, self.quiet))


def silence(parcel: DueParcel, now: datetime) -> timedelta:
    """Return the time since the parcel's last event, or its label."""
    since = max(filter(None, (parcel.registered_at, parcel.last_event.received_at)))
    return max(now - since, timedelta(0))


def last_word(parcel: DueParcel) -> datetime | None:
    """Return when the carrier last sent anything, by webhook or poll."""
    times = [
        t for t in (parcel.polled_at, parcel.last_event.received_at) if t is not None
    ]
    return max(times, default=None)


def interval_after(parcel: DueParcel, latest: PollUpdate, now: datetime) -> DueParcel:
    """Return *parcel* after an answer whose last event is *latest*."""
    return replace(parcel, polled_at=now, last_event=later(parcel.last_event, latest))


def _lane(parcel: DueParcel, interval: timedelta, intervals: Intervals) -> int:
    if interval >= intervals.quiet:
        return QUIET
    urgent = parcel.last_event.milestone in URGENT_MILESTONES
    return URGENT if urgent and interval < intervals.moving else NORMAL

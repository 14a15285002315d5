"""When a parcel is asked for next; pure.

```
out for delivery     minutes
on its way           hours
silent               longer and longer, up to a day
silent for weeks     never: the sweep closes it as expired, reversibly
```
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from relay.store.duepolls import NORMAL, QUIET, URGENT, DueParcel, Heard, Next, later
from relay.store.hastening import URGENT_MILESTONES
from relay.tracking import FINAL, Milestone

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


def answered(parcel: DueParcel, heard: Heard, now: datetime) -> DueParcel:
    """Return *parcel* after an answer that said what was *heard*."""
    return replace(parcel, polled_at=now, heard=later(parcel.heard, heard))


def _lane(parcel: DueParcel, interval: timedelta, intervals: Intervals) -> int:
    if interval >= intervals.quiet:
        return QUIET
    urgent = parcel.heard.milestone in URGENT_MILESTONES
    return URGENT if urgent and interval < intervals.moving else NORMAL

"""How a carrier may be asked under one contract: pace, quota of a day, breaker."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

from relay.clock import EPOCH, micros, moment
from relay.store.database import Row

OPENS_AFTER: Final = 5
"""So many failures in a row open the breaker."""
SHORTEST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
LONGEST_WISH: Final = timedelta(days=1)
"""The longest that a carrier may ask to be left alone."""
LONGEST_LEASE: Final = timedelta(minutes=10)
SLACK: Final = timedelta(minutes=10)
"""By how much the clocks of replicas may differ."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How often a contract may be asked: the spacing, and the calls of one day."""

    spacing: timedelta = timedelta(seconds=1)
    quota: int | None = None
    zone: tzinfo = UTC

    def day(self, now: datetime) -> int:
        """Return the number of the contract's day."""
        return now.astimezone(self.zone).date().toordinal()

    def bounds(self, day: int) -> tuple[datetime, datetime]:
        """Return when a day of the contract begins and ends."""
        return self._midnight(day), self._midnight(day + 1)

    def _midnight(self, day: int) -> datetime:
        first = date.fromordinal(day)
        local = datetime(first.year, first.month, first.day, tzinfo=self.zone)
        return local.astimezone(UTC)


@dataclass(slots=True)
class PollState:
    """One contract's row; instants are microseconds, as stored."""

    contract: str
    day: int = 0
    used: int = 0
    calls: int = 0
    next_at: int = 0
    lease: str | None = None
    busy_until: int = 0
    failures: int = 0
    open_until: int = 0
    because: str | None = None
    cursor: str = ""
    fetch_at: int = 0

    @classmethod
    def of(cls, row: Row) -> "PollState":
        """Read a row of `polls`."""
        return cls(**{name: row[name] for name in cls.__slots__})

    def columns(self) -> Mapping[str, Any]:
        """Return the row as `save_poll` wants it."""
        return asdict(self)

    def free_at(self, now: datetime, allowance: Allowance) -> datetime:
        """Return from when on the next call is allowed; the past if it is now.

        What lies further ahead than it can was written under a wrong clock.
        """
        return max(
            believed(self.next_at, now + allowance.spacing),
            believed(self.busy_until, now + LONGEST_LEASE),
            believed(self.open_until, now + LONGEST_WISH),
            self._share_at(now, allowance),
        )

    def _share_at(self, now: datetime, allowance: Allowance) -> datetime:
        """Return when the day's next call is allowed, all of them evenly spread."""
        begins, ends = allowance.bounds(allowance.day(now))
        used = self.used_on(allowance.day(now))
        if allowance.quota is None:
            return begins
        if used >= allowance.quota:
            return ends
        return begins + (ends - begins) * used / allowance.quota

    def used_on(self, today: int) -> int:
        """Return the calls of a day; a clock that goes back gives none back."""
        return self.used if self.day in (today, today + 1) else 0

    def charge(
        self, now: datetime, allowance: Allowance, lease: str, until: datetime
    ) -> None:
        """Take one call, before it is made, and keep others away until it is over."""
        today = allowance.day(now)
        self.used = self.used_on(today) + 1
        self.day = self.day if self.day == today + 1 else today
        self.calls += 1
        self.next_at = micros(now + allowance.spacing)
        self.lease, self.busy_until = lease, micros(until)

    def release(self, began: datetime, allowance: Allowance) -> None:
        """Let the next call come, not sooner than the spacing after this one began."""
        self.lease, self.busy_until = None, 0
        self.next_at = max(self.next_at, micros(began + allowance.spacing))

    def succeed(self) -> None:
        """Shut the breaker: the carrier answers."""
        self.failures, self.open_until, self.because = 0, 0, None

    def fail(self, now: datetime, because: str, wait: float | None) -> bool:
        """Count a failure; say whether it opened the breaker just now.

        *wait* are the seconds for which the carrier wants to be left alone.
        """
        self.failures += 1
        self.because = because
        pause = pause_after(self.failures)
        if wait is not None:
            pause = max(pause, min(timedelta(seconds=max(wait, 0)), LONGEST_WISH))
        self.open_until = micros(now + pause)
        return self.failures == OPENS_AFTER


def pause_after(failures: int) -> timedelta:
    """Return how long nobody is asked after so many failures in a row."""
    if failures < OPENS_AFTER:
        return timedelta(0)
    doublings = min(failures - OPENS_AFTER, 10)
    return min(SHORTEST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def believed(stored: int, latest: datetime) -> datetime:
    """Return a stored instant, or the past if it lies well behind *latest*."""
    when = moment(stored)
    return when if when <= latest + SLACK else EPOCH

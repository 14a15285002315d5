"""A carrier's usual rhythm: in which hours it called, and whether it is overdue."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from relay.clock import EPOCH

HOUR: Final = timedelta(hours=1)
WEEK: Final = 168
"""Hours of a week."""
KEPT: Final = 4 * WEEK
"""Hours that are remembered."""
LEARNED: Final = 2 * WEEK
"""Hours that must have been observed before anything counts as usual."""
MOST_MISSED: Final = 4
"""Silent hours in which the carrier called in both weeks before."""
LEAST_GAP: Final = 24
"""A silence of fewer hours is never too long by itself."""


def hour_of(when: datetime) -> int:
    """Return the number of the hour since 1970."""
    return (when - EPOCH) // HOUR


def hour_end(hour: int) -> datetime:
    """Return when an hour, by its number, ends."""
    return EPOCH + (hour + 1) * HOUR


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The hours of the last four weeks in which a carrier called, by their numbers."""

    first: int
    active: frozenset[int]

    @classmethod
    def of(cls, first: int, active: Iterable[int]) -> "Rhythm":
        """Return the rhythm observed since hour *first*."""
        return cls(first, frozenset(active))

    def with_hour(self, hour: int) -> "Rhythm":
        """Return the rhythm with one more active hour, without those too old."""
        kept = {h for h in self.active if h > hour - KEPT} | {hour}
        return Rhythm(self.first, frozenset(kept))

    def is_overdue(self, now: datetime, watched: datetime) -> bool:
        """Whether the silence until *now* is longer than usual.

        A silence before *watched* does not count: the relay was stopped. It is too long
        if the carrier missed several hours in which it called in both weeks
        before, or was silent for twice its longest silence. The weekly rhythm makes
        nights and weekends no silence; the longest one serves carriers that call
        seldom. Nothing is overdue in the first two weeks.
        """
        present = hour_of(now)
        if not self.active or present - self.first < LEARNED:
            return False
        latest = max(*self.active, hour_of(watched))
        silent = range(latest + 1, min(present, latest + KEPT))
        missed = sum(self._is_usual(hour) for hour in silent)
        return missed >= MOST_MISSED or present - latest - 1 > self._longest()

    def _is_usual(self, hour: int) -> bool:
        return hour - WEEK in self.active and hour - 2 * WEEK in self.active

    def _longest(self) -> int:
        """Return twice the longest silence between two active hours, in hours."""
        hours = sorted(self.active)
        gaps = [b - a - 1 for a, b in pairwise(hours)]
        return max(2 * max(gaps, default=0), LEAST_GAP)

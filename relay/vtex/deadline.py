"""How long a claim's calls may take."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from relay.clock import Clock, utcnow


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a claim's calls, by two clocks; what comes first counts.

    Waits follow the event loop's clock, which never jumps. The wall clock is
    asked too, before each sending: a process that was suspended must not write
    when it wakes.
    """

    loop_time: float
    wall: datetime

    @classmethod
    def within(cls, seconds: float, clock: Clock = utcnow) -> Self:
        """Return the deadline *seconds* from now; needs a running event loop."""
        loop_time = asyncio.get_running_loop().time() + seconds
        return cls(loop_time, clock() + timedelta(seconds=seconds))

    def left(self, loop_time: float, now: datetime) -> float:
        """Return the seconds left; negative once the deadline has passed."""
        return min(self.loop_time - loop_time, (self.wall - now).total_seconds())

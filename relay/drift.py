"""Whether this machine's clock agrees with the database's, which replicas share."""

import asyncio
from datetime import datetime, timedelta
from typing import Final, Protocol

from relay.clock import Clock
from relay.health import Health
from relay.logs import logger

MOST: Final = timedelta(seconds=2)
"""More drift than this makes a replica not ready: leases would not hold."""

EVERY: Final = timedelta(minutes=1)
PART: Final = "clock"

log = logger(__name__)


class HasClock(Protocol):
    """A database that tells the time."""

    async def clock(self) -> datetime:
        """Return the server's time, aware."""
        ...


class Drift:
    """Measures the drift at the start and every minute."""

    def __init__(self, database: HasClock, clock: Clock, health: Health) -> None:
        self._database = database
        self._clock = clock
        self._health = health

    async def step(self) -> timedelta:
        """Measure once, and say in the health what came out."""
        before = self._clock()
        there = await self._database.clock()
        here = before + (self._clock() - before) / 2
        drift = abs(there - here)
        if drift > MOST:
            seconds = drift.total_seconds()
            self._health.trouble(PART, f"{seconds:.1f} s off the database's clock")
        else:
            self._health.well(PART)
        return drift

    async def run(self) -> None:
        """Measure until cancelled; a database that is away is others' business."""
        while True:
            try:
                await self.step()
            except Exception as error:  # noqa: BLE001 -- never the end of the loop
                log.warning("the drift could not be measured", error=repr(error))
            await asyncio.sleep(EVERY.total_seconds())

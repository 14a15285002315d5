"""Whether the disk has room left for what comes in."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from relay.clock import Clock
from relay.health import Health
from relay.logs import logger

LEAST: Final = 256 * 1024 * 1024
"""Bytes below which the disk counts as nearly full: the log may grow to 64 MB."""
EVERY: Final = timedelta(seconds=30)
PART: Final = "disk"
MIB: Final = 1024 * 1024


def free_bytes(folder: Path) -> int:
    """Return how many bytes are free where *folder* is."""
    return shutil.disk_usage(folder).free


class DiskMonitor:
    """Looks at the disk of an SQLite file, at the start and every half minute."""

    def __init__(
        self, folder: Path, health: Health, free: Callable[[Path], int] = free_bytes
    ) -> None:
        self._folder = folder
        self._health = health
        self._free = free

    def step(self) -> None:
        """Look once, and say in the health what was seen."""
        free = self._free(self._folder)
        if free < LEAST:
            self._health.trouble(PART, f"nearly full, {free // MIB} MiB left")
        else:
            self._health.well(PART)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.step()
            await asyncio.sleep(EVERY.total_seconds())


MOST: Final = timedelta(seconds=2)
"""More drift than this makes a replica not ready: leases would not hold."""
CLOCK_EVERY: Final = timedelta(minutes=1)
CLOCK: Final = "clock"
log = logger(__name__)


class HasClock(Protocol):
    """A database that tells the time."""

    async def clock(self) -> datetime:
        """Return the server's time, aware."""
        ...


class ClockMonitor:
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
            self._health.trouble(CLOCK, f"{seconds:.1f} s off the database's clock")
        else:
            self._health.well(CLOCK)
        return drift

    async def run(self) -> None:
        """Measure until cancelled; a database that is away is others' business."""
        while True:
            try:
                await self.step()
            except Exception as error:  # noqa: BLE001 -- never the end of the loop
                log.warning("the drift could not be measured", error=repr(error))
            await asyncio.sleep(CLOCK_EVERY.total_seconds())

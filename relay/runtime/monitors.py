"""Monitors of disk space and clock drift, which report to the health."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from relay.clock import Clock
from relay.health import Health
from relay.loops import LoopTiming, run_forever

MIB: Final = 1024 * 1024
LEAST_FREE: Final = 256 * MIB
"""Bytes below which the disk counts as nearly full: the log may grow to 64 MB."""
DISK: Final = "disk"
DISK_TIMING: Final = LoopTiming(timedelta(seconds=30), timedelta(minutes=5))


def free_bytes(folder: Path) -> int:
    """Return how many bytes are free on the disk of *folder*."""
    return shutil.disk_usage(folder).free


class DiskMonitor:
    """Checks the disk of an SQLite file, at the start and every half minute."""

    def __init__(
        self, folder: Path, health: Health, free: Callable[[Path], int] = free_bytes
    ) -> None:
        self._folder = folder
        self._health = health
        self._free = free

    async def step(self) -> None:
        """Check once, and report a disk that is nearly full."""
        free = self._free(self._folder)
        if free < LEAST_FREE:
            problem = f"nearly full, {free // MIB} MiB left; free some space"
            self._health.report_problem(DISK, problem)
        else:
            self._health.clear_problem(DISK)

    async def run(self) -> None:
        """Check until cancelled."""
        await run_forever(DISK, self.step, self._health, DISK_TIMING)


MOST_DRIFT: Final = timedelta(seconds=2)
"""More drift than this makes a replica not ready: leases are compared by time."""
CLOCK: Final = "clock"
CLOCK_TIMING: Final = LoopTiming(timedelta(minutes=1), timedelta(minutes=5))


class HasClock(Protocol):
    """A database server with a clock of its own."""

    async def clock(self) -> datetime:
        """Return the server's time, aware."""
        ...


class ClockMonitor:
    """Measures the drift between this clock and the database's every minute."""

    def __init__(self, database: HasClock, clock: Clock, health: Health) -> None:
        self._database = database
        self._clock = clock
        self._health = health

    async def step(self) -> timedelta:
        """Measure once, report too much drift, and return it."""
        before = self._clock()
        server = await self._database.clock()
        # Half of the round trip, as in Cristian's algorithm.
        here = before + (self._clock() - before) / 2
        drift = abs(server - here)
        if drift > MOST_DRIFT:
            seconds = drift.total_seconds()
            problem = f"{seconds:.1f} s off the database's clock; check NTP"
            self._health.report_problem(CLOCK, problem)
        else:
            self._health.clear_problem(CLOCK)
        return drift

    async def run(self) -> None:
        """Measure until cancelled."""
        await run_forever(CLOCK, self.step, self._health, CLOCK_TIMING)

"""Monitors of disk, clock and database, which report to the health."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from relay.clock import Clock
from relay.errors import DatabaseUnavailable
from relay.health import Health
from relay.logs import logger
from relay.loops import LoopTiming, run_forever
from relay.store.database import Database
from relay.store.sqlite import SqliteDatabase

_log = logger(__name__)

MIB: Final = 1024 * 1024
DISK: Final = "disk"
DISK_TIMING: Final = LoopTiming(timedelta(seconds=30), timedelta(minutes=5))


def free_bytes(folder: Path) -> int:
    """Return how many bytes are free on the disk of *folder*."""
    return shutil.disk_usage(folder).free


class DiskMonitor:
    """Checks the disk of an SQLite file, at the start and every half minute."""

    def __init__(
        self,
        folder: Path,
        health: Health,
        least_mb: int,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._folder = folder
        self._least = least_mb * MIB
        self._health = health
        self._free = free

    async def step(self) -> None:
        """Check once, and report a disk that is nearly full."""
        free = self._free(self._folder)
        if free < self._least:
            left = f"nearly full, {free // MIB} MiB left"
            least = f"{self._least // MIB} MiB (disk_free_mb)"
            problem = f"{left}; free some space, at least {least}"
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


DATABASE: Final = "database"
DATABASE_TIMING: Final = LoopTiming(timedelta(seconds=5), timedelta(minutes=1))
DATABASE_PATIENCE: Final = timedelta(seconds=3)
"""How long taking the write lock may take; a write takes milliseconds."""


class Checkable(Protocol):
    """A database that can say whether it takes writes."""

    async def check(self) -> None:
        """Raise unless it does."""
        ...


class DatabaseMonitor:
    """Checks every five seconds that the database can be written to now."""

    def __init__(
        self,
        database: Checkable,
        health: Health,
        patience: timedelta = DATABASE_PATIENCE,
    ) -> None:
        self._database = database
        self._health = health
        self._patience = patience.total_seconds()

    async def step(self) -> None:
        """Check once; report and log when the database goes and comes back."""
        try:
            async with asyncio.timeout(self._patience):
                await self._database.check()
        except (TimeoutError, DatabaseUnavailable) as error:
            reason = str(error) or f"no answer within {self._patience:g} s"
            if not self._health.has_problem(DATABASE):
                _log.error("database unavailable", error=reason)
            self._health.report_problem(DATABASE, "takes no writes now; see the log")
        else:
            if self._health.has_problem(DATABASE):
                _log.info("database available again")
            self._health.clear_problem(DATABASE)

    async def run(self) -> None:
        """Check until cancelled."""
        await run_forever(DATABASE, self.step, self._health, DATABASE_TIMING)


def monitors(
    database: Database, clock: Clock, health: Health, least_mb: int
) -> dict[str, Coroutine[Any, Any, None]]:
    """Return the loops that watch the database, the clock and an SQLite file's disk."""
    loops = {
        "database": DatabaseMonitor(database, health).run(),
        "clock": ClockMonitor(database, clock, health).run(),
    }
    if isinstance(database, SqliteDatabase):
        folder = database.path.absolute().parent
        loops["disk"] = DiskMonitor(folder, health, least_mb).run()
    return loops

"""The housekeeper: every ten minutes it sweeps all shipments and erases old data."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from relay.clock import Clock
from relay.health import Health
from relay.logs import logger
from relay.loops import LoopTiming, run_forever
from relay.store.database import Database
from relay.store.outgoing_late import LateEvents
from relay.store.retention import Retention
from relay.store.sweep import Sweep

LOOP: Final = "housekeeper"
SILENCE_LIMIT: Final = timedelta(hours=2)
"""A first sweep over millions of shipments takes a while."""

log = logger(__name__)


def no_wake() -> None:
    """Do nothing: the default where no publisher runs."""


@dataclass(slots=True)
class Housekeeper:
    """Finds shipments that were not published, expires shipments, erases old data.

    `step` is one round, `run` repeats it. `found` counts the shipments at rest
    whose events were not all published: it must stay 0. *wake* is called when there
    are any; *late* tells receivers of outgoing events what is late.
    """

    database: Database
    sweep: Sweep
    retention: Retention
    clock: Clock
    wake: Callable[[], None] = no_wake
    health: Health = field(default_factory=Health)
    late: LateEvents | None = None
    interval: timedelta = timedelta(minutes=10)
    vacuum_pages: int = 200
    vacuum_steps: int = 50
    found: int = 0
    expired: int = 0
    erased: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Work until cancelled."""
        timing = LoopTiming(self.interval, SILENCE_LIMIT)
        await run_forever(LOOP, self.step, self.health, timing)

    async def step(self) -> int:
        """Run one round, in slices; return how many unpublished shipments it found.

        Data is erased on time even if the sweep fails.
        """
        try:
            return await self._sweep()
        finally:
            self.erased.update(await self.retention.apply(self.clock()))
            await self._vacuum()
            if self.late is not None:
                await self.late.step(self.clock())

    async def _sweep(self) -> int:
        """Make unpublished shipments due, and expire silent ones."""
        after: int | None = 0
        found: list[str] = []
        while after is not None:
            swept = await self.sweep.slice(after, self.clock())
            after = swept.last
            found += swept.found
            self.expired += len(swept.expired)
        self.found += len(found)
        if found:
            log.warning("unpublished events found", count=len(found), first=found[:5])
            self.wake()
        return len(found)

    async def _vacuum(self) -> None:
        """Return freed pages to the file system, in small steps."""
        for _ in range(self.vacuum_steps):
            if not await self.database.vacuum(self.vacuum_pages):
                return

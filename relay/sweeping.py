"""The sweeper: every ten minutes it looks for what was missed, and for what is old."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.clock import Clock
from relay.logs import logger
from relay.store.ages import Ages
from relay.store.database import Database
from relay.store.sweep import Sweep

log = logger(__name__)


def nobody() -> None:
    """Wake nobody."""


@dataclass(slots=True)
class Sweeper:
    """Makes good what was missed, and forgets what is too old.

    `step` is one round, `run` repeats it. `found` counts the shipments at rest
    of which VTEX had not been told everything: an alert, for it must stay 0.
    `wake` is called when there are any.
    """

    database: Database
    sweep: Sweep
    ages: Ages
    clock: Clock
    wake: Callable[[], None] = nobody
    interval: timedelta = timedelta(minutes=10)
    vacuum_pages: int = 200
    vacuum_steps: int = 50
    found: int = 0
    expired: int = 0
    forgotten: Counter[str] = field(default_factory=Counter)
    alive_at: datetime | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self.step()
            except Exception:
                log.exception("the sweep failed")
            await asyncio.sleep(self.interval.total_seconds())

    async def step(self) -> int:
        """Go over everything once, in slices; return how many were missed."""
        self.alive_at = self.clock()
        found = await self._sweep()
        self.forgotten.update(await self.ages.apply(self.clock()))
        await self._vacuum()
        return found

    async def _sweep(self) -> int:
        """Wake what was missed and close what expired, over all open shipments."""
        after: int | None = 0
        found: list[str] = []
        while after is not None:
            swept = await self.sweep.slice(after, self.clock())
            after = swept.last
            found += swept.found
            self.expired += len(swept.expired)
        self.found += len(found)
        if found:
            log.warning("VTEX had not been told", count=len(found), first=found[:5])
            self.wake()
        return len(found)

    async def _vacuum(self) -> None:
        """Give back what was freed, a little at a time."""
        for _ in range(self.vacuum_steps):
            if not await self.database.vacuum(self.vacuum_pages):
                return

"""The sweeper: every ten minutes it looks for what was missed, and for what is old."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.clock import Clock
from relay.logs import logger
from relay.store.database import Database
from relay.store.retention import Retention
from relay.store.sweep import Sweep

log = logger(__name__)


def no_wake() -> None:
    """Wake nobody."""


@dataclass(slots=True)
class Housekeeper:
    """Makes good what was missed, and forgets what is too old.

    `step` is one round, `run` repeats it. `found` counts the shipments at rest
    of which VTEX had not been told everything: an alert, for it must stay 0.
    `wake` is called when there are any.
    """

    database: Database
    sweep: Sweep
    retention: Retention
    clock: Clock
    wake: Callable[[], None] = no_wake
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
        self.forgotten.update(await self.retention.apply(self.clock()))
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


class EventNews:
    """Called after a commit that made a shipment due.

    *wake* wakes the publisher of this process. A notice to others that is lost is
    made good by their looking round.
    """

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake
        self._telling: set[asyncio.Future[None]] = set()

    def __call__(self) -> None:
        """Wake this publisher, and the other replicas'."""
        self._wake()
        if self._database.dialect == "postgres":
            telling = asyncio.ensure_future(self._database.notify())
            self._telling.add(telling)
            telling.add_done_callback(self._published)

    def _published(self, telling: asyncio.Future[None]) -> None:
        """Forget a notice that was given, or could not be."""
        self._telling.discard(telling)
        if not telling.cancelled() and telling.exception() is not None:
            log.warning("replicas were not told", error=repr(telling.exception()))

"""Counts what carriers did, day by day, beside the other work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from relay.clock import Clock
from relay.health import Health
from relay.loops import LoopTiming, run_forever
from relay.store.database import Database
from relay.store.statistics import CarrierStatistics

LOOP: Final = "statistics"
EVERY: Final = timedelta(seconds=30)
PAUSE: Final = timedelta(milliseconds=100)
"""Between slices of a backlog, such as after an upgrade: webhooks go first."""
SILENCE_LIMIT: Final = timedelta(minutes=10)


@dataclass(slots=True)
class StatisticsKeeper:
    """Counts one slice after the other; `zones` returns the contracts' time zones."""

    database: Database
    zones: Callable[[], Mapping[str, ZoneInfo]]
    clock: Clock
    health: Health = field(default_factory=Health)
    _more: bool = False

    async def run(self) -> None:
        """Count until cancelled."""
        timing = LoopTiming(self._rest, SILENCE_LIMIT)
        await run_forever(LOOP, self.step, self.health, timing)

    async def step(self) -> bool:
        """Count one slice; return whether more may be left."""
        statistics = CarrierStatistics(self.database)
        self._more = await statistics.count(self.zones(), self.clock())
        return self._more

    def _rest(self) -> timedelta:
        return PAUSE if self._more else EVERY

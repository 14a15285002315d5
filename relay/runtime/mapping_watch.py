"""Notices in every process that codes were mapped, without a restart."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from relay.health import Health
from relay.loops import LoopTiming, run_forever
from relay.store.code_mappings import CodeMappings, MappedCodes
from relay.store.database import Database

LOOP: Final = "code mappings"
EVERY: Final = timedelta(seconds=2)
SILENCE_LIMIT: Final = timedelta(minutes=5)


@dataclass(slots=True)
class MappingWatch:
    """Compares the version of the mapped codes with the one in use.

    The reader compares it with every slice, too: it must never parse with older ones.
    """

    database: Database
    use: Callable[[MappedCodes], Awaitable[None]]
    health: Health = field(default_factory=Health)
    current: MappedCodes = field(default_factory=MappedCodes)

    async def run(self) -> None:
        """Check until cancelled."""
        timing = LoopTiming(EVERY, SILENCE_LIMIT)
        await run_forever(LOOP, self.step, self.health, timing)

    async def step(self) -> None:
        """Use the mapped codes if they changed."""
        mappings = CodeMappings(self.database)
        if await mappings.version() == self.current.version:
            return
        found = await mappings.active()
        await self.use(found)
        self.current = found

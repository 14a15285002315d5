"""Parses documents again whose codes were mapped, in slices that can be resumed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from relay.clock import Clock
from relay.health import Health
from relay.logs import logger
from relay.loops import NOW, LoopTiming, run_forever
from relay.store.code_replays import remap_slice
from relay.store.database import Database

LOOP: Final = "code applier"
CHECK_INTERVAL: Final = timedelta(seconds=1)
SILENCE_LIMIT: Final = timedelta(minutes=5)

_log = logger(__name__)


def ignore() -> None:
    """Do nothing: the default of a callback."""


@dataclass(slots=True)
class CodeApplier:
    """Makes documents unread whose events have a code that was mapped, or no longer is.

    `step` is one slice of one mapping. The progress is stored with it, so another
    process goes on after a crash. *on_documents* wakes the reader.
    """

    database: Database
    clock: Clock
    on_documents: Callable[[], None] = ignore
    health: Health = field(default_factory=Health)
    _more: bool = False

    async def run(self) -> None:
        """Work until cancelled."""
        timing = LoopTiming(self._rest, SILENCE_LIMIT)
        await run_forever(LOOP, self.step, self.health, timing, asyncio.Event())

    async def step(self) -> bool:
        """Work on one slice; return whether there was one."""
        done = await remap_slice(self.database, self.clock())
        self._more = done is not None
        if done is None:
            return False
        if done.documents:
            self.on_documents()
        about = {"contract": done.contract, "code": done.code}
        if done.done:
            _log.info("code mapping applied", **about)
        return True

    def _rest(self) -> timedelta:
        return NOW if self._more else CHECK_INTERVAL

"""Ends a process whose loops stand still, so that it is restarted."""

import asyncio
import faulthandler
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from relay.health import Health
from relay.logs import logger

EVERY: Final = timedelta(seconds=1)
EVENT_LOOP_LIMIT: Final = timedelta(minutes=2)
"""How long the event loop may be blocked: longer than any adapter may take."""

_log = logger(__name__)


class StandstillGuard:
    """Watches the event loop and the loops' heartbeats from a thread of its own.

    *on_end* ends the process: what hangs cannot be cancelled. *tick* is a monotonic
    clock in seconds.
    """

    def __init__(
        self,
        health: Health,
        on_end: Callable[[], None],
        tick: Callable[[], float] = time.monotonic,
        every: timedelta = EVERY,
    ) -> None:
        self._health = health
        self._on_end = on_end
        self._tick = tick
        self._every = every.total_seconds()
        self._beat_at = tick()
        self._stop_by: float | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    async def run(self) -> None:
        """Start watching, and show until cancelled that the event loop is alive."""
        self._thread.start()
        while True:
            self._beat_at = self._tick()
            await asyncio.sleep(self._every)

    def stop_within(self, limit: timedelta) -> None:
        """End the process if it has not stopped by itself after *limit*."""
        self._stop_by = self._tick() + limit.total_seconds()

    def close(self) -> None:
        """Stop watching."""
        self._ended.set()

    def problem(self) -> str | None:
        """Return what stands still; None if all is well."""
        now = self._tick()
        if self._stop_by is not None:
            return "stopping took too long" if now > self._stop_by else None
        if now - self._beat_at > EVENT_LOOP_LIMIT.total_seconds():
            return f"the event loop was blocked for {now - self._beat_at:.0f} s"
        return self._health.standstill()

    def _watch(self) -> None:
        while not self._ended.wait(self._every):
            problem = self.problem()
            if problem is not None:
                _log.error("ending the process", because=problem)
                faulthandler.dump_traceback()
                self._on_end()
                return

"""What a process says of itself: whether its loops beat, and what refuses."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(slots=True)
class _Loop:
    """One loop: when it beat last, and how long it may be silent."""

    beat: float
    within: float
    task: asyncio.Task[None] | None = None


class Health:
    """Gathers reasons not to be ready; without any, the process is ready.

    *tick* is a monotonic clock in seconds.
    """

    def __init__(self, tick: Callable[[], float] = time.monotonic) -> None:
        self._tick = tick
        self._loops: dict[str, _Loop] = {}
        self._troubles: dict[str, str] = {}

    def expect(
        self, loop: str, within: timedelta, task: asyncio.Task[None] | None = None
    ) -> None:
        """Expect a beat of *loop* at least that often, and its *task* to live."""
        self._loops[loop] = _Loop(self._tick(), within.total_seconds(), task)

    def beat(self, loop: str) -> None:
        """Say that *loop* is alive."""
        if loop in self._loops:
            self._loops[loop].beat = self._tick()

    def trouble(self, part: str, reason: str) -> None:
        """Say what is wrong with *part*, until it is `well`."""
        self._troubles[part] = reason

    def well(self, part: str) -> None:
        """Say that *part* works again."""
        self._troubles.pop(part, None)

    def troubled(self, part: str) -> bool:
        """Whether *part* is in trouble."""
        return part in self._troubles

    def reasons(self) -> list[str]:
        """Return why this process is not ready, if so."""
        silent = [r for r in map(self._silence, self._loops) if r]
        return [f"{part}: {why}" for part, why in self._troubles.items()] + silent

    def _silence(self, name: str) -> str | None:
        loop = self._loops[name]
        if loop.task is not None and loop.task.done():
            return f"{name}: its loop ended"
        silent = self._tick() - loop.beat
        if silent > loop.within:
            return f"{name}: no sign of life for {silent:.0f} s"
        return None

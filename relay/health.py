"""The health of one process: failing loops and other problems, for `/readyz`."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

STANDSTILL: Final = 3
"""After how many times its limit a loop without the end of a round stands still."""


@dataclass(slots=True)
class _Loop:
    """One loop: its last success and round, its limit in seconds, its last error."""

    succeeded_at: float
    ended_at: float
    limit: float
    task: asyncio.Task[None] | None = None
    error: str | None = None


class Health:
    """Collect reasons not to be ready; without any, the process is ready.

    *tick* is a monotonic clock in seconds.
    """

    def __init__(self, tick: Callable[[], float] = time.monotonic) -> None:
        self._tick = tick
        self._loops: dict[str, _Loop] = {}
        self._problems: dict[str, str] = {}
        self._problem_since: dict[str, float] = {}
        self.notes: dict[str, str] = {}
        """What is worth knowing and does not make the process unready, by its part."""

    def expect(
        self, loop: str, limit: timedelta, task: asyncio.Task[None] | None = None
    ) -> None:
        """Expect *loop* to succeed once per *limit*, and its *task* to keep running."""
        now = self._tick()
        self._loops[loop] = _Loop(now, now, limit.total_seconds(), task)

    def succeeded(self, loop: str) -> None:
        """Record a successful round of *loop*; ignored if it is not expected."""
        if loop in self._loops:
            now = self._tick()
            self._loops[loop].succeeded_at = self._loops[loop].ended_at = now
            self._loops[loop].error = None

    def failed(self, loop: str, error: BaseException) -> None:
        """Record a failed round of *loop*; only the error's type is shown."""
        if loop in self._loops:
            self._loops[loop].error = type(error).__name__
            self._loops[loop].ended_at = self._tick()

    def standstill(self) -> str | None:
        """Return which loop has not ended a round for far too long; None without one.

        A failing loop is not at a standstill: it tries again. Called by another thread.
        """
        now = self._tick()
        for name, loop in tuple(self._loops.items()):
            if now - loop.ended_at > STANDSTILL * loop.limit:
                return f"{name}: no round ended for {now - loop.ended_at:.0f} s"
        return None

    def report_problem(self, part: str, problem: str) -> None:
        """Report what is wrong with *part*, until `clear_problem`."""
        self._problems[part] = problem
        self._problem_since.setdefault(part, self._tick())

    def clear_problem(self, part: str) -> None:
        """Report that *part* works again."""
        self._problems.pop(part, None)
        self._problem_since.pop(part, None)

    def has_problem(self, part: str) -> bool:
        """Return whether a problem of *part* was reported and not cleared."""
        return part in self._problems

    def reasons(self) -> list[str]:
        """Return why this process is not ready; empty if it is."""
        problems = [f"{part}: {problem}" for part, problem in self._problems.items()]
        return problems + [r for r in map(self._loop_problem, self._loops) if r]

    def not_ready_for(self) -> timedelta:
        """Return how long this process has not been ready; zero if it is."""
        now = self._tick()
        failing = [n for n in self._loops if self._loop_problem(n) is not None]
        since = [self._loops[name].succeeded_at for name in failing]
        since += self._problem_since.values()
        return timedelta(seconds=now - min(since, default=now))

    def _loop_problem(self, name: str) -> str | None:
        loop = self._loops[name]
        if loop.task is not None and loop.task.done():
            return f"{name}: the loop ended; restart the relay"
        if loop.error is not None:
            return f"{name}: failing ({loop.error}); see the log"
        silent = self._tick() - loop.succeeded_at
        if silent > loop.limit:
            return f"{name}: no successful round for {silent:.0f} s"
        return None

"""The one loop that every background part runs in, with health and pauses."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NoReturn

from relay.errors import DatabaseUnavailable
from relay.health import Health
from relay.logs import Seldom, logger

NOW: Final = timedelta(0)
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(minutes=1)
MOST_DOUBLINGS: Final = 6
"""Enough to pass `LONGEST_PAUSE`; keeps the power small in a long outage."""

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class LoopTiming:
    """When a loop runs its step.

    `every` is the rest after a success; zero repeats the step at once. `limit` is
    how long a loop may go without a success before the process is not ready.
    `batch_wait` is added after a wake-up, so that one step serves a burst of them.
    """

    every: timedelta | Callable[[], timedelta]
    limit: timedelta
    batch_wait: timedelta = NOW

    def rest(self) -> timedelta:
        """Return how long to rest after a success."""
        return self.every if isinstance(self.every, timedelta) else self.every()

    def pause(self, failures: int) -> timedelta:
        """Return how long to pause after so many failed rounds in a row.

        The pause doubles, but is never longer than the usual rest or a minute.
        """
        longest = max(FIRST_PAUSE, min(self.rest(), LONGEST_PAUSE))
        doubled: timedelta = FIRST_PAUSE * 2 ** min(failures - 1, MOST_DOUBLINGS)
        return min(doubled, longest)


async def run_forever(
    name: str,
    step: Callable[[], Awaitable[object]],
    health: Health,
    timing: LoopTiming,
    wake: asyncio.Event | None = None,
) -> NoReturn:
    """Run *step* until cancelled, resting in between; setting *wake* ends a rest.

    Only a successful step counts as a sign of life. A failed one is logged, makes
    the process not ready until the next success, and is repeated after a pause.
    """
    health.expect(name, timing.limit, asyncio.current_task())
    failures, seldom = 0, Seldom()
    while True:
        if wake is not None:
            wake.clear()  # before the step: a wake-up during it is not lost
        try:
            await step()
        except Exception as error:  # noqa: BLE001 -- a loop outlives every error
            failures += 1
            if not is_outage(error):
                _log.exception("loop failed; retrying", loop=name, failures=failures)
            elif seldom(name):
                about = {"loop": name, "failures": failures, "error": str(error)}
                _log.warning("database unavailable; retrying", **about)
            health.failed(name, error)
            await asyncio.sleep(timing.pause(failures).total_seconds())
        else:
            failures = 0
            health.succeeded(name)
            await _rest(timing, wake)


def is_outage(error: Exception) -> bool:
    """Whether *error* is only that the database is away; a traceback tells no more."""
    if isinstance(error, ExceptionGroup):
        return error.split(DatabaseUnavailable)[1] is None
    return isinstance(error, DatabaseUnavailable)


async def _rest(timing: LoopTiming, wake: asyncio.Event | None) -> None:
    """Wait for *wake*, or until the rest is over."""
    seconds = timing.rest().total_seconds()
    if wake is None or seconds <= 0:
        await asyncio.sleep(seconds)
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()
        await asyncio.sleep(timing.batch_wait.total_seconds())

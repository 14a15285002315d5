"""Runs adapter code in a thread of its own, with a time limit."""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, ParamSpec, TypeVar

from relay.health import Health

P = ParamSpec("P")
T = TypeVar("T")

PARSE_LIMIT: Final = timedelta(seconds=30)
"""How long adapters may take for one slice of documents, or for one answer."""


class AdapterTimeout(Exception):
    """An adapter did not return within the time limit."""


def ignore_hang() -> None:
    """Do nothing when an adapter hangs."""


@dataclass(frozen=True, slots=True)
class Watchdog:
    """What guards the process against an adapter that hangs.

    *on_hang* is meant to end the process, because Python cannot stop a thread.
    *guard* is held while adapter code runs: native code that never releases the
    interpreter (the GIL) also stops the event loop, and with it the time limit.
    """

    limit: timedelta = PARSE_LIMIT
    on_hang: Callable[[], None] = ignore_hang
    guard: Callable[[], AbstractContextManager[object]] = nullcontext


class AdapterThread:
    """One thread for adapter code; *name* is the part of the health it reports as."""

    def __init__(
        self, name: str, health: Health, watchdog: Watchdog | None = None
    ) -> None:
        self._name = name
        self._health = health
        self._watchdog = watchdog or Watchdog()
        self._executor = ThreadPoolExecutor(1, name)

    async def run(
        self,
        contracts: Collection[str],
        work: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return what *work* returns; *contracts* are those whose adapters it calls.

        Raises `AdapterTimeout` after the time limit. The thread is lost then: settle
        what has to be settled, and call `give_up`.
        """
        limit = self._watchdog.limit.total_seconds()
        with self._watchdog.guard():
            running = asyncio.get_running_loop().run_in_executor(
                self._executor, lambda: work(*args, **kwargs)
            )
            done, _ = await asyncio.wait({running}, timeout=limit)
        if not done:
            names = ", ".join(sorted(set(contracts)))
            problem = f"the adapter of {names} did not return within {limit:g} s"
            self._health.report_problem(self._name, problem)
            raise AdapterTimeout(problem)
        self._health.clear_problem(self._name)
        return running.result()

    def give_up(self) -> None:
        """End the process, because an adapter hangs."""
        self._watchdog.on_hang()

    def close(self) -> None:
        """Release the thread without waiting for it."""
        self._executor.shutdown(wait=False)

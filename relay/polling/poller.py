"""The poller: calls carriers for what is due, several contracts at a time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from relay.clock import Clock
from relay.health import Health
from relay.logs import logger
from relay.polling.rounds import Rounds
from relay.store.callings import Calling
from relay.store.polls import PollClaims

LOOP: Final = "poller"
LOOK_ROUND: Final = timedelta(seconds=1)
SHORTEST_REST: Final = timedelta(milliseconds=10)
BEGIN_EVERY: Final = timedelta(minutes=10)
AT_ONCE: Final = 8
"""Contracts that are called at the same time."""

_log = logger(__name__)


@dataclass(slots=True)
class Poller:
    """Calls carriers: one call at a time for each contract.

    `step` starts what may be called now; `run` repeats it, woken by `wake` and
    looking round as a safety net.
    """

    claims: PollClaims
    rounds: Rounds
    callings: Mapping[str, Calling]
    clock: Clock
    health: Health = field(default_factory=Health)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _began_at: datetime | None = None
    _rest: timedelta = LOOK_ROUND

    def reload(self, callings: Mapping[str, Calling]) -> None:
        """Go on with other contracts, or other terms of the same."""
        self.callings = callings
        self._began_at = None
        self.wake()

    def wake(self) -> None:
        """Look at once: somebody wants to know."""
        self._woken.set()

    async def start(self, *, alone: bool) -> None:
        """Take back the calls of a predecessor.

        *alone* says that no other process polls from this store.
        """
        await self._begin(self.clock())
        if alone:
            await self.claims.take_back(self.callings)

    async def run(self) -> None:
        """Work until cancelled; what is under way then is asked for again."""
        try:
            while True:
                self._woken.clear()
                self.health.beat(LOOP)
                await self._round()
                await self._wait()
        finally:
            await self.close()

    async def step(self) -> int:
        """Start what may be called now; return how many contracts that are."""
        if not self.callings:
            return 0
        now = self.clock()
        await self._begin(now)
        idle = [c for n, c in self.callings.items() if n not in self._running]
        ready = await self.claims.ready(idle, now) if idle else {}
        waits = [at - now for at in ready.values() if at > now]
        self._rest = min([LOOK_ROUND, *waits])
        free = [name for name, at in ready.items() if at <= now]
        started = free[: AT_ONCE - len(self._running)]
        for name in started:
            self._start(name)
        return len(started)

    async def settle_all(self) -> None:
        """Work until nothing may be called at the present time of the clock."""
        while await self.step() or self._running:
            await self.drain()

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._running:
            await asyncio.wait(set(self._running.values()))

    async def close(self) -> None:
        """Break off what is under way, and let the thread go."""
        for task in self._running.values():
            task.cancel()
        await self.drain()
        self.rounds.answers.close()

    async def _round(self) -> None:
        """Take one step; an error of the store delays it, no more."""
        try:
            await self.step()
        except Exception as error:  # noqa: BLE001 -- never the end of the loop
            _log.exception("the poller's round failed")
            self.health.trouble(LOOP, f"it fails ({type(error).__name__})")
            self._rest = LOOK_ROUND
        else:
            self.health.well(LOOP)

    async def _wait(self) -> None:
        """Wait for a call that ended, for news, or until the next one is allowed."""
        woken = asyncio.ensure_future(self._woken.wait())
        rest = max(self._rest, SHORTEST_REST).total_seconds()
        await asyncio.wait({woken}, timeout=rest)
        woken.cancel()

    async def _begin(self, now: datetime) -> None:
        """Now and then, see that every contract has its row, in its right time."""
        last = self._began_at
        if last is None or not last <= now < last + BEGIN_EVERY:
            await self.claims.begin(self.callings, now)
            self._began_at = now

    def _start(self, name: str) -> None:
        task = asyncio.create_task(self._one(name))
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))

    async def _one(self, name: str) -> None:
        """Make one call; nothing that goes wrong with it ends the loop."""
        try:
            if await self.rounds.one(self.callings[name]):
                self._woken.set()
        except Exception:  # noqa: BLE001 -- the claim runs out by itself
            _log.exception("polling failed", contract=name)

"""Everything one sandbox holds."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from relay.sandbox.credentials import Credentials
from relay.sandbox.faults import Faults
from relay.sandbox.orders import Orders, PutMode
from relay.sandbox.records import Flights, Records
from relay.sandbox.simulator import Simulation, Simulator
from relay.sandbox.times import Clock, utcnow

MOST_KEPT: Final = 200_000


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How a sandbox behaves.

    `mode` is what a PUT does to the events stored before; "merge" is what fits all
    evidence on the real VTEX. `keep` bounds the lists of calls, writes and
    complaints, the oldest falling out. `simulators` are the carriers' parts by
    adapter; `None` finds the installed ones. `sleep` waits until a late call is
    carried out.
    """

    mode: PutMode = "merge"
    latency_ms: int = 0
    keep: int = MOST_KEPT
    clock: Clock = utcnow
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    simulators: Mapping[str, Simulator] | None = None
    webhook_timeout: float = 10.0
    retry_pause: float = 0.2


@dataclass(slots=True)
class World:
    """Orders, credentials, faults and records of one sandbox."""

    options: SandboxOptions
    mode: PutMode
    latency_ms: int
    records: Records
    simulators: Mapping[str, Simulator]
    stages: Mapping[str, Simulation]
    orders: Orders = field(default_factory=Orders)
    credentials: Credentials = field(default_factory=Credentials)
    faults: Faults = field(default_factory=Faults)
    flights: Flights = field(default_factory=Flights)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _later: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    def of(
        cls, options: SandboxOptions, simulators: Mapping[str, Simulator]
    ) -> "World":
        """Return a new world."""
        return cls(
            options=options,
            mode=options.mode,
            latency_ms=options.latency_ms,
            records=Records(options.keep),
            simulators=simulators,
            stages={adapter: Simulation() for adapter in simulators},
        )

    def reset(self) -> None:
        """Forget everything, what was to be carried out later included."""
        self.drop_late_calls()
        self.mode, self.latency_ms = self.options.mode, self.options.latency_ms
        self.records = Records(self.options.keep)
        self.orders.clear()
        self.credentials.clear()
        self.faults.clear()
        self.flights = Flights()
        for stage in self.stages.values():
            stage.clear()

    def later(self, what: Coroutine[None, None, None]) -> None:
        """Carry something out after its caller has gone."""
        task = asyncio.create_task(what)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def drop_late_calls(self) -> None:
        """Carry nothing out any more for callers that have gone."""
        for task in self._later:
            task.cancel()

    async def settled(self) -> None:
        """Wait until nothing is left that is to be carried out later."""
        while self._later:
            await asyncio.gather(*self._later, return_exceptions=True)


WORLD: Final = web.AppKey("world", World)

"""The state of one sandbox."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aiohttp import web

from relay.sandbox.credentials import Credentials
from relay.sandbox.faults import Faults
from relay.sandbox.notifications import Notifications
from relay.sandbox.orders import NoInvoice, Orders, PutMode
from relay.sandbox.records import PendingWrites, Records
from relay.sandbox.simulator import Simulation, Simulator
from relay.sandbox.times import Clock, utcnow

MOST_KEPT: Final = 200_000


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """Options of a sandbox.

    `mode` is what a PUT does to events stored before; "merge" fits everything that is
    known of the real VTEX. `keep` bounds the lists of calls, writes and complaints;
    the oldest are dropped. `simulators` are the carriers by adapter name; `None`
    loads the installed ones. `sleep` delays a late call.
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
    """Orders, credentials, faults, records and carriers' scans of one sandbox.

    `modes` are those of the accounts that differ from `mode`.
    """

    options: SandboxOptions
    mode: PutMode
    latency_ms: int
    records: Records
    simulators: Mapping[str, Simulator]
    simulations: Mapping[str, Simulation]
    orders: Orders = field(default_factory=Orders)
    credentials: Credentials = field(default_factory=Credentials)
    faults: Faults = field(default_factory=Faults)
    notifications: Notifications = field(default_factory=Notifications)
    pending: PendingWrites = field(default_factory=PendingWrites)
    no_invoice: NoInvoice = "now"
    modes: dict[str, PutMode] = field(default_factory=dict)
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
            simulations={adapter: Simulation() for adapter in simulators},
        )

    def reset(self) -> None:
        """Remove everything, late calls included."""
        self.drop_late_calls()
        self.mode, self.latency_ms = self.options.mode, self.options.latency_ms
        self.no_invoice = "now"
        self.modes.clear()
        self.records = Records(self.options.keep)
        self.orders.clear()
        self.credentials.clear()
        self.faults.clear()
        self.notifications.stop()
        self.notifications = Notifications()
        self.pending = PendingWrites()
        for stage in self.simulations.values():
            stage.clear()

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return self.options.clock()

    def mode_of(self, account: str) -> PutMode:
        """Return what a PUT does to stored events in *account*."""
        return self.modes.get(account, self.mode)

    def run_later(self, step: Coroutine[None, None, None]) -> None:
        """Run *step* in the background, after its caller has ended."""
        task = asyncio.create_task(step)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def drop_late_calls(self) -> None:
        """Cancel the late calls that are not carried out yet."""
        for task in self._later:
            task.cancel()

    async def settled(self) -> None:
        """Wait until all late calls are carried out."""
        while self._later:
            await asyncio.gather(*self._later, return_exceptions=True)


WORLD: Final = web.AppKey("world", World)

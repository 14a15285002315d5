"""A carrier that is asked, and a poller over one store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from aiohttp import ClientSession

from relay.adapters.protocol import Document
from relay.clock import micros
from relay.domain.events import ParcelView
from relay.inbound.adapter_thread import AdapterThread, Watchdog
from relay.inbound.poll_answers import AnswerReader
from relay.inbound.poll_calls import poll_targets
from relay.inbound.poller import LOOP, PollCallbacks, Poller, PollRounds
from relay.store.due_polls import PollState
from relay.store.polls import PollClaims
from tests.store.making import execute
from tests.support.acme import Acme, body
from tests.support.clock import Clock
from tests.support.way_in import WayIn

SESSION = cast("ClientSession", object())
"""No carrier of these tests uses it."""
KIND = {"content-type": "application/json"}


@dataclass
class Asked(Acme):
    """Acme, if it were asked: `knows` are the scans of each number.

    `asks` are the numbers of each call, `at` the instants, `ways` what is done
    instead of answering, the first for the next call.
    """

    batch_size: int = 10
    knows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asks: list[list[str]] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)
    ways: list[Callable[[], Any]] = field(default_factory=list)
    always: Callable[[Sequence[str]], Any] | None = None
    clock: Clock = field(default_factory=Clock)

    async def poll(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        assert session is SESSION
        numbers = [p.tracking_number for p in parcels]
        self.asks.append(numbers)
        self.at.append(self.clock())
        if self.ways:
            made = self.ways.pop(0)()
            return cast("list[Document]", await made if is_awaitable(made) else made)
        if self.always is not None:
            self.always(numbers)
        found = [self.knows[n] for n in numbers if n in self.knows]
        return [Document(body(*scans), self.clock(), KIND) for scans in found]


def turn(shipment: int, at: int, lane: int) -> dict[str, Any]:
    """Return when the only box of a shipment of `acme` is asked for, as `move_poll`."""
    key = {"shipment": shipment, "contract": "acme", "volume": 1}
    return key | {"poll_at": at, "poll_lane": lane}


def is_awaitable(made: object) -> bool:
    return hasattr(made, "__await__")


def raising(error: BaseException) -> Callable[[], Any]:
    """Return a way to answer that raises."""

    def way() -> Any:
        raise error

    return way


@dataclass
class Polled:
    """A poller over one store, and what it told."""

    way_in: WayIn
    published: list[str] = field(default_factory=list)
    pollers: list[Poller] = field(default_factory=list)

    @property
    def carrier(self) -> Any:
        return self.way_in.acme

    @property
    def clock(self) -> Clock:
        return self.way_in.clock

    @property
    def claims(self) -> PollClaims:
        return PollClaims(self.way_in.database)

    def poller(self, limit: timedelta = timedelta(seconds=5), **more: Any) -> Poller:
        """Make one more poller on the store, as the composition root does."""
        way_in = self.way_in
        calls = PollCallbacks(
            lambda contract, outcome: self.published.append(f"{contract} {outcome}"),
            lambda: self.published.append("kept"),
        )
        watchdog = Watchdog(limit, lambda: self.published.append("hang"))
        thread = AdapterThread(LOOP, way_in.health, watchdog)
        answers = AnswerReader(way_in.database, self.clock, thread)
        rounds = PollRounds(
            self.claims,
            way_in.carriers,
            answers,
            SESSION,
            more.pop("keep", way_in.intake().store_document),
            self.clock,
            calls,
            limit,
        )
        asked = poll_targets(way_in.contracts, way_in.carriers)
        made = Poller(self.claims, rounds, asked, self.clock, way_in.health)
        self.pollers.append(made)
        return made

    async def poll(self, **later: float) -> None:
        """Let time pass, ask for whatever is due then, and read what was kept."""
        self.clock.advance(timedelta(**later))
        poller = self.pollers[0] if self.pollers else self.poller()
        await poller.settle_all()
        await self.way_in.read()

    async def state(self, contract: str = "acme") -> PollState:
        """Return how a contract stands."""
        rows = await self.way_in.rows("polls")
        return PollState.of(next(r for r in rows if r["contract"] == contract))

    async def parcel(self, number: str | None = None) -> Mapping[str, Any]:
        """Return when a parcel is asked for, by default the only one."""
        rows = await self.way_in.rows("parcel_polls")
        return next(r for r in rows if number in (None, r["tracking_number"]))

    async def sources(self) -> list[str]:
        """Return by which door each document came."""
        return [r["source"] for r in await self.way_in.rows("documents")]

    async def codes(self) -> list[str]:
        """Return the codes of all events."""
        return [r["code"] for r in await self.way_in.rows("events")]

    async def close_shipment(self, because: str = "delivered") -> None:
        """Close the only shipment: VTEX was told everything."""
        at_rest = "due_at = NULL, events_due_at = NULL, lease = NULL"
        closed = f"closed_at = {micros(self.clock())}, closed_reason = '{because}'"
        sql = f"UPDATE shipments SET {at_rest}, {closed}"  # noqa: S608 -- a test's own
        await execute(self.way_in.database, sql)

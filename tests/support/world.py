"""The relay with a VTEX, a carrier, a store on disk, and a clock moved by hand.

Everything is real but time: documents are stored and parsed, labels registered, and
calls go over HTTP to the sandbox. Nothing runs beside the test; `rest` and
`wait` let the relay work whenever something is due.
"""

import asyncio
import heapq
import json
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from aiohttp import ClientSession

from relay.adapters.loader import load_carrier
from relay.adapters.protocol import Carrier, Document, WebhookRequest
from relay.clock import micros, moment
from relay.config.settings import Settings
from relay.domain.events import ParcelView, Reference, ReferenceKind, TrackingEvent
from relay.domain.labels import Label, LabelParcel
from relay.inbound.reader import Reader
from relay.outbound.publisher import Publisher
from relay.runtime.account_states import notice_settings
from relay.runtime.relay import Relay
from relay.sandbox.server import serve_sandbox
from relay.sandbox.world import SandboxOptions
from relay.store.accounts import Accounts, AccountState
from relay.store.claims import Claims
from relay.store.database import Database
from relay.store.invoice_claims import InvoiceClaims
from relay.store.invoice_lists import InvoiceFilter, InvoiceLists
from relay.store.shipments import RegistrationResult, Shipments
from relay.vtex.client import VtexClient
from relay.vtex.http import vtex_session
from tests.support.mortal import (
    Attempt,
    Call,
    Fate,
    Killed,
    MortalDatabase,
    MortalVtex,
    When,
)
from tests.support.vtex_schemas import faults, local_dates

START: Final = datetime(2026, 8, 1, 12, tzinfo=UTC)
ACCOUNT: Final = "acme"
CONTRACT: Final = "speaking"
ORDER: Final = "O-1"
INVOICE: Final = "1"
NUMBER: Final = "TN1"
PAGE: Final = "https://carrier.example/"
GUARD: Final = "Etiqueta emitida"
LONGEST_REST: Final = timedelta(days=30)
MOST_ROUNDS: Final = 20_000

Row = dict[str, Any]


class HandClock:
    """A clock that stands still until it is moved; sleepers wake as it passes."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved so far."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        at = self.now + timedelta(seconds=seconds)
        heapq.heappush(self._sleepers, (at, next(self._numbers), woken))
        await woken

    def restart(self) -> None:
        """Go back to the start, with no sleepers."""
        self.now = START
        self._sleepers.clear()

    @property
    def next_waking(self) -> datetime | None:
        """When the next sleeper wakes."""
        return self._sleepers[0][0] if self._sleepers else None

    async def move_to(self, moment: datetime) -> None:
        """Move the clock, waking sleepers in turn; it never goes back."""
        while self._sleepers and self._sleepers[0][0] <= moment:
            at, _, woken = heapq.heappop(self._sleepers)
            self.now = max(self.now, at)
            if not woken.done():
                woken.set_result(None)
            for _ in range(3):  # until what it waited to do is done
                await asyncio.sleep(0)
        self.now = max(self.now, moment)


class SpeakingCarrier:
    """A carrier whose documents are lists of tracking events in our own words."""

    display_name = "A Carrier"
    identifying = ReferenceKind.TRACKING_NUMBER
    stored_headers: frozenset[str] = frozenset()
    personal_fields: tuple[str, ...] = ()

    def verify(self, request: WebhookRequest) -> None:
        """Accept every request."""

    def parse(self, document: Document) -> list[TrackingEvent]:
        return [TrackingEvent.model_validate(e) for e in json.loads(document.body)]

    def tracking_url(self, parcel: ParcelView) -> str | None:
        return f"{PAGE}{parcel.tracking_number}"


@dataclass(frozen=True)
class Shown:
    """One invoice as VTEX shows it: events oldest first, as instant and text."""

    tracking_number: str | None
    courier: str | None
    finished: bool
    events: tuple[tuple[datetime, str], ...]

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.events]

    @classmethod
    def of(cls, package: Row) -> "Shown":
        status = package["courierStatus"] or {"finished": False, "data": []}
        events = [
            (datetime.fromisoformat(e["lastChange"]), e["description"])
            for e in status["data"]
        ]
        return cls(
            package["trackingNumber"],
            package["courier"],
            status["finished"],
            tuple(sorted(events)),
        )


@dataclass
class Vtex:
    """The sandbox, controlled and looked at."""

    url: str
    session: ClientSession

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        async with self.session.request(
            method, f"{self.url}/sandbox{path}", json=body
        ) as response:
            assert response.status < 300, await response.text()
            return await response.json()

    async def order(self, order: str, *invoices: str, **fields: Any) -> None:
        asked = [{"invoiceNumber": n, **fields} for n in invoices]
        body = {"account": ACCOUNT, "orderId": order, "invoices": asked}
        await self.ask("POST", "/orders", body)

    async def sold(self, order: str = ORDER, value: int = 1000, **fields: Any) -> None:
        """Add an order of one item, two times, without an invoice."""
        items = [{"id": "SKU1", "quantity": 2, "price": value // 2}]
        body = {"account": ACCOUNT, "orderId": order, "value": value, "items": items}
        await self.ask("POST", "/orders", body | fields)

    async def order_status(self, order: str = ORDER) -> str:
        path = f"/orders?account={ACCOUNT}&orderId={order}"
        found: str = (await self.ask("GET", path))["orders"][0]["status"]
        return found

    async def set_status(self, status: str | None, order: str = ORDER) -> None:
        path = f"/orders/{ACCOUNT}/{order}/status"
        await self.ask("POST", path, {"status": status})

    async def emails(self) -> list[str]:
        """Return what VTEX's e-mails to shoppers are about, in their order."""
        found = (await self.ask("GET", "/emails"))["emails"]
        return [f"{e['email']} {e['invoiceNumber']}" for e in found]

    async def invoice(self, order: str, number: str) -> None:
        path = f"/orders/{ACCOUNT}/{order}/invoices"
        await self.ask("POST", path, {"invoiceNumber": number})

    async def exchange(self, order: str, number: str, by: str, **fields: Any) -> None:
        """Let the ERP exchange an invoice of a live order for another one."""
        path = f"/orders/{ACCOUNT}/{order}/exchange"
        body = {"insteadOf": number, "invoiceNumber": by} | fields
        await self.ask("POST", path, body)

    async def end_order(self, order: str, status: str | None) -> None:
        """Change the status of an order, by a person in the store."""
        path = f"/orders/{ACCOUNT}/{order}/status"
        await self.ask("POST", path, {"status": status})

    async def options(self, **options: Any) -> None:
        await self.ask("POST", "/options", options)

    async def publish(
        self, *events: tuple[datetime, str], delivered: bool = False
    ) -> None:
        """Let another integration publish events of the usual invoice."""
        body = {
            "isDelivered": delivered,
            "deliveredDate": events[-1][0].isoformat() if delivered else None,
            "events": [
                {"date": at.isoformat(), "description": text, "city": "", "state": ""}
                for at, text in events
            ],
        }
        await self._write("PUT", "/tracking", body)

    async def set_number(self, number: str, courier: str = "Another") -> None:
        """Let another integration change the tracking number of the usual invoice."""
        body = {
            "trackingNumber": number,
            "trackingUrl": f"{PAGE}{number}",
            "courier": courier,
            "dispatchedDate": None,
        }
        await self._write("PATCH", "", body)

    async def _write(self, method: str, what: str, body: object) -> None:
        path = f"/vtex/{ACCOUNT}/api/oms/pvt/orders/{ORDER}/invoice/{INVOICE}{what}"
        keys = {
            "X-VTEX-API-AppKey": "sandbox-key",
            "X-VTEX-API-AppToken": "sandbox-token",
        }
        async with self.session.request(
            method, self.url + path, json=body, headers=keys
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def fault(self, kind: str, **fields: Any) -> None:
        await self.ask("POST", "/faults", {"kind": kind, **fields})

    async def status(self, status: int, **fields: Any) -> None:
        """Answer with *status* from now on, or so many `times`."""
        await self.fault("status", status=status, **fields)

    async def recover(self) -> None:
        await self.ask("DELETE", "/faults")

    async def published(self, kind: str | None = None, **fields: str) -> list[Row]:
        """Return the writes that VTEX accepted, even if the answer was lost."""
        listed: list[Row] = (await self.ask("GET", "/writes"))["writes"]
        wanted = fields | ({"kind": kind} if kind else {})
        return [t for t in listed if all(t[n] == v for n, v in wanted.items())]

    async def counts(self) -> dict[str, int]:
        found: dict[str, int] = (await self.ask("GET", "/calls?limit=1"))["counts"]
        return found

    async def calls(self) -> list[Row]:
        found: list[Row] = (await self.ask("GET", "/calls"))["calls"]
        return found

    async def complaints(self) -> list[str]:
        found = (await self.ask("GET", "/complaints"))["complaints"]
        return [f"{c['rule']}: {c['message']}" for c in found]

    async def shown(self, order: str = ORDER, invoice: str = INVOICE) -> Shown:
        path = f"/orders?account={ACCOUNT}&orderId={order}"
        for package in (await self.ask("GET", path))["orders"][0]["invoices"]:
            if package["invoiceNumber"] == invoice:
                return Shown.of(package)
        raise LookupError(invoice)


@dataclass(repr=False)
class Process:
    """One process of the relay, as the composition root wires it."""

    fate: Fate
    relay: Relay
    vtex: MortalVtex

    @property
    def publisher(self) -> Publisher:
        return self.relay.publisher

    @property
    def reader(self) -> Reader:
        return self.relay.reader

    async def work(self) -> None:
        """Read and publish until nothing is left to do at this moment."""
        try:
            while await self.reader.step():
                pass
            await self.publisher.settle_all()
            await self.relay.shadow.step()
        except Killed:
            await self.publisher.drain()

    async def end(self) -> None:
        self.fate.dead = True
        await self.publisher.drain()
        await self.reader.close()
        await self.relay.intake.close()
        await self.relay.poller.close()
        await self.relay.dispatcher.close()


@dataclass(repr=False)  # asyncio writes results of tasks in words, which is slow
class World:
    """What happens in a test, as sentences, and its results."""

    database: Database
    settings: Settings
    clock: HandClock
    vtex: Vtex
    session: ClientSession
    processes: list[Process] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    registered: set[tuple[str, str]] = field(default_factory=set)
    carriers: dict[str, Carrier] = field(
        default_factory=lambda: {"speaking": SpeakingCarrier()}
    )
    revives: bool = False
    deaths: int = 0

    @property
    def now(self) -> datetime:
        return self.clock.now

    @property
    def process(self) -> Process:
        return self.processes[-1]

    async def start(self, *, unclean: bool = False) -> Process:
        """Start one more process of the relay on the same store."""
        fate = Fate()
        vtex = MortalVtex(self._client(), fate, self.clock, self.attempts)
        relay = self._relay(MortalDatabase(self.database, fate, unclean), vtex)
        self.processes.append(Process(fate, relay, vtex))
        await notice_settings(self.settings, self.database, self.clock)
        await relay.publisher.start(alone=relay.alone)
        await relay.poller.start(alone=relay.alone)
        return self.process

    async def reload(self, **account: Any) -> None:
        """Let every process use changed settings of the account from now on."""
        self.settings = settings_for(self.vtex.url, **account)
        for process in self.processes:
            await process.relay.reload(self.settings, self._carriers())

    def _relay(self, database: Any, vtex: Any) -> Relay:
        """Put a process together as it ships, with carriers that send our events."""
        made = self._carriers()
        return Relay(self.settings, self.clock, made, database, vtex, self.session)

    def _carriers(self) -> dict[str, Carrier]:
        return {
            name: self.carriers.get(contract.adapter)
            or load_carrier(contract.adapter, contract.for_adapter())
            for name, contract in self.settings.contracts.items()
        }

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Relay]:
        """Yield a process that is never killed: it takes calls, and publishes nothing.

        A dead one does not answer, so whoever calls it calls again.
        """
        relay = self._relay(self.database, self._client())
        try:
            yield relay
        finally:
            await relay.intake.close()
            await relay.poller.close()

    def _client(self) -> VtexClient:
        return VtexClient(self.session, clock=self.clock, waits=())

    async def restart(self) -> None:
        """Kill the process, if it lives, and start another one."""
        await self.process.end()
        self.processes.remove(self.process)
        await self.start(unclean=True)

    @asynccontextmanager
    async def elsewhere(self) -> AsyncIterator[None]:
        """Point the relay at an unreachable VTEX while the context lasts."""
        reachable = self.settings
        self.settings = settings_for("http://127.0.0.1:1")
        await self.restart()
        yield
        self.settings = reachable
        await self.restart()

    async def kill_during(self, call: Call, when: When = "after") -> None:
        """Kill the process before a call is sent, or before its answer is stored."""
        self.process.fate.fears = (call, when)
        await self.process.work()
        assert self.process.fate.dead, f"no {call} was made"
        await self.process.publisher.drain()

    async def label(
        self,
        order: str = ORDER,
        invoice: str = INVOICE,
        numbers: str | Sequence[str] = NUMBER,
        *,
        volumes: int | None = None,
        dispatched: datetime | None = None,
        invoiced: bool = True,
        **fields: Any,
    ) -> RegistrationResult:
        """Print a label; VTEX has the invoice unless it is not *invoiced* yet."""
        if invoiced and not await self.shipment(order, invoice):
            await self.vtex.order(order, invoice)
        numbers = [numbers] if isinstance(numbers, str) else numbers
        first = next(iter(numbers), None)
        label = Label(
            account=ACCOUNT,
            contract=CONTRACT,
            order_id=order,
            invoice_number=invoice,
            parcels=tuple(LabelParcel(n) for n in numbers) or (LabelParcel(),),
            volumes=volumes,
            dispatched_at=dispatched,
            dispatched_date=dispatched.isoformat() if dispatched else None,
            **{
                "send_tracking": first,
                "tracking_url": f"{PAGE}{first}" if first else None,
                "courier": "A Carrier",
            }
            | fields,
        )
        self.registered.add((order, invoice))
        return await self.labels.register(label, self.now)

    @property
    def labels(self) -> Shipments:
        terms = self.process.relay.terms
        return Shipments(
            self.database,
            terms.pace,
            terms.lower_bounds,
            terms.adoptions,
            self.process.relay.settings.subscriptions,
        )

    def event(
        self,
        milestone: str,
        at: datetime | None = None,
        *,
        number: str = NUMBER,
        **fields: Any,
    ) -> TrackingEvent:
        """Return what the carrier says of one scan, by default a scan of now."""
        by_number = Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number)
        given = {
            "references": [by_number],
            "milestone": milestone,
            "occurred_at": at or self.now,
            "carrier_code": milestone,
            "description": milestone.replace("_", " "),
        }
        return TrackingEvent.model_validate(given | fields)

    async def scan(
        self,
        milestone: str,
        at: datetime | None = None,
        *,
        contract: str = CONTRACT,
        **fields: Any,
    ) -> None:
        """Let the carrier report one scan, by a webhook of its own."""
        await self.report([self.event(milestone, at, **fields)], contract)

    async def report(
        self, events: Iterable[TrackingEvent], contract: str = CONTRACT
    ) -> None:
        """Let the carrier report events in one document, and parse it."""
        await self.send(events, contract)
        try:
            while await self.process.reader.step():
                pass
        except Killed:
            pass

    async def send(
        self, events: Iterable[TrackingEvent], contract: str = CONTRACT
    ) -> None:
        """Let the carrier report events; they are stored, and not parsed yet.

        They arrive at a process that is never killed: a dead one does not answer.
        """
        body = json.dumps([e.model_dump(mode="json") for e in events]).encode()
        intake = self._relay(self.database, self._client()).intake
        await intake.accept(contract, WebhookRequest({}, body))
        await intake.close()

    async def work(self) -> None:
        """Let every process do what can be done at this moment."""
        for process in self.processes:
            await process.work()
        if self.revives and self.process.fate.dead:
            self.deaths += 1
            await self.restart()
            await self.work()

    async def rest(self, at_most: timedelta = LONGEST_REST) -> None:
        """Move the clock on until nothing is due any more."""
        await self._pass(self.now + at_most)

    async def wait(self, **time: float) -> None:
        """Let time pass, and the relay work whenever something is due."""
        end = self.now + timedelta(**time)
        await self._pass(end)
        await self.clock.move_to(end)
        await self.work()

    async def _pass(self, end: datetime) -> None:
        for _ in range(MOST_ROUNDS):
            await self.work()
            due = await self._next_moment()
            if due is None or due > end:
                return
            await self.clock.move_to(due)
        raise AssertionError("the relay does not come to rest")

    async def _next_moment(self) -> datetime | None:
        """Return when something can happen next."""
        claims, invoices = Claims(self.database), InvoiceClaims(self.database)
        moments = [self.clock.next_waking]
        for state in await Accounts(self.database).all():
            ready = await claims.next_ready(state.account)
            due = await invoices.next_due(state.account)
            for first in (ready, due):
                if first is not None and state.opens_at(micros(self.now)) is not None:
                    least = self.now + timedelta(seconds=1)
                    moments.append(max(first, _opens(state), least))
        ahead = [m for m in moments if m is not None] or await self._leases()
        return min(ahead, default=None)

    async def _leases(self) -> list[datetime]:
        """Return when leases end that a process left behind."""
        rows = [await self.shipment(*key) for key in self.registered]
        lists = InvoiceLists(self.database)
        page = await lists.page(InvoiceFilter(), self.now, limit=100)
        rows += [dict(listed.row) for listed in page.invoices]
        return [moment(r["lease_until"]) for r in rows if r and r["lease"]]

    async def shipment(self, order: str = ORDER, invoice: str = INVOICE) -> Row | None:
        """Return what the store knows of a shipment."""
        async with self.database.reading() as tx:
            row = await tx.row(
                "find_shipment",
                account=ACCOUNT,
                order_id=order,
                invoice_number=invoice,
            )
        return dict(row) if row is not None else None

    async def fact(self, name: str, order: str = ORDER, invoice: str = INVOICE) -> Any:
        """Return one column of a shipment."""
        row = await self.shipment(order, invoice)
        assert row is not None
        return row[name]

    async def account(self) -> AccountState:
        return next(
            a for a in await Accounts(self.database).all() if a.account == ACCOUNT
        )

    async def quarantined(
        self, order: str = ORDER, invoice: str = INVOICE
    ) -> dict[str, str]:
        """Return why events wait for a person, by code."""
        waiting = await self._waiting(order, invoice)
        return {r["code"]: r["quarantine_reason"] for r in waiting}

    async def quarantined_events(self, order: str = ORDER) -> list[int]:
        """Return the ids of events that wait for an operator."""
        return [r["event"] for r in await self._waiting(order)]

    async def _waiting(self, order: str, invoice: str = INVOICE) -> list[Any]:
        shipment = await self.fact("shipment", order, invoice)
        async with self.database.reading() as tx:
            rows = await tx.rows(
                "events_of_shipments", rows=json.dumps([{"shipment": shipment}])
            )
        return [r for r in rows if r["quarantine_reason"]]

    def undocumented(self) -> list[str]:
        """Return what the relay sent, answered or not, that VTEX does not document."""
        local = local_dates(self.settings.accounts[ACCOUNT])
        return [
            fault
            for attempt in self.attempts
            for fault in faults(attempt.call, attempt.body, local)
        ]

    async def shown(self, order: str = ORDER, invoice: str = INVOICE) -> Shown:
        return await self.vtex.shown(order, invoice)

    async def puts(self, order: str = ORDER) -> list[Row]:
        """Return the bodies of the accepted PUTs of an order."""
        return [t["body"] for t in await self.vtex.published("put", orderId=order)]

    async def patches_of(self, orders: Collection[str]) -> int:
        """Return for how many of *orders* a tracking number was sent."""
        published = await self.vtex.published("patch")
        return len({t["orderId"] for t in published} & set(orders))

    async def patches(self, order: str = ORDER) -> list[Row]:
        return [t["body"] for t in await self.vtex.published("patch", orderId=order)]


def _opens(state: AccountState) -> datetime:
    """Return when the last of an account's gates opens."""
    times = [state.busy_until]
    times += [state.probe_at] if state.outage_since is not None else []
    times += [state.write_retry_at] if state.write_closed else []
    return max((moment(t) for t in times if t), default=START)


def settings_for(url: str, *, contract: Row | None = None, **account: Any) -> Settings:
    """Return settings for one account at the sandbox and one speaking carrier.

    *second* is the contract of another one; *other_account* is one more account at the
    same VTEX. *tables* are more accounts and contracts, and other tables.
    """
    tables = account.pop("tables", {})
    publisher = account.pop("publisher", {})
    second = account.pop("second", None)
    other = account.pop("other_account", None)
    keys = {"app_key": "sandbox-key", "app_token": "sandbox-token"}
    pace_ = {"requests_per_second": 1000, "burst": 1000, "in_flight": 8}
    base = {"base_url": f"{url}/vtex/{ACCOUNT}"}
    speaking = {"adapter": "speaking", "verification": "none", "account": ACCOUNT}
    return Settings.model_validate(
        tables
        | {
            "accounts": {ACCOUNT: keys | pace_ | base | account}
            | ({other: keys | pace_ | base | account} if other else {})
            | tables.get("accounts", {}),
            "contracts": {CONTRACT: speaking | (contract or {})}
            | ({second: speaking} if second else {})
            | tables.get("contracts", {}),
            "publisher": publisher,
        }
    )


@asynccontextmanager
async def playground(mode: str = "merge") -> AsyncIterator[tuple[HandClock, Vtex]]:
    """Serve a sandbox whose clock is moved by hand."""
    clock = HandClock()
    options = SandboxOptions(
        mode=mode,  # type: ignore[arg-type]
        clock=clock,
        sleep=clock.sleep,
        simulators={},
    )
    async with serve_sandbox(options=options) as url, ClientSession() as session:
        yield clock, Vtex(url, session)


@asynccontextmanager
async def living(
    database: Database, mode: str = "merge", **settings: Any
) -> AsyncIterator[World]:
    """Yield a world with one process that runs on *database*."""
    async with playground(mode) as (clock, vtex), vtex_session() as session:
        made = settings_for(vtex.url, **settings)
        world = World(database, made, clock, vtex, session)
        await world.start()
        try:
            yield world
        finally:
            for process in world.processes:
                await process.end()
        wrong = world.undocumented()
        assert not wrong, wrong

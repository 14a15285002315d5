"""Playing a random history of orders, and its story for the oracle."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import ClientSession

from relay.adapters.protocol import Document
from relay.config.account import hash_token
from relay.domain.events import ParcelView
from relay.errors import RelayError
from relay.outbound.reconciliation import Reconciler, ReconcileRequest
from relay.registration.csv_import import label_fields, read_table
from relay.registration.requests import CorrectionRequest, HandoverRequest
from relay.runtime.relay import Relay
from relay.runtime.wiring import publisher_terms
from relay.service.access import Caller
from relay.service.endpoint import InvoiceAddress
from relay.store.accounts import Accounts
from relay.store.shipment_lists import ShipmentFilter
from relay.vtex.client import VtexClient
from tests.support.order_oracle import Call, Source, Story, Told
from tests.support.order_steps import (
    Arrive,
    Correct,
    End,
    Exchange,
    Kill,
    OrderHistory,
    Other,
    Scan,
    Step,
    Trouble,
)
from tests.support.world import ACCOUNT, CONTRACT, START, SpeakingCarrier, World

ERP: Final = "erp"
SECOND: Final = "second"
ASKED: Final = "asked"
COURIERS: Final = {CONTRACT: "Seen Cargo", ASKED: "Asked Cargo"}
PAIR: Final = {
    "app_key": "relaykey-acme-0A1B2C3D",
    "hash": hash_token("a-token-that-the-relay-issued"),
    "account": ACCOUNT,
    "contract": ERP,
}
BY_ENDPOINT: Final = {
    "adapter": "vtex_endpoint",
    "verification": "endpoint",
    "accounts": [ACCOUNT],
    "publish_unknown": True,
}
NOBODY: Final = Caller("somebody")
SOON: Final = timedelta(minutes=11)
KEYS: Final = {
    "X-VTEX-API-AppKey": "sandbox-key",
    "X-VTEX-API-AppToken": "sandbox-token",
}


@dataclass
class AskedCarrier(SpeakingCarrier):
    """The same carrier, if it is polled; `knows` are the events of each number."""

    batch_size: int = 10
    knows: dict[str, list[Any]] = field(default_factory=dict)
    now: datetime = START

    async def poll(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        del session
        found = [self.knows.get(p.tracking_number or "", []) for p in parcels]
        kind = {"content-type": "application/json"}
        bodies = [json.dumps(events).encode() for events in found if events]
        return [Document(b, self.now, kind) for b in bodies]


def settings_of(history: OrderHistory) -> dict[str, Any]:
    """Return the settings of a store that uses every way in."""
    polled = {
        "adapter": ASKED,
        "verification": "polling_only",
        "account": ACCOUNT,
        "courier_names": [COURIERS[ASKED]],
    }
    discovers = any(way == "feed" for way, _ in history.ways)
    return {
        "events": history.events,
        "first_email": history.first_email,
        "adopt_invoice_number": history.adopts,
        "contract": {"courier_names": [COURIERS[CONTRACT]]},
        "second": SECOND,
        "tables": {
            "contracts": {ERP: BY_ENDPOINT, ASKED: polled},
            "endpoint": {"hub": PAIR},
        },
        **({"discovery": "feed"} if discovers else {}),
    }


def stories_of(history: OrderHistory) -> dict[int, Story]:
    """Return the orders of a history, before anything has happened."""
    stories = {}
    for place, (way, polled) in enumerate(history.ways):
        contract = ERP if way == "endpoint" else ASKED if polled else CONTRACT
        order = f"O-{place}"
        stories[place] = Story(order, way, contract, number=f"O{place}N1")
    return stories


@dataclass
class OrderPlay:
    """A history as it is played.

    `foreign` are the requests of other systems, `elsewhere` the orders that one of them
    delivered.
    """

    world: World
    history: OrderHistory
    desk: Relay
    asked: AskedCarrier
    stories: dict[int, Story]
    foreign: set[int] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    kills: int = 0
    told: int = 0

    async def begin(self) -> None:
        """Let VTEX have the orders with their invoices, without tracking."""
        for story in self.stories.values():
            await self.world.vtex.order(story.order, story.invoice)
        await self.discover()

    async def take(self, pause: int, step: Step) -> None:
        world = self.world
        await world.wait(seconds=pause)
        match step:
            case Arrive(order):
                await self.arrive(self.stories[order])
            case Scan():
                await self.scan(self.stories[step.order], step)
            case Correct(order, what):
                await self.correct(self.stories[order], what)
            case Exchange(order, zeros):
                await self.exchange(self.stories[order], zeros=zeros)
            case End(order, status):
                await self.end(self.stories[order], status)
            case Other(order, what):
                await self.other(self.stories[order], what)
            case Trouble():
                await world.vtex.fault(step.kind, **_fault(step))
            case Kill(left):
                self.kills += 1
                world.process.fate.steps_left = left
        await self.poll()

    # Ways in

    async def arrive(self, story: Story) -> None:
        """Let the relay get to know the parcel."""
        if story.registered_at is not None:
            return
        # From here on a scan of this number counts, also one that came earlier.
        story.sources[_source(story)] = 1
        if story.way == "endpoint":
            await self.patch(story)
        elif story.way == "feed":
            await self.write_in_vtex(story)
        else:
            await self.print(story)
        if story.way != "feed" or await self.known(story):
            story.registered_at = self.world.now

    async def known(self, story: Story) -> dict[str, Any] | None:
        """Return the relay's shipment of an order."""
        invoice = story.invoice if story.way == "feed" else "1"
        row = await self.world.shipment(story.order, invoice)
        if row is not None:
            self.world.registered.add((story.order, invoice))
        return row

    async def print(self, story: Story, **more: Any) -> None:
        """Register a label, by the API or by a file."""
        fields = {
            "account": ACCOUNT,
            "contract": story.contract,
            "orderId": story.order,
            "invoiceNumber": "1",
            "trackingNumber": story.number,
        } | more
        if story.way == "file":
            names, cells = ",".join(fields), ",".join(map(str, fields.values()))
            table = read_table(f"{names}\n{cells}\n".encode())
            ((_, row),) = table.rows
            fields = label_fields(table.header, row)
        shipments = self.desk.services.shipments
        await shipments.register(NOBODY, json.dumps(fields).encode())
        await self.known(story)

    async def patch(self, story: Story, url: str = "https://erp.example/") -> None:
        """Let the ERP send the number to the compatible endpoint."""
        body = {
            "trackingNumber": story.number,
            "trackingUrl": f"{url}{story.number}",
            "courier": "Transportes ERP",
            "dispatchedDate": None,
        }
        where = InvoiceAddress(story.order, "1")
        pair = self.world.settings.endpoint["hub"]
        service = self.desk.services.endpoint
        await service.tracking_number(pair, where, json.dumps(body).encode())
        await self.known(story)

    async def write_in_vtex(self, story: Story) -> None:
        """Let the ERP write the number in VTEX, where the feed shows it."""
        body = {
            "trackingNumber": story.number,
            "trackingUrl": f"https://erp.example/{story.number}",
            "courier": COURIERS[story.contract],
            "dispatchedDate": None,
        }
        await self.write(story, "PATCH", "", body)
        await self.notify(story)

    async def notify(self, story: Story) -> None:
        """Let the order's status change, which the feed shows, and read the feed."""
        if not story.ended and not story.cancelling:
            await self.world.vtex.set_status("handling", story.order)
            await self.world.vtex.set_status(None, story.order)
        for minutes in (6, 2):  # the second time: after a late copy
            await self.world.wait(minutes=minutes)
            await self.discover()
        if story.registered_at is not None:  # as a new label, if something changed
            story.registered_at = self.world.now

    async def discover(self) -> None:
        if "feed" not in {way for way, _ in self.history.ways}:
            return
        with suppress(ExceptionGroup):
            await self.desk.discoverer.settle_all()
        for story in self.stories.values():
            if story.way == "feed" and story.sources and await self.known(story):
                story.registered_at = story.registered_at or self.world.now

    async def poll(self) -> None:
        """Let the relay poll the carrier about every parcel."""
        self.asked.now = self.world.now
        if not self.asked.knows:
            return
        for story in self.stories.values():
            if story.contract == ASKED and (row := await self.known(story)):
                with suppress(RelayError):
                    actions = self.desk.services.shipment_actions
                    await actions.poll_now(NOBODY, row["id"])
        await self.world.wait(seconds=2)
        await self.desk.poller.settle_all()

    # What carriers report

    async def scan(self, story: Story, step: Scan) -> None:
        source, volume = self.source_of(story, step)
        if step.kind == "again":
            old = [t for t in story.told if t.source == source]
            await self.tell(story, old[-1:])
            return
        trap = step.kind == "trap" and story.way != "endpoint"
        if trap and story.former:
            source = next(iter(story.former))
        if step.kind == "ahead" and story.way != "endpoint":
            source = (story.contract, _number(story, story.numbers + 1))
        elif story.arrived(volume):
            return
        delivers = step.kind == "delivery" and self.believable(story, source)
        now = self.world.now.replace(microsecond=0)
        late = timedelta(seconds=0 if delivers else step.late)
        self.told += 1
        name = "trap" if trap else "scan"
        told = Told(
            f"{name} {self.told}", self.world.now, now - late, source, delivers, trap
        )
        story.told.append(told)
        await self.tell(story, [told])

    def source_of(self, story: Story, step: Scan) -> tuple[Source, int]:
        """Return who reports a scan of a volume."""
        if not story.sources:
            return _source(story), 1
        places = {volume: source for source, volume in story.sources.items()}
        volume = step.volume if step.volume in places else 1
        found = [s for s, v in story.sources.items() if v == volume]
        if story.contract == ASKED:  # which is polled by the latest number
            found = found[-1:]
        return found[step.volume % len(found)], volume

    def believable(self, story: Story, source: Source) -> bool:
        """Whether a delivery of now is beyond doubt: after a scan, and not at once."""
        began, now = story.registered_at, self.world.now
        if began is None or now < began + SOON:
            return False
        mine = [t.happened for t in story.told if t.source == source and not t.trap]
        volume = story.sources.get(source)
        same = [t.happened for t in story.told
                if volume and story.sources.get(t.source) == volume]  # fmt: skip
        begun = any(at > began + timedelta(seconds=1) for at in mine)
        return begun and max(same) < now - timedelta(seconds=61)

    async def tell(self, story: Story, told: Iterable[Told]) -> None:
        for one in told:
            if story.way == "endpoint" and one.source[0] == ERP:
                await self.put(story, one)
                continue
            contract, number = one.source
            event = self.world.event(
                "delivered" if one.delivers or one.trap else "in_transit",
                one.happened,
                number=number,
                carrier_code=one.text,
                description=one.text,
                effect="administrative"
                if one.trap and one.source not in story.former
                else "normal",
            )
            if contract == ASKED:
                known = self.asked.knows.setdefault(number, [])
                known.append(event.model_dump(mode="json"))
            else:
                await self.world.report([event], contract)

    async def put(self, story: Story, told: Told) -> None:
        """Let the ERP send a scan to the compatible endpoint."""
        at = told.happened.isoformat()
        event = {"city": "", "state": "", "description": told.text, "date": at}
        body = {
            "isDelivered": told.delivers,
            "deliveredDate": at if told.delivers else None,
            "events": [event],
        }
        where = InvoiceAddress(story.order, "1")
        pair = self.world.settings.endpoint["hub"]
        sent = json.dumps(body).encode()
        with suppress(RelayError):  # cancelled: the ERP is told so
            await self.desk.services.endpoint.events(pair, where, sent)
        await self.known(story)

    # What the ERP corrects

    async def correct(self, story: Story, what: str) -> None:
        row = await self.known(story)
        if row is None or any(t.delivers for t in story.told):
            return
        if story.way in {"endpoint", "feed"}:
            await self.correct_elsewhere(story, what)
            return
        if what == "print":
            await self.print(story)
        elif what == "handover":
            await self.hand_over(story, row["id"])
        elif what == "volumes":
            await self.split(story, row["id"])
        elif what == "page":
            await self.send_correction(row["id"], trackingUrl="https://erp.example/x")
        elif story.volumes == 1:
            self.renumber(story, keeps=what == "relabel")
            keep = {"history": "keep"} if what == "relabel" else {}
            await self.send_correction(row["id"], trackingNumber=story.number, **keep)

    async def send_correction(self, id_: str, **fields: Any) -> None:
        request = CorrectionRequest.model_validate(fields)
        await self.desk.services.shipment_actions.correct(NOBODY, id_, request)

    async def correct_elsewhere(self, story: Story, what: str) -> None:
        """Let the ERP write another number where it writes all of them."""
        if what in {"number", "relabel"}:
            self.renumber(story, keeps=False)
        if story.way == "feed":
            await self.write_in_vtex(story)
            return
        with suppress(RelayError):
            page = (
                "https://other.example/" if what == "page" else "https://erp.example/"
            )
            await self.patch(story, page)

    def renumber(self, story: Story, *, keeps: bool) -> None:
        old = _source(story)
        story.numbers += 1
        story.number = _number(story, story.numbers)
        if story.way != "endpoint":
            if not keeps:
                story.move(old, self.world.now)
            story.sources[_source(story)] = 1

    async def hand_over(self, story: Story, id_: str) -> None:
        source = (SECOND, f"{story.number}H")
        if source in story.sources or story.volumes > 1:
            return
        fields = {"contract": SECOND, "trackingNumber": source[1]}
        request = HandoverRequest.model_validate(fields)
        await self.desk.services.shipment_actions.handover(NOBODY, id_, request)
        story.sources[source] = 1

    async def split(self, story: Story, id_: str) -> None:
        """Let the parcel be packed in two boxes."""
        if story.volumes > 1 or len(story.sources) > 1:
            return
        await self.send_correction(id_, volumes=2)
        more = {"volume": 2, "volumes": 2, "trackingNumber": f"{story.number}B"}
        await self.print(story, **more)
        story.volumes = 2
        story.sources[story.contract, f"{story.number}B"] = 2

    # What happens in VTEX

    async def exchange(self, story: Story, *, zeros: bool) -> None:
        if story.registered_at is None or story.ended:
            return
        count = len(story.invoices)
        by = f"{'0' * count}1" if zeros else str(76 + count)
        known = await self.has_number(story)
        fields = {}
        if story.way == "feed":
            fields = {
                "trackingNumber": story.number, "courier": COURIERS[story.contract]
            }  # fmt: skip
        await self.world.vtex.exchange(story.order, story.invoice, by, **fields)
        follows = self.history.adopts and (zeros or known)
        if story.way == "feed":  # a delivered label cannot be cancelled for another
            follows = not any(t.delivers for t in story.told)
        story.astray |= not follows
        story.invoice = by
        story.invoices.append(by)
        story.delivered_elsewhere = None
        if story.way == "feed":
            await self.notify(story)

    async def has_number(self, story: Story) -> bool:
        """Whether the relay got an answer to a number that it sent for the order."""
        calls = await self.calls(story.order)
        return any(
            c["kind"] == "patch" and c["carriedOut"] and c["answered"] == 200
            for c in calls
        )

    async def end(self, story: Story, status: str) -> None:
        if story.ended:
            return
        story.cancelling = status == "cancellation-requested"
        await self.world.vtex.set_status(status, story.order)
        if not story.cancelling:
            story.ended = self.world.now

    async def other(self, story: Story, what: str) -> None:
        """Let another system write the package."""
        shown = await self.world.vtex.shown(story.order, story.invoice)
        if shown.finished or (story.way == "feed" and what == "number"):
            return
        self.told += 1
        if what == "number":
            if len(story.invoices) > 1 and shown.tracking_number is None:
                return  # nothing would tell that the exchanged invoice is the parcel's
            body: dict[str, Any] = {
                "trackingNumber": f"OTHER{self.told}",
                "trackingUrl": "https://other.example/",
                "courier": "Another",
                "dispatchedDate": None,
            }
            await self.write(story, "PATCH", "", body)
            return
        now = self.world.now.replace(microsecond=0).isoformat()
        event = {"city": "", "state": "", "description": f"other {self.told}"}
        body = {
            "isDelivered": what == "delivery",
            "deliveredDate": now if what == "delivery" else None,
            "events": [event | {"date": now}],
        }
        done = await self.write(story, "PUT", "/tracking", body)
        if done and what == "delivery":
            story.delivered_elsewhere = self.world.now
            self.elsewhere.add(story.order)

    async def write(self, story: Story, method: str, what: str, body: object) -> bool:
        """Write a package as another system does; the relay's faults are not for it."""
        vtex = self.world.vtex
        path = f"/vtex/{ACCOUNT}/api/oms/pvt/orders/{story.order}/invoice"
        url = f"{vtex.url}{path}/{story.invoice}{what}"
        async with (
            self.calm(),
            vtex.session.request(method, url, json=body, headers=KEYS),
        ):
            pass
        (last,) = (await vtex.ask("GET", "/calls?limit=1"))["calls"]
        self.foreign.add(last["sequence"])
        return bool(last["carriedOut"])

    @asynccontextmanager
    async def calm(self) -> AsyncIterator[None]:
        """Put VTEX's faults off."""
        vtex = self.world.vtex
        faults = (await vtex.ask("GET", "/faults"))["faults"]
        await vtex.recover()
        yield
        for fault in faults:
            del fault["id"]
            await vtex.ask("POST", "/faults", fault | {"times": fault.pop("left")})

    # The end

    async def come_to_rest(self) -> None:
        """End all trouble, and let a person do what only a person can."""
        world = self.world
        await world.vtex.recover()
        for story in self.stories.values():
            if story.cancelling and not story.ended:
                story.cancelling = False
                await world.vtex.set_status(None, story.order)
            if story.registered_at is None and story.sources:
                await self.notify(story)
        await self.poll()
        await self.rest()
        for _ in range(2):
            await self.reconcile()
            await self.rest()

    async def rest(self) -> None:
        """Rest; what is stuck or wrongly closed is retried by a person."""
        for _ in range(20):
            await self.discover()
            await self.poll()
            await self.world.rest()
            found = [await self.waits(s) for s in self.stories.values()]
            waiting = [id_ for id_ in found if id_]
            paused = (await self.world.account()).paused_reason
            if not waiting and not paused:
                return
            await Accounts(self.world.database).open(ACCOUNT)
            for id_ in waiting:
                await self.desk.services.shipment_actions.retry(NOBODY, id_)
        raise AssertionError("it stays stuck")

    async def waits(self, story: Story) -> str | None:
        """Return the id of a shipment that waits for a person without need."""
        row = await self.known(story)
        if row is None or story.ended or story.astray or story.delivered_elsewhere:
            return None
        ended = row["closed_reason"] in {"order_cancelled", "order_replaced"}
        return str(row["id"]) if row["stuck_reason"] or ended else None

    async def reconcile(self) -> None:
        """Compare all with VTEX, and have the differences repaired."""
        world = self.world

        async def pass_(seconds: float) -> None:
            await world.clock.move_to(world.now + timedelta(seconds=seconds))

        terms = publisher_terms(world.settings)
        vtex = VtexClient(world.session, clock=world.clock, waits=())
        by = Reconciler(world.database, vtex, terms, world.clock, pass_)
        wanted = ReconcileRequest(ShipmentFilter(), True, True, "somebody")
        while (await by.batch(wanted, None)).stopped:
            await world.wait(minutes=10)

    async def calls(self, order: str) -> list[Call]:
        """Return the relay's requests about an order."""
        found = await self.world.vtex.calls()
        return [
            _timed(c)
            for c in found
            if c["orderId"] == order and c["sequence"] not in self.foreign
        ]

    async def writes(self, kind: str, **fields: str) -> list[Call]:
        """Return the relay's writes that VTEX carried out."""
        found = await self.world.vtex.published(kind, **fields)
        return [
            _timed(w)
            for w in found
            if w["carriedOut"] and w["call"] not in self.foreign
        ]


def _timed(record: Call) -> Call:
    names = {"at", "carriedOutAt"} & record.keys()
    times = {n: datetime.fromisoformat(record[n]) for n in names if record[n]}
    return record | times


def _source(story: Story) -> Source:
    """Return who reports: an ERP names the order, a carrier the number."""
    return (story.contract, story.order if story.way == "endpoint" else story.number)


def _number(story: Story, place: int) -> str:
    return f"O{story.order[-1]}N{place}"


def _fault(trouble: Trouble) -> dict[str, Any]:
    fields = {
        "call": trouble.call,
        "times": trouble.times,
        "status": trouble.status,
        "delaySeconds": trouble.delay,
    }
    return {name: value for name, value in fields.items() if value is not None}

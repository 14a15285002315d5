"""The demo's plan: carriers, shipments, and their labels and events by phase; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final

ACCOUNT: Final = "demo"
APPENDING: Final = "appending"
"""The account of which the sandbox appends each update to its list of events."""

DELIVERED: Final = "delivered"
IN_TRANSIT: Final = ("picked_up", "in_transit", "at_hub", "out_for_delivery")
"""The milestones that a parcel passes before it is delivered, in order."""

WEBHOOK: Final = "webhook"
POLL: Final = "poll"
BOTH: Final = "webhook and poll"
_SUFFIXES: Final = {WEBHOOK: "", POLL: "_poll", BOTH: "_both"}


class Phase(Enum):
    """The phases of the demo, in order."""

    OPENING = "labels and events arrive: early, duplicate, forged and out of order"
    LOST_ANSWER = "VTEX carries out a call, and its response is lost"
    OUTAGE = "VTEX is down for a few seconds"
    KILL = "the relay is killed during a call to VTEX, and restarted"
    VANISHED = "VTEX answers 200 to a delivery, and stores nothing"
    EXCHANGED = "the ERP exchanges the invoice of a live order"
    APPENDED = "an account appends each update to its list of events"
    CLOSING = "the remaining events arrive"


@dataclass(frozen=True, slots=True)
class DemoCarrier:
    """One use of a simulated carrier: its codes by milestone, and its channel.

    `secret` signs its webhooks. `settings` are those of its contract for polling.
    """

    adapter: str
    codes: Mapping[str, str]
    secret: str = field(default="", repr=False)
    channel: str = WEBHOOK
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def contract(self) -> str:
        """The name of its contract; a carrier has one per channel."""
        return self.adapter + _SUFFIXES[self.channel]

    @property
    def channels(self) -> frozenset[str]:
        """The channels through which its events reach the relay."""
        return frozenset({WEBHOOK, POLL} if self.channel == BOTH else {self.channel})

    @property
    def journey(self) -> tuple[str, ...]:
        """The milestones before the delivery that it has a code for."""
        return tuple(m for m in IN_TRANSIT if m in self.codes)


def demo_carriers(listed: Iterable[Mapping[str, Any]]) -> list[DemoCarrier]:
    """Return the uses of the sandbox's carriers, one per channel that each supports.

    *listed* is the answer of `GET /sandbox/carriers`. A carrier needs codes for a
    delivery and for a milestone before it.
    """
    found: list[DemoCarrier] = []
    for item in listed:
        webhook, settings = item["webhook"], item["contract"]
        carrier = DemoCarrier(item["adapter"], item["codes"])
        if DELIVERED not in carrier.codes or not carrier.journey:
            continue
        if webhook:
            found.append(carrier)
        if settings:
            found.append(_polling(carrier, POLL, settings))
        if webhook and settings.get("secret"):
            found.append(_polling(carrier, BOTH, settings))
    return found


def _polling(
    carrier: DemoCarrier, channel: str, settings: Mapping[str, str]
) -> DemoCarrier:
    secret = settings["secret"] if channel == BOTH else ""
    return DemoCarrier(carrier.adapter, carrier.codes, secret, channel, settings)


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its volume, its tracking number and the carrier's own id."""

    volume: int
    number: str
    shipment_id: str


@dataclass(frozen=True, slots=True)
class LabelPrint:
    """The ERP prints the label of a box, and registers it `times` times."""

    box: Box
    times: int = 1


@dataclass(frozen=True, slots=True)
class Scan:
    """A carrier event of a box.

    An `older` one is about an earlier parcel with the same number. For an `unsent` one
    the webhook is lost: only polling finds it.
    """

    box: Box
    milestone: str
    occurred_at: datetime
    times: int = 1
    forged: bool = False
    older: bool = False
    unsent: bool = False

    @property
    def expected(self) -> bool:
        """Whether VTEX must receive it."""
        return not (self.forged or self.older)


Step = LabelPrint | Scan


@dataclass(frozen=True, slots=True)
class DemoShipment:
    """One invoice of one order, with its steps by phase."""

    order_id: str
    invoice_number: str
    story: str
    carrier: DemoCarrier
    dispatched_at: datetime
    boxes: tuple[Box, ...]
    steps: Mapping[Phase, tuple[Step, ...]]
    visible_after: float = 0
    invoice_key: str = ""
    account: str = ACCOUNT
    exchanged_for: str | None = None

    @property
    def shown_as(self) -> str:
        """The number of its invoice in VTEX at the end."""
        return self.exchanged_for or self.invoice_number

    @property
    def shown_at(self) -> frozenset[datetime]:
        """The instants of the events that VTEX must show at the end.

        The relay's own first event is the dispatch. An exchanged invoice does not get
        it again: the shopper has had its e-mail.
        """
        scans = {scan.occurred_at for scan in self.scans}
        own = {self.dispatched_at} if scans and self.exchanged_for is None else set()
        return frozenset(scans | own)

    @property
    def shown_before_delivery(self) -> frozenset[datetime]:
        """The instants of the events that VTEX shows before any delivery."""
        scans = (s.occurred_at for s in self.scans if s.milestone != DELIVERED)
        return frozenset({self.dispatched_at, *scans})

    @property
    def scans(self) -> tuple[Scan, ...]:
        """The events that VTEX must receive."""
        every = (s for steps in self.steps.values() for s in steps)
        return tuple(s for s in every if isinstance(s, Scan) and s.expected)

    @property
    def delivered_at(self) -> datetime | None:
        """When the last box was delivered; `None` unless all were."""
        delivered = {
            s.box.volume: s.occurred_at for s in self.scans if s.milestone == DELIVERED
        }
        if len(delivered) < len(self.boxes):
            return None
        return max(delivered.values())

    def starts_in(self, phase: Phase) -> bool:
        """Return whether VTEX must have an event before the delivery after *phase*."""
        phases = list(Phase)[: list(Phase).index(phase) + 1]
        steps = [s for p in phases for s in self.steps.get(p, ())]
        return any(
            isinstance(s, Scan) and s.expected and s.milestone != DELIVERED
            for s in steps
        )

    def order_body(self) -> dict[str, Any]:
        """Return the order and its invoice for `POST /sandbox/orders`."""
        invoice = {
            "invoiceNumber": self.invoice_number,
            "visibleAfterSeconds": self.visible_after,
            "invoiceKey": self.invoice_key or None,
        }
        return {
            "account": self.account,
            "orderId": self.order_id,
            "invoices": [invoice],
        }

    def exchange_body(self) -> dict[str, Any]:
        """Return the exchange for `POST /sandbox/orders/{account}/{id}/exchange`."""
        return {"insteadOf": self.invoice_number, "invoiceNumber": self.shown_as}

    def label_body(self, box: Box) -> dict[str, Any]:
        """Return the label of *box* for `POST /v1/shipments`."""
        key = {"invoiceKey": self.invoice_key} if self.invoice_key else {}
        return {
            **key,
            "account": self.account,
            "contract": self.carrier.contract,
            "orderId": self.order_id,
            "invoiceNumber": self.invoice_number,
            "trackingNumber": box.number,
            "volume": box.volume,
            "volumes": len(self.boxes),
            "dispatchedDate": self.dispatched_at.isoformat(),
            "references": [{"type": "shipmentId", "value": box.shipment_id}],
        }

    def scan_body(self, scan: Scan) -> dict[str, Any]:
        """Return *scan* for `POST /sandbox/carriers/{adapter}/scans`.

        An older parcel has the same number, but another order and carrier id.
        """
        prefix = "OLD-" if scan.older else ""
        return {
            "parcel": {
                "orderId": f"{prefix}{self.order_id}",
                "shipmentId": f"{prefix}{scan.box.shipment_id}",
                "trackingNumber": scan.box.number,
                "invoiceKey": self.invoice_key or None,
                "volume": scan.box.volume,
                "volumes": len(self.boxes),
            },
            "code": self.carrier.codes[scan.milestone],
            "secret": self.carrier.secret,
            "occurredAt": scan.occurred_at.isoformat(),
            "forged": scan.forged,
            "repeat": scan.times,
        }

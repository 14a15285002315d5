"""Evidence: what the sandbox recorded, and which calls were disturbed on purpose."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from relay.sandbox.records import AcceptedWrite, Call, Complaint
from relay.sandbox.times import instant

LOST: Final = "cut_after"
OUT: Final = "outage"
VANISHED: Final = "vanish"
MARGIN: Final = timedelta(milliseconds=500)
"""How long after its answer a call may still be unsettled, on a slow machine."""


@dataclass(frozen=True, slots=True)
class Package:
    """One invoice as VTEX shows it."""

    order_id: str
    invoice_number: str
    number: str | None
    finished: bool
    delivered_at: datetime | None
    events: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Webhook:
    """The relay's answers to the webhooks of one event."""

    order_id: str
    forged: bool
    statuses: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Kill:
    """When the relay was killed, and VTEX's latency at that time."""

    at: datetime
    latency: timedelta

    def interrupted(self, call: Call) -> bool:
        """Return whether *call* was in flight at the kill."""
        return self.at - self.latency <= call.at <= self.at

    def may_have_lost(self, call: Call) -> bool:
        """Return whether *call* was in flight, or its answer not stored yet."""
        return self.at - self.latency - MARGIN <= call.at <= self.at + MARGIN


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the verdict depends on; `channels` by order, from the relay."""

    packages: Sequence[Package]
    calls: Sequence[Call]
    writes: Sequence[AcceptedWrite]
    complaints: Sequence[Complaint]
    webhooks: Sequence[Webhook]
    kill: Kill | None = None
    channels: Mapping[str, Counter[str]] = field(default_factory=dict)

    def excuse(self, call: Call) -> str | None:
        """Return what disturbed *call*, or `None`."""
        if call.fault == LOST:
            return "response lost"
        if call.fault == OUT:
            return "hit the outage"
        if self.kill is not None and self.kill.may_have_lost(call):
            return "in flight at the kill"
        return None


def packages(orders: Iterable[Mapping[str, Any]]) -> list[Package]:
    """Return the packages in the answer of `GET /sandbox/orders`."""
    return [
        _package(order["orderId"], invoice)
        for order in orders
        for invoice in order["invoices"]
    ]


def _package(order_id: str, invoice: Mapping[str, Any]) -> Package:
    status = invoice["courierStatus"] or {}
    delivered = status.get("deliveredDate")
    return Package(
        order_id=order_id,
        invoice_number=invoice["invoiceNumber"],
        number=invoice["trackingNumber"],
        finished=bool(status.get("finished")),
        delivered_at=instant(delivered) if delivered else None,
        events=tuple(instant(e["lastChange"]) for e in status.get("data", ())),
    )


Channels = Mapping[str, Counter[str]]
"""For each order, the number of events by channel."""


def channels_of(shipment: Mapping[str, Any]) -> Counter[str]:
    """Count a shipment's events by the channel of their document.

    *shipment* is the answer of `GET /v1/shipments/{id}`.
    """
    found = Counter[str]()
    for document in shipment["timeline"]["documents"]:
        found[document["source"]] += document["newEvents"] or 0
    return +found

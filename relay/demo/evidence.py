"""What the sandbox saw, in plain values; read from the answers of its control API."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

LOST: Final = "cut_after"
OUT: Final = "outage"
MARGIN: Final = timedelta(milliseconds=500)
"""So long after its answer a call may not be settled yet, on a slow machine."""


@dataclass(frozen=True, slots=True)
class Package:
    """One invoice, as VTEX shows it at the end."""

    order_id: str
    invoice_number: str
    number: str | None
    finished: bool
    delivered_at: datetime | None
    events: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request that arrived; `answered` is None while it has no answer."""

    sequence: int
    kind: str
    order_id: str | None
    at: datetime
    fault: str | None
    answered: int | str | None


@dataclass(frozen=True, slots=True)
class Write:
    """One write that was carried out."""

    call: RecordedCall
    invoice_number: str
    body: Mapping[str, Any]

    @property
    def events(self) -> frozenset[tuple[str, ...]]:
        """What it tells, event by event."""
        fields = ("date", "description", "city", "state")
        return frozenset(tuple(e[f] for f in fields) for e in self.body["events"])

    @property
    def delivers(self) -> bool:
        """Whether it says that everything arrived."""
        return bool(self.body["isDelivered"])


@dataclass(frozen=True, slots=True)
class ReportedComplaint:
    """What a caller did that it must not do."""

    call: int
    order_id: str | None
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """How the relay answered a carrier's calls about one scan."""

    order_id: str
    forged: bool
    statuses: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Kill:
    """When the relay was killed, and how slow VTEX was just then."""

    at: datetime
    latency: timedelta

    def interrupted(self, call: RecordedCall) -> bool:
        """Whether *call* was in flight at the kill."""
        return self.at - self.latency <= call.at <= self.at

    def caught(self, call: RecordedCall) -> bool:
        """Whether *call* was in flight at the kill, or its answer not yet stored."""
        return self.at - self.latency - MARGIN <= call.at <= self.at + MARGIN


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the verdict depends on; `doors` by order, as the relay says."""

    packages: Sequence[Package]
    calls: Sequence[RecordedCall]
    writes: Sequence[Write]
    complaints: Sequence[ReportedComplaint]
    webhooks: Sequence[Webhook]
    kill: Kill | None = None
    channels: Mapping[str, Counter[str]] = field(default_factory=dict)

    def excuse(self, call: RecordedCall) -> str | None:
        """Say by what *call* was disturbed, if by anything."""
        if call.fault == LOST:
            return "answer lost"
        if call.fault == OUT:
            return "met the outage"
        if self.kill is not None and self.kill.caught(call):
            return "in flight at the kill"
        return None


def packages(orders: Iterable[Mapping[str, Any]]) -> list[Package]:
    """Read the answer of `GET /sandbox/orders`."""
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


def calls(listed: Iterable[Mapping[str, Any]]) -> list[RecordedCall]:
    """Read the answer of `GET /sandbox/calls`."""
    return [
        RecordedCall(
            sequence=call["sequence"],
            kind=call["kind"],
            order_id=call["orderId"],
            at=instant(call["at"]),
            fault=call["fault"],
            answered=call["answered"],
        )
        for call in listed
    ]


def writes(
    published: Iterable[Mapping[str, Any]], known: Iterable[RecordedCall]
) -> list[Write]:
    """Read the answer of `GET /sandbox/writes`; *known* are the calls."""
    by_sequence = {call.sequence: call for call in known}
    return [
        Write(by_sequence[one["call"]], one["invoiceNumber"], one["body"])
        for one in published
        if one["carriedOut"]
    ]


def complaints(listed: Iterable[Mapping[str, Any]]) -> list[ReportedComplaint]:
    """Read the answer of `GET /sandbox/complaints`."""
    return [
        ReportedComplaint(one["call"], one["orderId"], one["rule"], one["message"])
        for one in listed
    ]


def instant(text: str) -> datetime:
    """Read an instant as the sandbox spells it: with seven decimals."""
    return datetime.fromisoformat(text[:26] + text[27:])


Channels = Mapping[str, Counter[str]]
"""For each order, how many events came by which door."""


def channels_of(shown: Mapping[str, Any]) -> Counter[str]:
    """Count the events of a shipment by the door that their document came by."""
    found = Counter[str]()
    for document in shown["timeline"]["documents"]:
        found[document["source"]] += document["newEvents"] or 0
    return +found

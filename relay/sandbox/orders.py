"""Orders with their invoices and tracking, as VTEX stores and shows them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from relay.sandbox.checks import PartialInvoice, TrackingStatus
from relay.sandbox.statuses import DESCRIPTIONS, OrderStatus
from relay.sandbox.times import as_text

PutMode = Literal["replace", "merge", "append"]
NoInvoice = Literal["now", "earlier", "text"]
"""What a write of a missing invoice gets: codes of now or earlier, or a text."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One entry of an invoice's courier status."""

    happened_at: datetime
    description: str
    city: str
    state: str
    created_at: datetime = field(compare=False)


@dataclass(slots=True)
class Invoice:
    """One package of an order; type `Input` is a return."""

    number: str
    type: Literal["Output", "Input"]
    value: int
    issued_at: datetime
    visible_at: datetime
    items: list[dict[str, Any]]
    key: str | None = None
    url: str | None = None
    xml: str = ""
    courier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    dispatched: str | None = None
    finished: bool = False
    delivered_at: datetime | None = None
    events: list[StoredEvent] = field(default_factory=list)
    tracking_sent: bool = False
    last_put: TrackingStatus | None = None

    def send_tracking(self, partial: PartialInvoice) -> bool:
        """Store the four fields; return whether anything changed."""
        before = self._sent_fields()
        self.tracking_number = partial.tracking_number
        self.tracking_url = partial.tracking_url
        self.courier = partial.courier
        self.dispatched = partial.dispatched_date
        self.tracking_sent = True
        return self._sent_fields() != before

    def track(self, status: TrackingStatus, mode: PutMode, now: datetime) -> bool:
        """Store events; return whether anything changed.

        VTEX: known issue "first shipping update e-mail": an identical second
        call is accepted and does nothing. Whether a different one replaces,
        merges or appends is documented nowhere, hence *mode*.
        """
        if status == self.last_put:
            return False
        before = (self.finished, self.delivered_at, tuple(self.events))
        self.last_put = status
        self.finished = status.is_delivered
        self.delivered_at = status.delivered_at
        self.events = _combined(self.events, _events(status, now), mode)
        return (self.finished, self.delivered_at, tuple(self.events)) != before

    def newest_first(self) -> list[StoredEvent]:
        """Return the events as GET shows them (checked against a real order)."""
        latest = reversed(self.events)
        return sorted(latest, key=lambda e: e.happened_at, reverse=True)

    def _sent_fields(self) -> tuple[str | None, ...]:
        return (
            self.tracking_number,
            self.tracking_url,
            self.courier,
            self.dispatched,
        )


@dataclass(slots=True)
class Order:
    """One order of one account."""

    account: str
    id: str
    created_at: datetime
    changed_at: datetime
    sequence: int = 0
    value: int | None = None
    items: list[dict[str, Any]] = field(default_factory=list)
    given_status: OrderStatus | None = None
    invoices: dict[str, Invoice] = field(default_factory=dict)
    before: dict[str, Any] | None = None

    def change(self, now: datetime) -> None:
        """Note that a write changes it, and remember what was shown before."""
        self.before = order_shape(self, now)
        self.changed_at = now

    def exchange(self, number: str, other: Invoice) -> None:
        """Put *other* in the place of an invoice, as ERPs do on live orders."""
        self.invoices = {
            (other.number if n == number else n): (other if n == number else invoice)
            for n, invoice in self.invoices.items()
        }

    def visible(self, now: datetime) -> list[Invoice]:
        """Return the invoices that VTEX shows at *now*."""
        return [i for i in self.invoices.values() if i.visible_at <= now]

    def last_change(self, now: datetime) -> datetime:
        """Return when it changed last; an invoice that becomes visible changes it."""
        return max([self.changed_at, *(i.visible_at for i in self.visible(now))])

    def addressed(
        self, number: str, now: datetime, *, returns: bool = False
    ) -> Invoice | None:
        """Return the invoice that a write addresses with *number*, or `None`.

        That of a return is addressed only with *returns*.
        """
        invoice = self.invoices.get(number)
        if invoice is None or invoice.visible_at > now:
            return None
        return invoice if returns or invoice.type == "Output" else None

    def invoiced(self, kind: Literal["Output", "Input"] = "Output") -> int:
        """Return the sum of the invoices of a type, in cents."""
        return sum(i.value for i in self.invoices.values() if i.type == kind)

    def status(self, now: datetime) -> OrderStatus:
        """Return the status: `invoiced` once the invoices add up to the total."""
        if self.given_status is not None:
            return self.given_status
        if not self.visible(now) or self.invoiced() < (self.value or 0):
            return "handling"
        return "invoiced"


class Orders:
    """All orders of all accounts."""

    def __init__(self) -> None:
        self._orders: dict[tuple[str, str], Order] = {}

    def __iter__(self) -> Iterator[Order]:
        return iter(self._orders.values())

    def __len__(self) -> int:
        return len(self._orders)

    def add(self, order: Order) -> None:
        """Add *order*, or replace the one with the same id."""
        order.sequence = 500_001 + len(self._orders)
        self._orders[order.account, order.id] = order

    def find(self, account: str, order_id: str) -> Order | None:
        """Return the order, or `None`."""
        return self._orders.get((account, order_id))

    def clear(self) -> None:
        """Remove all orders."""
        self._orders.clear()


def _events(status: TrackingStatus, now: datetime) -> list[StoredEvent]:
    return [
        StoredEvent(e.happened_at, e.description, e.city, e.state, now)
        for e in status.events
    ]


def _combined(
    stored: list[StoredEvent], sent: list[StoredEvent], mode: PutMode
) -> list[StoredEvent]:
    known = {event: event for event in stored}
    if mode == "replace":
        return [known.get(event, event) for event in sent]
    if mode == "append":
        return [*stored, *sent]
    return [*stored, *(e for e in dict.fromkeys(sent) if e not in known)]


def _contents(order: Order) -> dict[str, Any]:
    """Return total and items, if the order was added with them."""
    if order.value is None:
        return {}
    items = [
        {
            "uniqueId": f"{order.id}-{index}",
            "id": item["id"],
            "productId": item["id"],
            "quantity": item["quantity"],
            "price": item["price"],
            "sellingPrice": item["price"],
        }
        for index, item in enumerate(order.items)
    ]
    return {"value": order.value, "items": items}


def order_shape(order: Order, now: datetime) -> dict[str, Any]:
    """Return the documented fields of an order; its status is never "delivered"."""
    packages = [package_shape(invoice) for invoice in order.visible(now)]
    status = order.status(now)
    return {
        "orderId": order.id,
        "sequence": str(order.sequence),
        "marketplaceOrderId": "",
        "sellerOrderId": fulfilment_id(order.id),
        "origin": "Marketplace",
        "affiliateId": "",
        "status": status,
        "statusDescription": DESCRIPTIONS[status],
        **_contents(order),
        "creationDate": as_text(order.created_at),
        "lastChange": as_text(order.last_change(now)),
        "hostname": order.account,
        "isCompleted": True,
        "orderGroup": order.id.rpartition("-")[0] or order.id,
        "packageAttachment": {"packages": packages} if packages else None,
    }


def fulfilment_id(order_id: str) -> str:
    """Return the id that VTEX echoes to a PATCH (example in the OpenAPI document)."""
    return order_id if order_id.startswith("00-") else f"00-{order_id}"


def package_shape(invoice: Invoice) -> dict[str, Any]:
    """Return one package; VTEX does not show its `dispatchedDate` again."""
    return {
        "items": invoice.items,
        "courier": invoice.courier,
        "invoiceNumber": invoice.number,
        "invoiceValue": invoice.value,
        "invoiceUrl": invoice.url,
        "issuanceDate": as_text(invoice.issued_at),
        "trackingNumber": invoice.tracking_number,
        "trackingUrl": invoice.tracking_url,
        "invoiceKey": invoice.key,
        "embeddedInvoice": invoice.xml,
        "type": invoice.type,
        "cfop": None,
        "volumes": 1,
        "EnableInferItems": None,
        "restitutions": _restitutions(invoice),
        "courierStatus": _courier_status(invoice),
    }


def _restitutions(invoice: Invoice) -> dict[str, Any]:
    """Return the refund that VTEX starts for a return (Orders API: `restitutions`)."""
    if invoice.type == "Output":
        return {}
    refund: dict[str, Any] = {
        "value": invoice.value,
        "giftCardData": None,
        "items": [],
    }
    return {"Refund": refund}


def _courier_status(invoice: Invoice) -> dict[str, Any] | None:
    """Return the stored tracking; the status stays "unknown" (VTEX: guide of 2022)."""
    if not (invoice.tracking_sent or invoice.last_put):
        return None
    delivered = invoice.delivered_at
    return {
        "status": "unknown",
        "finished": invoice.finished,
        "deliveredDate": delivered and as_text(delivered),
        "data": [
            {
                "lastChange": as_text(event.happened_at),
                "city": event.city,
                "state": event.state,
                "description": event.description,
                "createDate": as_text(event.created_at),
            }
            for event in invoice.newest_first()
        ],
    }

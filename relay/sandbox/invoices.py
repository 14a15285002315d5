"""*Order invoice notification*: its body, and what VTEX does with it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from relay.sandbox import answers
from relay.sandbox.checks import DateText, RejectedCall, StrictBody, parse_strictly
from relay.sandbox.effects import Accepted
from relay.sandbox.emails import of_invoice
from relay.sandbox.orders import Invoice, Order
from relay.sandbox.records import Call
from relay.sandbox.statuses import REFUSING
from relay.sandbox.times import instant
from relay.sandbox.world import World


class NotifiedItem(StrictBody):
    """One item; `price` is of one unit, in cents."""

    id: Annotated[str, Field(min_length=1)]
    price: Annotated[int, Field(ge=0)]
    quantity: Annotated[int, Field(gt=0)]
    description: str | None = None


class NotifiedInvoice(StrictBody):
    """The body; `invoiceValue` is a text of cents (Orders API)."""

    type: Literal["Output", "Input"]
    issuance_date: DateText
    invoice_number: Annotated[str, Field(min_length=1)]
    invoice_value: Annotated[str, Field(pattern=r"^[1-9][0-9]*$")]
    items: tuple[NotifiedItem, ...] = ()
    invoice_key: str | None = None
    invoice_url: str | None = None
    embedded_invoice: str | None = None
    courier: str = ""
    tracking_number: str | None = None
    tracking_url: str | None = None
    dispatched_date: DateText | None = None


def parse_invoice(body: bytes) -> NotifiedInvoice:
    """Parse the body of a POST; raise `RejectedCall` if it is invalid."""
    return parse_strictly(NotifiedInvoice, body)


def judge_invoice(
    world: World, call: Call, order: Order, sent: NotifiedInvoice, now: datetime
) -> Accepted:
    """Return the effect of an invoice; raise `RejectedCall` if VTEX would refuse it.

    A known number overwrites the invoice, and its tracking is lost (VTEX: help centre,
    "Invoicing an order"), so it is accepted with a complaint.
    """
    if order.status(now) in REFUSING:
        raise RejectedCall(answers.order_closed())
    wrong = dict(_wrong(order, sent))
    if wrong:
        raise RejectedCall(answers.invalid(wrong))

    def change(at: datetime) -> bool:
        order.change(at)
        order.invoices[sent.invoice_number] = _invoice(order, sent, at)
        if sent.type == "Output":
            emails = of_invoice(sent.tracking_url, sent.tracking_number)
            world.records.email(call, sent.invoice_number, emails, at)
        return True

    answer = answers.receipt(now, order.id)
    return Accepted(answer, change, tuple(_violations(order, sent)))


def _wrong(order: Order, sent: NotifiedInvoice) -> Iterator[tuple[str, list[str]]]:
    """Yield a message per field that contradicts the order."""
    if order.value is None:
        return
    value, others = int(sent.invoice_value), order.invoiced()
    known = order.invoices.get(sent.invoice_number)
    if sent.type == "Output":
        others -= known.value if known is not None and known.type == "Output" else 0
        if others + value > order.value:
            yield "invoiceValue", ["The value is greater than the order's."]
    elif others < order.value:
        yield "type", ["The order is not invoiced."]
    elif order.invoiced("Input") + value > others:
        yield "invoiceValue", ["The value is greater than what was invoiced."]
    ids = {item["id"] for item in order.items}
    odd = [item.id for item in sent.items if item.id not in ids]
    if odd:
        yield "items", [f"The order has no item {odd[0]}."]


def _violations(order: Order, sent: NotifiedInvoice) -> Iterator[tuple[str, str]]:
    if sent.invoice_number in order.invoices:
        yield "posted-twice", f"invoice {sent.invoice_number} is overwritten"
    if sent.type == "Input" and sent.tracking_number:
        yield "tracked-return", "a return is not a parcel to track"


def _invoice(order: Order, sent: NotifiedInvoice, now: datetime) -> Invoice:
    return Invoice(
        number=sent.invoice_number,
        type=sent.type,
        value=int(sent.invoice_value),
        issued_at=instant(sent.issuance_date),
        visible_at=now,
        items=[_item(order, item) for item in sent.items],
        key=sent.invoice_key,
        url=sent.invoice_url,
        xml=sent.embedded_invoice or "",
        courier=sent.courier or None,
        tracking_number=sent.tracking_number or None,
        tracking_url=sent.tracking_url or None,
        dispatched=sent.dispatched_date,
        tracking_sent=bool(sent.tracking_number),
    )


def _item(order: Order, item: NotifiedItem) -> dict[str, Any]:
    """Return an item as a package shows it: by its index in the order."""
    ids = [known["id"] for known in order.items]
    return {
        "itemIndex": ids.index(item.id) if item.id in ids else 0,
        "quantity": item.quantity,
        "price": item.price,
        "description": item.description,
        "unitMultiplier": 1.0,
    }

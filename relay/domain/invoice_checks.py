"""An invoice compared with its order: is it there, may it be posted; pure.

The texts are `field: problem; how to fix it`, because the ERP reads them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from relay.domain.events import compared
from relay.domain.invoices import InvoiceNotification, InvoiceType
from relay.problem_codes import CodedWarning, WarningCode

CANCELLED_STATUSES: Final = frozenset({"cancel", "canceled"})
CANCELLING_STATUSES: Final = frozenset(
    {"cancellation-requested", "cancellation_requested", "request-cancel"}
)
"""The cancellation may be denied, and then the order goes on (VTEX: order flow)."""


@dataclass(frozen=True, slots=True)
class InvoiceInVtex:
    """An invoice as VTEX shows it; `value` is in cents, `items` are counted by id."""

    number: str
    type: InvoiceType
    value: int | None = None
    key: str = ""
    finished: bool = False
    items: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderContent:
    """What an invoice must fit to; `value` is None if VTEX does not show the total.

    `items` are quantities by id, empty if VTEX does not show them.
    """

    status: str
    value: int | None = None
    items: Mapping[str, int] = field(default_factory=dict)
    invoices: tuple[InvoiceInVtex, ...] = ()

    def of(self, kind: InvoiceType) -> list[InvoiceInVtex]:
        """Return the invoices of a type."""
        return [i for i in self.invoices if i.type is kind]

    def total(self, kind: InvoiceType) -> int:
        """Return the sum of the invoices of a type, in cents."""
        return sum(i.value or 0 for i in self.of(kind))

    def numbered(self, number: str) -> InvoiceInVtex | None:
        """Return the invoice with exactly this number."""
        return next((i for i in self.invoices if i.number == number), None)


@dataclass(frozen=True, slots=True)
class InvoiceVerdict:
    """What to do with an invoice.

    It is `shown` already, is refused, waits, or else may be posted, with warnings.
    """

    shown: InvoiceInVtex | None = None
    refusal: str | None = None
    wait: str | None = None
    warnings: tuple[CodedWarning, ...] = ()


def judge(invoice: InvoiceNotification, order: OrderContent) -> InvoiceVerdict:
    """Return whether *invoice* is in *order* already, and whether it may be posted.

    An invoice that VTEX shows is never posted again: VTEX would overwrite it, and
    repeat the shopper's e-mail (VTEX: help centre, "Invoicing an order").
    """
    shown = order.numbered(invoice.invoice_number)
    if shown is not None:
        other = _other_content(invoice, shown)
        return InvoiceVerdict(shown=None if other else shown, refusal=other)
    wait = None
    if order.status in CANCELLING_STATUSES:
        wait = (
            "orderId: VTEX refuses invoices while the order's cancellation is requested"
        )
    refusal = next(_refusals(invoice, order), None)
    if refusal is not None or wait is not None:
        return InvoiceVerdict(refusal=refusal, wait=wait)
    return InvoiceVerdict(warnings=tuple(_warnings(invoice, order)))


def _other_content(invoice: InvoiceNotification, shown: InvoiceInVtex) -> str | None:
    """Return why the invoice that VTEX shows is another one, or None."""
    same_value = shown.value in (None, invoice.value)
    if shown.type is invoice.type and same_value:
        return None
    return (
        f"invoiceNumber: VTEX already shows invoice {shown.number}, of type "
        f"{shown.type} and value {shown.value}, and would overwrite it; send another "
        "number, or correct the invoice in VTEX"
    )


def _refusals(invoice: InvoiceNotification, order: OrderContent) -> Iterator[str]:
    """Yield why the invoice must not be posted, the most telling reason first."""
    if order.status in CANCELLED_STATUSES:
        yield (
            "orderId: the order is cancelled, and VTEX takes no invoice of it; check "
            "the order id"
        )
    yield from _same_invoice(invoice, order)
    if invoice.type is InvoiceType.INPUT:
        yield from _wrong_return(invoice, order)
    yield from _wrong_items(invoice, order)
    if invoice.type is InvoiceType.OUTPUT:
        yield from _wrong_value(invoice, order)


def _same_invoice(invoice: InvoiceNotification, order: OrderContent) -> Iterator[str]:
    """Yield the invoices that are this one under a number in another form."""
    number, key = invoice.invoice_number, compared(invoice.invoice_key or "")
    for shown in order.invoices:
        same_key = bool(key) and compared(shown.key) == key
        other_key = bool(key) and bool(shown.key) and not same_key
        zeros = shown.number.lstrip("0") == number.lstrip("0") and not other_key
        if same_key or zeros:
            yield (
                f"invoiceNumber: VTEX shows this invoice as {shown.number}; send "
                "exactly that number"
            )


def _wrong_return(invoice: InvoiceNotification, order: OrderContent) -> Iterator[str]:
    if not order.of(InvoiceType.OUTPUT):
        yield (
            "type: Input is a return with a refund, and VTEX shows no invoice of the "
            "order that could be returned; send Output for goods to the shopper"
        )
    invoiced = order.total(InvoiceType.OUTPUT)
    # VTEX takes a return after the full value was invoiced (Orders API).
    if order.value is not None and invoiced < order.value:
        yield (
            f"type: only {invoiced} cents of the order's {order.value} are invoiced, "
            "and VTEX takes a return once all are; post the other invoices first"
        )
    left = invoiced - order.total(InvoiceType.INPUT)
    if invoice.value > left:
        yield (
            f"invoiceValue: {invoice.value} is more than the {left} cents that were "
            "invoiced and not returned; send at most that"
        )


def _wrong_items(invoice: InvoiceNotification, order: OrderContent) -> Iterator[str]:
    """Yield items that the order does not have, or not so many times."""
    if not order.items:
        return
    done: dict[str, int] = {}
    for shown in order.of(invoice.type):
        for id_, quantity in shown.items.items():
            done[id_] = done.get(id_, 0) + quantity
    ids = ", ".join(order.items)
    for index, item in enumerate(invoice.items):
        place = f"items[{index}]"
        if item.id not in order.items:
            yield (
                f"{place}.id: the order has no item {item.id}; send the ids of its "
                f"items in VTEX: {ids}"
            )
            continue
        done[item.id] = done.get(item.id, 0) + item.quantity
        if done[item.id] > order.items[item.id]:
            yield (
                f"{place}.quantity: with it {done[item.id]} of item {item.id} are "
                f"invoiced, but {order.items[item.id]} were ordered; correct it"
            )


def _wrong_value(invoice: InvoiceNotification, order: OrderContent) -> Iterator[str]:
    if order.value is None:
        return
    done = order.total(InvoiceType.OUTPUT)
    if done + invoice.value > order.value:
        yield (
            f"invoiceValue: {invoice.value} is more than the {order.value - done} "
            f"cents left of the order's {order.value}; send the value in cents, with "
            "freight and discounts as in the order"
        )


def _warnings(
    invoice: InvoiceNotification, order: OrderContent
) -> Iterator[CodedWarning]:
    if invoice.type is InvoiceType.INPUT or order.value is None:
        return
    left = order.value - order.total(InvoiceType.OUTPUT) - invoice.value
    if left > 0:
        yield CodedWarning(
            WarningCode.PARTIAL_INVOICE,
            f"{left} cents less than the order's {order.value}, so VTEX takes it as a "
            f"partial invoice: the order stays {order.status or 'as it is'} until its "
            "invoices add up to the total, and cannot be cancelled any more",
            "invoiceValue",
        )

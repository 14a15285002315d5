"""Invoices that the relay posts to VTEX: their content and their state; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from relay.clock import micros, moment

TRACKING_FIELDS: Final = ("courier", "trackingNumber", "trackingUrl", "dispatchedDate")
"""Fields of the body that VTEX also takes later, by *update partial invoice*."""
ORDER_CANCELLED: Final = "cancelled"
ERASED_INVOICE: Final = "erased"


class InvoiceType(StrEnum):
    """The direction of the goods: to the shopper, or back (VTEX's spelling)."""

    OUTPUT = "Output"
    INPUT = "Input"


@dataclass(frozen=True, slots=True)
class InvoiceItem:
    """One item of an invoice; `price` is of one unit, in cents."""

    id: str
    price: int
    quantity: int
    description: str | None = None

    def fields(self) -> dict[str, Any]:
        """Return the item as VTEX takes it."""
        described = {"description": self.description} if self.description else {}
        return {"id": self.id, "price": self.price, "quantity": self.quantity} | (
            described
        )


@dataclass(frozen=True, slots=True)
class InvoiceNotification:
    """An invoice to post (VTEX Orders API: order invoice notification).

    `value` is in cents, and `issuance_date` is the text that VTEX gets.
    """

    account: str
    order_id: str
    invoice_number: str
    type: InvoiceType
    value: int
    issuance_date: str
    items: tuple[InvoiceItem, ...] = ()
    invoice_key: str | None = None
    invoice_url: str | None = None
    embedded_invoice: str | None = None
    courier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    dispatched_date: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the body of the call.

        A field without a value is left out: VTEX's schema has null for some only, and
        an empty text would be stored.
        """
        optional = {
            "invoiceKey": self.invoice_key,
            "invoiceUrl": self.invoice_url,
            "embeddedInvoice": self.embedded_invoice,
            "courier": self.courier,
            "trackingNumber": self.tracking_number,
            "trackingUrl": self.tracking_url,
            "dispatchedDate": self.dispatched_date,
        }
        return {
            "type": self.type.value,
            "issuanceDate": self.issuance_date,
            "invoiceNumber": self.invoice_number,
            # A text of cents, although VTEX shows it as a number (Orders API).
            "invoiceValue": str(self.value),
            "items": [item.fields() for item in self.items],
            **{name: value for name, value in optional.items() if value},
        }

    @classmethod
    def of_body(cls, account: str, order_id: str, body: Mapping[str, Any]) -> Self:
        """Return the invoice of a stored body."""
        return cls(
            account=account,
            order_id=order_id,
            invoice_number=body["invoiceNumber"],
            type=InvoiceType(body["type"]),
            value=int(body["invoiceValue"]),
            issuance_date=body["issuanceDate"],
            items=tuple(InvoiceItem(**item) for item in body["items"]),
            invoice_key=body.get("invoiceKey"),
            invoice_url=body.get("invoiceUrl"),
            embedded_invoice=body.get("embeddedInvoice"),
            courier=body.get("courier"),
            tracking_number=body.get("trackingNumber"),
            tracking_url=body.get("trackingUrl"),
            dispatched_date=body.get("dispatchedDate"),
        )


def without_tracking(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a body that VTEX takes only when the invoice is posted."""
    return {name: value for name, value in body.items() if name not in TRACKING_FIELDS}


class InvoiceState(StrEnum):
    """The state of an invoice, as the API and the CLI show it."""

    DUE = "due"  # it is posted next
    WAITING = "waiting"  # it is posted later; `why` says why
    IN_DOUBT = "in_doubt"  # the call got no answer; the order is read
    STUCK = "stuck"  # nothing is posted until someone acts; `why` says what to do
    POSTED = "posted"  # VTEX has it
    CANCELLED = "cancelled"  # withdrawn before it was posted, or erased


@dataclass(frozen=True, slots=True)
class InvoiceStatus:
    """A state with its reason."""

    state: InvoiceState
    why: str | None = None


def invoice_status(
    row: Mapping[str, Any], now: datetime, gate: str | None = None
) -> InvoiceStatus:
    """Return the status at *now* of the invoice in *row*.

    *row* holds the columns of `invoices`, and in `behind` the number of an earlier one
    that is posted first. *gate* is the reason why nothing of its account is sent now.
    """
    if row["stuck_reason"] is not None:
        return InvoiceStatus(InvoiceState.STUCK, row["stuck_reason"])
    if row["posted_at"] is not None:
        because = row["closed_reason"] or row["waiting_reason"]
        return InvoiceStatus(InvoiceState.POSTED, because)
    if row["due_at"] is None:
        return InvoiceStatus(InvoiceState.CANCELLED, row["closed_reason"])
    return _unposted(row, micros(now), gate)


def _unposted(row: Mapping[str, Any], now: int, gate: str | None) -> InvoiceStatus:
    """Return when and why an open invoice is posted."""
    until = moment(row["due_at"]).isoformat(timespec="seconds")
    because = f"{row['waiting_reason'] or 'postponed'} (until {until})"
    if row["lease"] is not None:
        return InvoiceStatus(InvoiceState.DUE, "a call to VTEX is running")
    if row["in_doubt_since"] is not None:
        return InvoiceStatus(InvoiceState.IN_DOUBT, because)
    if row["due_at"] > now:
        return InvoiceStatus(InvoiceState.WAITING, because)
    if row["behind"] is not None:
        first = f"invoice {row['behind']} of the order is posted first"
        return InvoiceStatus(InvoiceState.WAITING, first)
    state = InvoiceState.DUE if gate is None else InvoiceState.WAITING
    return InvoiceStatus(state, gate or row["waiting_reason"])

"""What operations on invoices answer, field by field."""

from datetime import datetime
from typing import Any

from relay.domain.invoices import InvoiceState, InvoiceType
from relay.service.models import ResponseModel, WarningLine
from relay.service.timeline_models import CallLine


class InvoiceAnswer(ResponseModel):
    """The state of an invoice after a change; `shipment` is the id of its parcel's."""

    id: str
    state: InvoiceState
    why: str | None = None
    updated: tuple[str, ...] = ()
    shipment: str | None = None
    warnings: tuple[WarningLine, ...] = ()


class InvoiceSummary(ResponseModel):
    """An invoice that the relay posts, and its state.

    `warnings` say what VTEX does with it, once the order was read.
    """

    id: str
    account: str
    order_id: str
    invoice_number: str
    type: InvoiceType
    invoice_value: str
    state: InvoiceState
    why: str | None
    registered_at: datetime
    last_tried_at: datetime | None
    posted_at: datetime | None
    delivered_at: datetime | None
    warnings: tuple[WarningLine, ...]


class InvoiceList(ResponseModel):
    """A page; `next` is the cursor of the next one, None at the end."""

    invoices: tuple[InvoiceSummary, ...]
    next: str | None = None


class InvoiceDetail(InvoiceSummary):
    """An invoice with its content and the calls to VTEX.

    `content` is what VTEX gets; the embedded XML is left out.
    """

    content: dict[str, Any]
    receipt: str | None
    registered_by: str
    delivery_requested_at: datetime | None
    delivery_requested_by: str | None
    calls: tuple[CallLine, ...]

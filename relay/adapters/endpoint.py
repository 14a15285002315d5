"""Updates that an ERP or hub sends to the VTEX-compatible endpoint, as documents.

The body is the caller's own, with the order and the invoice of its address beside it.
"""

import json
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from relay.domain.events import Reference, ReferenceKind

SOURCE: Final = "endpoint"
"""The source of such documents."""


def update_body(  # noqa: PLR0913 -- by keyword
    *,
    account: str,
    order_id: str,
    invoice_number: str,
    method: str,
    received_at: datetime,
    body: Any,
) -> bytes:
    """Serialise an update; *body* is the JSON that the caller sent with *method*."""
    update = {
        "account": account,
        "orderId": order_id,
        "invoiceNumber": invoice_number,
        "method": method,
        "receivedAt": received_at.isoformat(timespec="seconds"),
        "body": body,
    }
    return json.dumps(update, ensure_ascii=False).encode(errors="replace")


def invoice_reference(account: str, order_id: str, invoice_number: str) -> Reference:
    """Return the reference by which updates find their parcel.

    Other kinds would not do: an order may have several invoices, and two accounts may
    have the same order id. Raises `ValueError` if it is too long.
    """
    parts = (quote(part, safe="") for part in (account, order_id, invoice_number))
    return Reference(kind=ReferenceKind.SHIPMENT_ID, value="/".join(parts))

"""An ERP's side, written from VTEX's documentation and not from the adapter."""

import json
from typing import Any


def headers(body: bytes, secret: str) -> dict[str, str]:  # noqa: ARG001 -- no signature
    """Show the token."""
    return {"X-VTEX-API-AppToken": secret}


def event(text: str, date: str = "2026-08-04T09:10:00-03:00") -> dict[str, Any]:
    """Write one event."""
    return {"city": "Recife", "state": "PE", "description": text, "date": date}


def update(body: Any, **changes: Any) -> bytes:
    """Write an update of the usual invoice."""
    named = {
        "account": "mystore",
        "orderId": "1500000000001-01",
        "invoiceNumber": "000012345",
        "method": "PUT",
        "receivedAt": "2026-08-05T17:30:00+00:00",
        "body": body,
    }
    return json.dumps(named | changes).encode()


def document(code: str) -> bytes:
    """Write an update to which one thing happened."""
    if code == "isDelivered":
        return update({"isDelivered": True, "deliveredDate": "2026-08-04 09:10"})
    return update(
        {"isDelivered": False, "deliveredDate": None, "events": [event(code)]}
    )

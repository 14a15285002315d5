"""What the demo sends: orders, labels and scans, as their APIs take them; pure."""

from datetime import datetime
from itertools import cycle
from typing import Any, Final

from relay.demo.plan import DemoShipment, LabelPrint, Scan
from relay.demo.processes import ACCOUNT


def order_body(shipment: DemoShipment) -> dict[str, Any]:
    """Return the order and its invoice as the sandbox takes them."""
    invoice = {
        "invoiceNumber": shipment.invoice_number,
        "visibleAfterSeconds": shipment.visible_after,
        "invoiceKey": shipment.invoice_key or None,
    }
    return {
        "account": ACCOUNT,
        "orderId": shipment.order_id,
        "invoices": [invoice],
    }


def label_body(shipment: DemoShipment, label: LabelPrint) -> dict[str, Any]:
    """Return a label as the relay takes it."""
    box = label.box
    key = {"invoiceKey": shipment.invoice_key} if shipment.invoice_key else {}
    return {
        **key,
        "account": ACCOUNT,
        "contract": shipment.speaker.contract,
        "orderId": shipment.order_id,
        "invoiceNumber": shipment.invoice_number,
        "trackingNumber": box.number,
        "volume": box.volume,
        "volumes": len(shipment.boxes),
        "dispatchedDate": shipment.dispatched_at.isoformat(),
        "references": [{"type": "shipmentId", "value": box.shipment_id}],
    }


def scan_body(shipment: DemoShipment, scan: Scan) -> dict[str, Any]:
    """Return a scan as the sandbox takes it; an older parcel is somebody else's."""
    box = scan.box
    prefix = "OLD-" if scan.older else ""
    return {
        "parcel": {
            "orderId": f"{prefix}{shipment.order_id}",
            "shipmentId": f"{prefix}{box.shipment_id}",
            "trackingNumber": box.number,
            "invoiceKey": shipment.invoice_key or None,
            "volume": box.volume,
            "volumes": len(shipment.boxes),
        },
        "code": shipment.speaker.speaks[scan.milestone],
        "secret": shipment.speaker.secret,
        "occurredAt": scan.occurred_at.isoformat(),
        "forged": scan.forged,
        "repeat": scan.times,
    }


_STATE: Final = "35"
_ISSUER: Final = "11222333000181"  # invented
_MODEL_AND_SERIES: Final = "55001"
_ORDINARY: Final = "1"


def nfe_key(number: int, issued_at: datetime) -> str:
    """Return the NF-e key of invoice *number*."""
    month = f"{issued_at:%y%m}"
    head = f"{_STATE}{month}{_ISSUER}{_MODEL_AND_SERIES}{number:09}{_ORDINARY}"
    text = f"{head}{number:08}"
    return text + _check_digit(text)


def _check_digit(digits: str) -> str:
    """Return the digit behind *digits*: modulo 11, weights 2 to 9 from the right."""
    weighted = zip(reversed(digits), cycle(range(2, 10)))
    rest = sum(int(digit) * weight for digit, weight in weighted) % 11
    return "0" if rest < 2 else str(11 - rest)  # noqa: PLR2004 -- ten has no digit

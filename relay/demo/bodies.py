"""What the demo sends: orders, labels and scans, as their APIs take them; pure."""

from typing import Any

from relay.demo.plan import Label, Scan, Shipment
from relay.demo.programs import ACCOUNT


def order_body(shipment: Shipment) -> dict[str, Any]:
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


def label_body(shipment: Shipment, label: Label) -> dict[str, Any]:
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


def scan_body(shipment: Shipment, scan: Scan) -> dict[str, Any]:
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

"""Simulator of an ERP that reports tracking in VTEX's form, one event a call."""

import json
from datetime import UTC
from typing import Final

from relay.sandbox.simulator import SimulatedRequest, SimulatedScan

DELIVERED: Final = "isDelivered"


class Simulator:
    """An ERP; `SimulatedScan.code` is the text of the event, or `isDelivered`."""

    adapter = "vtex_endpoint"
    sends_webhooks = False  # the relay takes its requests at VTEX's own routes
    codes: Final = {
        "label_created": "etiqueta emitida",
        "picked_up": "objeto coletado",
        "in_transit": "em transito",
        "at_hub": "objeto recebido na unidade",
        "out_for_delivery": "saiu para entrega",
        "available_for_pickup": "aguardando retirada",
        "delivery_failed": "entrega nao realizada",
        "returning": "em devolucao",
        "returned": "devolvido ao remetente",
        "delivered": DELIVERED,
        "lost": "extraviado",
    }

    def webhook(self, scan: SimulatedScan, secret: str) -> SimulatedRequest:
        """Return the webhook of *scan*, in the form of a stored update."""
        if not secret:
            raise ValueError("secret: required")
        headers = {"Content-Type": "application/json", "X-VTEX-API-AppToken": secret}
        parcel = scan.parcel
        update = {
            "orderId": parcel.order_id,
            "invoiceNumber": parcel.invoice_number or parcel.shipment_id,
            "body": _tracking(scan),
        }
        return SimulatedRequest(headers=headers, body=json.dumps(update).encode())


def _tracking(scan: SimulatedScan) -> dict[str, object]:
    happened = scan.occurred_at.astimezone(UTC)
    timestamp = f"{happened:%Y-%m-%dT%H:%M:%S+00:00}"
    if scan.code == DELIVERED:
        return {"isDelivered": True, "deliveredDate": timestamp, "events": []}
    event = {
        "date": timestamp,
        "description": scan.code,
        "city": scan.city,
        "state": scan.state,
    }
    return {"isDelivered": False, "deliveredDate": None, "events": [event]}

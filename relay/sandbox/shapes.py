"""An order as *get order* shows it."""

from datetime import datetime
from typing import Any

from relay.sandbox.orders import Invoice, Order
from relay.sandbox.times import spelled


def order_shape(order: Order, now: datetime) -> dict[str, Any]:
    """Return the documented parts of an order; it never becomes "delivered"."""
    packages = [package_shape(invoice) for invoice in order.visible(now)]
    return {
        "orderId": order.id,
        "sequence": str(order.sequence),
        "marketplaceOrderId": "",
        "sellerOrderId": fulfilment_id(order.id),
        "origin": "Marketplace",
        "affiliateId": "",
        "status": "invoiced" if packages else "handling",
        "statusDescription": "Faturado" if packages else "Preparando Entrega",
        "creationDate": spelled(order.created_at),
        "lastChange": spelled(order.changed_at),
        "hostname": order.account,
        "isCompleted": True,
        "orderGroup": order.id.rpartition("-")[0] or order.id,
        "packageAttachment": {"packages": packages} if packages else None,
    }


def fulfilment_id(order_id: str) -> str:
    """Return the id that VTEX echoes to a PATCH (example in the OpenAPI document)."""
    return order_id if order_id.startswith("00-") else f"00-{order_id}"


def package_shape(invoice: Invoice) -> dict[str, Any]:
    """Return one package; there is no `dispatchedDate` to read back."""
    return {
        "items": invoice.items,
        "courier": invoice.courier,
        "invoiceNumber": invoice.number,
        "invoiceValue": invoice.value,
        "invoiceUrl": None,
        "issuanceDate": spelled(invoice.issued_at),
        "trackingNumber": invoice.tracking_number,
        "trackingUrl": invoice.tracking_url,
        "invoiceKey": invoice.key,
        "embeddedInvoice": "",
        "type": invoice.type,
        "cfop": None,
        "volumes": 1,
        "EnableInferItems": None,
        "restitutions": {},
        "courierStatus": _courier_status(invoice),
    }


def _courier_status(invoice: Invoice) -> dict[str, Any] | None:
    """Return what was told; its status stays "unknown" (VTEX: guide of 2022)."""
    if not (invoice.announced or invoice.last_put):
        return None
    delivered = invoice.delivered_at
    return {
        "status": "unknown",
        "finished": invoice.finished,
        "deliveredDate": delivered and spelled(delivered),
        "data": [
            {
                "lastChange": spelled(event.happened_at),
                "city": event.city,
                "state": event.state,
                "description": event.description,
                "createDate": spelled(event.created_at),
            }
            for event in invoice.newest_first()
        ],
    }

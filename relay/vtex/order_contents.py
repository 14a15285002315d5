"""What VTEX shows of an order's total, items and invoices, for invoices to fit to."""

from collections.abc import Mapping, Sequence
from typing import Any

from relay.domain.invoice_checks import InvoiceInVtex, OrderContent
from relay.domain.invoices import InvoiceType


def order_content(payload: object) -> OrderContent | None:
    """Return the content of an order, or None if *payload* is not an order.

    A field that is missing or invalid counts as not shown: nothing is checked with it.
    """
    order = _fields(payload)
    if not order.keys() & {"orderId", "status", "packageAttachment"}:
        return None
    listed = _objects(order.get("items"))
    ids = [_text(item.get("id")) for item in listed]
    quantities: dict[str, int] = {}
    for id_, item in zip(ids, listed, strict=True):
        quantities[id_] = quantities.get(id_, 0) + (_number(item.get("quantity")) or 0)
    packages = _objects(_fields(order.get("packageAttachment")).get("packages"))
    return OrderContent(
        status=_text(order.get("status")),
        value=_number(order.get("value")),
        items=quantities,
        invoices=tuple(_invoice(package, ids) for package in packages),
    )


def _invoice(package: Mapping[str, Any], ids: Sequence[str]) -> InvoiceInVtex:
    """Return a package; its items name the order's items by their index."""
    items: dict[str, int] = {}
    for item in _objects(package.get("items")):
        index = _number(item.get("itemIndex"))
        if index is not None and 0 <= index < len(ids):
            quantity = _number(item.get("quantity")) or 0
            items[ids[index]] = items.get(ids[index], 0) + quantity
    returned = package.get("type") == InvoiceType.INPUT
    return InvoiceInVtex(
        number=_text(package.get("invoiceNumber")),
        type=InvoiceType.INPUT if returned else InvoiceType.OUTPUT,
        value=_number(package.get("invoiceValue")),
        key=_text(package.get("invoiceKey")),
        finished=_fields(package.get("courierStatus")).get("finished") is True,
        items=items,
    )


def _fields(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [i for i in value if isinstance(i, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    """Return a whole number; VTEX's examples have 100.0, and texts of digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None

"""What an order shows of its total, its items and its invoices."""

from typing import Any

import pytest

from relay.domain.invoices import InvoiceType
from relay.vtex.order_contents import order_content

ORDER: dict[str, Any] = {
    "orderId": "O-1",
    "status": "handling",
    "value": 1000,
    "items": [{"id": "A", "quantity": 2}, {"id": "B", "quantity": 1.0}],
    "packageAttachment": {
        "packages": [
            {
                "invoiceNumber": "1",
                "invoiceValue": 400.0,
                "invoiceKey": "35",
                "type": "Output",
                "items": [{"itemIndex": 1, "quantity": 1}],
                "courierStatus": {"finished": True},
            },
            {"invoiceNumber": "R1", "invoiceValue": "50", "type": "Input"},
        ]
    },
}


def test_an_order_is_read() -> None:
    found = order_content(ORDER)
    assert found is not None
    assert (found.status, found.value) == ("handling", 1000)
    assert found.items == {"A": 2, "B": 1}
    first, second = found.invoices
    assert (first.number, first.value, first.key) == ("1", 400, "35")
    assert (first.items, first.finished) == ({"B": 1}, True)
    assert (second.type, second.value, second.finished) == (
        InvoiceType.INPUT,
        50,
        False,
    )
    assert found.total(InvoiceType.OUTPUT) == 400


@pytest.mark.parametrize("payload", [None, [], "a page", {}, {"error": {}}])
def test_what_is_not_an_order_is_none(payload: object) -> None:
    assert order_content(payload) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"value": True},
        {"value": "1e3"},
        {"value": 10.5},
        {"items": "none"},
        {"items": [1, None]},
        {"packageAttachment": None},
        {"packageAttachment": {"packages": [1]}},
        {"packageAttachment": {"packages": [{"items": [{"itemIndex": 9}]}]}},
    ],
)
def test_an_odd_field_counts_as_not_shown(odd: dict[str, Any]) -> None:
    found = order_content({"orderId": "O-1", "status": "handling"} | odd)
    assert found is not None
    assert (found.value, dict(found.items), found.status) == (None, {}, "handling")

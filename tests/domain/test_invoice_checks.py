"""An invoice compared with its order, without VTEX."""

from dataclasses import replace
from typing import Any

import pytest

from relay.domain.invoice_checks import InvoiceInVtex, OrderContent, judge
from relay.domain.invoices import InvoiceItem, InvoiceNotification, InvoiceType

OUTPUT, INPUT = InvoiceType.OUTPUT, InvoiceType.INPUT
KEY = "35261111222333000181550010000307121000000017"
OTHER_KEY = "35261111222333000181550010000307131000000011"
INVOICE = InvoiceNotification(
    account="acme",
    order_id="O-1",
    invoice_number="55",
    type=OUTPUT,
    value=600,
    issuance_date="2026-08-01T12:00:00+00:00",
    items=(InvoiceItem("A", 300, 2),),
)
ORDER = OrderContent("handling", 1000, {"A": 2, "B": 1})


def shown(number: str, **fields: Any) -> InvoiceInVtex:
    return InvoiceInVtex(number, **({"type": OUTPUT, "value": 600} | fields))


def with_invoices(*invoices: InvoiceInVtex, **fields: Any) -> OrderContent:
    return replace(ORDER, invoices=invoices, **fields)


def test_the_rest_of_the_total_has_no_warning() -> None:
    order = with_invoices(shown("54", value=400))
    found = judge(INVOICE, order)
    assert (found.refusal, found.warnings, found.shown) == (None, (), None)


def test_a_part_of_the_total_has_one() -> None:
    (warning,) = judge(INVOICE, ORDER).warnings
    assert "400 cents less than the order's 1000" in warning


@pytest.mark.parametrize(
    "order",
    [
        OrderContent("handling"),
        OrderContent("", None, {}, (shown("1", value=None),)),
    ],
)
def test_what_vtex_does_not_show_is_not_checked(order: OrderContent) -> None:
    found = judge(INVOICE, order)
    assert (found.refusal, found.warnings) == (None, ())


def test_an_invoice_is_found_by_its_exact_number() -> None:
    there = shown("55")
    assert judge(INVOICE, with_invoices(there)).shown == there


@pytest.mark.parametrize("other", [{"value": 700}, {"type": INPUT}])
def test_another_invoice_of_that_number_is_not_overwritten(other: Any) -> None:
    found = judge(INVOICE, with_invoices(shown("55", **other)))
    assert found.shown is None
    assert (found.refusal or "").startswith("invoiceNumber: VTEX already shows")


@pytest.mark.parametrize(
    ("number", "key", "refused"),
    [
        ("0055", "", True),
        ("0055", KEY, True),
        ("NF-9", KEY, True),
        ("NF-9", KEY.lower(), True),
        ("0055", OTHER_KEY, False),
        ("55-2", "", False),
        ("550", "", False),
    ],
)
def test_the_same_invoice_in_another_form_is_not_posted(
    number: str, key: str, refused: bool
) -> None:
    invoice = replace(INVOICE, invoice_key=KEY, value=100)
    order = with_invoices(shown(number, key=key, value=100))
    found = judge(invoice, order).refusal
    assert (found is not None) is refused
    if found is not None:
        assert number in found


def test_an_items_quantity_counts_over_all_invoices_of_its_type() -> None:
    invoice = replace(INVOICE, value=100, items=(InvoiceItem("A", 50, 1),))
    before = shown("54", value=100, items={"A": 2})
    found = judge(invoice, with_invoices(before)).refusal
    assert found is not None
    assert found.startswith("items[0].quantity: with it 3 of item A are invoiced")
    returned = replace(invoice, type=INPUT)
    assert judge(returned, with_invoices(before, value=100)).refusal is None


def test_the_same_item_twice_counts_twice() -> None:
    items = (InvoiceItem("B", 1, 1), InvoiceItem("B", 1, 1))
    found = judge(replace(INVOICE, items=items), ORDER).refusal
    assert (found or "").startswith("items[1].quantity: with it 2 of item B")


def test_a_return_is_compared_with_what_was_invoiced() -> None:
    returned = replace(INVOICE, type=INPUT, invoice_number="R1", value=600)
    invoiced = with_invoices(shown("54"), value=600)
    assert judge(returned, invoiced).refusal is None
    other = shown("R0", type=INPUT, value=100)
    again = with_invoices(shown("54"), other, value=600)
    assert (judge(returned, again).refusal or "").startswith(
        "invoiceValue: 600 is more than the 500 cents"
    )


def test_a_return_of_a_partly_invoiced_order_is_refused() -> None:
    returned = replace(INVOICE, type=INPUT, invoice_number="R1", value=100)
    found = judge(returned, with_invoices(shown("54"))).refusal
    assert found == (
        "type: only 600 cents of the order's 1000 are invoiced, and VTEX takes a "
        "return once all are; post the other invoices first"
    )


@pytest.mark.parametrize("status", ["canceled", "cancel"])
def test_a_cancelled_order_is_refused_before_anything_else(status: str) -> None:
    found = judge(replace(INVOICE, value=9999), replace(ORDER, status=status))
    assert (found.refusal or "").startswith("orderId: the order is cancelled")


@pytest.mark.parametrize("status", ["cancellation-requested", "request-cancel"])
def test_a_requested_cancellation_is_waited_for(status: str) -> None:
    found = judge(INVOICE, replace(ORDER, status=status))
    assert (found.refusal, bool(found.wait)) == (None, True)


def test_a_stored_body_is_read_back_as_it_was() -> None:
    full = replace(
        INVOICE,
        invoice_key=KEY,
        invoice_url="https://erp.example/55",
        embedded_invoice="<a/>",
        courier="C",
        tracking_number="TN",
        tracking_url="https://c.example/TN",
        dispatched_date="2026-08-01",
        items=(InvoiceItem("A", 300, 2, "Shirt"),),
    )
    for invoice in (INVOICE, full):
        body = invoice.body()
        assert InvoiceNotification.of_body("acme", "O-1", body) == invoice
    assert "courier" not in INVOICE.body()

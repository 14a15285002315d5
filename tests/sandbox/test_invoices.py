"""The VTEX of the sandbox takes invoices, and says which e-mails it would send."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

INVOICE: dict[str, Any] = {
    "type": "Output",
    "issuanceDate": "2026-08-01T11:00:00-03:00",
    "invoiceNumber": "77",
    "invoiceValue": "1000",
    "items": [{"id": "SKU1", "price": 500, "quantity": 2}],
}
SHIPPED = {
    "trackingNumber": "TN1",
    "trackingUrl": "https://carrier.example/TN1",
    "courier": "A Carrier",
}


@pytest.fixture
async def sandbox(made: Callable[..., Awaitable[Any]]) -> Any:
    """Return a sandbox with one order of two items, 1000 in all."""
    sandbox = await made()
    body = {
        "account": sandbox.account,
        "orderId": sandbox.order,
        "value": 1000,
        "items": [{"id": "SKU1", "quantity": 2, "price": 500}],
    }
    await sandbox.ask("POST", "/orders", body)
    return sandbox


async def post(sandbox: Any, **changed: Any) -> Any:
    path = f"{sandbox.order}/invoice"
    return await sandbox.call("POST", path, INVOICE | changed)


async def status(sandbox: Any) -> str:
    found: str = (await (await sandbox.get()).json())["status"]
    return found


async def emails(sandbox: Any) -> list[str]:
    return [e["email"] for e in await sandbox.listed("emails")]


async def test_an_invoice_becomes_a_package_and_the_order_invoiced(
    sandbox: Any,
) -> None:
    answer = await post(sandbox, invoiceKey="35", invoiceUrl="https://erp.example/77")

    assert answer.status == 200
    assert (await answer.json())["receipt"]
    package = await sandbox.package()
    assert package["invoiceNumber"] == "77"
    assert package["invoiceValue"] == 1000
    assert package["invoiceUrl"] == "https://erp.example/77"
    assert package["items"][0]["itemIndex"] == 0
    assert package["trackingNumber"] is None
    assert await status(sandbox) == "invoiced"
    assert await emails(sandbox) == ["invoiced"]
    assert await sandbox.rules() == []


async def test_a_part_of_the_total_leaves_the_order_as_it_was(sandbox: Any) -> None:
    await post(sandbox, invoiceValue="400")
    assert await status(sandbox) == "handling"

    await post(sandbox, invoiceNumber="78", invoiceValue="600")
    assert await status(sandbox) == "invoiced"


async def test_tracking_in_the_same_call_sends_both_emails(sandbox: Any) -> None:
    await post(sandbox, **SHIPPED)

    assert (await sandbox.package())["trackingNumber"] == "TN1"
    assert await emails(sandbox) == ["invoiced", "shipped"]


async def test_a_repeated_invoice_overwrites_repeats_the_email_and_is_a_complaint(
    sandbox: Any,
) -> None:
    await post(sandbox, **SHIPPED)

    assert (await post(sandbox)).status == 200

    assert (await sandbox.package())["trackingNumber"] is None
    assert await emails(sandbox) == ["invoiced", "shipped", "invoiced"]
    assert await sandbox.rules() == ["posted-twice"]


async def test_emails_follow_the_tracking(sandbox: Any, scan: Any) -> None:
    await post(sandbox)
    await sandbox.patch("77")
    await sandbox.patch("77")
    events = [scan("Posted", 10), scan("Left", 11)]
    await sandbox.put(events[0], number="77")
    await sandbox.put(events[0], number="77")
    await sandbox.put(*events, number="77")
    delivered = {"isDelivered": True, "deliveredDate": "2026-08-01T11:00:00+00:00"}
    await sandbox.put(*events, number="77", **delivered)

    assert await emails(sandbox) == [
        "invoiced",
        "shipped",
        "shipped",
        "shipping_update",
        "delivered",
    ]


@pytest.mark.parametrize("state", ["canceled", "cancellation-requested"])
async def test_a_cancelled_order_takes_no_invoice(sandbox: Any, state: str) -> None:
    path = f"/orders/{sandbox.account}/{sandbox.order}/status"
    await sandbox.ask("POST", path, {"status": state})

    answer = await post(sandbox)

    assert answer.status == 400
    message = (await answer.json())["error"]["message"]
    assert message.startswith("Unable to set invoice when status is cancel, canceled")
    assert await emails(sandbox) == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"invoiceValue": "1001"}, "invoiceValue"),
        ({"items": [{"id": "OTHER", "price": 1, "quantity": 1}]}, "items"),
        ({"type": "Input"}, "type"),
        ({"invoiceValue": 1000}, "$.invoiceValue"),
        ({"invoiceValue": "10.00"}, "$.invoiceValue"),
        ({"type": "input"}, "$.type"),
        ({"courier": None}, "$.courier"),
    ],
)
async def test_what_contradicts_the_order_or_the_schema_is_refused(
    sandbox: Any, changed: dict[str, Any], field: str
) -> None:
    answer = await post(sandbox, **changed)

    assert answer.status == 400
    assert list((await answer.json())["errors"]) == [field]
    assert (await (await sandbox.get()).json())["packageAttachment"] is None


async def test_a_return_is_refunded_and_can_be_closed(sandbox: Any) -> None:
    await post(sandbox)
    answer = await post(sandbox, type="Input", invoiceNumber="R1", invoiceValue="500")
    assert answer.status == 200
    assert (await sandbox.package(1))["restitutions"]["Refund"]["value"] == 500
    assert await status(sandbox) == "invoiced"

    delivered = {"isDelivered": True, "deliveredDate": "2026-08-01T11:00:00+00:00"}
    assert (await sandbox.put(number="R1", **delivered)).status == 200

    assert (await sandbox.package(1))["courierStatus"]["finished"] is True
    assert (await sandbox.patch("R1")).status == 404
    assert await emails(sandbox) == ["invoiced"]
    assert await sandbox.rules() == []


async def test_more_than_what_was_invoiced_is_not_refunded(sandbox: Any) -> None:
    await post(sandbox)
    await post(sandbox, type="Input", invoiceNumber="R1", invoiceValue="700")

    answer = await post(sandbox, type="Input", invoiceNumber="R2", invoiceValue="400")

    assert answer.status == 400

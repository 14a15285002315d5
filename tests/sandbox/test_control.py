"""The control API adds orders and lists records."""

import json
from typing import Any

import pytest


async def test_orders_are_added_one_by_one_or_in_bulk(made: Any) -> None:
    sandbox = await made()
    one = {"account": "acme", "orderId": "1"}
    assert await sandbox.ask("POST", "/orders", one) == {"added": 1}
    many = [{"account": "acme", "orderId": str(n)} for n in range(2, 5)]
    assert await sandbox.ask("POST", "/orders", many) == {"added": 3}
    listed = await sandbox.listed("orders")
    assert [order["orderId"] for order in listed] == ["1", "2", "3", "4"]
    one_alone = await sandbox.listed("orders", "?account=acme&orderId=3")
    assert [order["orderId"] for order in one_alone] == ["3"]
    assert await sandbox.listed("orders", "?account=other") == []


async def test_an_order_is_listed_with_what_vtex_does_not_show(sandbox: Any) -> None:
    await sandbox.add_order(
        {"invoiceNumber": "1", "items": [{"itemIndex": 3}], "invoiceValue": 250},
        {"invoiceNumber": "2", "visibleAfterSeconds": 60, "courier": "C"},
    )
    await sandbox.patch()

    first, second = (await sandbox.listed("orders"))[0]["invoices"]

    assert first["dispatchedDate"] == "2026-08-01T09:00:00-03:00"
    assert first["items"] == [{"itemIndex": 3}]
    assert first["invoiceValue"] == 250
    assert first["visible"] is True
    assert second["courier"] == "C"
    assert second["visible"] is False


async def test_an_invoice_can_be_added_later(sandbox: Any) -> None:
    path = f"/orders/acme/{sandbox.order}/invoices"
    assert (await sandbox.patch("2")).status == 404
    added = await sandbox.ask("POST", path, {"invoiceNumber": "2"})
    assert added == {"added": 1}
    assert (await sandbox.patch("2")).status == 200


async def test_an_invoice_is_added_once(sandbox: Any) -> None:
    path = f"/sandbox/orders/acme/{sandbox.order}/invoices"
    response = await sandbox.client.post(path, json=[{"invoiceNumber": "1"}])
    assert response.status == 422
    assert "$.invoiceNumber" in (await response.json())["errors"]


async def test_an_invoice_needs_its_order(sandbox: Any) -> None:
    path = "/sandbox/orders/acme/unknown/invoices"
    response = await sandbox.client.post(path, json={"invoiceNumber": "1"})
    assert response.status == 404
    assert "unknown" in (await response.json())["error"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("orders", "{", "$"),
        ("orders", "[{", "$"),
        ("orders", '{"account": "acme"}', "$.orderId"),
        ("orders", '[{"account": "acme"}]', "$[0].orderId"),
        ("orders", '{"account": "a", "orderId": "1", "colour": 1}', "$.colour"),
        (
            "orders",
            (
                '{"account": "a", "orderId": "1", "invoices":'
                ' [{"invoiceNumber": "1"}, {"invoiceNumber": "1"}]}'
            ),
            "$",
        ),
        ("faults", '{"kind": "status"}', "$"),
        ("faults", '{"kind": "earthquake"}', "$.kind"),
        ("faults", '{"kind": "outage", "times": 0}', "$.times"),
        ("credentials", '{"account": "a", "appKey": "k"}', "$.appToken"),
        ("options", '{"mode": "shuffle"}', "$.mode"),
        ("options", '{"account": "a"}', "$"),
        ("options", '{"account": "a", "mode": "merge", "latencyMs": 1}', "$"),
    ],
)
async def test_an_invalid_request_names_the_field(
    sandbox: Any, path: str, body: str, field: str
) -> None:
    response = await sandbox.client.post(f"/sandbox/{path}", data=body)
    assert response.status == 422
    assert response.content_type == "application/json"
    assert field in (await response.json())["errors"]


async def test_accepted_writes_are_listed_in_order(sandbox: Any, scan: Any) -> None:
    await sandbox.patch()
    await sandbox.patch(trackingNumber=1)
    await sandbox.put(scan())

    first, second = await sandbox.listed("writes")

    assert first["body"]["trackingNumber"] == "TN1"
    assert second.pop("body")["events"] == [scan()]
    assert second == {
        "sequence": 2,
        "call": 3,
        "at": "2026-08-01T12:00:00.0000000+00:00",
        "account": "acme",
        "orderId": sandbox.order,
        "invoiceNumber": "1",
        "kind": "put",
        "carriedOut": True,
        "carriedOutAt": "2026-08-01T12:00:00.0000000+00:00",
        "changed": True,
        "answered": 200,
    }


async def test_every_call_is_counted_accepted_or_not(sandbox: Any) -> None:
    await sandbox.get()
    await sandbox.patch()
    await sandbox.put(isDelivered=None)
    await sandbox.patch("1%2F2")

    seen = await sandbox.ask("GET", "/calls")

    counts = {"get": 1, "post": 0, "patch": 1, "put": 1, "other": 1}
    assert seen["counts"] == counts
    assert seen["outcomes"] == {"200": 2, "400": 1, "404": 1}
    assert [call["answered"] for call in seen["calls"]] == [200, 200, 400, 404]
    assert [call["carriedOut"] for call in seen["calls"]] == [True, True, False, False]
    assert seen["calls"][3]["method"] == "PATCH"
    assert seen["calls"][3]["path"].endswith("/invoice/1%2F2")


async def test_lists_are_cut_by_the_query(sandbox: Any) -> None:
    for _ in range(2):
        await sandbox.get()
        await sandbox.patch()

    async def sequences(query: str) -> list[int]:
        return [call["sequence"] for call in await sandbox.listed("calls", query)]

    assert await sequences("?since=1") == [2, 3, 4]
    assert await sequences("?limit=1") == [4]
    assert await sequences("?kind=get&account=acme") == [1, 3]
    assert await sequences("?answered=404") == []
    response = await sandbox.client.get("/sandbox/calls?since=yesterday")
    assert response.status == 422


async def test_lists_are_bounded_and_counts_are_not(made: Any) -> None:
    sandbox = await made(keep=2)
    for _ in range(3):
        await sandbox.get()
    seen = await sandbox.ask("GET", "/calls")
    assert [call["sequence"] for call in seen["calls"]] == [2, 3]
    assert seen["counts"]["get"] == 3


async def test_a_reset_removes_everything(sandbox: Any) -> None:
    await sandbox.fault("outage")
    await sandbox.ask("POST", "/options", {"mode": "append"})
    await sandbox.ask("POST", "/options", {"account": "acme", "mode": "append"})
    body = {"account": "acme", "appKey": "k", "appToken": "t", "only": True}
    await sandbox.ask("POST", "/credentials", body)
    await sandbox.patch("1/2")

    await sandbox.ask("POST", "/reset")

    assert await sandbox.listed("orders") == []
    assert await sandbox.listed("calls") == []
    assert await sandbox.listed("complaints") == []
    options = await sandbox.ask("POST", "/options", {})
    assert (options["mode"], options["modes"]) == ("merge", {})
    assert (await sandbox.get()).status == 404


async def test_a_complaint_says_what_and_where(sandbox: Any) -> None:
    await sandbox.patch(trackingNumber=1)
    (complaint,) = await sandbox.listed("complaints")
    errors = json.loads(complaint.pop("message"))
    assert errors == {"$.trackingNumber": ["Input should be a valid string"]}
    assert complaint == {
        "sequence": 1,
        "call": 1,
        "at": "2026-08-01T12:00:00.0000000+00:00",
        "account": "acme",
        "orderId": sandbox.order,
        "invoiceNumber": "1",
        "kind": "patch",
        "rule": "body",
        "refused": True,
    }

"""The VTEX of the sandbox answers as the real one does."""

import re
from typing import Any

import pytest


async def test_an_order_has_its_invoices_as_packages(sandbox: Any) -> None:
    response = await sandbox.get()

    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    order = await response.json()
    assert order["orderId"] == sandbox.order
    assert order["sellerOrderId"] == f"00-{sandbox.order}"
    assert order["status"] == "invoiced"
    package = order["packageAttachment"]["packages"][0]
    assert package["invoiceNumber"] == "1"
    assert package["invoiceValue"] == 1000
    assert package["type"] == "Output"
    assert package["trackingNumber"] is None
    assert package["courierStatus"] is None
    assert "dispatchedDate" not in package


async def test_an_order_without_invoice_has_no_package_attachment(made: Any) -> None:
    sandbox = await made()
    await sandbox.add_order()

    order = await (await sandbox.get()).json()

    assert order["packageAttachment"] is None
    assert order["status"] == "handling"


async def test_a_patch_sets_the_tracking_number(sandbox: Any) -> None:
    response = await sandbox.patch()

    assert response.status == 200
    answer = await response.json()
    assert answer["orderId"] == f"00-{sandbox.order}"
    assert answer["receipt"]
    assert answer["date"] == "2026-08-01T12:00:00.0000000+00:00"
    package = await sandbox.package()
    assert package["trackingNumber"] == "TN1"
    assert package["trackingUrl"] == "https://carrier.example/TN1"
    assert package["courier"] == "A Carrier"
    assert package["courierStatus"] == {
        "status": "unknown",
        "finished": False,
        "deliveredDate": None,
        "data": [],
    }
    assert "dispatchedDate" not in package


async def test_a_fulfilment_id_is_echoed_as_it_is(sandbox: Any) -> None:
    sandbox.order = "00-v5195004lux-01"
    await sandbox.add_order({"invoiceNumber": "1"})

    answer = await (await sandbox.patch()).json()

    assert answer["orderId"] == "00-v5195004lux-01"


async def test_events_are_shown_newest_first(sandbox: Any, scan: Any) -> None:
    await sandbox.patch()

    response = await sandbox.put(scan("Posted", 10), scan("Left", 11, city=""))

    assert response.status == 200
    assert (await response.json())["orderId"] == sandbox.order
    shown = (await sandbox.package())["courierStatus"]["data"]
    assert [event["description"] for event in shown] == ["Left", "Posted"]
    assert shown[1] == {
        "lastChange": "2026-08-01T10:00:00.0000000+00:00",
        "city": "São Paulo",
        "state": "SP",
        "description": "Posted",
        "createDate": "2026-08-01T12:00:00.0000000+00:00",
    }


async def test_of_events_at_one_instant_the_last_sent_is_shown_first(
    sandbox: Any, scan: Any
) -> None:
    await sandbox.patch()
    await sandbox.put(scan("Arrived"), scan("Sorted"))

    shown = (await sandbox.package())["courierStatus"]["data"]

    assert [event["description"] for event in shown] == ["Sorted", "Arrived"]


async def test_delivered_is_finished_and_the_status_stays_unknown(
    sandbox: Any, scan: Any
) -> None:
    await sandbox.patch()
    await sandbox.put(
        scan("Delivered"), isDelivered=True, deliveredDate="2026-08-01 10:00"
    )

    status = (await sandbox.package())["courierStatus"]

    assert status["finished"] is True
    assert status["status"] == "unknown"
    assert status["deliveredDate"] == "2026-08-01T10:00:00.0000000+00:00"
    assert (await (await sandbox.get()).json())["status"] == "invoiced"
    assert await sandbox.rules() == []


async def test_undelivering_is_accepted_with_a_complaint(
    sandbox: Any, scan: Any
) -> None:
    await sandbox.patch()
    await sandbox.put(scan(), isDelivered=True, deliveredDate="2026-08-01")

    response = await sandbox.put(scan())

    assert response.status == 200
    assert (await sandbox.package())["courierStatus"]["finished"] is False
    assert await sandbox.rules() == ["un-delivered"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("replace", ["C", "B"]),
        ("merge", ["C", "B", "A"]),
        ("append", ["C", "B", "B", "A"]),
    ],
)
async def test_what_a_second_put_does_to_the_first_is_a_mode(
    sandbox: Any, scan: Any, mode: str, expected: list[str]
) -> None:
    await sandbox.ask("POST", "/options", {"mode": mode})
    await sandbox.patch()
    await sandbox.put(scan("A", 8), scan("B", 9))
    # the same instant with another offset is the same event
    again = scan("B", 0, date="2026-08-01T06:00:00-03:00")
    await sandbox.put(again, scan("C", 10))

    shown = (await sandbox.package())["courierStatus"]["data"]

    assert [event["description"] for event in shown] == expected


async def test_one_account_appends_while_the_others_merge(
    sandbox: Any, scan: Any
) -> None:
    options = {"account": "appending", "mode": "append"}
    await sandbox.ask("POST", "/options", options)
    for account, expected in (("acme", ["B", "A"]), ("appending", ["B", "A", "A"])):
        sandbox.account = account
        await sandbox.add_order({"invoiceNumber": "1"})
        await sandbox.patch()
        await sandbox.put(scan("A", 8))
        await sandbox.put(scan("A", 8), scan("B", 9))
        shown = (await sandbox.package())["courierStatus"]["data"]
        assert [event["description"] for event in shown] == expected


async def test_an_identical_put_is_accepted_and_changes_nothing(
    made: Any, scan: Any
) -> None:
    sandbox = await made(mode="append")
    await sandbox.add_order({"invoiceNumber": "1", "trackingNumber": "TN1"})
    await sandbox.put(scan())

    response = await sandbox.put(scan())

    assert response.status == 200
    assert len((await sandbox.package())["courierStatus"]["data"]) == 1
    assert [published["changed"] for published in await sandbox.listed("writes")] == [
        True,
        False,
    ]


async def test_a_put_needs_a_tracking_number(sandbox: Any, scan: Any) -> None:
    response = await sandbox.put(scan())

    assert response.status == 400
    assert "trackingNumber" in (await response.json())["errors"]
    assert await sandbox.rules() == ["put-before-patch"]


async def test_an_unknown_order_is_oms007(sandbox: Any) -> None:
    sandbox.order = "no-such-order"
    for response in (await sandbox.get(), await sandbox.patch()):
        assert response.status == 404
        assert (await response.json())["error"] == {
            "code": "OMS007",
            "message": "Order Not Found",
            "exception": None,
        }


async def test_another_account_does_not_have_the_order(sandbox: Any) -> None:
    sandbox.account = "other"
    assert (await sandbox.get()).status == 404


async def test_an_invoice_is_not_found_until_it_is_visible(
    sandbox: Any, clock: Any
) -> None:
    await sandbox.add_order({"invoiceNumber": "1", "visibleAfterSeconds": 60})
    assert (await sandbox.patch()).status == 404
    assert (await (await sandbox.get()).json())["packageAttachment"] is None

    clock.forward(60)

    assert (await sandbox.patch()).status == 200
    assert await sandbox.rules() == []


@pytest.mark.parametrize(
    ("said", "patched", "put"),
    [
        ("now", (404, "NotFound"), (400, "OMS008")),
        ("earlier", (500, "OMS001"), (400, "OMS008")),
        ("text", (404, "1"), (404, "1")),
    ],
)
async def test_a_write_of_a_missing_invoice_gets_a_code(
    sandbox: Any,
    scan: Any,
    said: str,
    patched: tuple[int, str],
    put: tuple[int, str],
) -> None:
    await sandbox.ask("POST", "/options", {"noInvoice": said})
    await sandbox.add_order()
    for response, expected in (
        (await sandbox.patch(), patched),
        (await sandbox.put(scan()), put),
    ):
        code = (await response.json())["error"]["code"]
        assert (response.status, code) == expected
    assert await sandbox.rules() == []


async def test_an_exchanged_invoice_has_no_tracking(sandbox: Any, scan: Any) -> None:
    await sandbox.add_order({"invoiceNumber": "1", "trackingNumber": "TN1"})
    await sandbox.put(scan())
    body = {"insteadOf": "1", "invoiceNumber": "2", "invoiceKey": "K"}
    await sandbox.ask("POST", f"/orders/acme/{sandbox.order}/exchange", body)
    package = await sandbox.package()
    assert (package["invoiceNumber"], package["invoiceKey"]) == ("2", "K")
    assert package["trackingNumber"] is None
    assert package["courierStatus"] is None
    assert (await sandbox.patch("1")).status == 404
    path = f"/sandbox/orders/acme/{sandbox.order}/exchange"
    assert (await sandbox.client.post(path, json=body)).status == 404


@pytest.mark.parametrize(
    ("status", "refused"),
    [("canceled", True), ("cancellation-requested", True), ("replaced", False)],
)
async def test_an_order_can_be_cancelled_or_replaced(
    sandbox: Any, status: str, refused: bool
) -> None:
    path = f"/orders/acme/{sandbox.order}/status"
    await sandbox.ask("POST", path, {"status": status})
    assert (await (await sandbox.get()).json())["status"] == status
    response = await sandbox.patch()
    assert response.status == (400 if refused else 200)
    if refused:
        assert "Unable to set invoice" in (await response.json())["error"]["message"]
    await sandbox.ask("POST", path, {"status": None})
    assert (await sandbox.patch()).status == 200


async def test_a_return_is_shown_and_cannot_be_addressed(sandbox: Any) -> None:
    await sandbox.add_order({"invoiceNumber": "9", "type": "Input"})

    assert (await sandbox.package())["type"] == "Input"
    assert (await sandbox.patch("9")).status == 404


async def test_leading_zeros_make_another_number(sandbox: Any) -> None:
    assert (await sandbox.patch("01")).status == 404


@pytest.mark.parametrize("number", ["1%202", "1%20", "%20"])
async def test_a_space_in_the_number_answers_500(sandbox: Any, number: str) -> None:
    for response in (await sandbox.patch(number), await sandbox.put(number=number)):
        assert response.status == 500
        assert await response.json() == {
            "error": {
                "code": "1",
                "message": "An error has occurred",
                "exception": None,
            }
        }
    assert await sandbox.rules() == []


@pytest.mark.parametrize("number", ["1/2", "1%2F2", "1%2f2", ""])
async def test_a_slash_in_the_number_is_no_route(sandbox: Any, number: str) -> None:
    response = await sandbox.patch(number)

    assert response.status == 404
    assert response.content_type == "application/problem+json"
    assert (await response.json())["title"] == "Not Found"
    assert await sandbox.rules() == ["route"]


@pytest.mark.parametrize(
    ("number", "segment"),
    [("NF#1", "NF%231"), ("50%", "50%25"), ("nº1", "n%C2%BA1"), ("a+b", "a+b")],
)
async def test_other_characters_are_decoded(
    sandbox: Any, number: str, segment: str
) -> None:
    await sandbox.add_order({"invoiceNumber": number})
    assert (await sandbox.patch(segment)).status == 200


async def test_other_paths_are_no_route(sandbox: Any) -> None:
    sandbox.order += "/feed"
    assert (await sandbox.get()).status == 404
    root = await sandbox.client.get("/vtex/acme/api/catalog", headers=sandbox.headers)
    assert root.status == 404


async def test_other_methods_are_not_allowed(sandbox: Any) -> None:
    path = f"{sandbox.order}/invoice/1"
    for method in ("POST", "PUT", "GET"):
        response = await sandbox.call(method, path, {})
        assert response.status == 405
        assert (await response.json())["title"] == "Method Not Allowed"
    assert await sandbox.rules() == ["method"] * 3


@pytest.mark.parametrize("missing", ["X-VTEX-API-AppKey", "X-VTEX-API-AppToken"])
@pytest.mark.parametrize("value", [None, "wrong", "wröng"])
async def test_without_a_valid_key_pair_every_call_is_401(
    sandbox: Any, missing: str, value: str | None
) -> None:
    response = await sandbox.get(**{missing: value})

    assert response.status == 401
    assert (await response.json())["error"]["message"] == "Unauthorized access"
    assert await sandbox.rules() == []


async def test_a_role_decides_what_a_key_pair_may(sandbox: Any) -> None:
    async def allow(*roles: str) -> None:
        body = {"account": "acme", "appKey": "k", "appToken": "t", "roles": roles}
        await sandbox.ask("POST", "/credentials", body)

    sandbox.headers |= {"X-VTEX-API-AppKey": "k", "X-VTEX-API-AppToken": "t"}
    await allow("view_order")
    assert ((await sandbox.get()).status, (await sandbox.patch()).status) == (200, 403)
    await allow("notify_invoice")
    assert ((await sandbox.get()).status, (await sandbox.patch()).status) == (403, 200)


async def test_two_tokens_are_valid_until_one_replaces_the_other(sandbox: Any) -> None:
    body = {"account": "acme", "appKey": "sandbox-key", "appToken": "new"}
    await sandbox.ask("POST", "/credentials", body)
    new = {"X-VTEX-API-AppToken": "new"}
    assert (await sandbox.get()).status == 200
    assert (await sandbox.get(**new)).status == 200

    await sandbox.ask("POST", "/credentials", body | {"only": True})

    assert (await sandbox.get()).status == 401
    assert (await sandbox.get(**new)).status == 200


async def test_the_trace_id_looks_like_one(sandbox: Any) -> None:
    problem = await (await sandbox.put()).json()
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", problem["traceId"])
    assert problem["status"] == 400

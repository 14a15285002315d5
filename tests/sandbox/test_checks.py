"""Each rule of VTEX is checked, and each violation becomes a complaint."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("header", "value"),
    [("Accept", None), ("Accept", "text/html"), ("Content-Type", "text/plain")],
)
async def test_a_get_needs_both_headers(
    sandbox: Any, header: str, value: str | None
) -> None:
    response = await sandbox.get(**{header: value})

    assert response.status == 400
    assert header in (await response.json())["errors"]
    assert await sandbox.rules() == [header.lower()]


@pytest.mark.parametrize("accept", ["*/*", "text/html, application/json;q=0.9"])
async def test_accept_may_be_wider(sandbox: Any, accept: str) -> None:
    assert (await sandbox.get(Accept=accept)).status == 200


async def test_a_charset_may_be_named(sandbox: Any) -> None:
    content_type = "application/json; charset=utf-8"
    assert (await sandbox.get(**{"Content-Type": content_type})).status == 200


async def test_a_write_needs_a_body_and_its_type(sandbox: Any) -> None:
    path = f"{sandbox.order}/invoice/1"
    untyped = await sandbox.call("PATCH", path, {}, **{"Content-Type": None})
    bodiless = await sandbox.call("PATCH", path)

    assert (untyped.status, bodiless.status) == (415, 415)
    assert (await untyped.json())["title"] == "Unsupported Media Type"
    assert await sandbox.rules() == ["content-type", "no-body"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trackingNumber", 12345),
        ("trackingNumber", None),
        ("trackingUrl", 1),
        ("courier", ["A Carrier"]),
        ("dispatchedDate", "01/08/2026"),
        ("dispatchedDate", ""),
        ("dispatchedDate", "2026-02-30"),
        ("dispatchedDate", "0001-01-01T00:00:00+14:00"),
        ("isDelivered", False),
    ],
)
async def test_a_patch_takes_four_fields_of_strict_types(
    sandbox: Any, field: str, value: object
) -> None:
    response = await sandbox.patch(**{field: value})

    assert response.status == 400
    problem = await response.json()
    assert problem["title"] == "One or more validation errors occurred."
    assert list(problem["errors"]) == [f"$.{field}"]
    assert await sandbox.rules() == ["body"]
    assert (await sandbox.package())["trackingNumber"] is None


async def test_a_patch_needs_all_four_fields(sandbox: Any) -> None:
    path = f"{sandbox.order}/invoice/1"
    response = await sandbox.call("PATCH", path, {"trackingNumber": "TN1"})
    errors = (await response.json())["errors"]
    assert sorted(errors) == ["$.courier", "$.dispatchedDate", "$.trackingUrl"]


async def test_a_patch_may_have_null_for_what_is_unknown(sandbox: Any) -> None:
    response = await sandbox.patch(trackingUrl=None, courier=None, dispatchedDate=None)
    assert response.status == 200
    assert await sandbox.rules() == []


@pytest.mark.parametrize(
    "date",
    [
        "2022-02-08T13:16:13.4617653+00:00",
        "2021-06-09",
        "2022-10-01 21:15",
        "2017-10-05T11:32:11-0300",
        "2025-02-10T00:00:00.000Z",
    ],
)
async def test_all_dates_of_vtex_s_own_examples_are_read(
    sandbox: Any, date: str
) -> None:
    assert (await sandbox.patch(dispatchedDate=date)).status == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"courier": "\xff"}'])
async def test_a_body_is_one_json_object(sandbox: Any, body: bytes) -> None:
    response = await sandbox.call("PATCH", f"{sandbox.order}/invoice/1", body)
    assert response.status == 400
    assert await sandbox.rules() == ["body"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("isDelivered", "true"),
        ("isDelivered", None),
        ("isDelivered", 1),
        ("deliveredDate", "yesterday"),
        ("deliveredDate", 0),
        ("events", {}),
        ("events", None),
        ("status", "delivered"),
    ],
)
async def test_a_put_takes_three_fields_of_strict_types(
    sandbox: Any, field: str, value: object
) -> None:
    await sandbox.patch()
    response = await sandbox.put(**{field: value})
    assert response.status == 400
    assert list((await response.json())["errors"]) == [f"$.{field}"]


async def test_delivered_date_must_be_there_even_if_null(sandbox: Any) -> None:
    path = f"{sandbox.order}/invoice/1/tracking"
    body = {"isDelivered": False, "events": []}
    response = await sandbox.call("PUT", path, body)
    assert list((await response.json())["errors"]) == ["$.deliveredDate"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("city", None),
        ("state", None),
        ("description", None),
        ("description", "x" * 5001),
        ("date", None),
        ("date", "now"),
        ("country", "BR"),
    ],
)
async def test_an_event_has_four_texts(
    sandbox: Any, scan: Any, field: str, value: object
) -> None:
    await sandbox.patch()
    response = await sandbox.put(scan(**{field: value}))
    assert response.status == 400
    assert list((await response.json())["errors"]) == [f"$.events[0].{field}"]


async def test_a_description_may_have_5000_characters(sandbox: Any, scan: Any) -> None:
    await sandbox.patch()
    assert (await sandbox.put(scan("ã" * 5000))).status == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [("trackingNumber", ""), ("trackingUrl", None), ("courier", "")],
)
async def test_blanking_a_field_is_accepted_with_a_complaint(
    sandbox: Any, field: str, value: str | None
) -> None:
    await sandbox.patch()

    assert (await sandbox.patch(**{field: value})).status == 200
    assert (await sandbox.package())[field] == value
    complaint = (await sandbox.listed("complaints"))[0]
    assert complaint["rule"] == "blanked"
    assert complaint["refused"] is False


async def test_what_e_mails_show_wrongly_is_a_complaint(
    sandbox: Any, scan: Any
) -> None:
    await sandbox.patch()
    await sandbox.put(scan("B", 11), scan("A", 10))
    await sandbox.put(scan("A"), scan("A"))
    await sandbox.put(scan("A"), deliveredDate="2026-08-01")
    await sandbox.put(scan("A"), isDelivered=True)
    assert await sandbox.rules() == [
        "unsorted",
        "twice",
        "early-delivered-date",
        "no-delivered-date",
    ]

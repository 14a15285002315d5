"""Many labels come in at once; each is answered as if it came alone."""

import io
from typing import Any

import pytest

from relay.api.shipments import BODY_LIMIT
from tests.api.apis import LABEL, Api
from tests.api.conftest import Serving

BULK = "/v1/shipments/bulk"


def label(number: int, **changed: Any) -> dict[str, Any]:
    return (
        LABEL | {"invoiceNumber": f"{number}", "trackingNumber": f"T{number}"} | changed
    )


async def bulk(api: Api, *labels: Any) -> Any:
    status, answer = await api.call("POST", BULK, {"labels": labels})
    assert status == 200, answer
    return answer


async def test_each_label_is_answered_by_itself(api: Api) -> None:
    await bulk(api, label(1))

    answer = await bulk(
        api,
        label(1),
        label(2),
        label(1, trackingNumber="OTHER"),
        label(3, invoiceNumber="a/b"),
        "no label",
        label(4, parcels=[{"references": [{"type": "volumeCode", "value": "V"}]}],
              trackingNumber=None),
    )  # fmt: skip

    items = answer["items"]
    assert [i["index"] for i in items] == [0, 1, 2, 3, 4, 5]
    assert [i["status"] for i in items] == [200, 201, 409, 422, 422, 201]
    assert answer["refused"] == 3
    assert items[1]["state"] == "due"
    assert items[1]["problem"] is None
    assert items[2]["id"] is None
    assert items[3]["problem"]["field"] == "invoiceNumber"
    assert "without it" in items[3]["problem"]["hint"]
    assert "no label" not in items[4]["problem"]["detail"]
    shape = '{"orderId": …, "invoiceNumber": …}'
    assert items[4]["problem"]["hint"] == f"write {shape}"
    assert (await api.one(items[1]["id"]))["invoiceNumber"] == "2"


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("trackingNumber", "T2\ud800"),
        ("courier", "A\udc00"),
        ("carrierTaxId", "\0"),
        ("orderId", "O\ud83d"),
        ("note\ud800", "an unknown field"),
    ],
)
async def test_a_text_that_no_database_stores_refuses_its_own_label(
    api: Api, field: str, text: str
) -> None:
    answer = await bulk(
        api, label(1), label(2, **{field: text}), label(3, courier="😀")
    )

    assert [i["status"] for i in answer["items"]] == [201, 422, 201]
    [problem] = answer["items"][1]["problem"]["errors"]
    assert problem["field"] == field.replace("\ud800", "\0")
    if not field.startswith("note"):
        assert problem["hint"].startswith("remove it")


async def test_the_publisher_is_woken_once(api: Api) -> None:
    await bulk(api, label(1), label(2))

    assert api.woken.news == 1


async def test_a_thousand_are_taken_and_no_more(api: Api) -> None:
    refused = [{} for _ in range(1000)]
    assert (await bulk(api, *refused))["refused"] == 1000

    status, answer = await api.call("POST", BULK, {"labels": [{}, *refused]})
    assert (status, answer["field"]) == (422, "labels")


async def test_the_body_may_be_larger_than_others(api: Api) -> None:
    long = "x" * 200
    answer = await bulk(api, *({"orderId": long} for _ in range(1000)))
    assert answer["refused"] == 1000

    blanks = b" " * (BODY_LIMIT + 1)
    status, _ = await api.call("POST", BULK, io.BytesIO(blanks))
    assert status == 415
    headers = {"Content-Type": "application/json"}
    status, _ = await api.call("POST", BULK, io.BytesIO(blanks), **headers)
    assert status == 413


async def test_another_name_for_the_labels_is_recognised(api: Api) -> None:
    status, answer = await api.call("POST", BULK, {"shipments": [label(1)]})

    assert (status, answer["field"]) == (422, "shipments")
    assert answer["hint"] == "did you mean `labels`?"


async def test_how_many_are_taken_is_said(api: Api) -> None:
    _, answer = await api.call("POST", BULK, {"labels": [{}] * 1001})

    assert answer["detail"] == "more than 1000 entries"
    assert answer["hint"] == "use at most 1000"


@pytest.mark.parametrize("body", [{}, {"labels": []}, {"labels": {}}])
async def test_what_is_no_list_of_labels_is_refused(api: Api, body: Any) -> None:
    status, answer = await api.call("POST", BULK, body)
    assert (status, answer["field"]) == (422, "labels")


async def test_another_store_does_not_exist(serving: Serving, settings: Any) -> None:
    token = {"token": "t" * 32, "scopes": ["erp"], "accounts": ["store"]}
    accounts = {
        name: {"app_key": "k", "app_token": f"t-{name}"} for name in ("store", "other")
    }
    contracts = {"acme": {"accounts": ["store", "other"], "account": "store"}}
    api = await serving(settings(contracts, accounts=accounts, tokens={"erp": token}))
    api.headers["Authorization"] = f"Bearer {'t' * 32}"

    answer = await bulk(api, label(1, account="other"), label(1))

    assert [i["status"] for i in answer["items"]] == [422, 201]


async def test_the_description_shows_what_a_label_is(api: Api) -> None:
    _, described = await api.call("GET", "/openapi.json")

    schemas = described["components"]["schemas"]
    items = schemas["BulkRequest"]["properties"]["labels"]["items"]
    assert "orderId" in items["required"]
    assert BULK in described["paths"]

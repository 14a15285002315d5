"""An ERP follows changes: by a time at first, then by the cursor to resume from."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.apis import Api

ROOT = "/v1/shipments"


async def listed(api: Api, query: str) -> dict[str, Any]:
    status, body = await api.call("GET", f"{ROOT}?{query}")
    assert status == 200, body
    found: dict[str, Any] = body
    return found


def orders(page: dict[str, Any]) -> list[str]:
    return [one["orderId"] for one in page["shipments"]]


async def test_changes_are_followed_with_a_time_and_then_with_a_cursor(
    api: Api,
) -> None:
    ids = {}
    for n in range(3):
        made = await api.register(orderId=f"v{n}-01", trackingNumber=f"BR{n}")
        ids[n] = made["id"]
    first = await listed(api, "updatedSince=2020-01-01T00:00:00Z&limit=2")
    assert orders(first) == ["v0-01", "v1-01"]
    second = await listed(api, f"cursor={first['next']}&limit=2")
    assert (orders(second), second["next"]) == (["v2-01"], None)
    assert orders(await listed(api, f"cursor={second['resume']}")) == []
    api.clock.advance(timedelta(hours=1))
    await api.call("POST", f"{ROOT}/{ids[1]}/cancel")
    third = await listed(api, f"cursor={second['resume']}")
    [changed] = third["shipments"]
    assert (changed["orderId"], changed["state"]) == ("v1-01", "cancelled")
    assert changed["updatedAt"] > first["shipments"][1]["updatedAt"]


async def test_changes_can_be_filtered_by_contract_and_state(api: Api) -> None:
    await api.register(orderId="v1-01", trackingNumber="BR1")
    since = "updatedSince=2020-01-01T00:00:00%2B00:00"
    assert len((await listed(api, f"{since}&contract=acme"))["shipments"]) == 1
    page = await listed(api, f"{since}&contract=acme&state=stuck")
    assert (page["shipments"], page["next"]) == ([], None)
    assert page["resume"]


async def test_the_usual_list_has_no_cursor_to_resume_from(api: Api) -> None:
    await api.register()
    assert (await listed(api, "limit=1"))["resume"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("updatedSince=yesterday", "updatedSince"),
        ("updatedSince=2026-08-01T14:00:00", "updatedSince"),
        ("updatedSince=2026-08-01T14:00:00Z&cursor=YmVmb3JlIDE", "cursor"),
        ("updatedSince=2026-08-01T14:00:00Z&trackingNumber=BR1", "trackingNumber"),
    ],
)
async def test_what_cannot_be_followed_is_refused_with_its_field(
    api: Api, query: str, field: str
) -> None:
    status, body = await api.call("GET", f"{ROOT}?{query}")
    assert (status, body["field"]) == (422, field)
    assert body["hint"]


async def test_odd_cursors_of_changes_are_answered(api: Api) -> None:
    # "changed 9999999999999999999 9999999999999999999", more than a row's number
    odd = "Y2hhbmdlZCA5OTk5OTk5OTk5OTk5OTk5OTk5IDk5OTk5OTk5OTk5OTk5OTk5OTk"
    assert orders(await listed(api, f"cursor={odd}")) == []

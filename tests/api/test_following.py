"""What the ERP and people do to a shipment can be followed in the log."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.store.sqlite import SqliteDatabase
from tests.api.apis import Api

ROOT = "/v1/shipments"


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: what is asked here does not depend on it."""
    return sqlite


async def test_each_act_is_a_line_with_what_it_is_about(api: Api) -> None:
    with capture_logs() as lines:
        made = await api.register(orderId="v1-01", trackingNumber="BR1")
        path = f"{ROOT}/{made['id']}"
        await api.register(orderId="v1-01", trackingNumber="BR1")
        await api.call("PATCH", path, {"trackingNumber": "BR2"})
        await api.call("POST", f"{path}/cancel")
    acts = [(line["event"], line["tracking_number"]) for line in lines]
    assert acts == [
        ("registered", "BR1"),
        ("registered again", "BR1"),
        ("corrected", "BR2"),
        ("cancelled", "BR2"),
    ]
    about: dict[str, Any] = {"account": "store", "order": "v1-01", "by": "anybody"}
    assert all(line[name] == value for line in lines for name, value in about.items())
    assert "trackingNumber" in lines[2]["updated"]


async def test_each_label_of_many_is_a_line(api: Api) -> None:
    labels = [{"orderId": f"v{n}", "invoiceNumber": "1"} for n in (1, 2)]
    with capture_logs() as lines:
        await api.call("POST", f"{ROOT}/bulk", {"labels": [*labels, {}]})
    assert [line["order"] for line in lines] == ["v1", "v2"]


async def test_a_refused_label_says_which_field_and_why(api: Api) -> None:
    with capture_logs() as lines:
        await api.call("POST", ROOT, {"orderID": "v1-01", "invoiceNumber": "1"})
    (line,) = lines
    assert (line["event"], line["route"]) == ("refused", f"POST {ROOT}")
    assert line["field"] == "orderID"
    assert "unknown field" in line["reason"]

"""`/v1/discovery`, and what the hook answers to everybody else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from relay.config.settings import Settings
from tests.api.conftest import Serving
from tests.conftest import ACCOUNT

SECRET = "the-secret-of-the-hook"
HOOKED: dict[str, Any] = {
    "accounts": {"store": ACCOUNT | {"discovery": "hook", "hook_secret": SECRET}},
    "public_url": "https://relay.example",
}
BODY = {"OrderId": "v1-01", "State": "invoiced", "Origin": {"Account": "store"}}


async def test_a_notification_is_listed_until_the_order_is_read(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    api = await serving(settings(**HOOKED))
    path, headers = "/vtex/hook/store", {"key": SECRET}
    assert (await api.client.post(path, json=BODY, headers=headers)).status == 200
    answer = await api.client.get("/v1/discovery")
    text = await answer.text()
    assert SECRET not in text
    (one,) = (await answer.json())["accounts"]
    assert (one["account"], one["mode"], one["waiting"]) == ("store", "hook", 1)
    assert one["hook"]["url"] == "https://relay.example/vtex/hook/store"
    assert one["hook"]["filter"] == "number_added"
    assert [o["orderId"] for o in one["orders"]] == ["v1-01"]


async def test_the_hook_takes_only_posts(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    api = await serving(settings(**HOOKED))
    assert (await api.client.get("/vtex/hook/store")).status == 405


async def test_a_body_that_is_not_json_names_the_problem(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    api = await serving(settings(**HOOKED))
    headers = {"key": SECRET}
    answer = await api.client.post("/vtex/hook/store", data=b"x", headers=headers)
    assert answer.status == 422
    assert (await answer.json())["detail"] == "the body must be a JSON object"


async def test_metrics_measure_what_waits(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    api = await serving(settings(**HOOKED))
    headers = {"key": SECRET}
    await api.client.post("/vtex/hook/store", json=BODY, headers=headers)
    api.clock.advance(timedelta(seconds=90))
    lines = (await (await api.client.get("/metrics")).text()).splitlines()
    assert 'relay_discovery_waiting_orders{account="store"} 1.0' in lines
    assert 'relay_discovery_age_seconds{account="store"} 90.0' in lines
    assert 'relay_discovery_broken{account="store"} 0.0' in lines

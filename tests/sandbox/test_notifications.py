"""Feed v3 and Hook: queues by application key, and notifications to an address."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

NUMBER = (
    '$count(packageAttachment.packages[type = "Output" and $boolean(trackingNumber)])'
    " > 0"
)
QUEUE = {"visibilityTimeoutInSeconds": 240, "MessageRetentionPeriodInSeconds": 345600}
WORKFLOW = {"type": "FromWorkflow", "status": ["invoiced", "canceled"]}
CONFIG = {"filter": WORKFLOW, "queue": QUEUE}
FOUR_DAYS, THREE_DAYS = 345600, 259200


async def call(
    sandbox: Any, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, Any]:
    """Call Feed v3 or Hook; return status and body."""
    response = await sandbox.client.request(
        method,
        f"/vtex/acme/api/orders/{path}",
        data=None if body is None else json.dumps(body),
        headers=sandbox.headers | headers,
    )
    text = await response.text()
    return response.status, json.loads(text) if text else None


async def lot(sandbox: Any, most: int = 10) -> list[dict[str, Any]]:
    status, items = await call(sandbox, "GET", f"feed?maxlot={most}")
    assert status == 200
    found: list[dict[str, Any]] = items
    return found


async def order(sandbox: Any, name: str, **invoice: Any) -> None:
    body = {
        "account": "acme",
        "orderId": name,
        "invoices": [{"invoiceNumber": "1", **invoice}],
    }
    await sandbox.ask("POST", "/orders", body)


async def test_a_changed_order_is_in_the_feed_until_it_is_committed(
    sandbox: Any, clock: Any
) -> None:
    assert (await call(sandbox, "GET", "feed?maxlot=10"))[0] == 404
    assert (await call(sandbox, "POST", "feed/config", CONFIG))[0] == 200
    await order(sandbox, "A")
    (item,) = await lot(sandbox)
    assert (item["orderId"], item["state"]) == ("A", "invoiced")
    assert await lot(sandbox) == []  # hidden while it is being processed
    clock.forward(240)
    (again,) = await lot(sandbox)
    assert again["eventId"] == item["eventId"]
    assert (await call(sandbox, "POST", "feed", {"handles": [again["handle"]]}))[
        0
    ] == 200
    clock.forward(240)
    assert await lot(sandbox) == []


async def test_a_lot_has_at_most_ten(sandbox: Any) -> None:
    await call(sandbox, "POST", "feed/config", CONFIG)
    for n in range(12):
        await order(sandbox, f"O-{n}")
    assert (len(await lot(sandbox)), len(await lot(sandbox))) == (10, 2)
    assert (await call(sandbox, "GET", "feed?maxlot=11"))[0] == 400


async def test_only_the_wanted_statuses_are_in_the_feed(sandbox: Any) -> None:
    await call(sandbox, "POST", "feed/config", CONFIG)
    for status in ("cancellation-requested", "canceled"):
        path = f"/orders/acme/{sandbox.order}/status"
        await sandbox.ask("POST", path, {"status": status})
    assert [i["state"] for i in await lot(sandbox)] == ["canceled"]


async def test_a_configuration_without_use_expires(sandbox: Any, clock: Any) -> None:
    await call(sandbox, "POST", "feed/config", CONFIG)
    clock.forward(FOUR_DAYS - 1)
    assert (await call(sandbox, "GET", "feed/config"))[0] == 200
    clock.forward(1)
    assert (await call(sandbox, "GET", "feed/config"))[0] == 404


async def test_an_expression_fires_once_per_order(sandbox: Any) -> None:
    by_number = {"type": "FromOrders", "expression": NUMBER, "disableSingleFire": False}
    config = {"filter": by_number, "queue": QUEUE}
    assert (await call(sandbox, "POST", "feed/config", config))[0] == 200
    await order(sandbox, "A")
    assert await lot(sandbox) == []
    await sandbox.patch()
    assert [i["orderId"] for i in await lot(sandbox)] == [sandbox.order]
    await sandbox.patch(courier="Another")
    assert await lot(sandbox) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"filter": WORKFLOW}, 400),
        ({"filter": WORKFLOW | {"expression": "true"}, "queue": QUEUE}, 409),
        ({"filter": {"type": "FromOrders", "status": ["a"]}, "queue": QUEUE}, 409),
        (CONFIG | {"queue": QUEUE | {"MessageRetentionPeriodInSeconds": 60}}, 400),
    ],
)
async def test_wrong_configurations_are_refused(
    sandbox: Any, body: object, status: int
) -> None:
    assert (await call(sandbox, "POST", "feed/config", body))[0] == status


async def test_feed_and_hook_need_their_own_role(sandbox: Any) -> None:
    pair = {"account": "acme", "appKey": "k", "appToken": "t", "roles": ["view_order"]}
    await sandbox.ask("POST", "/credentials", pair)
    keys = {"X-VTEX-API-AppKey": "k", "X-VTEX-API-AppToken": "t"}
    for path in ("feed/config", "hook/config"):
        assert (await call(sandbox, "GET", path, **keys))[0] == 403


class Receiver:
    """A web server that a hook notifies."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.status = 200

    async def receive(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.keys.append(request.headers.get("key"))
        return web.Response(status=self.status)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    made, app = Receiver(), web.Application()
    app.router.add_post("/hook", made.receive)
    async with TestServer(app) as server:
        yield made, str(server.make_url("/hook"))


def hook(url: str) -> dict[str, Any]:
    return {"filter": WORKFLOW, "hook": {"url": url, "headers": {"key": "secret"}}}


async def until_sent(sandbox: Any, wanted: int) -> list[bool]:
    """Wait until so many notifications were sent, and return whether each arrived."""
    while True:
        sent = (await sandbox.ask("GET", "/notifications"))["sent"]
        if len(sent) >= wanted:
            return [one["accepted"] for one in sent]


async def test_a_hook_is_pinged_and_then_notified(
    sandbox: Any, receiver: tuple[Receiver, str]
) -> None:
    server, url = receiver
    assert (await call(sandbox, "POST", "hook/config", hook(url)))[0] == 200
    await order(sandbox, "A")
    assert await until_sent(sandbox, 1) == [True]
    ping, notified = server.bodies
    assert ping == {"hookConfig": "ping"}
    assert (notified["OrderId"], notified["State"]) == ("A", "invoiced")
    assert notified["Origin"] == {"Account": "acme", "Key": "sandbox-key"}
    assert server.keys == ["secret", "secret"]


async def test_a_hook_that_does_not_answer_200_to_the_ping_is_refused(
    sandbox: Any, receiver: tuple[Receiver, str]
) -> None:
    server, url = receiver
    server.status = 202
    assert (await call(sandbox, "POST", "hook/config", hook(url)))[0] == 400
    http = hook("http://shop.example/hook")
    status, body = await call(sandbox, "POST", "hook/config", http)
    assert (status, body["errors"]["hook.url"]) == (
        400,
        ["Only https scheme is accepted"],
    )
    assert (await call(sandbox, "GET", "hook/config"))[0] == 404


async def test_a_notification_is_repeated_until_it_is_answered(
    made: Any, receiver: tuple[Receiver, str]
) -> None:
    async def no_wait(_seconds: float) -> None:
        server.status = 200

    server, url = receiver
    sandbox = await made(sleep=no_wait)
    await call(sandbox, "POST", "hook/config", hook(url))
    server.status = 500
    await order(sandbox, "A")
    assert await until_sent(sandbox, 2) == [False, True]


async def test_a_quiet_hook_is_removed_after_three_days(
    sandbox: Any, clock: Any, receiver: tuple[Receiver, str]
) -> None:
    await call(sandbox, "POST", "hook/config", hook(receiver[1]))
    clock.forward(THREE_DAYS)
    assert (await call(sandbox, "GET", "hook/config"))[0] == 404

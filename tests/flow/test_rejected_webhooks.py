"""A wrong secret loses nothing: corrected by reload, all webhooks count once."""

import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from relay.config.settings import Settings
from tests.support.world import CONTRACT, GUARD, NUMBER, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

SECRET = "the-secret-of-the-carrier"
HOUR = timedelta(hours=1)


def with_secret(settings: Settings, secret: str) -> Settings:
    """Return the settings with the carrier's plain format and a secret."""
    given = {"adapter": "generic", "secret": secret, "account": "acme"}
    changed = Settings.model_validate(
        {"accounts": {"acme": {"app_key": "k", "app_token": "t"}}}
        | {"contracts": {CONTRACT: given}}
    )
    return settings.model_copy(update={"contracts": changed.contracts})


def webhook(code: str, at: datetime, **more: str) -> bytes:
    event = {"code": code, "text": code.replace("_", " "), "at": at.isoformat()}
    return json.dumps({"parcel": {"number": NUMBER}, "events": [event | more]}).encode()


def signed(body: bytes) -> dict[str, str]:
    digest = hmac.digest(SECRET.encode(), body, "sha256").hex()
    return {"Content-Type": "application/json", "X-Signature": f"sha256={digest}"}


@pytest.fixture
async def client(world: World) -> AsyncIterator[TestClient[Any, Any]]:
    await world.process.relay.reload(with_secret(world.settings, "a-wrong-secret"))
    server = TestServer(world.process.relay.application())
    async with TestClient(server) as opened:
        yield opened
    await world.process.relay.intake.close()


async def post(client: TestClient[Any, Any], path: str, body: Any) -> tuple[int, Any]:
    sent: dict[str, Any] = {"json": body}
    if isinstance(body, bytes):
        sent = {"data": body, "headers": signed(body)}
    async with client.post(path, **sent) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_webhooks_rejected_for_a_wrong_secret_are_delivered_after_a_reload(
    world: World, client: TestClient[Any, Any]
) -> None:
    await world.label()
    await world.rest()
    codes = ["picked_up", *["in_transit" for _ in range(29)], "delivered"]
    bodies = []
    with capture_logs() as lines:
        for code in codes:
            await world.wait(hours=1)
            bodies.append(webhook(code, world.now))
            assert (await post(client, f"/webhooks/{CONTRACT}", bodies[-1]))[0] == 401
    assert [one["contract"] for one in lines if one["event"] == "alert"] == [CONTRACT]
    relay = world.process.relay
    await relay.intake.rejected_requests.step()
    async with client.get("/v1/contracts") as answer:
        (found,) = (await answer.json())["contracts"]
    assert (found["rejections"]["rejected"], found["rejections"]["waiting"]) == (31, 31)
    assert (await world.shown()).texts == []

    await relay.reload(with_secret(world.settings, SECRET))
    accept = {"contract": CONTRACT}
    answered = await post(client, "/v1/rejected/accept", accept)
    assert answered == (202, {"accepted": 31, "stillRejected": [], "next": None})
    await world.rest()

    shown = await world.shown()
    assert shown.finished
    assert shown.texts == [GUARD, *(code.replace("_", " ") for code in codes)]
    assert await world.vtex.complaints() == []

    # Accepting again, and the carrier's own repetitions, double nothing.
    puts = len(await world.puts())
    again = await post(client, "/v1/rejected/accept", accept)
    assert again == (202, {"accepted": 0, "stillRejected": [], "next": None})
    for body in bodies:
        assert (await post(client, f"/webhooks/{CONTRACT}", body))[0] == 200
    await world.rest()
    assert await world.shown() == shown
    assert len(await world.puts()) == puts


async def test_forged_webhooks_are_not_accepted_with_the_genuine_ones(
    world: World, client: TestClient[Any, Any]
) -> None:
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    genuine = webhook("picked_up", world.now)
    forged = webhook("delivered", world.now)
    assert (await post(client, f"/webhooks/{CONTRACT}", genuine))[0] == 401
    headers = signed(genuine)
    async with client.post(
        f"/webhooks/{CONTRACT}", data=forged, headers=headers
    ) as answer:
        assert answer.status == 401
    relay = world.process.relay
    await relay.intake.rejected_requests.step()
    await relay.reload(with_secret(world.settings, SECRET))

    _, answer_ = await post(client, "/v1/rejected/accept", {"contract": CONTRACT})
    assert answer_["accepted"] == 1
    (failed,) = answer_["stillRejected"]
    assert failed["reason"] == "the signature does not match the request"
    await world.rest()
    shown = await world.shown()
    assert (shown.texts, shown.finished) == ([GUARD, "picked up"], False)

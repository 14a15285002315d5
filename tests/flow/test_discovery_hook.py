"""VTEX's hook: configured there, answered once it is stored, then read as the feed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from relay.domain.discovery import LookOutcome
from relay.service.access import Caller
from relay.store.discovery import Discovery
from tests.support.world import ACCOUNT, INVOICE, NUMBER, ORDER, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]
Client = TestClient[Any, Any]

CARRIER = {"adapter": "generic", "courier_names": ["loggi"]}
SECRET = "the-secret-of-the-hook"
PATH = f"/vtex/hook/{ACCOUNT}"
WRITTEN = {"trackingNumber": NUMBER, "courier": "Loggi"}
NOTIFIED = {
    "Domain": "Fulfillment",
    "OrderId": ORDER,
    "State": "invoiced",
    "LastChange": "2026-08-01T11:00:00.0000000+00:00",
    "CurrentChange": "2026-08-01T12:00:00.0000000+00:00",
    "Origin": {"Account": ACCOUNT, "Key": "sandbox-key"},
}
PAIR = {"account": ACCOUNT, "appKey": "sandbox-key", "appToken": "sandbox-token"}


@asynccontextmanager
async def reachable(
    worlds: Worlds, **account: Any
) -> AsyncIterator[tuple[World, Client]]:
    """Give a relay that VTEX's hook can reach, and a client of its own."""
    async with worlds(contract=CARRIER, **account) as world:
        server = TestServer(world.process.relay.application())
        async with TestClient(server) as client:
            accounts = {
                ACCOUNT: world.settings.accounts[ACCOUNT].model_copy(
                    update={"discovery": "hook", "hook_secret": SecretStr(SECRET)}
                )
            }
            address = {"public_url": str(server.make_url("")).rstrip("/")}
            settings = world.settings.model_copy(
                update=address | {"accounts": accounts}
            )
            await world.process.relay.reload(settings)
            yield world, client


@pytest.fixture
async def hooked(worlds: Worlds) -> AsyncIterator[tuple[World, Client]]:
    async with reachable(worlds) as made:
        yield made


async def discover(world: World) -> None:
    await world.process.relay.discoverer.settle_all()


async def post(client: Client, body: Any, secret: str | None = SECRET) -> int:
    headers = {"key": secret} if secret is not None else {}
    async with client.post(PATH, json=body, headers=headers) as answer:
        return answer.status


async def sent(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.vtex.ask("GET", "/notifications"))[
        "sent"
    ]
    return found


async def until_sent(world: World) -> None:
    # The sandbox sends in the background: there is no event to wait for.
    async with asyncio.timeout(10):
        while not await sent(world):
            pass


async def test_a_number_that_the_erp_adds_is_found(
    hooked: tuple[World, Client],
) -> None:
    world, _ = hooked
    await discover(world)  # VTEX pings the address, and gets its 200
    await world.vtex.order(ORDER, INVOICE, **WRITTEN)
    await until_sent(world)
    assert await sent(world) == [{"orderId": ORDER, "accepted": True}]
    await discover(world)
    assert await world.fact("tracking_number") == NUMBER
    state = (await Discovery(world.database).states())[ACCOUNT]
    assert state.hook_pinged_at is not None
    assert state.hook_ready_at is not None


async def test_what_was_answered_survives_a_kill(hooked: tuple[World, Client]) -> None:
    world, client = hooked
    await world.vtex.order(ORDER, INVOICE, **WRITTEN)
    assert await post(client, NOTIFIED) == 200
    settings = world.process.relay.settings
    world.settings = settings
    await world.restart()
    await discover(world)
    assert await world.fact("tracking_number") == NUMBER


@pytest.mark.parametrize("kind", ["pascal", "camel"])
async def test_fields_in_both_spellings_are_understood(
    hooked: tuple[World, Client], kind: str
) -> None:
    world, client = hooked
    await world.vtex.order(ORDER, INVOICE, **WRITTEN)
    body: dict[str, Any] = dict(NOTIFIED)
    if kind == "camel":
        body = {n[0].lower() + n[1:]: v for n, v in NOTIFIED.items()}
    assert await post(client, body) == 200
    await discover(world)
    assert await world.fact("tracking_number") == NUMBER


async def test_the_same_notification_again_registers_nothing_new(
    hooked: tuple[World, Client],
) -> None:
    world, client = hooked
    await world.vtex.order(ORDER, INVOICE, **WRITTEN)
    for _ in range(3):
        assert await post(client, NOTIFIED) == 200
        await discover(world)
    version = await world.fact("version")
    assert await post(client, NOTIFIED) == 200
    await discover(world)
    assert await world.fact("version") == version


async def test_an_older_change_is_not_read_again(hooked: tuple[World, Client]) -> None:
    world, client = hooked
    await world.vtex.order(ORDER, INVOICE, **WRITTEN)
    await post(client, NOTIFIED)
    await discover(world)
    reads = (await world.vtex.counts())["get"]
    older = {"CurrentChange": "2026-08-01T09:00:00.0000000+00:00", "State": "handling"}
    assert await post(client, NOTIFIED | older) == 200
    await discover(world)
    assert (await world.vtex.counts())["get"] == reads


@pytest.mark.parametrize(
    ("body", "secret", "status"),
    [
        (NOTIFIED, None, 401),
        (NOTIFIED, "another", 401),
        (NOTIFIED | {"Origin": {"Account": "other"}}, SECRET, 401),
        ({"hookConfig": "ping"}, None, 200),
        ({"hookConfig": "ping"}, SECRET, 200),
        ({"State": "invoiced"}, SECRET, 422),
        ([NOTIFIED], SECRET, 422),
        (NOTIFIED | {"State": None, "Origin": None}, SECRET, 200),
    ],
)
async def test_only_vtex_is_believed(
    hooked: tuple[World, Client], body: Any, secret: str | None, status: int
) -> None:
    world, client = hooked
    assert await post(client, body, secret) == status
    is_stored = bool(await Discovery(world.database).latest(ACCOUNT, 5))
    assert is_stored is (status == 200 and body != {"hookConfig": "ping"})


async def test_an_account_without_a_hook_has_no_address(worlds: Worlds) -> None:
    async with worlds() as world:
        server = TestServer(world.process.relay.application())
        async with TestClient(server) as client:
            assert await post(client, NOTIFIED) == 404


async def test_a_hook_that_vtex_cannot_reach_names_the_cause(
    hooked: tuple[World, Client],
) -> None:
    world, _ = hooked
    unreachable = {"public_url": "http://127.0.0.1:1"}
    relay = world.process.relay
    await relay.reload(relay.settings.model_copy(update=unreachable))
    await discover(world)
    state = (await Discovery(world.database).states())[ACCOUNT]
    assert "Unable to check address" in (state.hook_problem or "")
    assert "public_url" in (state.hook_problem or "")


async def test_the_state_names_config_lag_and_orders(
    hooked: tuple[World, Client],
) -> None:
    world, client = hooked
    await world.vtex.order(ORDER, INVOICE, **WRITTEN)
    await post(client, NOTIFIED)
    await world.clock.move_to(world.now + timedelta(minutes=2))
    service = world.process.relay.services.discovery
    (one,) = (await service.discovery(Caller("test"))).accounts
    assert (one.mode, one.waiting, one.lag_seconds) == ("hook", 1, 120)
    await discover(world)
    (one,) = (await service.discovery(Caller("test"))).accounts
    assert one.hook is not None
    assert one.hook.ready_at == world.now
    assert (one.waiting, one.feed, one.problem) == (0, None, None)
    assert [(o.order_id, o.outcome) for o in one.orders] == [
        (ORDER, LookOutcome.REGISTERED)
    ]
    assert (await service.discovery(Caller("test", ["other"]))).accounts == ()

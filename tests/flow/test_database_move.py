"""A relay goes on where it stopped after its database was moved to PostgreSQL."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from relay.config.settings import Settings
from relay.runtime.database_move import move_rows
from relay.store.postgres import PostgresDatabase
from relay.store.sqlite import SqliteDatabase
from tests.flow.test_rejected_webhooks import SECRET, post, webhook, with_secret
from tests.support.world import CONTRACT, GUARD, World, living


@pytest.fixture
async def world(sqlite: SqliteDatabase) -> AsyncIterator[World]:
    async with living(sqlite) as made:
        yield made


async def move(world: World, sqlite: SqliteDatabase, url: str) -> PostgresDatabase:
    """Stop the relay, move its database, and start it again."""
    await world.process.end()
    world.processes.clear()
    await sqlite.close()
    await move_rows(sqlite.path, url, world.clock, lambda *_: None, restart=False)
    database = PostgresDatabase(url)
    await database.open()
    world.database = database
    await world.start(unclean=True)
    return database


async def reloaded(world: World, secret: str) -> Settings:
    settings = with_secret(world.settings, secret)
    await world.process.relay.reload(settings)
    return settings


async def test_a_delivery_is_published_once(
    world: World, sqlite: SqliteDatabase, postgres_url: str
) -> None:
    """One is delivered before the move, and one by a sealed webhook after it."""
    await world.label("O-0", "1", "TN0")
    await world.wait(hours=1)
    await world.scan("delivered", number="TN0")
    await world.label()
    await world.rest()
    await reloaded(world, "a-wrong-secret")
    await world.wait(hours=1)
    body = webhook("delivered", world.now)
    server = TestServer(world.process.relay.application())
    async with TestClient(server) as client:
        assert (await post(client, f"/webhooks/{CONTRACT}", body))[0] == 401
    await world.process.relay.intake.rejected_requests.step()

    database = await move(world, sqlite, postgres_url)
    try:
        await world.rest()
        assert [p["isDelivered"] for p in await world.puts("O-0")].count(True) == 1
        await reloaded(world, SECRET)
        server = TestServer(world.process.relay.application())
        async with TestClient(server) as client:
            accepted = await post(client, "/v1/rejected/accept", {"contract": CONTRACT})
            assert accepted[1]["accepted"] == 1
            assert (await post(client, f"/webhooks/{CONTRACT}", body))[0] == 200
        await world.rest()
        assert (await world.shown()).texts == [GUARD, "delivered"]
        assert [p["isDelivered"] for p in await world.puts()].count(True) == 1
        assert await world.vtex.complaints() == []
        await world.process.end()
        world.processes.clear()
    finally:
        await database.close()

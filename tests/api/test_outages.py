"""While the database is away, locked or full, the API answers 503 and says so once."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient
from structlog.testing import capture_logs

from relay.api import problems
from relay.config.settings import Settings
from relay.errors import DatabaseUnavailable
from relay.health import Health
from relay.logs import Seldom
from relay.runtime.monitors import DatabaseMonitor
from relay.store.database import Database
from relay.store.postgres import PostgresDatabase
from relay.store.sqlite import SqliteDatabase
from tests.api.apis import LABEL, Api, Woken, application
from tests.support.acme import Acme
from tests.support.clock import Clock

Serve = Callable[[Database], Awaitable[Api]]


@pytest.fixture(autouse=True)
def first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first outage of each test be logged."""
    monkeypatch.setattr(problems, "_seldom", Seldom())


@pytest.fixture
def serve(
    clock: Clock, settings: Callable[..., Settings], aiohttp_client: AiohttpClient
) -> Callable[[Database], Awaitable[Api]]:
    """Serve the API over one kind of database."""

    async def serving(database: Database) -> Api:
        woken = Woken()
        app = application(settings(), database, clock, woken, Acme)
        return Api(await aiohttp_client(app), app, woken, clock)

    return serving


async def refused(api: Api) -> list[dict[str, Any]]:
    """Send labels that cannot be stored; return the log."""
    with capture_logs() as lines:
        for number in range(4):
            sent = LABEL | {"orderId": f"{number}-01"}
            answer = await api.client.post("/v1/shipments", json=sent)
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "5"
            assert answer.content_type == "application/problem+json"
            body = await answer.json()
            assert body["title"] == "Database unavailable"
            assert "sqlite" not in str(body).lower()
    return [line for line in lines if line["log_level"] != "debug"]


@pytest.fixture
def locked(sqlite: SqliteDatabase) -> Iterator[sqlite3.Connection]:
    """Hold the write lock of the database's file as another process would."""
    other = sqlite3.connect(sqlite.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


@pytest.fixture
async def impatient(sqlite: SqliteDatabase) -> SqliteDatabase:
    await sqlite.pragma("busy_timeout = 10")
    return sqlite


async def test_a_locked_file_is_503_and_one_log_line_until_it_is_free(
    serve: Serve, impatient: SqliteDatabase, locked: sqlite3.Connection
) -> None:
    api = await serve(impatient)
    lines = await refused(api)
    assert [x["event"] for x in lines] == ["database unavailable; requests get 503"]
    assert "locked" in lines[0]["error"]
    assert "exc_info" not in lines[0]
    locked.execute("ROLLBACK")
    assert (await api.call("POST", "/v1/shipments", LABEL))[0] == 201


async def test_a_full_disk_is_503_and_one_log_line_until_there_is_space(
    serve: Serve, sqlite: SqliteDatabase
) -> None:
    api = await serve(sqlite)
    pages = await sqlite.pragma("page_count")
    await sqlite.pragma(f"max_page_count = {pages}")
    stored = 0
    while (await api.call("POST", "/v1/shipments", _label(stored)))[0] == 201:
        stored += 1
    lines = await refused(api)
    assert all("exc_info" not in line for line in lines)
    await sqlite.pragma("max_page_count = 1000000")
    assert (await api.call("POST", "/v1/shipments", _label(stored)))[0] == 201


def _label(number: int) -> dict[str, Any]:
    return LABEL | {"orderId": f"9{number}-01", "trackingNumber": f"BR{number}"}


async def test_a_server_that_is_gone_is_503(
    serve: Serve, postgres: PostgresDatabase
) -> None:
    api = await serve(postgres)
    await postgres.close()
    lines = await refused(api)
    assert len(lines) == 1


async def test_a_locked_file_is_reported_within_seconds(
    impatient: SqliteDatabase, locked: sqlite3.Connection
) -> None:
    health = Health()
    monitor = DatabaseMonitor(impatient, health)
    with capture_logs() as lines:
        for _ in range(3):
            await monitor.step()
        assert health.reasons() == ["database: takes no writes now; see the log"]
        locked.execute("ROLLBACK")
        for _ in range(2):
            await monitor.step()
        assert health.reasons() == []
    names = [line["event"] for line in lines]
    assert names == ["database unavailable", "database available again"]


async def test_a_database_that_does_not_answer_is_reported() -> None:
    class Silent:
        async def check(self) -> None:
            raise TimeoutError

    health = Health()
    with capture_logs() as lines:
        await DatabaseMonitor(Silent(), health).step()
    assert [line["error"] for line in lines] == ["no answer within 3 s"]
    assert health.reasons()


async def test_a_write_waits_only_so_long_for_others(
    sqlite: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.store.sqlite.TURN_SECONDS", 0)
    async with sqlite.writing():
        with pytest.raises(DatabaseUnavailable, match="other writes"):
            await sqlite.check()
    await sqlite.check()

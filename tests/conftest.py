"""What tests are given: a clock, settings, and databases of both kinds."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from relay.config.settings import Settings
from relay.store.database import Database
from relay.store.postgres import PostgresDatabase
from relay.store.sqlite import SqliteDatabase
from tests.support import postgres_server
from tests.support.clock import Clock
from tests.support.lacking import lacking
from tests.support.postgres_server import PostgresServer
from tests.support.way_in import WayIn
from tests.support.world import World, living

# Tests start the relay as a program a hundred times: let it be compiled once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Many tests wait for a process or a time limit: two of them share a core well.
TESTS_PER_CORE = 2
MOST_WORKERS = 8

# Tests above the store run on SQLite; that they hold on PostgreSQL too costs a third of
# all time. README's command repeats there the main flow and all tests of the store,
# .ci/run also the rest.
REPEATED = ("tests/flow/", "tests/api/", "tests/console/", "tests/inbound/")
ALWAYS_ON_BOTH = ("tests/flow/test_flow.py", "tests/api/test_shipments.py")

# Tests that take seconds start first, so that none of them is the last alone.
LONG_FIRST = ("tests/system/", "tests/doctor/", "tests/store/test_dead_peers.py")

ACCOUNT = {"app_key": "key-of-the-store", "app_token": "token-of-the-store"}
CONTRACT = {"adapter": "acme", "secret": "secret-of-acme"}


def pytest_xdist_auto_num_workers() -> int:
    """Say how many processes run the tests."""
    return min(MOST_WORKERS, TESTS_PER_CORE * (os.cpu_count() or 1))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is repeated on PostgreSQL; put the tests that take seconds first."""
    for item in items:
        repeated = item.nodeid.startswith(REPEATED)
        if repeated and not item.nodeid.startswith(ALWAYS_ON_BOTH):
            parameters = getattr(item, "callspec", None)
            if parameters and "postgres" in parameters.params.values():
                item.add_marker("repeated")
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[bool, bool]:
    is_slow = item.get_closest_marker("slow") is not None
    return not is_slow, not item.nodeid.startswith(LONG_FIRST)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """Make settings with account `store` and contract `acme`.

    Tables that are given stand instead of these, or beside them.
    """

    def make(
        contracts: Mapping[str, Mapping[str, Any]] | None = None, **tables: Any
    ) -> Settings:
        given = {"acme": {}} if contracts is None else contracts
        return Settings.model_validate(
            {
                "accounts": {"store": ACCOUNT},
                "contracts": {n: _contract(c) for n, c in given.items()},
            }
            | tables
        )

    return make


def _contract(given: Mapping[str, Any]) -> dict[str, Any]:
    """Lay what is given over a contract that is signed."""
    signed = given.get("verification", "signature") == "signature"
    return (CONTRACT if signed else {"adapter": "acme"}) | dict(given)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """Start one server for all tests that want it."""
    why = postgres_server.missing()
    if why:
        lacking(why)
    with postgres_server.running() as server:
        yield server


@pytest.fixture
async def postgres_url(postgresql: PostgresServer) -> AsyncIterator[str]:
    """Give the address of a fresh database on PostgreSQL."""
    async with postgresql.fresh() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty database once; tests copy its file."""
    path = tmp_path_factory.mktemp("template") / "relay.db"

    async def make() -> None:
        database = SqliteDatabase(path)
        await database.open()
        await database.checkpoint(truncate=True)
        await database.close()

    with ThreadPoolExecutor(1) as thread:  # where no event loop runs
        thread.submit(asyncio.run, make()).result()
    return path


@pytest.fixture
async def sqlite(
    tmp_path: Path, sqlite_template: Path
) -> AsyncIterator[SqliteDatabase]:
    """Open a fresh database in a file, without waiting for the disk."""
    path = tmp_path / "relay.db"
    copyfile(sqlite_template, path)
    database = SqliteDatabase(path, synchronous="OFF")
    await database.open(serving=True)
    yield database
    await database.close()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    """Open a fresh database on PostgreSQL."""
    database = PostgresDatabase(postgres_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Give a fresh database: every test that wants one runs on both kinds."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    """Give a relay, a VTEX and a carrier, with settings as they are by default."""
    async with living(database) as made:
        yield made


@pytest.fixture
def worlds(database: Database) -> Callable[..., AbstractAsyncContextManager[World]]:
    """Make a world with other settings."""

    def make(**settings: Any) -> AbstractAsyncContextManager[World]:
        return living(database, **settings)

    return make


@pytest.fixture
def way_in(
    database: Database, clock: Clock, settings: Callable[..., Settings]
) -> WayIn:
    """Give intake and reader of contract `acme` over a database of both kinds."""
    return WayIn(database, clock, settings().contracts)

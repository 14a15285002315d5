"""A server or a replica that is dead, frozen or cut off holds nobody up for long."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from relay.errors import BacklogFull, DatabaseUnavailable
from relay.health import Health
from relay.runtime.monitors import DatabaseMonitor
from relay.store.database import Database
from relay.store.postgres import PostgresDatabase
from relay.store.postgres_limits import PostgresLimits
from tests.support import acme
from tests.support.clock import Clock
from tests.support.postgres_server import PostgresServer
from tests.support.proxy import Proxy, proxied
from tests.support.way_in import WayIn, until

SHORT = PostgresLimits(connect=3, acquire=6, statement=2, command=2, lock=0.5, idle=2)


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncIterator[Proxy]:
    """Run a proxy in front of the server."""
    port = urlsplit(postgres_url).port
    assert port is not None
    async with proxied(port) as made:
        yield made


@pytest.fixture
async def behind(postgres_url: str, proxy: Proxy) -> AsyncIterator[PostgresDatabase]:
    """Open the database behind the proxy, with short limits."""
    name = postgres_url.rsplit("/", 1)[1]
    database = PostgresDatabase(
        f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}", SHORT
    )
    await database.open()
    yield database
    async with asyncio.timeout(30):
        await database.close()


async def accounts(database: Database) -> list[str]:
    async with database.reading() as tx:
        return [r["account"] for r in await tx.rows("list_accounts")]


async def add(database: Database, name: str) -> None:
    async with database.writing() as tx:
        await tx.run("add_account", account=name)


async def test_silently_dead_connections_are_replaced(
    behind: PostgresDatabase, proxy: Proxy
) -> None:
    await asyncio.gather(*(accounts(behind) for _ in range(8)))
    proxy.freeze()
    async with asyncio.timeout(60):
        answers = await asyncio.gather(
            *(add(behind, f"a{n}") for n in range(3)), return_exceptions=True
        )
        assert {type(a) for a in answers} == {DatabaseUnavailable}
        proxy.thaw()
        await until(lambda: _works(behind))
        assert "b" in await accounts(behind)


async def _works(database: Database) -> bool:
    try:
        await add(database, "b")
    except DatabaseUnavailable:
        return False
    return True


async def test_a_webhook_is_refused_within_seconds_while_the_server_is_silent(
    behind: PostgresDatabase, proxy: Proxy, way_in_behind: WayIn
) -> None:
    intake = way_in_behind.intake()
    proxy.freeze()
    async with asyncio.timeout(30):
        with pytest.raises(BacklogFull):
            await intake.accept("acme", acme.request(b"1"))
        monitor = DatabaseMonitor(behind, way_in_behind.health)
        await monitor.step()
    assert {r.split(":")[0] for r in way_in_behind.health.reasons()} == {
        "store",
        "database",
    }
    proxy.thaw()

    async def ready() -> bool:
        await monitor.step()
        await intake.probe()
        return not way_in_behind.health.reasons()

    await until(ready)
    assert (await intake.accept("acme", acme.request(b"2"))).status == 200


@pytest.fixture
def way_in_behind(behind: PostgresDatabase, clock: Clock, settings: object) -> WayIn:
    return WayIn(behind, clock, settings().contracts)  # type: ignore[operator]


async def test_the_database_closes_while_the_server_is_silent(
    behind: PostgresDatabase, proxy: Proxy
) -> None:
    await behind.listen(lambda _: None)
    await accounts(behind)
    proxy.freeze()
    async with asyncio.timeout(30):
        await behind.close()


@pytest.mark.parametrize("how", ["cut", "freeze"])
async def test_lost_notifications_are_listened_for_again(
    postgres: PostgresDatabase, behind: PostgresDatabase, proxy: Proxy, how: str
) -> None:
    heard: list[str] = []
    await behind.listen(lambda _: heard.append("notified"))
    getattr(proxy, how)()
    proxy.thaw()

    async def again() -> bool:
        await DatabaseMonitor(behind, Health(), timedelta(seconds=5)).step()
        return bool(heard)

    await until(again)  # something may have been missed meanwhile
    heard.clear()
    await postgres.notify()
    await until(lambda: bool(heard))


@pytest.fixture
async def standby(
    behind: PostgresDatabase, postgresql: PostgresServer, postgres_url: str
) -> AsyncIterator[PostgresDatabase]:
    """Let new connections to the database only read, as those to a standby."""
    name = urlsplit(postgres_url).path[1:]
    setting = f"ALTER DATABASE {name} SET default_transaction_read_only"
    await postgresql.execute(f"{setting} = on")
    yield behind
    await postgresql.execute(f"{setting} = off")


async def test_a_server_that_became_a_standby_takes_no_writes(
    standby: PostgresDatabase, proxy: Proxy
) -> None:
    await standby.check()
    proxy.cut()
    with pytest.raises(DatabaseUnavailable):
        await standby.check()
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        await standby.check()
    with pytest.raises(DatabaseUnavailable):
        await add(standby, "a")


HOLDER = """
import asyncio, sys
from relay.store.postgres import PostgresDatabase
from relay.store.postgres_limits import PostgresLimits

async def main():
    database = PostgresDatabase(sys.argv[1], PostgresLimits(idle=0.5))
    await database.open()
    async with database.writing() as tx:
        await tx.row("lock_account", account="a")
        print("locked", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@contextmanager
def frozen_holder(url: str) -> Iterator[None]:
    """Run a second process that locks the account's row and is frozen then."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        process.send_signal(signal.SIGSTOP)
        yield
    finally:
        process.kill()
        process.communicate()


async def test_a_frozen_replica_loses_the_rows_it_holds(
    postgres: PostgresDatabase, postgres_url: str
) -> None:
    await add(postgres, "a")
    with frozen_holder(postgres_url):
        async with asyncio.timeout(60), postgres.writing() as tx:
            assert await tx.row("lock_account", account="a") is not None


async def test_a_row_that_stays_locked_is_an_outage_of_its_account_only(
    behind: PostgresDatabase, postgres: PostgresDatabase
) -> None:
    await add(postgres, "a")
    await add(postgres, "b")
    async with postgres.writing() as tx:
        await tx.row("lock_account", account="a")
        async with behind.writing() as other:
            assert await other.row("lock_account", account="b") is not None
        with pytest.raises(DatabaseUnavailable, match="lock timeout"):
            async with behind.writing() as other:
                await other.row("lock_account", account="a")

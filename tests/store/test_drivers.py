"""The two drivers: one set of queries, transactions for all or for nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from relay.clock import utcnow
from relay.errors import ConfigurationError
from relay.store.database import Database, Transaction, load_queries
from relay.store.postgres import PostgresDatabase
from relay.store.schema import VERSION
from relay.store.sqlite import SqliteDatabase
from tests.store.making import execute


@asynccontextmanager
async def opened(path: Path, **more: Any) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path)
    await database.open(**more)
    try:
        yield database
    finally:
        await database.close()


async def accounts(database: Database) -> list[str]:
    async with database.reading() as tx:
        return [r["account"] for r in await tx.rows("list_accounts")]


async def add(tx: Transaction, *names: str) -> None:
    await tx.many("add_account", [{"account": name} for name in names])


# Both.


async def test_what_is_written_is_there(database: Database) -> None:
    async with database.writing() as tx:
        await tx.run("add_account", account="a")
        await add(tx, "b", "c")
        await add(tx)
        row = await tx.row("account", account="b")
        assert row is not None
        assert row["account"] == "b"
        assert await tx.row("account", account="z") is None
    assert await accounts(database) == ["a", "b", "c"]


@pytest.mark.parametrize("way", ["read_in_one_go", "write_in_one_go"])
async def test_lists_have_the_values_of_the_rows(database: Database, way: str) -> None:
    names = ["plain", 'quo"ted', "back\\slash", "line\nbreak", "São Paulo \N{BUS}"]
    async with database.writing() as tx:
        await add(tx, *names)

    async def both(tx: Transaction) -> tuple[list[Any], list[Any]]:
        rows: list[Any] = list(await tx.rows("list_accounts"))
        return [list(r) for r in rows], [
            list(r) for r in await tx.lists("list_accounts")
        ]

    for _ in range(2):
        rows, lists = await getattr(database, way)(both)
        assert rows == lists
        assert sorted(r[0] for r in lists) == sorted(names)


async def test_lists_of_nothing_are_empty(database: Database) -> None:
    async def none(tx: Transaction) -> int:
        return len(await tx.lists("known_events_of_shipments", rows="[]"))

    assert await database.read_in_one_go(none) == 0


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, SystemExit])
async def test_what_fails_was_never_written(
    database: Database, error: type[BaseException]
) -> None:
    async def write() -> None:
        async with database.writing() as tx:
            await add(tx, "a")
            raise error

    with pytest.raises(error):
        await write()
    assert await accounts(database) == []
    async with database.writing() as tx:
        await add(tx, "b")
    assert await accounts(database) == ["b"]


async def test_a_statement_that_fails_takes_the_others_with_it(
    database: Database,
) -> None:
    async def write() -> None:
        async with database.writing() as tx:
            await add(tx, "a")
            await tx.run("add_account", account=None)

    with pytest.raises(Exception, match=r"(?i)null"):
        await write()
    assert await accounts(database) == []


async def test_a_reader_changes_nothing(database: Database) -> None:
    async def write() -> None:
        async with database.reading() as tx:
            await add(tx, "a")

    with pytest.raises(Exception, match=r"(?i)read-?only"):
        await write()
    assert await accounts(database) == []


async def test_a_reader_sees_one_state(database: Database) -> None:
    async with database.reading() as tx:
        assert await tx.rows("list_accounts") == []
        async with database.writing() as other:
            await add(other, "a")
        assert await tx.rows("list_accounts") == []
    assert await accounts(database) == ["a"]


async def test_more_may_read_at_once_than_there_are_connections(
    database: Database,
) -> None:
    found = await asyncio.gather(*(accounts(database) for _ in range(30)))
    assert found == [[]] * 30


async def test_writers_take_turns(database: Database) -> None:
    async def write(name: str) -> None:
        async with database.writing() as tx:
            await add(tx, name)

    await asyncio.gather(*(write(f"{n:02}") for n in range(30)))
    assert await accounts(database) == [f"{n:02}" for n in range(30)]


async def test_a_transaction_may_go_in_one_go(database: Database) -> None:
    async def write(tx: Transaction) -> str:
        await add(tx, "a")
        return "written"

    async def fail(tx: Transaction) -> None:
        await add(tx, "b")
        raise ValueError

    async def read(tx: Transaction) -> list[str]:
        return [r["account"] for r in await tx.rows("list_accounts")]

    assert await database.write_in_one_go(write) == "written"
    with pytest.raises(ValueError, match=r"^$"):
        await database.write_in_one_go(fail)
    assert await database.read_in_one_go(read) == ["a"]


async def test_the_numbers_of_new_events_are_reserved(database: Database) -> None:
    async with database.writing() as tx:
        numbers = await tx.new_events(3)
    assert len(set(numbers)) == 3
    assert list(numbers) == sorted(numbers)


# SQLite.


async def test_every_commit_is_on_disk_and_pages_can_be_given_back(
    tmp_path: Path,
) -> None:
    names = ("journal_mode", "synchronous", "auto_vacuum", "secure_delete")
    async with opened(tmp_path / "relay.db") as database:
        found = [await database.pragma(name) for name in names]
        assert found == ["wal", 2, 2, 1]
        assert await database.pragma("wal_autocheckpoint") == 0


async def test_only_one_process_serves_a_file(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    async with opened(path, serving=True):
        with pytest.raises(ConfigurationError, match="in use by another relay"):
            await SqliteDatabase(path).open(serving=True)
        async with opened(path) as beside, beside.writing() as tx:
            await add(tx, "a")
    async with opened(path, serving=True) as again:
        assert await accounts(again) == ["a"]


async def test_a_file_that_is_no_database_is_left_to_others(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    path.write_bytes(b"something else" * 99)
    with pytest.raises(Exception, match="not a database"):
        await SqliteDatabase(path).open(serving=True)
    path.unlink()
    async with opened(path, serving=True) as database:
        assert await accounts(database) == []


async def test_an_old_library_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.store.sqlite.OLDEST", (99, 0, 0))
    with pytest.raises(ConfigurationError, match=r"SQLite 3\.38 or newer"):
        await SqliteDatabase(tmp_path / "relay.db").open()


async def test_the_log_is_moved_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    async with opened(path) as database:
        async with database.writing() as tx:
            await add(tx, "a")
        log = path.with_name("relay.db-wal")
        assert log.stat().st_size > 0
        async with database.reading() as tx:
            await tx.rows("list_accounts")
            async with database.writing() as other:
                await add(other, "b")
            assert not await database.checkpoint(truncate=False)
        assert await database.checkpoint(truncate=False)
        assert log.stat().st_size > 0
        assert await database.checkpoint(truncate=True)
        assert log.stat().st_size == 0


async def test_nobody_is_told_of_news_where_there_are_no_replicas(
    sqlite: SqliteDatabase,
) -> None:
    heard = asyncio.Event()
    await sqlite.listen(lambda _: heard.set())
    await sqlite.notify()
    assert not heard.is_set()


# PostgreSQL.


async def test_replicas_hear_of_news(
    postgres: PostgresDatabase, postgres_url: str
) -> None:
    heard = asyncio.Event()
    replica = PostgresDatabase(postgres_url)
    await replica.open()
    await replica.listen(lambda _: heard.set())
    await postgres.notify()
    await asyncio.wait_for(heard.wait(), 30)
    await replica.close()


async def test_replicas_may_start_at_once(postgres_url: str) -> None:
    replicas = [PostgresDatabase(postgres_url) for _ in range(3)]
    await asyncio.gather(*(r.open() for r in replicas))
    async with replicas[0].writing() as tx:
        await add(tx, "a")
    assert await accounts(replicas[2]) == ["a"]
    await asyncio.gather(*(r.close() for r in replicas))


async def test_an_empty_database_is_brought_up_to_date(postgres_url: str) -> None:
    database = PostgresDatabase(postgres_url)
    await database.open()
    await execute(database, "DROP SCHEMA public CASCADE")
    await execute(database, "CREATE SCHEMA public")
    await database.close()
    again = PostgresDatabase(postgres_url)
    await again.open()
    numbers = await execute(again, "SELECT number FROM migrations ORDER BY number")
    assert [r["number"] for r in numbers] == [VERSION]
    assert await accounts(again) == []
    await again.close()


async def test_the_server_understands_every_query(postgres_url: str) -> None:
    queries = load_queries("postgres")
    connection = await asyncpg.connect(postgres_url)
    try:
        for name in queries.available_queries:
            if not name.endswith("_cursor"):
                assert await connection.prepare(getattr(queries, name).sql), name
    finally:
        await connection.close()


async def test_the_servers_time_and_settings_can_be_asked(
    postgres: PostgresDatabase,
) -> None:
    assert abs(await postgres.clock() - utcnow()) < timedelta(seconds=30)
    assert await postgres.setting("server_encoding") == "UTF8"


# One set of queries, one set of tables.


def test_both_databases_have_the_same_queries() -> None:
    one, other = load_queries("sqlite"), load_queries("postgres")
    assert set(one.available_queries) == set(other.available_queries)


def test_locking_clauses_are_postgresqls_alone() -> None:
    assert "FOR UPDATE" not in load_queries("sqlite").claim_shipments.sql
    assert "FOR UPDATE SKIP LOCKED" in load_queries("postgres").claim_shipments.sql
    assert "FOR UPDATE OF r" in load_queries("postgres").lock_known_references.sql
    assert "FOR UPDATE" not in load_queries("sqlite").lock_known_references.sql


async def test_both_databases_have_the_same_columns(
    sqlite: SqliteDatabase, postgres: PostgresDatabase
) -> None:
    tables = await execute(
        sqlite, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
    )
    here = {
        (t["name"], c["name"])
        for t in tables
        for c in await execute(sqlite, f"PRAGMA table_xinfo({t['name']})")
    }
    there = await execute(
        postgres,
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'migrations'",
    )
    assert {(r["table_name"], r["column_name"]) for r in there} == here

"""`relay database move`: from an SQLite file to PostgreSQL."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.runtime.assemble import assemble
from relay.runtime.database import opened
from relay.store import table_batches
from relay.store.postgres_unfinished import NOTES
from relay.store.table_batches import COUNTED_APART, TableShape, in_batches, shapes
from tests.cli.conftest import Cli
from tests.cli.test_database import failed, serving
from tests.support.postgres_server import PostgresServer

T = TypeVar("T")
ROWS = 25
ROOT = Path(__file__).parents[2]


@pytest.fixture
def target(postgresql: PostgresServer) -> Any:
    """Give the address of a fresh database to a test without an event loop."""
    with asyncio.Runner() as runner:
        fresh = postgresql.fresh()
        yield runner.run(fresh.__aenter__())
        runner.run(fresh.__aexit__(None, None, None))


@pytest.fixture
def filled(cli: Cli, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Put rows into every table that there is, with values for each column."""
    assert ids
    monkeypatch.setattr(table_batches, "MOST_ROWS", 10)
    with closing(sqlite3.connect(cli.file)) as connection:
        for shape in shapes(connection):
            info = f"PRAGMA table_info({shape.name})"
            kinds = [row[2] for row in connection.execute(info)]
            marks = ", ".join("?" * len(kinds))
            names = ", ".join(shape.columns)
            sql = f"INSERT INTO {shape.name} ({names}) VALUES ({marks})"  # noqa: S608
            connection.executemany(
                sql, [[value(k, n) for k in kinds] for n in range(ROWS)]
            )
        connection.commit()
    return cli


def value(kind: str, number: int) -> object:
    """Return a value of its own for a row; texts sort otherwise in most languages."""
    text = f"{'Zz-_á~ é'[number % 8]}{number}"
    return {"INTEGER": 1000 + number, "TEXT": text, "BLOB": bytes(range(number))}[kind]


def source_rows(cli: Cli) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(cli.file)) as connection:
        return {
            s.name: sorted(connection.execute(s.select()), key=ascii)
            for s in shapes(connection)
        }


def on_server(url: str, act: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
    async def acted() -> T:
        connection = await asyncpg.connect(url)
        try:
            return await act(connection)
        finally:
            await connection.close()

    return asyncio.run(acted())


def target_rows(cli: Cli, url: str) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(cli.file)) as connection:
        tables = shapes(connection)

    async def act(server: Any) -> dict[str, list[tuple[Any, ...]]]:
        return {
            s.name: sorted(map(tuple, await server.fetch(s.select())), key=ascii)
            for s in tables
        }

    return on_server(url, act)


def test_all_tables_are_moved_with_all_columns(filled: Cli, target: str) -> None:
    """A table that is added to the schema gets rows here, so it cannot be missed."""
    before = source_rows(filled)
    assert all(len(rows) >= ROWS for rows in before.values())

    ran = filled("database", "move", target)

    assert ran.exit_code == 0, ran.exception
    total = sum(map(len, before.values()))
    assert f"moved {total} rows of {len(before)} tables; all equal" in ran.stdout
    assert f"compared {total} of {total} rows (100 %)" in ran.stderr
    assert source_rows(filled) == before  # also what triggers set there
    assert target_rows(filled, target) == before

    async def tables(server: Any) -> set[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        return {row["tablename"] for row in await server.fetch(query)}

    assert on_server(target, tables) == {*before, COUNTED_APART, "migrations"}


def test_new_rows_get_new_numbers(filled: Cli, target: str) -> None:
    assert filled("database", "move", target).exit_code == 0
    shipments = source_rows(filled)["shipments"]

    async def act(server: Any) -> tuple[int, int]:
        columns = "id, account, order_id, invoice_number, contract, volumes"
        row = await server.fetchrow(
            f"INSERT INTO shipments ({columns}, registered_at) "  # noqa: S608
            "VALUES ('new', 'store', 'O-9', '1', 'swift', 1, 1) "
            "RETURNING shipment, change_number"
        )
        return tuple(row)

    number, change = on_server(target, act)
    assert number > max(row[0] for row in shipments)
    with closing(sqlite3.connect(filled.file)) as connection:
        latest = "SELECT max(change_number) FROM shipments"
        assert change > connection.execute(latest).fetchone()[0]


def test_what_postgresql_cannot_store_is_replaced(cli: Cli, target: str) -> None:
    note = "INSERT INTO notes (shipment, noted_at, text) VALUES (1, 1, char(65, 0, 66))"

    async def act(database: Any) -> None:
        async with database.writing() as tx:
            await tx._connection.execute(note)  # noqa: SLF001

    cli.on_database(act)
    ran = cli("database", "move", target)
    assert "1 texts had characters that PostgreSQL cannot store" in ran.stdout
    assert [row[3] for row in target_rows(cli, target)["notes"]] == ["A\ufffdB"]


def test_no_relay_starts_on_the_file_after_it(filled: Cli, target: str) -> None:
    assert filled("database", "move", target).exit_code == 0
    for command in (("shipments", "list"), ("database", "move", target)):
        assert "was moved to PostgreSQL at 20" in failed(filled(*command))
    settings = Settings(database=f"sqlite:///{filled.file}")

    async def serve() -> None:
        async with assemble(settings):
            raise AssertionError("it started")

    with pytest.raises(ConfigurationError, match=r"delete .*relay\.db\.lock"):
        asyncio.run(serve())
    assert filled("database", "backup", "saved.db").exit_code == 0
    said = filled("status").output
    assert "its rows were moved to PostgreSQL" in said
    assert "name the PostgreSQL database in the settings" in said

    filled.file.with_name("relay.db.lock").unlink()  # an operator insists
    assert filled("shipments", "list").exit_code == 0


def test_a_served_file_is_not_moved(cli: Cli, ids: list[str], target: str) -> None:
    assert ids
    with serving(cli):
        assert "in use by another relay" in failed(cli("database", "move", target))
    assert target_rows(cli, target)["shipments"] == []


def test_rows_of_others_are_left_alone(cli: Cli, ids: list[str], target: str) -> None:
    assert ids
    stranger = "INSERT INTO handshakes VALUES ('swift', 1)"
    on_server(target, lambda server: server.execute(stranger))
    for more in ((), ("--restart",)):
        said = failed(cli("database", "move", target, *more))
        assert "has rows already (in handshakes)" in said
    assert target_rows(cli, target)["handshakes"] == [("swift", 1)]
    assert cli("shipments", "list").exit_code == 0  # the file is as before


def test_a_move_that_was_killed_continues(
    filled: Cli, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process waits for a table that the test has locked, and is killed there."""
    monkeypatch.setattr(table_batches, "MOST_ROWS", 1000)  # as in the other process
    before = source_rows(filled)
    environ = os.environ | filled.environ | {"PYTHONPATH": str(ROOT)}

    async def act(server: Any) -> list[Any]:
        lock = server.transaction()
        await lock.start()
        await server.execute("LOCK TABLE events IN SHARE MODE")
        command = [sys.executable, "-m", "relay", "database", "move", target]
        process = subprocess.Popen(  # noqa: ASYNC220 -- it does not block
            command, env=environ, stderr=subprocess.DEVNULL
        )
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not await server.fetchval(waiting):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        await lock.rollback()
        noted: list[Any] = await server.fetch(
            f"SELECT table_name, xmin::text FROM {NOTES} ORDER BY 1"  # noqa: S608
        )
        return noted

    noted = on_server(target, act)
    assert [row["table_name"] for row in noted] == [t for t in before if t < "events"]

    async def serve() -> None:
        async with opened(Settings(database=target)):
            raise AssertionError("it started")

    with pytest.raises(ConfigurationError, match="unfinished"):
        asyncio.run(serve())
    ran = filled("database", "move", target)
    assert ran.exit_code == 0, ran.exception
    assert target_rows(filled, target) == before


def test_a_move_of_what_changed_meanwhile_begins_again(
    filled: Cli, target: str
) -> None:
    """The second step finds other rows in the source, the third in the target."""

    def on_target(statement: str) -> None:
        on_server(target, lambda server: server.execute(statement))

    on_target("ALTER TABLE events ADD CONSTRAINT never CHECK (event < 0)")
    assert "run the same command again" in failed(filled("database", "move", target))
    assert filled("shipments", "list").exit_code == 0
    with closing(sqlite3.connect(filled.file)) as connection:
        connection.execute("UPDATE accounts SET claims = 5 WHERE account = 'Z0'")
        connection.commit()
    said = failed(filled("database", "move", target))
    assert "accounts has changed since the move began" in said

    assert "interrupted" in failed(filled("database", "move", target, "--restart"))
    on_target("ALTER TABLE events DROP CONSTRAINT never")
    on_target("UPDATE accounts SET claims = 6 WHERE account = 'Z0'")
    said = failed(filled("database", "move", target))
    assert "accounts in the target differs from the source: batch 0" in said

    assert filled("database", "move", target, "--restart").exit_code == 0
    assert target_rows(filled, target) == source_rows(filled)


def test_at_no_moment_can_relays_start_on_both(filled: Cli, target: str) -> None:
    """The last step fails here: the file is marked, and the target is unfinished."""

    def rename(name: str, to: str) -> None:
        sql = f"ALTER FUNCTION {name}() RENAME TO {to}"
        on_server(target, lambda server: server.execute(sql))

    async def start() -> None:
        async with opened(Settings(database=target)):
            raise AssertionError("it started")

    rename("continue_changes", "away")
    assert "interrupted" in failed(filled("database", "move", target))
    rename("away", "continue_changes")
    assert "was moved to PostgreSQL" in failed(filled("shipments", "list"))
    with pytest.raises(ConfigurationError, match="unfinished"):
        asyncio.run(start())

    assert filled("database", "move", target).exit_code == 0
    assert target_rows(filled, target) == source_rows(filled)


def test_a_batch_has_rows_and_bytes_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_batches, "MOST_ROWS", 3)
    monkeypatch.setattr(table_batches, "MOST_BYTES", 10)
    rows = [(1, "a"), (2, "b"), (3, None), (4, b"0123456789"), (5, "a\0")]
    found = list(in_batches(rows))
    assert [len(batch.rows) for batch in found] == [3, 1, 1]
    assert [batch.altered for batch in found] == [0, 0, 1]
    assert len({batch.digest for batch in found}) == 3
    assert TableShape("t", ("a", "b"), ("b",), frozenset("b")).select(
        'COLLATE "C"'
    ) == ('SELECT a, b FROM t ORDER BY b COLLATE "C"')

import re
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from relay import store
from relay.errors import ConfigurationError
from relay.store.database import Database
from relay.store.postgres import PostgresDatabase
from relay.store.schema import OLDEST, VERSION, schema, scripts
from relay.store.sqlite import SqliteDatabase
from tests.support.way_in import everything

STORE = Path(store.__file__).parent
COLUMN = re.compile(r"^    (\w+) (?:TEXT|INTEGER|BLOB)", re.MULTILINE)


@pytest.mark.parametrize(
    ("version", "says", "hint"),
    [
        (OLDEST - 1, "from before the first release", "name another database"),
        (VERSION + 1, "a newer relay", "start that version: the data is safe"),
    ],
)
async def test_a_file_of_another_version_is_refused_and_left_as_it_is(
    tmp_path: Path, version: int, says: str, hint: str
) -> None:
    path = tmp_path / "relay.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE told (shipment INTEGER)")
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(ConfigurationError, match=says) as refused:
        await SqliteDatabase(path).open()
    assert hint in str(refused.value)
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
    assert tables == [("told",)]


async def test_a_database_of_another_version_is_refused(postgres_url: str) -> None:
    database = PostgresDatabase(postgres_url)
    await database.open()
    await database.close()
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("UPDATE migrations SET number = $1", OLDEST - 1)
    await connection.close()
    with pytest.raises(ConfigurationError, match="from before the first release"):
        await PostgresDatabase(postgres_url).open()


NEW = (
    "invoices",
    "invoice_calls",
    "audit_entries",
    "console_sessions",
    "discovered_orders",
    "discovery_states",
)
"""The tables that version 8 did not have."""
WITHOUT_NEW_COLUMNS = "ALTER TABLE event_documents DROP COLUMN refs"


async def test_a_file_of_an_earlier_version_is_upgraded(tmp_path: Path) -> None:
    """It has the same schema afterwards as a new one, and its rows."""
    path = tmp_path / "relay.db"
    await _closed(SqliteDatabase(path))
    with sqlite3.connect(path) as connection:
        as_new = _definitions(connection)
        for table in NEW:
            connection.execute(f"DROP TABLE {table}")
        connection.execute(WITHOUT_NEW_COLUMNS)
        connection.execute("INSERT INTO event_documents VALUES (1, 1, 0)")
        connection.execute("INSERT INTO accounts (account) VALUES ('acme')")
        connection.execute(f"PRAGMA user_version = {OLDEST}")
    await _closed(SqliteDatabase(path))
    with sqlite3.connect(path) as connection:
        assert _definitions(connection) == as_new
        assert connection.execute("SELECT account FROM accounts").fetchall() == [
            ("acme",)
        ]
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


async def _closed(database: SqliteDatabase) -> None:
    """Open a database, which upgrades it, and close it again."""
    await database.open()
    await database.close()


def _definitions(connection: sqlite3.Connection) -> set[str]:
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {" ".join(sql.split()) for (sql,) in found}


async def test_a_database_of_an_earlier_version_is_upgraded(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    database = PostgresDatabase(postgres_url)
    await database.open()
    await database.close()
    as_new = await connection.fetch(COLUMNS)
    for table in NEW:
        await connection.execute(f"DROP TABLE {table}")
    await connection.execute(WITHOUT_NEW_COLUMNS)
    await connection.execute("UPDATE migrations SET number = $1", OLDEST)
    await database.open()
    await database.close()
    assert await connection.fetch(COLUMNS) == as_new
    await connection.close()


COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable
    FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY 1, 2
"""


async def test_every_table_of_the_schema_is_there(database: Database) -> None:
    names = re.findall(r"CREATE TABLE (\w+)", schema("sqlite"))
    assert len(names) > 10
    for name in names:
        assert await everything(database, name) == []


def _objects(script: str) -> dict[str, str]:
    """Return the tables and indexes that a script makes, without comments."""
    plain = re.sub(r"--.*", "", script)
    made = re.findall(r"CREATE (?:TABLE|INDEX) (\w+)[^;]*;", plain)
    texts = re.findall(r"CREATE (?:TABLE|INDEX) \w+[^;]*;", plain)
    return dict(zip(made, (" ".join(t.split()) for t in texts), strict=True))


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_an_upgraded_database_has_the_tables_of_a_new_one(dialect: Any) -> None:
    new = _objects(schema(dialect))
    numbers = [number for number, _ in scripts(OLDEST, dialect)]
    assert numbers == list(range(OLDEST + 1, VERSION + 1))
    for _, script in scripts(OLDEST, dialect):
        for name, text in _objects(script).items():
            assert new[name] == text


def test_a_database_of_this_version_needs_nothing() -> None:
    assert scripts(VERSION, "sqlite") == []


def test_both_databases_have_the_same_tables_and_columns() -> None:
    def columns(script: str) -> list[str]:
        return re.findall(r"^    (\w+) [A-Z]+", script, re.MULTILINE)

    assert columns(schema("postgres").split("CREATE FUNCTION")[0]) == columns(
        schema("sqlite").split("CREATE TRIGGER")[0]
    )


def _python() -> str:
    modules = STORE.parent.rglob("*.py")
    return "\n".join(path.read_text(encoding="utf-8") for path in modules)


def _sql() -> str:
    return "\n".join(p.read_text(encoding="utf-8") for p in STORE.glob("sql/*.sql"))


def _reads(sql: str) -> str:
    """Return queries without the columns that they only write."""
    sql = re.sub(r"--.*", "", sql)
    sql = re.sub(r"INSERT INTO \w+\s*\([^)]*\)", "", sql)
    return re.sub(r"(\bSET|,)\s+\w+ =", r"\1", sql)


def test_every_named_query_is_used() -> None:
    python = _python()
    names = re.findall(r"-- name: (\w+)", _sql())
    assert len(names) > 100
    assert [n for n in names if f'"{n}"' not in python] == []


def test_every_column_is_read() -> None:
    reads, python = _reads(_sql()), _python()
    names = sorted(set(COLUMN.findall((STORE / "schema.sql").read_text())))
    assert len(names) > 100
    unread = [
        name
        for name in names
        if not re.search(rf"(?<!:)\b{name}\b", reads)
        and not re.search(rf"\[?\"{name}\"|\b{name}: |\.{name}\b", python)
    ]
    assert unread == []

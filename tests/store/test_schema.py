import re
import sqlite3
from collections.abc import AsyncIterator
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
from tests.store.making import execute
from tests.support.postgres_server import PostgresServer
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


VERSIONS = Path(__file__).parent / "versions"
"""The scripts that made databases of earlier versions."""
SHIPMENT = (
    "INSERT INTO shipments (id, account, order_id, invoice_number, contract, volumes,"
    " registered_at) VALUES ('a', 'store', 'O-1', '1', 'acme', 1, 5)"
)


@pytest.fixture
async def earlier_sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    """Open a file that the oldest version with an upgrade had made."""
    path = tmp_path / "earlier.db"
    with sqlite3.connect(path) as made:
        made.executescript(_earlier("sqlite"))
        made.execute(SHIPMENT)
        made.execute("INSERT INTO accounts (account) VALUES ('store')")
        made.execute(f"PRAGMA user_version = {OLDEST}")
    database = SqliteDatabase(path)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def earlier_postgres(postgres_url: str) -> AsyncIterator[Database]:
    """Open a database that the oldest version with an upgrade had made."""
    made = await asyncpg.connect(postgres_url)
    await made.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await made.execute(_earlier("postgres") + SHIPMENT)
    await made.execute("INSERT INTO accounts (account) VALUES ('store')")
    await made.execute("CREATE TABLE migrations (number BIGINT PRIMARY KEY)")
    await made.execute("INSERT INTO migrations VALUES ($1)", OLDEST)
    await made.close()
    database = PostgresDatabase(postgres_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture(params=["earlier_sqlite", "earlier_postgres"])
def earlier(request: pytest.FixtureRequest) -> Database:
    """Give an earlier database of both kinds, as it is after its upgrade."""
    found: Database = request.getfixturevalue(request.param)
    return found


def _earlier(dialect: str) -> str:
    return (VERSIONS / f"{OLDEST:03}.{dialect}.sql").read_text(encoding="utf-8")


async def test_an_earlier_database_is_upgraded_with_its_rows(
    earlier: Database,
) -> None:
    (row,) = await everything(earlier, "shipments")
    assert (row["order_id"], row["updates"], row["verified_at"]) == ("O-1", 0, None)
    (account,) = await everything(earlier, "accounts")
    assert (account["list_mode"], account["read_backs"]) == (None, 0)


async def test_an_upgraded_database_lists_changes_like_a_new_one(
    earlier: Database,
) -> None:
    (before,) = await everything(earlier, "shipments")
    await execute(earlier, "UPDATE shipments SET verified_at = 7")
    (after,) = await everything(earlier, "shipments")
    assert after["change_number"] > before["change_number"]
    assert after["updated_at"] == 7


async def test_an_upgraded_file_has_the_schema_of_a_new_one(
    earlier_sqlite: Database, sqlite: Database
) -> None:
    for query in (SQLITE_COLUMNS, SQLITE_DEFINITIONS):
        assert await _found(earlier_sqlite, query) == await _found(sqlite, query)


async def test_an_upgraded_database_has_the_schema_of_a_new_one(
    earlier_postgres: Database, postgresql: PostgresServer
) -> None:
    async with postgresql.fresh() as url:
        new = PostgresDatabase(url)
        await new.open()
        for query in (COLUMNS, INDEXES, FUNCTIONS, TRIGGERS, CONSTRAINTS):
            assert await _found(earlier_postgres, query) == await _found(new, query)
        await new.close()


async def _found(database: Database, query: str) -> list[tuple[Any, ...]]:
    """Return rows in any order, with blanks of their texts as one."""
    found = [
        tuple(" ".join(v.split()) if isinstance(v, str) else v for v in row.values())
        for row in await execute(database, query)
    ]
    assert found
    return sorted(found, key=repr)


# A column that was added later is the last one, so columns are compared in any order.
SQLITE_COLUMNS = """
    SELECT t.name AS "table", t.strict, t.wr, c.name, c.type, c."notnull", c.pk,
           c.dflt_value, c.hidden
    FROM pragma_table_list AS t JOIN pragma_table_xinfo(t.name) AS c
    WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%'
"""
SQLITE_DEFINITIONS = """
    SELECT type, name, tbl_name, CASE WHEN type <> 'table' THEN sql END AS sql
    FROM sqlite_master
"""
COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default,
           generation_expression, is_identity
    FROM information_schema.columns WHERE table_schema = 'public'
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
FUNCTIONS = """
    SELECT p.proname, pg_get_functiondef(p.oid) AS definition FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = 'public'
"""
TRIGGERS = "SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger"
CONSTRAINTS = """
    SELECT conrelid::regclass::text AS on_table, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
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

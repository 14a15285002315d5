"""Many rows are inserted with few statements, and as one by one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from relay.store.database import load_queries
from relay.store.sqlite_inserts import MOST_ROWS, run_many, widened

TABLE = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL, c INTEGER) STRICT"
INSERT = """
    INSERT INTO t (a, b, c) VALUES (:key, :text, 7)
    ON CONFLICT (a) DO UPDATE SET b = t.b || excluded.b
"""


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        opened.execute(TABLE)
        yield opened


@pytest.mark.parametrize(
    "count", [1, MOST_ROWS - 1, MOST_ROWS, MOST_ROWS + 1, 3 * MOST_ROWS + 7]
)
def test_rows_are_inserted_in_their_order(
    connection: sqlite3.Connection, count: int
) -> None:
    # Every fourth row meets an earlier one, in the same statement or in another.
    rows = [{"text": f"{n};", "key": n if n % 4 else n // 8} for n in range(count)]
    run_many(connection, INSERT, rows)
    found = connection.execute("SELECT a, b, c FROM t ORDER BY a").fetchall()

    connection.execute("DELETE FROM t")
    connection.executemany(INSERT, rows)
    assert found == connection.execute("SELECT a, b, c FROM t ORDER BY a").fetchall()
    assert found


def test_many_rows_take_few_statements(connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    run_many(connection, INSERT, [{"key": n, "text": ""} for n in range(500)])
    assert len(statements) == 500 / MOST_ROWS


def test_a_few_rows_take_few_statements(connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    run_many(connection, INSERT, [{"key": n, "text": ""} for n in range(36)])
    assert len(statements) == len((16, 16, 4))


def test_a_row_that_is_refused_is_an_error(connection: sqlite3.Connection) -> None:
    rows = [{"key": n, "text": None if n == 70 else ""} for n in range(120)]
    with pytest.raises(sqlite3.IntegrityError):
        run_many(connection, INSERT, rows)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET b = :text WHERE a = :key",
        "INSERT INTO t (a, b) SELECT :key, :text",
        "INSERT INTO t (a, b) VALUES (:key, upper(:text))",
        "INSERT INTO t (a, b) VALUES (:key, '') ON CONFLICT DO UPDATE SET b = :text",
    ],
)
def test_other_statements_run_row_by_row(
    connection: sqlite3.Connection, sql: str
) -> None:
    assert widened(sql) is None
    run_many(connection, sql, [{"key": n, "text": "x"} for n in range(60)])


def test_a_statement_has_no_more_values_than_every_sqlite_accepts() -> None:
    event = widened(load_queries("sqlite").add_event.sql)
    assert event is not None
    assert 900 - len(event.names) < event.sql.count("?") <= 900

"""A whole SQLite transaction in the thread of its connection.

aiosqlite passes every statement to that thread, which costs about as much as the
statement itself. Here the transaction's code runs in the thread, too.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

from relay.store.codec import loads
from relay.store.database import Row, Transaction
from relay.store.outages import outages
from relay.store.sqlite_inserts import run_many
from relay.store.write_turn import WriteTurn

T = TypeVar("T")
Work = Callable[[Transaction], Coroutine[Any, Any, T]]

BEGIN_WRITING: Final = "BEGIN IMMEDIATE"
LAST_EVENT: Final = "SELECT coalesce(max(event), 0) FROM events"


class DirectTransaction(Transaction):
    """Runs named queries synchronously: its coroutines never suspend."""

    def __init__(self, connection: sqlite3.Connection, queries: Any) -> None:
        self._connection = connection
        self._queries = queries

    async def rows(self, query: str, **values: Any) -> Sequence[Row]:
        """Run *query* and return its rows."""
        sql = getattr(self._queries, query).sql
        with outages():
            found = self._connection.execute(sql, values).fetchall()
        return cast("Sequence[Row]", found)

    async def lists(self, query: str, **values: Any) -> Sequence[Sequence[Any]]:
        """Run *query* and return the values of its rows, all in one step.

        The interpreter lock is released for every step, and while the event loop is
        busy it comes back late: a hundred rows would wait a hundred times.
        """
        sql = getattr(self._queries, query).sql
        with outages():
            sql = in_one_step(self._connection, sql, values)
            (found,) = self._connection.execute(sql, values).fetchone()
        return cast("Sequence[Sequence[Any]]", loads(found))

    async def run(self, query: str, **values: Any) -> None:
        """Run *query* and ignore its rows."""
        await self.rows(query, **values)

    async def lock(self, query: str, **values: Any) -> None:
        """Do nothing: there is one writer."""

    async def many(self, query: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run *query* once for each of *rows*."""
        if rows:
            with outages():
                run_many(self._connection, getattr(self._queries, query).sql, rows)

    async def new_events(self, count: int) -> Sequence[int]:
        """Reserve *count* numbers for new events."""
        first: int = 1 + self._connection.execute(LAST_EVENT).fetchone()[0]
        return range(first, first + count)

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """Open a savepoint: if its body fails, only the body's changes are undone."""
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # SQLite undoes all if the disk is full
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            raise
        self._connection.execute("RELEASE part")


_ONE_STEP: Final[dict[str, str]] = {}
"""By query: the query that returns all its rows as one JSON text."""


def in_one_step(
    connection: sqlite3.Connection, sql: str, values: Mapping[str, Any]
) -> str:
    """Return the query for the rows of *sql* as one JSON text, in their order.

    The columns need different names, and no BLOBs.
    """
    if sql not in _ONE_STEP:
        rows = f"({sql.rstrip().removesuffix(';')})"
        empty = connection.execute(f"SELECT * FROM {rows} LIMIT 0", values)  # noqa: S608
        names = ", ".join(column[0] for column in empty.description)
        one = f"SELECT json_group_array(json_array({names})) FROM {rows}"  # noqa: S608
        _ONE_STEP[sql] = one
    return _ONE_STEP[sql]


def run_writing(
    turn: WriteTurn, connection: sqlite3.Connection, queries: Any, work: Work[T]
) -> T:
    """Run *work* in a writing transaction, when it is this process's turn."""
    with turn.held():
        return run_transaction(connection, queries, BEGIN_WRITING, work)


def run_writing_lazily(
    turn: WriteTurn, connection: sqlite3.Connection, queries: Any, work: Work[T]
) -> T:
    """Do the same without waiting for the disk.

    Only a crash of the machine, not of a process, can undo such a commit, and every
    later one that waits for the disk includes it: the write-ahead log is written in
    order (https://www.sqlite.org/pragma.html#pragma_synchronous).
    """
    (before,) = connection.execute("PRAGMA synchronous").fetchone()
    connection.execute("PRAGMA synchronous = NORMAL")
    try:
        return run_writing(turn, connection, queries, work)
    finally:
        connection.execute(f"PRAGMA synchronous = {before}")


def run_transaction(
    connection: sqlite3.Connection, queries: Any, begin: str, work: Work[T]
) -> T:
    """Run *work* between *begin* and COMMIT; roll back if it fails."""
    with outages():
        connection.execute(begin)
    try:
        result = _completed(work(DirectTransaction(connection, queries)))
        with outages():
            connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return result


def _completed(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run *coroutine* without an event loop; raise `RuntimeError` if it suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    coroutine.close()
    raise RuntimeError("the transaction awaited something other than its statements")

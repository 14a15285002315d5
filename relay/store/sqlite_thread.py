"""A whole SQLite transaction in the thread of its connection.

Between threads every statement costs as much as the statement itself. Here a
transaction's code runs where its statements do, from the first to the last.
"""

import sqlite3
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from relay.store.database import Row, Transaction

T = TypeVar("T")
Work = Callable[[Transaction], Coroutine[Any, Any, T]]

LAST_EVENT: Final = "SELECT coalesce(max(event), 0) FROM events"


class DirectTransaction:
    """Runs named queries at once; nothing is ever waited for."""

    def __init__(self, connection: sqlite3.Connection, queries: Any) -> None:
        self._connection = connection
        self._queries = queries

    async def rows(self, query: str, **values: Any) -> Sequence[Row]:
        """Run *query* and return its rows."""
        sql = getattr(self._queries, query).sql
        return cast("Sequence[Row]", self._connection.execute(sql, values).fetchall())

    async def row(self, query: str, **values: Any) -> Row | None:
        """Run *query* and return its first row, if there is one."""
        found = await self.rows(query, **values)
        return found[0] if found else None

    async def run(self, query: str, **values: Any) -> None:
        """Run *query* for what it changes."""
        await self.rows(query, **values)

    async def many(self, query: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run *query* once for each of *rows*."""
        if rows:
            self._connection.executemany(getattr(self._queries, query).sql, rows)

    async def new_events(self, count: int) -> Sequence[int]:
        """Reserve the numbers of events that are about to be added."""
        first: int = 1 + self._connection.execute(LAST_EVENT).fetchone()[0]
        return range(first, first + count)


def run_transaction(
    connection: sqlite3.Connection, queries: Any, begin: str, work: Work[T]
) -> T:
    """Run *work* between *begin* and COMMIT; undo everything if it fails."""
    connection.execute(begin)
    try:
        result = _completed(work(DirectTransaction(connection, queries)))
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return result


def _completed(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what *coroutine* returns, which must not wait for anything."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    coroutine.close()
    raise RuntimeError("a transaction in one go waited for something else")

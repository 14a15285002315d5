"""A transaction on one SQLite connection, statement by statement."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import aiosqlite

from relay.store.database import Row, Transaction
from relay.store.outages import outages
from relay.store.sqlite_thread import LAST_EVENT


class SqliteTransaction(Transaction):
    """Runs named queries on one connection."""

    def __init__(self, connection: aiosqlite.Connection, queries: Any) -> None:
        self._connection = connection
        self._queries = queries

    async def rows(self, query: str, **values: Any) -> Sequence[Row]:
        """Run *query* and return its rows."""
        sql = getattr(self._queries, query).sql
        with outages():
            found = await self._connection.execute_fetchall(sql, values)
        return cast("Sequence[Row]", found)

    async def run(self, query: str, **values: Any) -> None:
        """Run *query* and ignore its rows."""
        await self.rows(query, **values)

    async def lock(self, query: str, **values: Any) -> None:
        """Do nothing: there is one writer."""

    async def many(self, query: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run *query* once for each of *rows*."""
        if rows:
            sql = getattr(self._queries, query).sql
            with outages():
                await self._connection.executemany(sql, rows)

    async def new_events(self, count: int) -> Sequence[int]:
        """Reserve *count* numbers for new events."""
        last = await self._connection.execute_fetchall(LAST_EVENT)
        first: int = 1 + next(iter(last))[0]
        return range(first, first + count)

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """Open a savepoint: if its body fails, only the body's changes are undone."""
        run = self._connection.execute_fetchall
        await run("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # SQLite undoes all if the disk is full
                await run("ROLLBACK TO part")
                await run("RELEASE part")
            raise
        await run("RELEASE part")

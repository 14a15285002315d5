"""The database interface, and the named queries that SQLite and PostgreSQL share.

The SQL is in `sql/*.sql`. A list of rows is passed as one JSON text and unpacked with
`json_each`; `schema.postgres.sql` defines a function of that name. Locking clauses are
removed for SQLite, which has a single writer.
"""

import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final, Protocol, TypeVar

import aiosql

from relay.store.schema import Dialect

T = TypeVar("T")
Row = Mapping[str, Any]

LOCKING: Final = re.compile(r"\s+FOR UPDATE( OF \w+)?( SKIP LOCKED)?")


class Transaction(Protocol):
    """Runs named queries; its changes are committed together or not at all."""

    async def rows(self, query: str, **values: Any) -> Sequence[Row]:
        """Run *query* and return its rows."""
        ...

    async def row(self, query: str, **values: Any) -> Row | None:
        """Run *query* and return its first row; None if it returns no rows."""
        found = await self.rows(query, **values)
        return found[0] if found else None

    async def lists(self, query: str, **values: Any) -> Sequence[Sequence[Any]]:
        """Run *query* and return the values of its rows, in the order of its columns.

        For many rows: SQLite gives them in one step where it can.
        """
        found: Any = await self.rows(query, **values)
        return [tuple(row) for row in found]

    async def run(self, query: str, **values: Any) -> None:
        """Run *query* and ignore its rows."""
        ...

    async def lock(self, query: str, **values: Any) -> Sequence[Row] | None:
        """Run *query*, which locks rows, and return them.

        SQLite has one writer, which needs no such locks: None, and nothing is done.
        """
        return await self.rows(query, **values)

    async def many(self, query: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run *query* once for each of *rows*."""
        ...

    async def compute(self, work: Callable[[], T]) -> T:
        """Return what *work* returns, run outside the event loop; it has no database.

        A transaction in one go on SQLite runs in the database thread already.
        """
        return work()

    async def new_events(self, count: int) -> Sequence[int]:
        """Reserve *count* numbers for new events."""
        ...

    def part(self) -> AbstractAsyncContextManager[None]:
        """Open a savepoint: if its body fails, only the body's changes are undone."""
        ...

    async def may_idle(self, limit: timedelta) -> None:
        """Let the transaction wait *limit* between statements."""
        del limit  # only a server limits it


class Database(Protocol):
    """A database with writing and read-only transactions."""

    @property
    def dialect(self) -> Dialect:
        """The SQL dialect, for the few places that differ."""
        ...

    def writing(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; at its end it is committed and on disk."""
        ...

    async def write_in_one_go(
        self,
        work: Callable[[Transaction], Coroutine[Any, Any, T]],
        *,
        lazy: bool = False,
    ) -> T:
        """Run *work* in a writing transaction; it may await only *tx*.

        A *lazy* one does not wait for the disk: only for what can be computed again
        from what is stored, and is after a crash of the machine.
        """
        ...

    async def read_in_one_go(
        self, work: Callable[[Transaction], Coroutine[Any, Any, T]]
    ) -> T:
        """Run *work* in a read-only transaction; it may await only *tx*."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a read-only transaction that sees one consistent state."""
        ...

    async def notify(self, work: str = "") -> None:
        """Notify the other replicas of new *work*; of any work without a name."""
        ...

    async def size(self) -> int:
        """Return the bytes that the database takes on its disk."""
        ...

    async def vacuum(self, pages: int) -> bool:
        """Return up to *pages* free pages to the disk; False if there were none."""
        ...

    async def check(self) -> None:
        """Raise `DatabaseUnavailable` unless the database can be written to now."""
        ...

    async def clock(self) -> datetime:
        """Return the database server's time."""
        ...

    async def listen(self, on_notify: Callable[[str], None]) -> None:
        """Call *on_notify* with the work whenever another replica calls `notify`."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


@cache
def load_queries(dialect: Dialect) -> Any:
    """Load every named query for *dialect*."""
    folder = files("relay.store").joinpath("sql")
    texts = sorted(
        (f.name, f.read_text(encoding="utf-8"))
        for f in folder.iterdir()
        if f.name.endswith(".sql")
    )
    text = "\n".join(text for _, text in texts)
    if dialect == "sqlite":
        text = LOCKING.sub("", text)
    driver = "aiosqlite" if dialect == "sqlite" else "asyncpg"
    return aiosql.from_str(text, driver, attribute=None, mandatory_parameters=False)

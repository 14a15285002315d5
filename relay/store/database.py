"""What a database must offer, and the queries that both of them run.

The SQL stands in `sql/*.sql`, by name, once for SQLite and PostgreSQL. Lists of
rows travel as one JSON text that `json_each` takes apart; PostgreSQL gets a
function of that name. Locking clauses are PostgreSQL's alone: SQLite has one
writer.
"""

import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, Protocol, TypeVar

import aiosql

from relay.store.schema import Dialect

T = TypeVar("T")
Row = Mapping[str, Any]

LOCKING: Final = re.compile(r"\s+FOR UPDATE( OF \w+)?( SKIP LOCKED)?")


class Transaction(Protocol):
    """Runs named queries; what it changed is there for all or for nobody."""

    async def rows(self, query: str, **values: Any) -> Sequence[Row]:
        """Run *query* and return its rows."""
        ...

    async def row(self, query: str, **values: Any) -> Row | None:
        """Run *query* and return its first row, if there is one."""
        ...

    async def run(self, query: str, **values: Any) -> None:
        """Run *query* for what it changes."""
        ...

    async def many(self, query: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run *query* once for each of *rows*."""
        ...

    async def new_events(self, count: int) -> Sequence[int]:
        """Reserve the numbers of events that are about to be added."""
        ...


class Database(Protocol):
    """A database: one transaction that writes, or short ones that only read."""

    @property
    def dialect(self) -> Dialect:
        """Which database it is: only its own SQL differs."""
        ...

    def writing(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that is committed, and on disk, at its end."""
        ...

    async def write_in_one_go(
        self, work: Callable[[Transaction], Coroutine[Any, Any, T]]
    ) -> T:
        """Run *work* in a transaction that writes; it waits for nothing else."""
        ...

    async def read_in_one_go(
        self, work: Callable[[Transaction], Coroutine[Any, Any, T]]
    ) -> T:
        """Run *work* in a transaction that reads; it waits for nothing else."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that sees one state and changes nothing."""
        ...

    async def notify(self) -> None:
        """Tell the other replicas that there is something new."""
        ...

    async def vacuum(self, pages: int) -> bool:
        """Give up to *pages* freed pages back; say whether there were any."""
        ...

    async def clock(self) -> datetime:
        """Return the time of the machine that keeps the database."""
        ...

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call *heard* when another replica has something new."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


@cache
def load_queries(dialect: Dialect) -> Any:
    """Read every named query in the spelling of *dialect*."""
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

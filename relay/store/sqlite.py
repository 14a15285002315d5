"""SQLite: one writing connection behind a lock, and a few read-only ones."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, cast

import aiosqlite

from relay.clock import utcnow
from relay.errors import ConfigurationError, DatabaseUnavailable
from relay.store.backups import create_private
from relay.store.database import Row, Transaction, load_queries
from relay.store.outages import outages
from relay.store.schema import scripts
from relay.store.sqlite_lock import ServingLock
from relay.store.sqlite_pragmas import pragmas
from relay.store.sqlite_thread import LAST_EVENT, Work, run_transaction

T = TypeVar("T")

OLDEST: Final = (3, 38, 0)
"""The first version with the `->>` operator: https://sqlite.org/json1.html"""
READERS: Final = 2
BUSY_MS: Final = 5_000
"""How long a statement waits for another process's lock on the file."""
TURN_SECONDS: Final = 10
"""How long a transaction waits for the others of this process."""


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


class SqliteDatabase:
    """One database file; `unclean` is True if the last serving process was killed."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(
        self,
        path: Path,
        *,
        synchronous: str = "FULL",
        cache_mb: int = 16,
        busy_ms: int = BUSY_MS,
    ) -> None:
        self.path = path
        self.synchronous = synchronous
        self._cache_mb = cache_mb
        self._busy_ms = busy_ms
        self._queries = load_queries("sqlite")
        self._turn = asyncio.Lock()
        self._idle: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()
        self._connections: list[aiosqlite.Connection] = []
        self._writer: aiosqlite.Connection
        self._lock = ServingLock(path)

    async def open(self, *, serving: bool = False) -> None:
        """Connect and migrate the schema.

        *serving* takes the lock file. Raises `ConfigurationError` if the SQLite library
        is too old, or if another process is serving this file.
        """
        if sqlite3.sqlite_version_info < OLDEST:
            raise ConfigurationError(
                f"database: SQLite {sqlite3.sqlite_version} is too old; "
                "install a Python build with SQLite 3.38 or newer"
            )
        if serving:
            self._lock.take()
        try:
            create_private(self.path)
            self._writer = await self._connect()
            await self._migrate()
            self._idle = asyncio.Queue()  # the readers of before a close are closed
            for _ in range(READERS):
                self._idle.put_nowait(await self._connect(read_only=True))
        except BaseException:
            await self._disconnect(clean=False)
            raise

    async def close(self) -> None:
        """Close every connection and release the lock file."""
        await self._disconnect(clean=True)

    async def _disconnect(self, *, clean: bool) -> None:
        """Close all connections: an open one's thread would keep the process alive."""
        async with self._turn:
            while self._connections:
                await self._connections.pop().close()
        self._lock.release(clean=clean)

    @property
    def unclean(self) -> bool:
        """Whether the last serving process was killed."""
        return self._lock.unclean

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[SqliteTransaction]:
        """Open a transaction; at its end it is committed and on disk."""
        async with self._writer_turn():
            try:
                with outages():
                    await self._writer.execute_fetchall("BEGIN IMMEDIATE")
                yield SqliteTransaction(self._writer, self._queries)
                with outages():
                    await self._writer.execute_fetchall("COMMIT")
            except BaseException:
                await asyncio.shield(self._roll_back())
                raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqliteTransaction]:
        """Open a read-only transaction that sees one consistent state."""
        reader = await self._idle.get()
        try:
            try:
                await reader.execute_fetchall("BEGIN")
                yield SqliteTransaction(reader, self._queries)
            finally:
                await asyncio.shield(reader.execute_fetchall("COMMIT"))
        finally:
            self._idle.put_nowait(reader)

    async def write_in_one_go(self, work: Work[T]) -> T:
        """Run a writing transaction entirely in the writer's thread.

        *work* may await only its statements, and must not use the event loop.
        """
        async with self._writer_turn():
            return await self._directly(self._writer, "BEGIN IMMEDIATE", work)

    async def read_in_one_go(self, work: Work[T]) -> T:
        """Run a read-only transaction entirely in a reader's thread."""
        reader = await self._idle.get()
        try:
            return await self._directly(reader, "BEGIN", work)
        finally:
            self._idle.put_nowait(reader)

    async def _directly(
        self, connection: aiosqlite.Connection, begin: str, work: Work[T]
    ) -> T:
        run: Any = connection._execute  # noqa: SLF001 -- the only way into its thread
        raw = connection._conn  # noqa: SLF001 -- used only in its thread
        return cast("T", await run(run_transaction, raw, self._queries, begin, work))

    @asynccontextmanager
    async def _writer_turn(self) -> AsyncIterator[None]:
        """Wait for the writing connection, but not for ever."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise DatabaseUnavailable(
                f"other writes have taken more than {TURN_SECONDS} s"
            ) from None
        try:
            yield
        finally:
            self._turn.release()

    async def _roll_back(self) -> None:
        """Roll back; a cancelled BEGIN may have run in the thread nevertheless."""
        with suppress(sqlite3.OperationalError):  # no transaction was open
            await self._writer.execute_fetchall("ROLLBACK")

    async def notify(self) -> None:
        """Do nothing: SQLite has no replicas."""

    async def size(self) -> int:
        """Return the bytes of the file and of its write-ahead log."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    async def vacuum(self, pages: int) -> bool:
        """Return up to *pages* free pages to the disk; False if there were none."""
        async with self._turn:
            free = await self._writer.execute_fetchall("PRAGMA freelist_count")
            if not next(iter(free))[0]:
                return False
            # `execute` would free one page only: the pragma frees one per step, and
            # executescript steps to the end (https://sqlite.org/pragma.html).
            await self._writer.executescript(f"PRAGMA incremental_vacuum({pages});")
        return True

    async def check(self) -> None:
        """Take and release the lock for writing; nothing is written."""

        async def nothing(_: Transaction) -> None:
            """Do nothing: the lock alone is what is checked."""

        await self.write_in_one_go(nothing)

    async def clock(self) -> datetime:
        """Return this machine's time: the file is local."""
        return utcnow()

    async def listen(self, on_notify: Callable[[], None]) -> None:
        """Do nothing: SQLite has no replicas."""

    async def checkpoint(self, *, truncate: bool) -> bool:
        """Checkpoint the write-ahead log; return whether all of it was moved."""
        mode = "TRUNCATE" if truncate else "PASSIVE"
        async with self._turn:
            rows = await self._writer.execute_fetchall(f"PRAGMA wal_checkpoint({mode})")
        busy, log, moved = next(iter(rows))
        return not busy and log == moved

    async def pragma(self, name: str) -> Any:
        """Return the value of a pragma on the writing connection."""
        rows = list(await self._writer.execute_fetchall(f"PRAGMA {name}"))
        return rows[0][0]

    async def _connect(self, *, read_only: bool = False) -> aiosqlite.Connection:
        connection = await aiosqlite.connect(
            self.path, isolation_level=None, cached_statements=512
        )
        self._connections.append(connection)
        connection.row_factory = sqlite3.Row
        for pragma in pragmas(
            self._cache_mb, self._busy_ms, None if read_only else self.synchronous
        ):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
        return connection

    async def _migrate(self) -> None:
        rows = list(await self._writer.execute_fetchall("PRAGMA user_version"))
        done = rows[0][0]
        for number, script in scripts(done, "sqlite"):
            mark = f"PRAGMA user_version = {number};"
            await self._writer.executescript(f"BEGIN;\n{script}\n{mark}\nCOMMIT;")

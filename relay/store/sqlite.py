"""The embedded database: one writer connection behind one queue, readers apart."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, cast

import aiosqlite

from relay.clock import utcnow
from relay.errors import ConfigurationError
from relay.store.database import Row, load_queries
from relay.store.schema import scripts
from relay.store.sqlite_thread import LAST_EVENT, Work, run_transaction

T = TypeVar("T")

OLDEST: Final = (3, 38, 0)
READERS: Final = 2
BUSY_MS: Final = 10_000
SERVING: Final = b"serving"
"""What the lock file holds from start to clean stop."""


class SqliteTransaction:
    """Runs named queries on one connection."""

    def __init__(self, connection: aiosqlite.Connection, queries: Any) -> None:
        self._connection = connection
        self._queries = queries

    async def rows(self, query: str, **values: Any) -> Sequence[Row]:
        """Run *query* and return its rows."""
        sql = getattr(self._queries, query).sql
        found = await self._connection.execute_fetchall(sql, values)
        return cast("Sequence[Row]", found)

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
            sql = getattr(self._queries, query).sql
            cursor = await self._connection.executemany(sql, rows)
            del cursor

    async def new_events(self, count: int) -> Sequence[int]:
        """Reserve the numbers of events that are about to be added."""
        last = await self._connection.execute_fetchall(LAST_EVENT)
        first: int = 1 + next(iter(last))[0]
        return range(first, first + count)


class SqliteDatabase:
    """One file; `unclean` says that the process that served it before was killed."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(
        self, path: Path, *, synchronous: str = "FULL", cache_mb: int = 16
    ) -> None:
        self.path = path
        self.synchronous = synchronous
        self._cache_mb = cache_mb
        self._queries = load_queries("sqlite")
        self._turn = asyncio.Lock()
        self._idle: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()
        self._connections: list[aiosqlite.Connection] = []
        self._writer: aiosqlite.Connection
        self._lock_file: int | None = None
        self.unclean = False

    async def open(self, *, serving: bool = False) -> None:
        """Connect and bring the tables up to date.

        Raises `ConfigurationError` if the library is too old, or if another
        process serves this file.
        """
        if sqlite3.sqlite_version_info < OLDEST:
            raise ConfigurationError(
                f"database: SQLite {sqlite3.sqlite_version} is older than 3.38: "
                "install a newer Python build"
            )
        if serving:
            self._take_lock()
        try:
            self._writer = await self._connect()
            await self._migrate()
            self._idle = asyncio.Queue()  # the readers of before a close are closed
            for _ in range(READERS):
                self._idle.put_nowait(await self._connect(read_only=True))
        except BaseException:
            await self._disconnect(clean=False)
            raise

    async def close(self) -> None:
        """Close every connection and give the lock back."""
        await self._disconnect(clean=True)

    async def _disconnect(self, *, clean: bool) -> None:
        """Close what is open: a connection's thread would outlive everything else."""
        async with self._turn:
            while self._connections:
                await self._connections.pop().close()
        if self._lock_file is not None:
            if clean:
                os.ftruncate(self._lock_file, 0)
            os.close(self._lock_file)
            self._lock_file = None

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[SqliteTransaction]:
        """Open a transaction that is committed, and on disk, at its end."""
        async with self._turn:
            try:
                await self._writer.execute_fetchall("BEGIN IMMEDIATE")
                yield SqliteTransaction(self._writer, self._queries)
                await self._writer.execute_fetchall("COMMIT")
            except BaseException:
                await asyncio.shield(self._roll_back())
                raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqliteTransaction]:
        """Open a transaction that sees one state and changes nothing."""
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
        """Run a transaction that writes, all of it in the writer's own thread.

        *work* waits for nothing but its statements, and touches nothing that
        belongs to the event loop.
        """
        async with self._turn:
            return await self._directly(self._writer, "BEGIN IMMEDIATE", work)

    async def read_in_one_go(self, work: Work[T]) -> T:
        """Run a transaction that reads, all of it in the reader's own thread."""
        reader = await self._idle.get()
        try:
            return await self._directly(reader, "BEGIN", work)
        finally:
            self._idle.put_nowait(reader)

    async def _directly(
        self, connection: aiosqlite.Connection, begin: str, work: Work[T]
    ) -> T:
        run: Any = connection._execute  # noqa: SLF001 -- the one door to its thread
        raw = connection._conn  # noqa: SLF001 -- touched in its thread alone
        return cast("T", await run(run_transaction, raw, self._queries, begin, work))

    async def _roll_back(self) -> None:
        """Undo what was begun; a cancelled BEGIN is still carried out."""
        with suppress(sqlite3.OperationalError):  # there was nothing to undo
            await self._writer.execute_fetchall("ROLLBACK")

    async def notify(self) -> None:
        """Do nothing: there are no replicas, and a second process is looked for."""

    async def vacuum(self, pages: int) -> bool:
        """Give up to *pages* freed pages back; say whether there were any."""
        async with self._turn:
            free = await self._writer.execute_fetchall("PRAGMA freelist_count")
            if not next(iter(free))[0]:
                return False
            # A plain `execute` gives one page back: the pragma steps once for each.
            await self._writer.executescript(f"PRAGMA incremental_vacuum({pages});")
        return True

    async def clock(self) -> datetime:
        """Return this machine's time: the file is here."""
        return utcnow()

    async def listen(self, heard: Callable[[], None]) -> None:
        """Do nothing: there is nobody to hear of."""

    async def checkpoint(self, *, truncate: bool) -> bool:
        """Move the write-ahead log into the file; say whether all of it went."""
        mode = "TRUNCATE" if truncate else "PASSIVE"
        async with self._turn:
            rows = await self._writer.execute_fetchall(f"PRAGMA wal_checkpoint({mode})")
        busy, log, moved = next(iter(rows))
        return not busy and log == moved

    async def pragma(self, name: str) -> Any:
        """Return what the live writer connection has for a pragma."""
        rows = list(await self._writer.execute_fetchall(f"PRAGMA {name}"))
        return rows[0][0]

    async def _connect(self, *, read_only: bool = False) -> aiosqlite.Connection:
        connection = await aiosqlite.connect(
            self.path, isolation_level=None, cached_statements=512
        )
        self._connections.append(connection)
        connection.row_factory = sqlite3.Row
        for pragma in self._pragmas(read_only=read_only):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
        return connection

    def _pragmas(self, *, read_only: bool) -> tuple[str, ...]:
        """Return the settings of a connection; `auto_vacuum` before any table."""
        shared = (
            f"busy_timeout = {BUSY_MS}",
            f"cache_size = {-1024 * self._cache_mb}",
            "secure_delete = ON",
        )
        if read_only:
            return (*shared, "query_only = ON")
        return (
            *shared,
            "auto_vacuum = INCREMENTAL",
            "journal_mode = WAL",
            f"synchronous = {self.synchronous}",
            "wal_autocheckpoint = 0",
        )

    async def _migrate(self) -> None:
        rows = list(await self._writer.execute_fetchall("PRAGMA user_version"))
        done = rows[0][0]
        for number, script in scripts(done, "sqlite"):
            mark = f"PRAGMA user_version = {number};"
            await self._writer.executescript(f"BEGIN;\n{script}\n{mark}\nCOMMIT;")

    def _take_lock(self) -> None:
        side = self.path.with_name(self.path.name + ".lock")
        self._lock_file = os.open(side, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock_file)
            self._lock_file = None
            raise ConfigurationError(
                f"database: another relay serves {self.path}: stop it, "
                "or give this one a database of its own"
            ) from None
        self.unclean = bool(os.pread(self._lock_file, len(SERVING), 0))
        os.pwrite(self._lock_file, SERVING, 0)

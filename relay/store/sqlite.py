"""SQLite: one writing connection behind a lock, and a few read-only ones."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, cast

import aiosqlite

from relay.clock import utcnow
from relay.errors import ConfigurationError, DatabaseUnavailable
from relay.store.backups import create_private
from relay.store.database import Transaction, load_queries
from relay.store.outages import outages
from relay.store.schema import scripts
from relay.store.serving_lock import check_idle_log, check_not_moved
from relay.store.sqlite_file import OpenFiles
from relay.store.sqlite_lock import ServingLock
from relay.store.sqlite_pragmas import pragmas
from relay.store.sqlite_thread import (
    BEGIN_WRITING,
    Work,
    run_transaction,
    run_writing,
    run_writing_lazily,
)
from relay.store.sqlite_transaction import SqliteTransaction
from relay.store.write_turn import WriteTurn

T = TypeVar("T")

OLDEST: Final = (3, 38, 0)
"""The first version with the `->>` operator: https://sqlite.org/json1.html"""
READERS: Final = 2
BUSY_MS: Final = 5_000
"""How long a statement waits for another process's lock on the file."""
TURN_SECONDS: Final = 10
"""How long a transaction waits for the others of this process."""


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
        self.path = path.resolve()  # SQLite's log is beside the file, not the link
        self.synchronous = synchronous
        self._cache_mb = cache_mb
        self._busy_ms = busy_ms
        self._queries = load_queries("sqlite")
        self._turn = asyncio.Lock()
        self._idle: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()
        self._connections: list[aiosqlite.Connection] = []
        self._writer: aiosqlite.Connection
        self._lock = ServingLock(path)
        self._file_turn = WriteTurn(self.path)
        self._files = OpenFiles(self.path)

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
        else:
            check_not_moved(self.path)
            check_idle_log(self.path)
        try:
            create_private(self.path)
            self._file_turn.open()
            self._writer = await self._connect()
            await self._migrate()
            self._idle = asyncio.Queue()  # the readers of before a close are closed
            for _ in range(READERS):
                self._idle.put_nowait(await self._connect(read_only=True))
            self._files.remember()
        except BaseException:
            await self._disconnect(clean=not self.unclean)  # nothing was served
            raise

    async def close(self) -> None:
        """Close every connection and release the lock file."""
        await self._disconnect(clean=True)

    async def _disconnect(self, *, clean: bool) -> None:
        """Close all connections: an open one's thread would keep the process alive."""
        async with self._turn:
            while self._connections:
                await self._connections.pop().close()
        self._file_turn.close()
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
                await self._in_thread(self._writer, self._file_turn.take)
                with outages():
                    await self._writer.execute_fetchall(BEGIN_WRITING)
                yield SqliteTransaction(self._writer, self._queries)
                self._files.check()
                with outages():
                    await self._writer.execute_fetchall("COMMIT")
            except BaseException:
                await asyncio.shield(self._roll_back())
                raise
            finally:
                self._file_turn.give()

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

    async def write_in_one_go(self, work: Work[T], *, lazy: bool = False) -> T:
        """Run a writing transaction entirely in the writer's thread.

        *work* may await only its statements, and must not use the event loop. A
        *lazy* one does not wait for the disk.
        """
        async with self._writer_turn():
            raw = self._writer._conn  # noqa: SLF001 -- used only in its thread
            checked = self._files.checked(work)
            run = run_writing_lazily if lazy else run_writing
            arguments = (self._file_turn, raw, self._queries, checked)
            return cast("T", await self._in_thread(self._writer, run, *arguments))

    async def read_in_one_go(self, work: Work[T]) -> T:
        """Run a read-only transaction entirely in a reader's thread."""
        reader = await self._idle.get()
        try:
            raw = reader._conn  # noqa: SLF001 -- used only in its thread
            arguments = (raw, self._queries, "BEGIN", work)
            return cast("T", await self._in_thread(reader, run_transaction, *arguments))
        finally:
            self._idle.put_nowait(reader)

    async def _in_thread(
        self, connection: aiosqlite.Connection, work: Callable[..., Any], *given: Any
    ) -> Any:
        """Run *work* in the thread of *connection*."""
        run: Any = connection._execute  # noqa: SLF001 -- the only way into its thread
        return await run(work, *given)

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

    async def notify(self, work: str = "") -> None:
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
        """Take and release the lock for writing; nothing is written.

        Raises `DatabaseUnavailable` if that fails, or if the file was replaced.
        """

        async def nothing(_: Transaction) -> None:
            """Do nothing: the lock alone is what is checked."""

        await self.write_in_one_go(nothing)

    async def clock(self) -> datetime:
        """Return this machine's time: the file is local."""
        return utcnow()

    async def listen(self, on_notify: Callable[[str], None]) -> None:
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

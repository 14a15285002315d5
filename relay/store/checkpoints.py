"""Checkpoints of SQLite's write-ahead log (WAL) that do not block webhooks.

Checkpoints run on a connection of their own, because moving pages into the file
does not block writers: https://www.sqlite.org/wal.html#ckpt. After a backlog was
parsed, the log is truncated: it still holds the personal data that was cut from the
documents.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiosqlite

from relay.health import Health
from relay.loops import LoopTiming, run_forever
from relay.store.sqlite import SqliteDatabase

LONG: Final = 8 * 1024 * 1024
"""Size in bytes above which a passive checkpoint runs at once."""
HUGE: Final = 64 * 1024 * 1024
"""Size in bytes above which the log is truncated, although that blocks writers.

Under constant load a passive checkpoint never reaches the end of the log.
"""
EVERY: Final = timedelta(seconds=60)
EMPTY_EVERY: Final = timedelta(seconds=10)
LOOP: Final = "checkpointer"
TIMING: Final = LoopTiming(timedelta(seconds=1), timedelta(minutes=5))
BUSY_MS: Final = 500
"""How long truncating waits for readers; without success it is tried again."""


class Checkpointer:
    """Checkpoints one database by time and size; *tick* is a monotonic clock."""

    def __init__(
        self,
        database: SqliteDatabase,
        tick: Callable[[], float] = time.monotonic,
        health: Health | None = None,
    ) -> None:
        self._path = database.path
        self._tick = tick
        self._health = health or Health()
        self._moved_at = tick()
        self._emptied_at = float("-inf")
        self._leftovers = False
        self._connection: aiosqlite.Connection | None = None

    def burst_read(self) -> None:
        """Truncate the log soon: the reader has cut personal data from documents."""
        self._leftovers = True

    async def step(self) -> str | None:
        """Run the checkpoint that is due; return its mode, None if none is."""
        now = self._tick()
        size = self._log_size()
        rested = now - self._emptied_at >= EMPTY_EVERY.total_seconds()
        if (self._leftovers and rested) or size > HUGE:
            await self._truncate()
            self._moved_at = self._emptied_at = now
            return "TRUNCATE"
        if size > LONG or (size and now - self._moved_at >= EVERY.total_seconds()):
            await self._checkpoint("PASSIVE")
            self._moved_at = now
            return "PASSIVE"
        return None

    async def run(self) -> None:
        """Run until cancelled; after an error the next checkpoint connects again."""
        try:
            await run_forever(LOOP, self._round, self._health, TIMING)
        finally:
            await self.close()

    async def _round(self) -> None:
        try:
            await self.step()
        except Exception:
            await self.close()  # the file may have been replaced meanwhile
            raise

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _truncate(self) -> None:
        """Truncate the log; what remains, or fails, is tried again."""
        self._leftovers = False  # a backlog that is parsed meanwhile sets it again
        try:
            await self._checkpoint("PASSIVE")
            self._leftovers |= not await self._checkpoint("TRUNCATE")
        except BaseException:
            self._leftovers = True
            raise

    async def _checkpoint(self, mode: str) -> bool:
        """Checkpoint; return whether all of the log was moved."""
        if self._connection is None:
            self._connection = await _connected(self._path)
        rows = await self._connection.execute_fetchall(f"PRAGMA wal_checkpoint({mode})")
        busy, _, _ = next(iter(rows))
        return not busy

    def _log_size(self) -> int:
        log = self._path.with_name(self._path.name + "-wal")
        return log.stat().st_size if log.exists() else 0


async def _connected(path: Path) -> aiosqlite.Connection:
    # Without a mode SQLite would create a file in place of one that was deleted.
    address = f"{path.as_uri()}?mode=rw"
    connection = await aiosqlite.connect(address, uri=True, isolation_level=None)
    for pragma in (f"busy_timeout = {BUSY_MS}", "synchronous = FULL"):
        await connection.execute_fetchall(f"PRAGMA {pragma}")
    return connection

"""Keeps SQLite's write-ahead log short, off the path on which carriers wait.

Checkpoints run on a connection of their own: moving pages into the file does
not hold up whoever writes. After a burst was read, the log is emptied: else the
personal fields that were cut would stay in it.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiosqlite

from relay.logs import logger
from relay.store.sqlite import SqliteDatabase

LONG: Final = 8 * 1024 * 1024
"""Bytes from which on the log is moved at once."""
HUGE: Final = 64 * 1024 * 1024
"""Bytes from which on writers are held up for it: without pause it never ends."""
EVERY: Final = timedelta(seconds=60)
EMPTY_EVERY: Final = timedelta(seconds=10)
LOOK_ROUND: Final = timedelta(seconds=1)
BUSY_MS: Final = 500
"""How long an emptying waits for readers; if in vain, it is tried again."""

_log = logger(__name__)


class Checkpointer:
    """Checkpoints one database by time and size; *tick* is a monotonic clock."""

    def __init__(
        self, database: SqliteDatabase, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = database.path
        self._tick = tick
        self._moved_at = tick()
        self._emptied_at = float("-inf")
        self._leftovers = False
        self._connection: aiosqlite.Connection | None = None

    def burst_read(self) -> None:
        """Say that the reader has nothing left: the log holds what was cut."""
        self._leftovers = True

    async def step(self) -> str | None:
        """Do what is due; return the kind of the checkpoint, if there was one."""
        now = self._tick()
        size = self._log_size()
        rested = now - self._emptied_at >= EMPTY_EVERY.total_seconds()
        if (self._leftovers and rested) or size > HUGE:
            self._leftovers = False
            self._moved_at = self._emptied_at = now
            await self._checkpoint("PASSIVE")
            self._leftovers |= not await self._checkpoint("TRUNCATE")
            return "TRUNCATE"
        if size > LONG or (size and now - self._moved_at >= EVERY.total_seconds()):
            self._moved_at = now
            await self._checkpoint("PASSIVE")
            return "PASSIVE"
        return None

    async def run(self) -> None:
        """Look round until cancelled; an error is logged and tried again."""
        while True:
            try:
                await self.step()
            except Exception:  # noqa: BLE001 -- never the end of the loop
                _log.exception("the checkpoint failed")
            await asyncio.sleep(LOOK_ROUND.total_seconds())

    async def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _checkpoint(self, mode: str) -> bool:
        """Checkpoint; say whether nothing kept a part of the log back."""
        if self._connection is None:
            self._connection = await _connected(self._path)
        rows = await self._connection.execute_fetchall(f"PRAGMA wal_checkpoint({mode})")
        busy, _, _ = next(iter(rows))
        return not busy

    def _log_size(self) -> int:
        log = self._path.with_name(self._path.name + "-wal")
        return log.stat().st_size if log.exists() else 0


async def _connected(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    for pragma in (f"busy_timeout = {BUSY_MS}", "synchronous = FULL"):
        await connection.execute_fetchall(f"PRAGMA {pragma}")
    return connection

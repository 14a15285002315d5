"""Moves an SQLite database to PostgreSQL; the relay is stopped meanwhile."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from relay.clock import Clock
from relay.errors import ConfigurationError
from relay.runtime.database import check_files, postgres_errors
from relay.store.backups import check_exists, check_integrity, one_state
from relay.store.postgres_copy import Advance, MoveReport, PostgresCopy, connect
from relay.store.postgres_unfinished import is_unfinished
from relay.store.serving_lock import check_not_moved
from relay.store.sqlite_lock import ServingLock


async def move_rows(
    path: Path, url: str, clock: Clock, advance: Advance, *, restart: bool
) -> MoveReport:
    """Copy all rows of *path* to the database *url*, compare them, and mark the file.

    The file is marked before the target may be served, so at no moment can relays
    start on both. Raises `ConfigurationError` if a relay serves the file, if it was
    moved already, if the target has rows of its own, or if the move was interrupted.
    """
    check_exists(path)
    check_files(path)
    async with _connected(url) as target:
        with _resumable():
            if not await is_unfinished(target):
                check_not_moved(path)
            lock = ServingLock(path)
            with lock.idle(), one_state(path) as source:
                check_integrity(source, path)
                copy = PostgresCopy(source, target, advance)
                await copy.prepare(restart=restart)
                report = await copy.run()
                lock.mark_moved(clock())
                await copy.finish()
    return report


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    with postgres_errors():
        target = await connect(url)
    try:
        yield target
    finally:
        await target.close()


@contextmanager
def _resumable() -> Iterator[None]:
    """Say of an error in the middle that the move can be continued."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise ConfigurationError(
            f"database: another program writes to the target ({error}); stop it, and "
            "begin again with --restart"
        ) from error
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        OSError,
        sqlite3.Error,
    ) as error:
        raise ConfigurationError(
            f"database: the move was interrupted ({type(error).__name__}: {error}); "
            "run the same command again: it continues where it stopped"
        ) from error

"""The version of a database, read without migrating it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from relay.config.settings import Settings
from relay.doctor.findings import Check, warning
from relay.errors import ConfigurationError
from relay.runtime.wiring import sqlite_path
from relay.store.schema import OLDEST, VERSION
from relay.store.serving_lock import check_idle_log

SUBJECT: Final = "database"


async def stored_version(settings: Settings) -> int:
    """Return the version of the database; 0 if it is empty or cannot be read.

    Raises the errors of PostgreSQL's driver.
    """
    if not settings.database.startswith("sqlite:"):
        return await _version_at(settings.database)
    path = sqlite_path(settings)
    # SQLite leaves new log files beside a file that it may only read.
    if not path.is_file() or not os.access(path, os.W_OK):
        return 0
    try:
        check_idle_log(path)  # reading it would recover a damaged log
        file = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(file, uri=True, timeout=1)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except (sqlite3.Error, ConfigurationError):  # what opens it reports the fault
        return 0


async def _version_at(url: str) -> int:
    import asyncpg  # noqa: PLC0415 -- an extra

    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await postgres_version(connection)
    finally:
        await connection.close()


async def postgres_version(connection: Any) -> int:
    """Return the version of the database of an open *connection*; 0 if it is empty."""
    if not await connection.fetchval("SELECT to_regclass('migrations') IS NOT NULL"):
        return 0
    return int(await connection.fetchval("SELECT max(number) FROM migrations") or 0)


def is_outdated(version: int) -> bool:
    """Whether the relay migrates a database of *version* when it opens it."""
    return OLDEST <= version < VERSION


def check_version(version: int) -> Iterator[Check]:
    """Say that an older database will be migrated by the next start."""
    if is_outdated(version):
        yield warning(
            SUBJECT,
            f"version {version}, this relay needs {VERSION}",
            "`relay serve` migrates it at its start; back it up before",
        )

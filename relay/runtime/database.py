"""Opens the database that the settings name."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.runtime.wiring import sqlite_path
from relay.store.database import Database
from relay.store.sqlite import SqliteDatabase
from relay.store.sqlite_errors import fault_of


@asynccontextmanager
async def opened(
    settings: Settings, *, serving: bool = False
) -> AsyncIterator[Database]:
    """Open the database and close it at the end.

    *serving* takes the lock on an SQLite file that only one serving process can
    hold. Raises `ConfigurationError` if it cannot be opened.
    """
    database = await _open(settings, serving=serving)
    try:
        yield database
    finally:
        await database.close()


async def _open(settings: Settings, *, serving: bool) -> Database:
    if settings.database.startswith("sqlite:"):
        sqlite = SqliteDatabase(sqlite_path(settings), cache_mb=settings.cache_mb)
        try:
            await sqlite.open(serving=serving)
        except sqlite3.Error as error:
            fault = fault_of(error)
            raise ConfigurationError(
                f"database: cannot open {sqlite.path}: {fault.problem}; {fault.hint}"
            ) from error
        return sqlite
    return await _open_postgres(settings.database)


async def _open_postgres(url: str) -> Database:
    try:
        import asyncpg  # noqa: PLC0415 -- an extra

        from relay.store.postgres import PostgresDatabase  # noqa: PLC0415 -- likewise
    except ImportError as error:
        raise ConfigurationError(
            "database: the PostgreSQL driver is not installed; run "
            "pip install 'carrier-tracking-relay[postgres]'"
        ) from error
    postgres = PostgresDatabase(url)
    odd = (OSError, TimeoutError, ValueError, asyncpg.PostgresError)
    try:
        await postgres.open()
    except (*odd, asyncpg.InterfaceError) as error:
        raise ConfigurationError(
            f"database: cannot connect to PostgreSQL ({type(error).__name__}: "
            f"{error}); check host, port, user, password and database name"
        ) from error
    return postgres

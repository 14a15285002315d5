"""Opens the database that the settings name."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.runtime.wiring import sqlite_path
from relay.store.database import Database
from relay.store.file_access import access_fault
from relay.store.sqlite import SqliteDatabase
from relay.store.sqlite_errors import fault_of

INSTALL_POSTGRES: Final = (
    "in the folder of the relay's source, run pip install '.[postgres]'; "
    "the image has it"
)
"""The relay is on no package index, so a name there would be someone else's."""


@asynccontextmanager
async def opened(
    settings: Settings, *, serving: bool = False, locked: bool = False
) -> AsyncIterator[Database]:
    """Open the database and close it at the end.

    *serving* creates an SQLite file if it does not exist, and takes its lock, which
    only one serving process can hold, unless it is *locked* by the supervisor. Raises
    `ConfigurationError` if the database cannot be opened.
    """
    database = await _open(settings, serving=serving, locked=locked)
    try:
        yield database
    finally:
        await database.close()


async def _open(settings: Settings, *, serving: bool, locked: bool) -> Database:
    if settings.database.startswith("sqlite:"):
        path = sqlite_path(settings)
        sqlite = SqliteDatabase(path, cache_mb=settings.cache_mb)
        if not serving and not sqlite.path.exists():
            raise ConfigurationError(
                f"database: {path} does not exist; run this in the relay's "
                "folder and with its settings, or start the relay first"
            )
        check_files(path)
        try:
            await sqlite.open(serving=serving and not locked)
        except (OSError, sqlite3.Error) as error:
            raise cannot_open(path, error) from error
        return sqlite
    return await _open_postgres(settings.database)


def check_files(path: Path) -> None:
    """Raise `ConfigurationError` if a file of the database cannot be used."""
    try:
        fault = access_fault(path)
    except OSError as error:  # a folder above it cannot be searched
        raise cannot_open(path, error) from error
    if fault is not None:
        raise ConfigurationError(f"database: {fault.problem}; {fault.hint}")


def cannot_open(path: Path, error: OSError | sqlite3.Error) -> ConfigurationError:
    """Return why an SQLite file cannot be opened, and what to do."""
    fault = fault_of(error)
    return ConfigurationError(
        f"database: cannot open {path}: {fault.problem}; {fault.hint}"
    )


async def _open_postgres(url: str) -> Database:
    require_postgres()
    with postgres_errors():
        from relay.store.postgres import PostgresDatabase  # noqa: PLC0415 -- an extra

        postgres = PostgresDatabase(url)
        await postgres.open()
    return postgres


def require_postgres() -> None:
    """Raise `ConfigurationError` unless the driver of PostgreSQL is installed."""
    try:
        import asyncpg  # noqa: F401, PLC0415 -- an extra
    except ImportError as error:
        raise ConfigurationError(
            f"database: the PostgreSQL driver is not installed; {INSTALL_POSTGRES}"
        ) from error


@contextmanager
def postgres_errors() -> Iterator[None]:
    """Raise `ConfigurationError` with a hint for errors of a new connection."""
    import asyncpg  # noqa: PLC0415 -- an extra

    odd = (OSError, TimeoutError, ValueError, asyncpg.PostgresError)
    try:
        yield
    except (*odd, asyncpg.InterfaceError) as error:
        raise ConfigurationError(
            f"database: cannot connect to PostgreSQL ({type(error).__name__}: "
            f"{error}); check host, port, user, password and database name"
        ) from error

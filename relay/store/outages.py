"""Which driver errors mean that the database is away, not that the data is wrong."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from relay.errors import DatabaseUnavailable

_SQLITE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""Primary result codes: https://sqlite.org/rescode.html"""

_POSTGRES: Final = ("08", "25006", "25P03", "28", "3D", "40", "53", "55", "57", "58")
"""SQLSTATE classes: connection, read-only standby, idle too long, login, no database,
deadlock, resources, lock timeout, shutdown or statement timeout, system error.
See https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


@contextmanager
def outages() -> Iterator[None]:
    """Raise `DatabaseUnavailable` in place of a driver's error that means an outage."""
    try:
        yield
    except Exception as error:
        if not is_outage(error):
            raise
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


def is_outage(error: Exception) -> bool:
    """Whether a driver's *error* may be gone at the next try, with the same data."""
    if isinstance(error, sqlite3.Error):
        # The low byte of an extended code is the primary one.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_POSTGRES)
    # Without an SQLSTATE an error of asyncpg is about its connection. The driver is an
    # extra, so its classes cannot be named here.
    return isinstance(error, OSError) or type(error).__module__.startswith("asyncpg.")


def answered(error: DatabaseUnavailable) -> bool:
    """Whether the server itself reported *error*: its connection works."""
    return getattr(error.__cause__, "sqlstate", None) is not None

"""What an error of SQLite means, and how to fix it without losing data; pure."""

import errno
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_PRIMARY: Final = 0xFF
"""Extended result codes hold the primary one in this byte."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem of a database file, and how to fix it; the file is never given up."""

    problem: str
    hint: str


_LOCKED: Final = Fault(
    "locked by another process",
    "find the process with `fuser`, then wait for its end or stop it; the data is safe",
)
_FAULTS: Final[Mapping[int, Fault]] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: Fault(
        "the disk or its quota is full",
        "free disk space or raise the quota; the data is safe",
    ),
    sqlite3.SQLITE_READONLY: Fault(
        "cannot be written",
        "make the relay's user the owner of its folder and of the file, its -wal and "
        "-shm, and run `chmod 600` on them; check that the disk is not mounted "
        "read-only",
    ),
    sqlite3.SQLITE_CANTOPEN: Fault(
        "cannot be opened",
        "check that its folder exists, and that the relay's user may write there",
    ),
    sqlite3.SQLITE_IOERR: Fault(
        "the disk reports an error",
        "check the disk and the system's log before you start the relay again",
    ),
    sqlite3.SQLITE_CORRUPT: Fault(
        "damaged",
        "stop the relay, and copy the file with its -wal and -shm; then try "
        "`sqlite3 COPY .recover`, or restore a backup beside it",
    ),
    sqlite3.SQLITE_NOTADB: Fault(
        "not a database", "check the path in `database`; leave the file as it is"
    ),
}
_OTHER: Final = "leave the file as it is, and check its folder and disk"


_NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def fault_of(error: sqlite3.Error | OSError) -> Fault:
    """Return what *error* means, with the words of SQLite or the system."""
    if isinstance(error, OSError):
        full = error.errno in _NO_SPACE
        known = _FAULTS[sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_CANTOPEN]
        return Fault(f"{known.problem} ({error.strerror or error})", known.hint)
    # Errors that Python raises by itself have no code.
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    found = _FAULTS.get(code)
    if found is None:
        return Fault(str(error), _OTHER)
    return Fault(f"{found.problem} ({error})", found.hint)

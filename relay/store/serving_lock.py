"""The lock file of a serving SQLite relay, as other processes see it."""

import fcntl
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from relay.errors import ConfigurationError
from relay.store.sqlite_log import check_log

SERVING: Final = b"serving "
"""Begins the lock file's content from start to clean stop; the boot follows."""
RESTORED: Final = b"restored "
"""Begins it after a backup was restored, until the next start."""
MOVED: Final = b"moved "
"""Begins it after the rows were moved to PostgreSQL; the time follows."""
BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class LockState:
    """Whether a process serves the file; else when it stopped, and whether cleanly.

    `changed_at` is when the last process started or, after a clean stop, ended; or
    when a backup was `restored`. Of a lock file that is not `readable` only the time is
    known. `moved`: its rows are on PostgreSQL, and it is not served any more.
    """

    held: bool
    clean: bool
    changed_at: datetime | None
    restored: bool = False
    readable: bool = True
    moved: bool = False


def serving_lock(database: Path) -> LockState:
    """Return the state of the lock file beside *database*; it is not changed."""
    file = _opened(database)
    if file is None:
        return _unread(lock_path(database))
    known = os.fstat(file)
    changed_at = datetime.fromtimestamp(known.st_mtime, UTC)
    restored = os.pread(file, len(RESTORED), 0) == RESTORED
    moved = os.pread(file, len(MOVED), 0) == MOVED
    try:
        # A shared lock for a moment: a relay that starts just then must try again.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return LockState(held=True, clean=False, changed_at=changed_at)
    finally:
        os.close(file)
    clean = known.st_size == 0
    return LockState(False, clean, changed_at, restored=restored, moved=moved)


def lock_path(database: Path) -> Path:
    """Return the lock file beside *database*, beside the file that a link leads to."""
    database = database.resolve()
    return database.with_name(f"{database.name}.lock")


def _unread(lock: Path) -> LockState:
    """Return what is known of a lock file that cannot be opened."""
    try:
        changed_at = datetime.fromtimestamp(lock.stat().st_mtime, UTC)
    except OSError:
        return LockState(held=False, clean=True, changed_at=None)
    return LockState(held=False, clean=True, changed_at=changed_at, readable=False)


def check_idle_log(database: Path) -> None:
    """Check the write-ahead log, unless a relay serves *database* and checked it.

    Raises `ConfigurationError`, like `check_log`.
    """
    if serving_lock(database).held:
        return
    file = _opened(database)
    same_boot = file is not None and is_marked_now(file)
    if file is not None:
        os.close(file)
    check_log(database.resolve(), same_boot=same_boot)


def check_not_moved(database: Path) -> None:
    """Raise `ConfigurationError` if the rows of *database* are on PostgreSQL now."""
    file = _opened(database)
    if file is None:
        return
    try:
        content = os.pread(file, 100, 0)
    finally:
        os.close(file)
    if content.startswith(MOVED):
        at = content.removeprefix(MOVED).decode(errors="replace")
        raise ConfigurationError(
            f"database: {database} was moved to PostgreSQL at {at}; name that database "
            "in the settings. To use the file as it was then nevertheless, stop the "
            f"relay on PostgreSQL and delete {lock_path(database)}"
        )


def is_marked_now(file: int) -> bool:
    """Whether the open lock *file* was marked since this machine started."""
    content = os.pread(file, 100, 0)
    return len(content) > len(SERVING) and content == SERVING + boot()


def boot() -> bytes:
    """Return what identifies the machine's last start; empty if it is not known."""
    return BOOT.read_bytes().strip() if BOOT.exists() else b""


def _opened(database: Path) -> int | None:
    """Open the lock file beside *database*; None if that is not possible."""
    try:
        return os.open(lock_path(database), os.O_RDONLY)
    except OSError:
        return None

"""The lock file of a serving SQLite relay, as other processes see it."""

import fcntl
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LockState:
    """Whether a process serves the file; else when it stopped, and whether cleanly.

    `changed_at` is when the last process started or, after a clean stop, ended.
    """

    held: bool
    clean: bool
    changed_at: datetime | None


def serving_lock(database: Path) -> LockState:
    """Return the state of the lock file beside *database*; it is not changed."""
    side = database.with_name(database.name + ".lock")
    try:
        file = os.open(side, os.O_RDONLY)
    except OSError:
        return LockState(held=False, clean=True, changed_at=None)
    known = os.fstat(file)
    changed_at = datetime.fromtimestamp(known.st_mtime, UTC)
    try:
        # A shared lock for a moment: a relay that starts just then must try again.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return LockState(held=True, clean=False, changed_at=changed_at)
    finally:
        os.close(file)
    return LockState(held=False, clean=known.st_size == 0, changed_at=changed_at)

"""Turns of several processes at writing one SQLite file.

SQLite's busy handler sleeps with growing pauses, so a process that writes often
starves another one: https://www.sqlite.org/c3ref/busy_timeout.html. An advisory lock
on a file beside the database wakes the waiting process at once. It is only about
turns; SQLite's own locks keep the file safe, also from processes that do not use it.
The database file itself must not be opened here: closing it would drop SQLite's locks
(https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class WriteTurn:
    """A lock that one process at a time has; the system frees it if that one dies."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.turn")
        self._file: int | None = None

    def open(self) -> None:
        """Open the file, and create it if it does not exist."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def take(self) -> None:
        """Wait for this process's turn; blocks the thread."""
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def give(self) -> None:
        """End the turn."""
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the turn inside."""
        self.take()
        try:
            yield
        finally:
            self.give()

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

from relay.logs import logger

_log = logger(__name__)


class WriteTurn:
    """A lock that one process at a time has; the system frees it if that one dies."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(f"{database.name}.turn")
        self._file: int | None = None

    def open(self) -> None:
        """Open the file, and create it if it does not exist.

        Where that is impossible, this process writes without turns.
        """
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as error:
                hint = "make the relay's user its owner, or delete it"
                problem = f"{type(error).__name__}: {error.strerror}"
                _log.warning(
                    "writing without turns",
                    file=str(self._path),
                    error=problem,
                    hint=hint,
                )
                return
            self._give_to_owner_of(self._database)

    def _give_to_owner_of(self, database: Path) -> None:
        """Let the relay's user open the file that a command of root has created.

        SQLite does the same with its write-ahead log.
        """
        if self._file is not None and os.geteuid() == 0 and database.exists():
            known = database.stat()
            os.fchown(self._file, known.st_uid, known.st_gid)

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

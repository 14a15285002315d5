"""The lock that lets one process serve an SQLite file."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from relay.errors import ConfigurationError
from relay.store.backups import create_private
from relay.store.serving_lock import (
    MOVED,
    RESTORED,
    SERVING,
    boot,
    check_not_moved,
    is_marked_now,
    lock_path,
)
from relay.store.sqlite_file import identity
from relay.store.sqlite_log import check_log

OWN_LOCKS: Final = sys.platform == "linux"
"""Whether flock() does not collide with SQLite's locks, which are made by fcntl()."""


class ServingLock:
    """Locks a file beside the database, and the database itself.

    The second lock holds whatever name the file is opened by, and also after the file
    beside it was removed. `unclean`: the last process was killed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self._side: int | None = None
        self._database: int | None = None
        self.unclean = False

    def take(self) -> None:
        """Take the lock, and create the database file if it never existed.

        Raises `ConfigurationError` if another process has the lock, or if the file or
        a part of its write-ahead log disappeared while no process served it, or if
        its rows were moved to PostgreSQL.
        """
        check_not_moved(self._path)
        with self._locked_side() as side:
            if self.unclean and not self._path.exists():
                raise ConfigurationError(
                    f"database: {self._path} is missing, but a relay served it; put "
                    "it back with its -wal, or restore a backup. To begin with an "
                    f"empty database, delete {self._path}.lock"
                )
            create_private(self._path)
            self._lock_database()
            check_log(self._path, same_boot=is_marked_now(side))
            _mark(side)

    def release(self, *, clean: bool) -> None:
        """Release the lock; after a *clean* stop nothing has to be checked.

        A stop is not clean if the file was moved or replaced meanwhile.
        """
        side, database = self._side, self._database
        in_place = database is not None and _leads_to(self._path, database)
        if side is not None and clean and in_place:
            os.ftruncate(side, 0)
        # Closing a database file drops the locks that SQLite has on it in this process:
        # https://www.sqlite.org/howtocorrupt.html. Its connections are closed by now.
        for file in (database, side):
            if file is not None:
                os.close(file)
        self._database = self._side = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every relay from serving this file while a backup is restored.

        The next one starts as after a crash: a restored copy was taken while one was
        at work. If the body fails and the file is in its place, nothing has happened.
        Raises `ConfigurationError` if a relay is serving the file.
        """
        with self._locked_side() as side:
            before = os.pread(side, 100, 0)
            if self._path.exists():
                self._lock_database()
                _write(side, RESTORED + boot())
        try:
            yield
            _write(side, RESTORED + boot())
        except BaseException:
            if self._path.exists():
                _write(side, before)
            raise
        finally:
            self.release(clean=False)

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Keep every relay from serving this file, without a mark.

        Raises `ConfigurationError` if a relay is serving the file.
        """
        with self._locked_side():
            self._lock_database()
            try:
                yield
            finally:
                self.release(clean=False)

    def mark_moved(self, now: datetime) -> None:
        """Note, while it is `idle`, that no relay may serve this file any more."""
        if self._side is not None:
            _write(self._side, MOVED + now.isoformat(timespec="seconds").encode())
            os.fsync(self._side)

    @contextmanager
    def _locked_side(self) -> Iterator[int]:
        """Lock the file beside the database; if the body fails, release everything."""
        self._side = os.open(lock_path(self._path), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._lock(self._side)
            self.unclean = bool(os.pread(self._side, len(SERVING), 0))
            yield self._side
        except BaseException:
            self.release(clean=False)
            raise

    def _lock_database(self) -> None:
        self._database = os.open(self._path, os.O_RDONLY)
        if OWN_LOCKS:
            self._lock(self._database)

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError(
                f"database: {self._path} is in use by another relay; stop that one "
                "first, or leave it running: `relay status` shows its state"
            ) from None


def _leads_to(path: Path, file: int) -> bool:
    """Whether *path* is that of the open *file*."""
    known = os.fstat(file)
    return identity(path) == (known.st_dev, known.st_ino)


def _mark(side: int) -> None:
    """Note in the lock file that a process serves, and since which boot."""
    _write(side, SERVING + boot())


def _write(side: int, content: bytes) -> None:
    """Replace the content of the lock file."""
    os.ftruncate(side, 0)
    os.pwrite(side, content, 0)

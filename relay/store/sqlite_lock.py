"""The lock that lets one process serve an SQLite file."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from relay.errors import ConfigurationError

SERVING: Final = b"serving"
"""The lock file's content between start and clean stop; left there by a crash."""


class ServingLock:
    """A locked file beside the database; `unclean`: the last process was killed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self.unclean = False

    def take(self) -> None:
        """Take the lock; raise `ConfigurationError` if another process has it."""
        side = self._path.with_name(self._path.name + ".lock")
        self._file = os.open(side, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            self._file = None
            raise ConfigurationError(
                f"database: {self._path} is in use by another relay; stop that one "
                "first, or leave it running: `relay status` shows its state"
            ) from None
        self.unclean = bool(os.pread(self._file, len(SERVING), 0))
        os.pwrite(self._file, SERVING, 0)

    def release(self, *, clean: bool) -> None:
        """Release the lock; after a *clean* stop nothing has to be checked."""
        if self._file is not None:
            if clean:
                os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every relay from serving this file meanwhile.

        The next one starts as after a crash: a restored copy was taken while one was
        at work. Raises `ConfigurationError` if one is serving the file.
        """
        self.take()
        try:
            yield
        finally:
            self.release(clean=False)

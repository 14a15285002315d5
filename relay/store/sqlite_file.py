"""Detects that an SQLite file was deleted, moved or replaced while it is open.

An open file can still be written after that, but its commits are lost with it.
"""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from relay.errors import DatabaseUnavailable
from relay.store.database import Transaction

T = TypeVar("T")

ENDINGS: Final = ("", "-wal", "-shm")
"""The files that SQLite holds open: https://sqlite.org/walformat.html"""


class OpenFiles:
    """The files of one open database, known by device and inode."""

    def __init__(self, database: Path) -> None:
        self._paths = [database.with_name(database.name + end) for end in ENDINGS]
        self._known: dict[Path, tuple[int, int]] = {}

    def remember(self) -> None:
        """Take the present files for those that are open."""
        found = {path: identity(path) for path in self._paths}
        self._known = {path: known for path, known in found.items() if known}

    def check(self) -> None:
        """Raise `DatabaseUnavailable` if a path does not lead to the open file."""
        for path, known in self._known.items():
            if identity(path) != known:
                raise DatabaseUnavailable(
                    f"{path} was deleted, moved or replaced while it was in use; put "
                    "the same file back, or stop the relay and restore a backup"
                )

    def checked(
        self, work: Callable[[Transaction], Coroutine[Any, Any, T]]
    ) -> Callable[[Transaction], Coroutine[Any, Any, T]]:
        """Return *work* with a check at its end, before the commit."""

        async def checked(transaction: Transaction) -> T:
            result = await work(transaction)
            self.check()
            return result

        return checked


def identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a file; None if it cannot be reached."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino

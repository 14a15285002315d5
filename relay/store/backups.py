"""Online backups of an SQLite database, and their restoration.

Both copy with SQLite's backup interface into a new file, verify the copy, and only
then give it its name: https://sqlite.org/backup.html
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from struct import Struct
from typing import Final

from relay.errors import ConfigurationError
from relay.store.schema import VERSION
from relay.store.serving_lock import check_idle_log

PRIVATE: Final = 0o600
"""The mode of every database file: it holds names and addresses of shoppers."""
PAGES: Final = 4096
"""Pages per step: a step of 16 MB is short enough for a progress line."""
STAMP: Final = "%Y%m%dT%H%M%SZ"
SIDES: Final = ("-wal", "-shm")
_MAGIC: Final = b"SQLite format 3\0"
_HEAD: Final = 100
_PAGE_SIZE: Final = Struct(">H")
_PAGES: Final = Struct(">I")
_LARGEST: Final = 65_536
"""The page size that is written as 1, since it does not fit into two bytes."""

Progress = Callable[[float], None]
"""Called with the copied share, 0 to 1."""


def back_up(database: Path, target: Path, now: datetime, progress: Progress) -> Path:
    """Copy *database*, which may be in use, to *target*; return the copy's path.

    A *target* that is a folder gets a file named after the database and *now*. Raises
    `ConfigurationError`, and leaves nothing behind, if the database is missing or
    damaged, or if the copy cannot be written or exists.
    """
    if target.is_dir():
        target /= f"{database.stem}-{now.strftime(STAMP)}{database.suffix}"
    _check_absent(target)
    _copy(database, target, progress)
    return target


def restore(
    backup: Path, database: Path, now: datetime, progress: Progress
) -> Path | None:
    """Put *backup* in the place of *database*; return where the present file went.

    Serving must be prevented by the caller, see `ServingLock.held`. The present
    file is kept under another name, with its write-ahead log merged into it. Raises
    `ConfigurationError`, with the present file in place, if the backup is not usable.
    """
    database = database.resolve()  # a symbolic link stays one
    copy = database.with_name(f"{database.name}.restored")
    copy.unlink(missing_ok=True)
    _copy(backup, copy, progress)
    replaced = _set_aside(database, now) if database.exists() else None
    copy.rename(database)
    return replaced


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read, unless it exists.

    SQLite gives the write-ahead log the mode of the database file.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))


def _check_absent(path: Path) -> None:
    if path.exists():
        raise ConfigurationError(
            f"backup: {path} already exists; choose another name, or a folder, "
            "which gets a file with date and time"
        )


def _copy(source: Path, target: Path, progress: Progress) -> None:
    """Copy a database to a new file, and verify the copy before it has its name."""
    part = target.with_name(f"{target.name}.part")
    try:
        with one_state(source) as connection:
            part.unlink(missing_ok=True)
            create_private(part)
            with closing(sqlite3.connect(part)) as copy:
                _copy_pages(connection, copy, progress)
                check_integrity(copy, source)
        _flush(part)
        part.rename(target)
        _flush(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"backup: cannot copy {source} to {target}: {_reason(error)}"
        ) from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def one_state(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a relay's database for reading, as it is at this moment.

    The transaction holds one state: otherwise each write of a running relay would
    make the copy start again. Raises `ConfigurationError` if it is not one.
    """
    check_exists(path)
    if not path.stat().st_size:
        raise ConfigurationError(
            f"database: {path} is empty; copy it again, or restore another backup"
        )
    check_idle_log(path)
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as c:
        version = _version(c, path)
        if version != VERSION:
            raise ConfigurationError(
                f"database: {path} has version {version}, and this relay writes "
                f"{VERSION}; use the relay that wrote it"
            )
        c.execute("BEGIN")
        c.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield c


def check_exists(path: Path) -> None:
    """Raise `ConfigurationError` if there is not a file of this name."""
    if not path.is_file():
        raise ConfigurationError(
            f"database: {path} does not exist; run this in the relay's folder and with "
            "its settings"
        )


def _version(connection: sqlite3.Connection, path: Path) -> int:
    try:
        found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError:
        raise ConfigurationError(f"database: {path} {_damage(path)}") from None
    return found


def _damage(path: Path) -> str:
    """Return why a file is not a database, and what to do.

    Its first page says how many pages it has: https://sqlite.org/fileformat2.html
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.startswith(_MAGIC):
        return (
            "is not an SQLite database; name the relay's database or one of its backups"
        )
    size, again = path.stat().st_size, "copy it again, or restore another backup"
    if size < _HEAD:
        return f"is cut short: it has {size} bytes; {again}"
    page, pages = _PAGE_SIZE.unpack_from(head, 16)[0], _PAGES.unpack_from(head, 28)[0]
    whole = pages * (_LARGEST if page == 1 else page)
    if size < whole:
        return f"is cut short: it has {size} bytes of {whole}; {again}"
    return f"is damaged; {again}"


def _copy_pages(
    source: sqlite3.Connection, copy: sqlite3.Connection, progress: Progress
) -> None:
    def copied(_: int, remaining: int, total: int) -> None:
        progress((total - remaining) / max(total, 1))

    source.backup(copy, pages=PAGES, progress=copied)
    # A copy in WAL mode would need its -wal file beside it to be moved safely.
    copy.execute("PRAGMA journal_mode = DELETE")


def check_integrity(copy: sqlite3.Connection, source: Path) -> None:
    """Raise `ConfigurationError` if a database, or its copy, is damaged."""
    [[found]] = copy.execute("PRAGMA integrity_check(1)").fetchall()
    if found != "ok":
        raise ConfigurationError(
            f"database: {source} is damaged ({found}); nothing was copied. Keep the "
            "file, and restore the latest backup"
        )


def _set_aside(database: Path, now: datetime) -> Path:
    """Give the present file another name, complete without its write-ahead log."""
    replaced = database.with_name(f"{database.name}.before-{now.strftime(STAMP)}")
    damaged = suppress(sqlite3.DatabaseError)  # such a file is kept as it is
    with damaged, closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for ending in ("", *SIDES):
        side = database.with_name(database.name + ending)
        if side.exists():
            side.rename(replaced.with_name(replaced.name + ending))
    return replaced


def _flush(path: Path) -> None:
    """Wait until a file, or a folder's entries, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: OSError | sqlite3.Error) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)

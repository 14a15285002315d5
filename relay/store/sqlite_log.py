"""Detects that SQLite's write-ahead log (WAL) lost commits while no process used it.

SQLite takes a log that is missing or too short for one that ends there. After a kill
the index of the log, the `-shm` file, still says how many frames were committed. It is
compared before SQLite opens the database, because opening rebuilds the index.
The formats: https://sqlite.org/walformat.html
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from relay.errors import ConfigurationError

_INDEX: Final = struct.Struct("=IIIBBHII2I8s8s")
"""In this machine's byte order, but for the salts, which are copied from the log."""
_VERSION: Final = 3_007_000
_COPIES: Final = 2
_BACKFILLED: Final = struct.Struct("=I")
_LOG_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_CHECKSUM: Final = struct.Struct(">2I")
_BIGGEST_PAGE: Final = 65536
"""Written as 1, because it does not fit in 16 bits."""


@dataclass(frozen=True, slots=True)
class LogIndex:
    """What the log must hold: *frames* pages, of which *backfilled* are in the file."""

    page: int
    frames: int
    backfilled: int
    checksum: tuple[int, int]
    salts: bytes


def check_log(database: Path, *, same_boot: bool) -> None:
    """Raise `ConfigurationError` if commits were cut from the log of *database*.

    The index is not synchronised to the disk, so after a crash of the machine it may
    be older than the log. Without *same_boot* an absent log, or one of another
    generation, proves nothing.
    """
    index = _read_index(_side(database, "-shm"))
    if index is None or index.frames <= index.backfilled:
        return
    log = _side(database, "-wal")
    salts, checksum = _read_log(log, index)
    if salts == index.salts and checksum == index.checksum:
        return
    # The index has changed if a process that is not a relay is using the file.
    unused = _read_index(_side(database, "-shm")) == index
    if unused and (salts == index.salts or same_boot):
        raise ConfigurationError(
            f"database: {log} was cut or removed while the relay was stopped: it must "
            f"hold {index.frames} pages of stored data; put the file back. To go on "
            f"with what is left, delete {_side(database, '-shm')}; or restore a backup"
        )


def _side(database: Path, ending: str) -> Path:
    return database.with_name(database.name + ending)


def _read_index(path: Path) -> LogIndex | None:
    """Read the index; None if it is absent, not complete, or was being changed."""
    try:
        with path.open("rb") as file:
            content = file.read(_COPIES * _INDEX.size + _BACKFILLED.size)
    except OSError:
        return None
    first, second = content[: _INDEX.size], content[_INDEX.size : 2 * _INDEX.size]
    if len(content) < _COPIES * _INDEX.size + _BACKFILLED.size or first != second:
        return None
    version, _, _, made, _, page, frames, _, *sums, salts, _ = _INDEX.unpack(first)
    if version != _VERSION or not made:
        return None
    (backfilled,) = _BACKFILLED.unpack_from(content, _COPIES * _INDEX.size)
    size = _BIGGEST_PAGE if page == 1 else page
    return LogIndex(size, frames, backfilled, (sums[0], sums[1]), salts)


def _read_log(path: Path, index: LogIndex) -> tuple[bytes, tuple[int, ...] | None]:
    """Return the log's salts, and the checksum of its first *frames* frames.

    Each frame's checksum covers all frames before it.
    """
    length = _FRAME_HEADER + index.page
    try:
        with path.open("rb") as file:
            salts = file.read(_LOG_HEADER)[16:24]
            file.seek(_LOG_HEADER + (index.frames - 1) * length)
            frame = file.read(length)
    except OSError:
        return b"", None
    whole = len(frame) == length
    return salts, _CHECKSUM.unpack_from(frame, 16) if whole else None

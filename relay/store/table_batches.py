"""Tables of an SQLite database, and their rows in batches with a digest each."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from relay.text import storable

Values = tuple[Any, ...]
"""The values of a row: int, str, bytes or None."""

COUNTED_APART: Final = "change_counter"
"""SQLite stores the latest number here, PostgreSQL an offset to its own numbers. It is
computed on the server from the shipments, see `continue_changes`."""
MOST_ROWS: Final = 1_000
MOST_BYTES: Final = 4 * 1024 * 1024
"""What a batch holds at most: a table of documents has rows of a megabyte."""


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table's name, its stored columns, and those of its primary key.

    `texts` are the key's columns that hold text.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    texts: frozenset[str]

    def select(self, collation: str = "") -> str:
        """Return the query of all rows by their key; texts are ordered by *collation*.

        SQLite orders texts by their bytes.
        """
        order = (f"{c} {collation}" if c in self.texts else c for c in self.key)
        return (
            f"SELECT {', '.join(self.columns)} FROM {self.name} "  # noqa: S608
            f"ORDER BY {', '.join(order)}"
        )


@dataclass(slots=True)
class RowBatch:
    """Successive rows of a table. `altered` counts texts that were made storable."""

    number: int
    rows: list[Values] = field(default_factory=list)
    size: int = 0
    altered: int = 0

    @property
    def digest(self) -> str:
        """Return a digest of all values; `ascii` is the same in every Python."""
        digest = hashlib.sha256()
        for row in self.rows:
            digest.update(ascii(row).encode())
        return digest.hexdigest()

    def add(self, row: Values) -> bool:
        """Add a row; return whether the batch is full."""
        self.rows.append(row)
        self.size += sum(len(v) for v in row if isinstance(v, str | bytes))
        return len(self.rows) >= MOST_ROWS or self.size >= MOST_BYTES


def shapes(connection: sqlite3.Connection) -> list[TableShape]:
    """Return every table of a relay's database but `COUNTED_APART`, by name."""
    query = (
        "SELECT name FROM sqlite_schema WHERE type = 'table' "
        "AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
    )
    names = [name for (name,) in connection.execute(query)]
    return [_shape(connection, name) for name in names if name != COUNTED_APART]


def _shape(connection: sqlite3.Connection, name: str) -> TableShape:
    """Return the shape of a table; `table_info` leaves generated columns out."""
    found = connection.execute(f"PRAGMA table_info({name})").fetchall()
    key = sorted((place, column) for _, column, *_, place in found if place)
    texts = (column for _, column, kind, *_, place in found if place and kind == "TEXT")
    return TableShape(
        name,
        tuple(column for _, column, *_ in found),
        tuple(column for _, column in key),
        frozenset(texts),
    )


def batches(connection: sqlite3.Connection, shape: TableShape) -> Iterator[RowBatch]:
    """Yield the rows of a table as PostgreSQL can store them, in batches."""
    yield from in_batches(connection.execute(shape.select()))


def in_batches(rows: Iterable[Sequence[Any]]) -> Iterator[RowBatch]:
    """Divide *rows* into batches; the same rows make the same batches."""
    batch = RowBatch(0)
    for row in rows:
        safe = tuple(storable(v) if isinstance(v, str) else v for v in row)
        batch.altered += sum(a != b for a, b in zip(row, safe, strict=True))
        if batch.add(safe):
            yield batch
            batch = RowBatch(batch.number + 1)
    if batch.rows:
        yield batch

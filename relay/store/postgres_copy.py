"""Moves the rows of an SQLite database to PostgreSQL in batches, and compares them.

A batch is copied and noted in one transaction, so a move that was killed continues.
The notes are in a table of their own, which exists only while a move is unfinished;
no relay starts on a database that has it.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from relay.errors import ConfigurationError
from relay.store.postgres import MIGRATION_LOCK, migrate
from relay.store.postgres_limits import PostgresLimits
from relay.store.postgres_unfinished import NOTES, is_unfinished
from relay.store.table_batches import (
    COUNTED_APART,
    RowBatch,
    TableShape,
    batches,
    shapes,
)

MOVE_LOCK: Final = 7_233_020
CREATE_NOTES: Final = (
    f"CREATE TABLE {NOTES} (table_name TEXT NOT NULL, batch BIGINT NOT NULL, "
    "row_count BIGINT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (table_name, batch))"
)
Advance = Callable[[str, int, int], None]
"""Called with what is done ("copied", "compared"), the rows done, and all rows."""


@dataclass(frozen=True, slots=True)
class MoveReport:
    """What was moved: rows by table, and texts with characters that were replaced."""

    rows: dict[str, int]
    altered: int


class PostgresCopy:
    """Copies one state of an SQLite database to one PostgreSQL database."""

    def __init__(
        self, source: sqlite3.Connection, target: Any, advance: Advance
    ) -> None:
        self._source = source
        self._target = target
        self._advance = advance
        self._shapes = shapes(source)
        self._digests: dict[tuple[str, int], str] = {}
        self._rows: dict[str, int] = {}
        self._altered = 0

    async def prepare(self, *, restart: bool) -> None:
        """Create the schema and the notes, or find those of an unfinished move.

        *restart* deletes what an unfinished move copied. Raises `ConfigurationError`
        if the target has rows that no move copied.
        """
        async with self._target.transaction():
            await self._target.execute(
                "SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK
            )
            unfinished = await is_unfinished(self._target)
            await migrate(self._target, PostgresLimits())
            if unfinished and restart:
                names = ", ".join([NOTES, *(shape.name for shape in self._shapes)])
                await self._target.execute(f"TRUNCATE {names}")
            if not unfinished:
                await self._check_empty()
                await self._target.execute(CREATE_NOTES)

    async def run(self) -> MoveReport:
        """Copy and compare all rows; the target is unfinished until `finish`."""
        total = self._count()
        for shape in self._shapes:
            await self._copy_table(shape, total)
        compared = 0
        for shape in self._shapes:
            compared = await self._compare_table(shape, compared, total)
        return MoveReport(self._rows, self._altered)

    async def finish(self) -> None:
        """Let new rows get new numbers, and allow relays to start."""
        async with self._target.transaction():
            query = (
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE is_identity = 'YES' AND table_schema = current_schema()"
            )
            for table, column in await self._target.fetch(query):
                await self._target.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), "  # noqa: S608
                    f"max({column})) FROM {table} HAVING max({column}) IS NOT NULL"
                )
            await self._target.execute("SELECT continue_changes()")
            await self._target.execute(f"DROP TABLE {NOTES}")
        await self._target.execute("ANALYZE")

    async def _check_empty(self) -> None:
        for name in [COUNTED_APART, *(shape.name for shape in self._shapes)]:
            query = f"SELECT EXISTS (SELECT 1 FROM {name})"  # noqa: S608
            if await self._target.fetchval(query):
                raise ConfigurationError(
                    f"database: the target has rows already (in {name}); nothing was "
                    "copied. Name a new database: CREATE DATABASE relay"
                )

    def _count(self) -> int:
        for shape in self._shapes:
            query = f"SELECT count(*) FROM {shape.name}"  # noqa: S608
            self._rows[shape.name] = self._source.execute(query).fetchone()[0]
        return sum(self._rows.values())

    async def _copy_table(self, shape: TableShape, total: int) -> None:
        query = f"SELECT batch, digest FROM {NOTES} WHERE table_name = $1"  # noqa: S608
        known = {
            r["batch"]: r["digest"] for r in await self._target.fetch(query, shape.name)
        }
        done = sum(n for name, n in self._rows.items() if name < shape.name)
        for batch in batches(self._source, shape):
            digest = batch.digest
            noted = known.pop(batch.number, None)
            if noted is None:
                await self._copy(shape, batch, digest)
            elif noted != digest:
                raise _changed(shape.name)
            self._digests[shape.name, batch.number] = digest
            self._altered += batch.altered
            done += len(batch.rows)
            self._advance("copied", done, total)
        if known:
            raise _changed(shape.name)

    async def _copy(self, shape: TableShape, batch: RowBatch, digest: str) -> None:
        """Copy a batch without triggers: what they set is copied, too."""
        async with self._target.transaction():
            await self._target.execute(f"ALTER TABLE {shape.name} DISABLE TRIGGER USER")
            await self._target.copy_records_to_table(
                shape.name, records=batch.rows, columns=shape.columns
            )
            await self._target.execute(f"ALTER TABLE {shape.name} ENABLE TRIGGER USER")
            await self._target.execute(
                f"INSERT INTO {NOTES} VALUES ($1, $2, $3, $4)",  # noqa: S608
                *(shape.name, batch.number, len(batch.rows), digest),
            )

    async def _compare_table(self, shape: TableShape, done: int, total: int) -> int:
        """Read a table back; raise `ConfigurationError` if a row differs."""
        expected = self._rows[shape.name]
        batch = RowBatch(0)
        found = 0
        async with self._target.transaction(isolation="repeatable_read", readonly=True):
            query = shape.select('COLLATE "C"')
            async for record in self._target.cursor(query, prefetch=500):
                found += 1
                if batch.add(tuple(record)) or found == expected:
                    self._compare(shape, batch)
                    self._advance("compared", done + found, total)
                    batch = RowBatch(batch.number + 1)
        if found != expected:
            raise _differs(shape.name, f"it has {found} rows instead of {expected}")
        return done + found

    def _compare(self, shape: TableShape, batch: RowBatch) -> None:
        if self._digests.get((shape.name, batch.number)) != batch.digest:
            raise _differs(shape.name, f"batch {batch.number} has other values")


async def connect(url: str) -> Any:
    """Connect for a move, without limits of time; only one move at a time.

    Raises what asyncpg raises.
    """
    connection = await asyncpg.connect(
        url,
        timeout=PostgresLimits().connect,
        server_settings={
            "application_name": "carrier-tracking-relay move",
            "synchronous_commit": "on",  # the file is marked when all is on disk
            "statement_timeout": "0",
            "lock_timeout": "30000",  # a killed move may hold its locks a little longer
            "idle_in_transaction_session_timeout": "0",
        },
    )
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MOVE_LOCK)
    except BaseException:
        await connection.close()
        raise
    return connection


def _changed(table: str) -> ConfigurationError:
    return ConfigurationError(
        f"database: {table} has changed since the move began, because a relay served "
        "the file meanwhile; begin again with --restart"
    )


def _differs(table: str, how: str) -> ConfigurationError:
    return ConfigurationError(
        f"database: {table} in the target differs from the source: {how}; another "
        "program wrote to it. Stop that one, and begin again with --restart"
    )

"""What empties the databases of tests: one connection to each, which stays open.

A new connection costs more than emptying a database with one whose plans are cached.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Final, TypeVar

import asyncpg

T = TypeVar("T")

DISCONNECT_OTHERS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
FINGERPRINT: Final = """
SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
  SELECT relname || c.oid || attname || atttypid || attnotnull AS part
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE relnamespace = 'public'::regnamespace AND attnum > 0
  UNION ALL SELECT tgname || oid FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT proname || oid FROM pg_proc
  WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT conname || oid FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT v::text FROM migrations v
) parts
"""
"""What a database's tables, triggers and version are, as one value."""
EMPTY: Final = """
DO $make$ DECLARE deletes text; BEGIN
  SELECT string_agg(format('DELETE FROM public.%I;', relname), ' ') INTO deletes
    FROM pg_class WHERE relkind = 'r' AND relname <> 'migrations'
    AND relnamespace = 'public'::regnamespace;
  EXECUTE format(
    'CREATE FUNCTION pg_temp.empty() RETURNS void LANGUAGE plpgsql AS %L',
    'BEGIN ' || deletes || ' PERFORM setval(seqrelid, seqstart, false)
      FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid
      WHERE relnamespace = ''public''::regnamespace; END');
END $make$;
SET session_replication_role = replica
"""
"""Makes the function that deletes all rows and lets numbers begin at one again.

It ignores the order of foreign keys. As a function it is planned once per connection.
`ALTER SEQUENCE ... RESTART` would do the same, but gives each sequence a new file.
"""
LOST: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.AdminShutdownError,
)
VACUUM_AFTER: Final = 50
"""So many tests leave enough dead rows to make queries slower."""


@dataclass
class _Used:
    """The open connection to a database, and how often it emptied it."""

    connection: asyncpg.Connection
    times: int = 0


@dataclass
class PostgresCleaner:
    """Empties databases on an event loop of its own, which outlives those of tests."""

    url: Callable[[str], str]
    fingerprint: str = ""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _used: dict[str, _Used] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin *work* on the cleaner's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        self.start(self._disconnect()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def execute(self, name: str, statement: str) -> None:
        """Run a statement in the database *name*."""
        await (await self._connected(name)).connection.execute(statement)

    async def remember(self, name: str) -> None:
        """Take the tables of *name* as those that every database must have."""
        connection = await asyncpg.connect(self.url(name))
        self.fingerprint = await connection.fetchval(FINGERPRINT)
        await connection.close()

    async def emptied(self, name: str) -> bool:
        """Remove the rows of a database; say whether it is as it was made."""
        try:
            return await self._emptied(name)
        except LOST:  # the test dropped it, or closed this connection too
            return False

    async def _emptied(self, name: str) -> bool:
        used = await self._connected(name)
        await used.connection.fetch(DISCONNECT_OTHERS)
        if await used.connection.fetchval(FINGERPRINT) != self.fingerprint:
            await used.connection.close()
            return False
        if used.times == 0:
            await used.connection.execute(EMPTY)
        await used.connection.fetchval("SELECT pg_temp.empty()")
        used.times += 1
        if used.times % VACUUM_AFTER == 0:
            await used.connection.execute("VACUUM")
        return True

    async def _disconnect(self) -> None:
        for used in self._used.values():
            await used.connection.close()

    async def _connected(self, name: str) -> _Used:
        used = self._used.get(name)
        if used is None or used.connection.is_closed():
            used = _Used(await asyncpg.connect(self.url(name)))
            self._used[name] = used
        return used

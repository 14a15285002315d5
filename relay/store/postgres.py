"""PostgreSQL, for several replicas of the relay (extra `postgres`)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar

import asyncpg

from relay.errors import DatabaseUnavailable
from relay.store.database import Row, Transaction, load_queries
from relay.store.outages import answered, outages
from relay.store.postgres_limits import PostgresLimits, guard_socket
from relay.store.postgres_listener import Listener
from relay.store.postgres_unfinished import check_finished
from relay.store.schema import scripts
from relay.store.sqlite_thread import Work
from relay.text import storable

T = TypeVar("T")

MIGRATION_LOCK: Final = 7_233_019
POOL: Final = 10


class PostgresTransaction(Transaction):
    """Runs named queries on one connection."""

    def __init__(self, connection: Any, queries: Any) -> None:
        self._connection = connection
        self._queries = queries

    async def rows(self, query: str, **values: Any) -> Sequence[Row]:
        """Run *query* and return its rows."""
        sql, ordered = self._prepared(query, values)
        with outages():
            found: Sequence[Row] = await self._connection.fetch(sql, *ordered)
        return found

    async def run(self, query: str, **values: Any) -> None:
        """Run *query* and ignore its rows."""
        sql, ordered = self._prepared(query, values)
        with outages():
            await self._connection.execute(sql, *ordered)

    async def many(self, query: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run *query* once for each of *rows*."""
        if rows:
            sql, _ = self._prepared(query, rows[0])
            ordered = [self._prepared(query, row)[1] for row in rows]
            with outages():
                await self._connection.executemany(sql, ordered)

    async def compute(self, work: Callable[[], T]) -> T:
        """Return what *work* returns, run in a thread."""
        return await asyncio.to_thread(work)

    async def new_events(self, count: int) -> Sequence[int]:
        """Reserve *count* numbers for new events."""
        next_ = (
            "SELECT nextval(pg_get_serial_sequence('events', 'event')) AS event "
            "FROM generate_series(1, $1)"
        )
        with outages():
            found = await self._connection.fetch(next_, count)
        return [row["event"] for row in found]

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """Open a savepoint: if its body fails, only the body's changes are undone."""
        async with _transaction(self._connection):
            yield

    async def may_idle(self, limit: timedelta) -> None:
        """Let the transaction wait *limit* between statements."""
        setting = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"
        with outages():
            await self._connection.execute(setting, str(limit // MILLISECOND))

    def _prepared(self, query: str, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
        names = self._queries.driver_adapter.var_sorted[query]
        given = (values[name] for name in names)
        # PostgreSQL rejects NUL, which a filter of a list may contain.
        safe = [storable(v) if isinstance(v, str) else v for v in given]
        return getattr(self._queries, query).sql, safe


MILLISECOND: Final = timedelta(milliseconds=1)


class PostgresDatabase:
    """A connection pool, and one connection that listens for notifications."""

    dialect: Literal["postgres"] = "postgres"

    def __init__(self, url: str, limits: PostgresLimits | None = None) -> None:
        self._url = url
        self._limits = limits or PostgresLimits()
        self._queries = load_queries("postgres")
        self._pool: asyncpg.Pool
        self._listener: Listener | None = None

    async def open(self) -> None:
        """Connect and migrate the schema; an advisory lock lets one replica do it."""
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=1,
            max_size=POOL,
            init=guard_socket,
            reset=_leave,
            **self._limits.connection(),
        )
        try:
            await self._prepare()
        except BaseException:
            self._pool.terminate()
            raise

    async def _prepare(self) -> None:
        """Migrate the schema, unless rows are still being moved to this database."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._limits.migration())
            await connection.execute(
                "SELECT pg_advisory_xact_lock($1)",
                MIGRATION_LOCK,
                timeout=self._limits.migrating,
            )
            await check_finished(connection)
            await migrate(connection, self._limits)
            await connection.execute("SELECT continue_changes()")

    async def close(self) -> None:
        """Close every connection; abort those that do not answer."""
        if self._listener is not None:
            self._listener.close()
        try:
            async with asyncio.timeout(self._limits.connect):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[PostgresTransaction]:
        """Open a transaction; at its end it is committed and on disk."""
        async with self._connection() as connection, _transaction(connection):
            yield PostgresTransaction(connection, self._queries)

    async def write_in_one_go(self, work: Work[T], *, lazy: bool = False) -> T:
        """Run *work* in a writing transaction; a *lazy* one does not wait for the disk.

        https://www.postgresql.org/docs/15/wal-async-commit.html
        """
        async with self._connection() as connection, _transaction(connection):
            if lazy:
                await connection.execute("SET LOCAL synchronous_commit = off")
            return await work(PostgresTransaction(connection, self._queries))

    async def read_in_one_go(self, work: Work[T]) -> T:
        """Run *work* in a read-only transaction."""
        async with self.reading() as tx:
            return await work(tx)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[PostgresTransaction]:
        """Open a read-only transaction that sees one consistent state."""
        async with (
            self._connection() as connection,
            _transaction(connection, isolation="repeatable_read", readonly=True),
        ):
            yield PostgresTransaction(connection, self._queries)

    async def notify(self, work: str = "") -> None:
        """Notify the other replicas of new *work*; of any work without a name."""
        async with self._connection() as connection:
            with outages():
                await connection.execute(
                    "SELECT pg_notify($1, $2)", Listener.CHANNEL, work
                )

    async def size(self) -> int:
        """Return the bytes of the database on the server."""
        async with self._pool.acquire() as connection:
            query = "SELECT pg_database_size(current_database())"
            return int(await connection.fetchval(query))

    async def vacuum(self, pages: int) -> bool:  # noqa: ARG002 -- nothing to bound
        """Do nothing: the server vacuums by itself."""
        return False

    async def listen(self, on_notify: Callable[[str], None]) -> None:
        """Call *on_notify* with the work whenever another replica calls `notify`."""
        self._listener = Listener(self._url, self._limits, on_notify)
        with outages():
            await self._listener.open()

    async def check(self) -> None:
        """Raise `DatabaseUnavailable` unless the server answers and takes writes.

        Opens the listening connection again if it is lost.
        """
        if await self.setting("transaction_read_only") == "on":
            raise DatabaseUnavailable("the server is read-only; is it a standby?")
        if self._listener is not None:
            with outages():
                await self._listener.check()

    async def clock(self) -> datetime:
        """Return the server's time, to measure the clock drift of replicas."""
        async with self._connection() as connection:
            with outages():
                now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        return now

    async def setting(self, name: str) -> str:
        """Return the value of a server setting such as `fsync`."""
        current = "SELECT current_setting($1)"
        async with self._connection() as connection:
            with outages():
                value: str = await connection.fetchval(current, name)
        return value

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """Lend a connection; if one is lost, all others are replaced when next used."""
        with outages():
            connection = await self._pool.acquire(timeout=self._limits.acquire)
        try:
            yield connection
        except DatabaseUnavailable as error:
            if not answered(error):
                await self._pool.expire_connections()
            raise
        finally:
            with outages():
                await self._pool.release(connection)


async def migrate(connection: Any, limits: PostgresLimits) -> None:
    """Bring the schema to the present version, inside of a transaction."""
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY)"
    )
    done = await connection.fetchval("SELECT coalesce(max(number), 0) FROM migrations")
    for number, script in scripts(done, "postgres"):
        await connection.execute(script, timeout=limits.migrating)
        await connection.execute("INSERT INTO migrations VALUES ($1)", number)
    await asyncio.sleep(0)


async def _leave(connection: Any) -> None:
    """Leave a returned connection as it is: all its settings end with a transaction.

    The pool's default resets the session, which is one more round trip for each
    transaction. What is still open is rolled back by the pool before this.
    """


@asynccontextmanager
async def _transaction(connection: Any, **options: Any) -> AsyncIterator[None]:
    """Open a transaction, or a savepoint inside of one."""
    transaction = connection.transaction(**options)
    with outages():
        await transaction.start()
    try:
        yield
    except BaseException:
        with outages():
            await transaction.rollback()
        raise
    with outages():
        await transaction.commit()

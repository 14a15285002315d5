"""The write-ahead log stays short, and what was cut does not stay in it."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.config.settings import Settings
from relay.store import checkpoints
from relay.store.checkpoints import Checkpointer
from relay.store.sqlite import SqliteDatabase
from tests.support import acme
from tests.support.clock import START, Clock
from tests.support.way_in import WayIn, until

NAME = "Quirina Albuquerque-Zwölf"


@pytest.fixture
def way_in(
    sqlite: SqliteDatabase, clock: Clock, settings: Callable[..., Settings]
) -> WayIn:
    return WayIn(sqlite, clock, settings().contracts)


@pytest.fixture
async def checkpointer(sqlite: SqliteDatabase) -> Any:
    now = [0.0]
    checkpointer = Checkpointer(sqlite, lambda: now[0])
    checkpointer.now = now  # type: ignore[attr-defined]
    yield checkpointer
    await checkpointer.close()


def log(database: SqliteDatabase) -> Path:
    return database.path.with_name(database.path.name + "-wal")


def on_disk(database: SqliteDatabase) -> bytes:
    return database.path.read_bytes() + log(database).read_bytes()


def delivery(i: int, size: int = 0) -> bytes:
    scan = acme.scan(f"AC{i}", "DL", START)
    return acme.body(scan, recipient={"name": NAME}, pad="x" * size)


async def test_a_name_that_was_cut_is_nowhere_once_the_reader_is_idle(
    sqlite: SqliteDatabase, way_in: WayIn, checkpointer: Any
) -> None:
    assert await sqlite.pragma("secure_delete") == 1
    escaped = NAME.replace("ö", "\\u00f6").encode()
    await way_in.keep(*(delivery(i, size=i * 97) for i in range(100)))
    checkpointer.now[0] = 61
    assert await checkpointer.step() == "PASSIVE"
    assert escaped in sqlite.path.read_bytes()
    await way_in.read()
    assert escaped in on_disk(sqlite)
    assert "idle" in way_in.published
    checkpointer.burst_read()
    assert await checkpointer.step() == "TRUNCATE"
    assert log(sqlite).stat().st_size == 0
    assert escaped not in on_disk(sqlite)
    rows = await way_in.rows("documents")
    assert rows[5]["digest"] == hashlib.sha256(delivery(5, size=5 * 97)).hexdigest()


async def test_the_log_is_moved_every_minute(
    sqlite: SqliteDatabase, way_in: WayIn, checkpointer: Any
) -> None:
    await way_in.keep(b"x" * 50_000)
    before = sqlite.path.stat().st_size
    checkpointer.now[0] = 59
    assert await checkpointer.step() is None
    checkpointer.now[0] = 60
    assert await checkpointer.step() == "PASSIVE"
    assert sqlite.path.stat().st_size > before
    assert await checkpointer.step() is None


async def test_a_long_log_is_moved_at_once_and_a_huge_one_emptied(
    sqlite: SqliteDatabase, way_in: WayIn, checkpointer: Any
) -> None:
    await way_in.keep(b"x" * checkpoints.LONG)
    assert await checkpointer.step() == "PASSIVE"
    for _ in range(9):
        await way_in.keep(b"x" * checkpoints.LONG)
        async with sqlite.reading():  # who reads stops the log from being restarted
            await way_in.keep(b"x")
    if log(sqlite).stat().st_size <= checkpoints.HUGE:
        await way_in.keep(b"x" * checkpoints.HUGE)
    assert await checkpointer.step() == "TRUNCATE"
    assert log(sqlite).stat().st_size == 0


async def test_the_log_is_emptied_now_and_then_only(
    way_in: WayIn, checkpointer: Any
) -> None:
    await way_in.keep(b"x")
    checkpointer.burst_read()
    assert await checkpointer.step() == "TRUNCATE"
    checkpointer.burst_read()
    checkpointer.now[0] = 9
    assert await checkpointer.step() is None
    checkpointer.now[0] = 10
    assert await checkpointer.step() == "TRUNCATE"


async def test_an_emptying_that_a_reader_prevents_is_tried_again(
    sqlite: SqliteDatabase, way_in: WayIn, checkpointer: Any
) -> None:
    await way_in.keep(b"x")
    async with sqlite.reading() as tx:
        await tx.row("oldest_unread")
        await way_in.keep(b"y")
        checkpointer.burst_read()
        assert await checkpointer.step() == "TRUNCATE"
        assert log(sqlite).stat().st_size > 0
    checkpointer.now[0] = 10
    assert await checkpointer.step() == "TRUNCATE"
    assert log(sqlite).stat().st_size == 0


async def test_a_database_without_log_is_left_alone(tmp_path: Path) -> None:
    checkpointer = Checkpointer(SqliteDatabase(tmp_path / "none.db"), lambda: 0)
    assert await checkpointer.step() is None
    await checkpointer.close()


async def test_the_loop_goes_on_after_an_error(checkpointer: Any) -> None:
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 1:
            raise OSError

    checkpointer.step = step
    with capture_logs() as lines:
        task = asyncio.create_task(checkpointer.run())
        await until(lambda: steps == 2)
    assert [line["event"] for line in lines] == ["loop failed; retrying"]
    task.cancel()
    await asyncio.wait({task})

"""A transaction in one go is there for all or for nobody, as any other."""

import asyncio
from typing import Any

import pytest

from relay.store.database import Database, Transaction
from tests.support.way_in import everything


async def accounts(database: Database) -> list[str]:
    return [row["account"] for row in await everything(database, "accounts")]


async def test_it_returns_what_its_work_returns(database: Database) -> None:
    async def work(tx: Transaction) -> Any:
        await tx.many("add_account", [{"account": "one"}, {"account": "two"}])
        await tx.many("add_account", [])
        await tx.run("add_account", account="three")
        row = await tx.row("lock_account", account="two")
        assert await tx.row("lock_account", account="four") is None
        return row["account"] if row else None

    assert await database.write_in_one_go(work) == "two"
    assert await accounts(database) == ["one", "three", "two"]

    async def listed(tx: Transaction) -> int:
        return len(await tx.rows("list_accounts"))

    assert await database.read_in_one_go(listed) == 3


async def test_nothing_stays_of_one_that_fails(database: Database) -> None:
    async def work(tx: Transaction) -> None:
        await tx.run("add_account", account="one")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write_in_one_go(work)
    assert await accounts(database) == []


async def test_numbers_of_events_are_never_given_twice(database: Database) -> None:
    async def numbers(tx: Transaction) -> list[int]:
        return list(await tx.new_events(3))

    found = await database.write_in_one_go(numbers)
    assert len(set(found)) == 3
    assert min(found) > 0
    async with database.writing() as tx:
        assert len(await tx.new_events(2)) == 2


async def test_on_sqlite_it_may_wait_for_nothing_else(sqlite: Database) -> None:
    async def work(tx: Transaction) -> None:
        await tx.run("add_account", account="one")
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="awaited something other"):
        await sqlite.write_in_one_go(work)
    assert await accounts(sqlite) == []


async def test_a_cancelled_transaction_leaves_the_writer_free(
    sqlite: Database,
) -> None:
    async def begin() -> None:
        async with sqlite.writing() as tx:
            await tx.run("add_account", account="one")

    for turns in range(12):
        task = asyncio.create_task(begin())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

        async def read() -> None:
            async with sqlite.reading() as tx:
                await tx.rows("list_accounts")

        reading = asyncio.create_task(read())
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait({reading})
    async with sqlite.writing() as tx:
        await tx.run("add_account", account="two")
    assert "two" in await accounts(sqlite)

"""A relay as a process, whose SQLite file goes away or is locked by another one."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from random import Random

import aiohttp
import pytest

from relay.store.sqlite import SqliteDatabase
from tests.doctor.faults import WRITES_FOR_EVER, process
from tests.system.kills.loading import Parcel, parcels
from tests.system.kills.processes import Program, account, relay_program, running

NOT_READY_WITHIN = 20.0
REASON = "database: takes no writes now; see the log"


class Client:
    """A carrier, and a load balancer's probe."""

    def __init__(self, relay: Program, session: aiohttp.ClientSession) -> None:
        self._relay = relay
        self._session = session
        self._parcels = parcels(Random(1))  # noqa: S311 -- which one is all the same

    async def post(self) -> int:
        """Post the next parcel's first webhook; return the status."""
        parcel: Parcel = next(self._parcels)
        webhook = parcel.webhook(parcel.scans[0])
        async with self._session.post(
            f"{self._relay.url}/webhooks/me", data=webhook.body, headers=webhook.headers
        ) as answer:
            return answer.status

    async def until(self, fits: Callable[[list[str]], bool]) -> None:
        """Wait until the reasons why the relay is not ready are what *fits*."""
        async with asyncio.timeout(NOT_READY_WITHIN):
            while not fits(await self._reasons()):  # noqa: ASYNC110 -- of a process
                await asyncio.sleep(0.1)

    async def _reasons(self) -> list[str]:
        async with self._session.get(f"{self._relay.url}/readyz") as answer:
            reasons = list((await answer.json())["reasons"])
            assert answer.ok == (not reasons)
            return reasons


def is_ready(reasons: list[str]) -> bool:
    return not reasons


def is_without_database(reasons: list[str]) -> bool:
    return REASON in reasons


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Program, Client]]:
    relay = relay_program(folder, account("store", "http://127.0.0.1:9"))
    async with running(relay), aiohttp.ClientSession() as session:
        client = Client(relay, session)
        await client.until(is_ready)
        yield relay, client


async def stored(path: Path) -> int:
    database = SqliteDatabase(path)
    await database.open()
    await database.close()
    with closing(sqlite3.connect(path)) as connection:
        [[count]] = connection.execute("SELECT count(*) FROM documents")
    return int(count)


def delete(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    path.with_name("other.db").touch()
    path.with_name("other.db").rename(path)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [delete, replace])
async def test_a_relay_whose_file_goes_away_acknowledges_nothing(
    tmp_path: Path, fault: Callable[[Path], None]
) -> None:
    path = tmp_path / "relay.db"
    async with serving(tmp_path) as (relay, client):
        assert await client.post() == 200
        # Another name of the same file, so that it can be put back.
        path.with_name("rescued").hardlink_to(path)
        fault(path)
        assert await client.post() == 503
        await client.until(is_without_database)
        assert await client.post() == 503
        path.with_name("rescued").rename(path)
        await client.until(is_ready)
        assert await client.post() == 200
        log = relay.log.read_text()
        assert relay.stop() == 0
    lines = [line for line in log.splitlines() if '"database unavailable"' in line]
    assert all("was deleted, moved or replaced" in line for line in lines)
    said_by = [json.loads(line)["process"] for line in lines]
    assert said_by
    assert len(said_by) == len(set(said_by))  # once by each process, at the most
    assert await stored(path) == 2


@pytest.mark.slow
async def test_a_relay_whose_file_is_locked_for_ever_can_be_stopped(
    tmp_path: Path,
) -> None:
    path = tmp_path / "relay.db"
    async with serving(tmp_path) as (relay, client):
        assert await client.post() == 200
        with process(WRITES_FOR_EVER, path):
            await client.until(is_without_database)
            assert await client.post() == 503
            assert relay.stop() == 0
    assert await stored(path) == 1

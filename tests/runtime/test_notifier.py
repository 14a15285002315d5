"""Work is announced here, to the other process, or to replicas; each is only a hint."""

import asyncio
import socket
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.runtime.channel import Channel
from relay.runtime.notifier import Notifier, Work
from relay.store.database import Database

ALL = [work.value for work in Work]


def announce_all(notifier: Notifier) -> None:
    notifier.documents()
    notifier.shipments()
    notifier.polls()


def heard_here(notifier: Notifier) -> list[str]:
    """Let *notifier* wake a list in place of the loops, and return the list."""
    heard: list[str] = []
    notifier.here = {work: lambda work=work: heard.append(work) for work in Work}
    return heard


async def test_this_process_is_woken(database: Database) -> None:
    notifier = Notifier(database)
    heard = heard_here(notifier)
    announce_all(notifier)
    assert heard == ALL
    await settled()


@pytest.mark.parametrize(
    ("work", "woken"), [("polls", ["polls"]), ("", ALL), ("x", [])]
)
async def test_a_notification_wakes_what_it_names(
    database: Database, work: str, woken: list[str]
) -> None:
    notifier = Notifier(database)
    heard = heard_here(notifier)
    notifier.wake(work)
    assert heard == woken


async def test_the_other_process_is_hinted_once_per_turn(database: Database) -> None:
    ends = [Channel(end) for end in socket.socketpair()]
    for end in ends:
        await end.open()
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(ends[1].run(heard.put_nowait, {}))
    notifier = Notifier(database, ends[0])
    for _ in range(3):
        announce_all(notifier)
    assert [await heard.get() for _ in ALL] == ALL
    assert heard.empty()
    await settled(listening)
    listening.cancel()
    for end in ends:
        end.close()


async def test_another_replica_hears_of_it(postgres: Any) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    await postgres.listen(heard.put_nowait)
    announce_all(Notifier(postgres))
    async with asyncio.timeout(10):
        assert sorted([await heard.get() for _ in ALL]) == sorted(ALL)


async def test_replicas_parse_and_poll_what_they_stored_themselves(
    postgres: Any,
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    await postgres.listen(heard.put_nowait)
    notifier = Notifier(postgres)
    heard_here(notifier)
    announce_all(notifier)
    async with asyncio.timeout(10):
        assert await heard.get() == Work.SHIPMENTS
    await settled()
    assert heard.empty()


class Mute:
    """A database that cannot notify; it counts the attempts."""

    dialect = "postgres"
    attempts = 0

    async def notify(self, work: str) -> None:
        self.attempts += 1
        raise OSError(f"{work}: gone")


async def test_a_lost_notification_is_only_logged_and_not_repeated_meanwhile() -> None:
    mute = Mute()
    notifier = Notifier(mute)  # type: ignore[arg-type]
    with capture_logs() as lines:
        for _ in range(3):
            notifier.shipments()
        await settled()
    assert [line["event"] for line in lines] == ["replicas not notified"]
    assert mute.attempts == 1


async def settled(*others: asyncio.Task[Any]) -> None:
    """Wait for the notifications that are being sent."""
    tasks = asyncio.all_tasks() - {asyncio.current_task(), *others}
    if tasks:
        await asyncio.wait(tasks)

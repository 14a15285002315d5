"""A commit wakes this publisher, and notifies other replicas."""

import asyncio
from typing import Any

from structlog.testing import capture_logs

from relay.runtime.housekeeper import DueNotifier
from relay.store.database import Database


async def test_this_process_is_woken(database: Database) -> None:
    woken: list[str] = []
    DueNotifier(database, lambda: woken.append("here"))()
    assert woken == ["here"]


async def test_another_replica_hears_of_it(postgres: Any) -> None:
    heard = asyncio.Event()
    await postgres.listen(heard.set)
    DueNotifier(postgres, lambda: None)()
    await asyncio.wait_for(heard.wait(), 10)


class Mute:
    """A database that cannot notify."""

    dialect = "postgres"

    async def notify(self) -> None:
        raise OSError("gone")


async def test_a_notice_that_is_lost_is_logged_and_no_more() -> None:
    news = DueNotifier(Mute(), lambda: None)  # type: ignore[arg-type]
    with capture_logs() as lines:
        news()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
    assert lines[0]["event"] == "replicas not notified"

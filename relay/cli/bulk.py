"""What is done to many things at once, slice by slice, with progress."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from relay.cli.databases import on_database, operator
from relay.cli.options import Config, settings_of
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.store.bulk import Bulk, Done
    from relay.store.database import Database
    from relay.web.narrowing import Narrowed


def retry_stuck(
    config: Config, account: str | None, contract: str | None, because: str | None
) -> int:
    """Try all stuck shipments again that fit; return how many there were."""
    from relay.web.acting import says
    from relay.web.narrowing import Narrowed

    narrowed = Narrowed(settings_of(config), None, account, contract)
    asked = narrowed.asked(more=lambda row: says(row, because))

    def slices(bulk: "Bulk", before: int | None) -> "Awaitable[Done]":
        return bulk.retry_stuck(asked, before)

    return on_database(config, lambda database: _all(database, narrowed, slices))


def replay(
    config: Config, contract: str | None, since: datetime | None, *, unreadable: bool
) -> int:
    """Have all documents read again that fit; return how many there were."""
    from relay.store.bulk import Replays
    from relay.web.narrowing import Narrowed

    narrowed = Narrowed(settings_of(config), None, None, contract)
    asked = Replays(unreadable, since, narrowed.fits)

    def slices(bulk: "Bulk", before: int | None) -> "Awaitable[Done]":
        return bulk.replay(asked, before)

    return on_database(config, lambda database: _all(database, narrowed, slices))


async def _all(
    database: "Database",
    narrowed: "Narrowed",
    one: "Callable[[Bulk, int | None], Awaitable[Done]]",
) -> int:
    """Do slice after slice; say after each how many there were."""
    from relay.store.bulk import Bulk

    await narrowed.check(database)
    bulk, total, before = Bulk(database, operator(), utcnow()), 0, None
    while True:
        done = await one(bulk, before)
        total, before = total + done.count, done.next
        if before is None:
            await database.notify()
            return total
        typer.echo(f"{total} so far", err=True)

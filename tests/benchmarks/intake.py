"""Webhooks per second: kept and answered, and read as well."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.benchmarks.loads import Outcome, at_full_speed
from tests.benchmarks.measuring import Pair, Result, Run, compared, sync_p99
from tests.benchmarks.plan import Plan
from tests.benchmarks.seeding import registered
from tests.benchmarks.servers import Server, serving
from tests.benchmarks.webhooks import Webhooks

BACKLOG: Final = 1_024
"""Unread documents at which sending pauses: two of the reader's large slices."""
LAST_READ: Final = 30.0
"""Seconds that the reader may take for what is left at the end."""
UNREAD: Final = """
    SELECT count(*) FROM (
        SELECT 1 FROM documents WHERE read_at IS NULL AND parked = 0 LIMIT ?)
"""
READ: Final = "SELECT count(*) FROM documents WHERE read_at IS NOT NULL"


class Refused(Exception):
    """A server refused what it should have taken."""


@dataclass
class Backlog:
    """Looks at the relay's database from outside."""

    connection: sqlite3.Connection
    largest: int = field(default=0)

    def unread(self) -> int:
        """Count what waits to be read, up to a little more than may wait."""
        (found,) = self.connection.execute(UNREAD, (4 * BACKLOG,)).fetchone()
        self.largest = max(self.largest, found)
        return int(found)

    def overtaxed(self) -> bool:
        """Whether the reader is to be left alone for a while."""
        return self.unread() > BACKLOG

    def read(self) -> int:
        """Count what was read."""
        return int(self.connection.execute(READ).fetchone()[0])


@contextmanager
def looking(folder: Path) -> Iterator[Backlog]:
    """Open the database that a relay uses, to look at."""
    with closing(sqlite3.connect(folder / "relay.db")) as connection:
        yield Backlog(connection)


def good(outcome: Outcome) -> Outcome:
    """Return an outcome of which nothing was refused."""
    if outcome.refused:
        raise Refused(f"{outcome.refused} of {outcome.answered} requests")
    return outcome


async def keeping(plan: Plan) -> Result:
    """Measure webhooks that are verified, kept and answered."""
    folder = plan.fresh("keeping")
    webhooks = Webhooks(plan.shipments)
    async with serving("bare", folder) as bare, serving("keeping", folder) as relay:

        async def run(server: Server, seconds: float) -> Run:
            requests = webhooks.requests(int(seconds * plan.fastest))
            return await answered(server, requests, seconds)

        pairs = await _alternately(
            plan, lambda s: run(relay, s), lambda s: run(bare, s)
        )
    return compared(
        "webhooks kept and answered",
        "1/s",
        pairs,
        "≥ 0.45",
        {"fdatasync p99 ms": sync_p99(folder)},
    )


async def keeping_and_reading(plan: Plan) -> Result:
    """Measure webhooks that are kept and read; sending waits for the reader."""
    folder = plan.fresh("reading-along")
    await registered(folder, plan.shipments)
    webhooks = Webhooks(plan.shipments)
    async with serving("bare", folder) as bare, serving("reading", folder) as relay:
        with looking(folder) as backlog:

            async def run_bare(seconds: float) -> Run:
                made = webhooks.requests(int(seconds * plan.fastest), repeats=True)
                return await answered(bare, made, seconds)

            async def run_relay(seconds: float) -> Run:
                made = webhooks.requests(int(seconds * plan.fastest), repeats=True)
                return await _read_along(relay, made, seconds, backlog)

            pairs = await _alternately(plan, run_relay, run_bare)
            largest = float(backlog.largest)
    return compared(
        "webhooks kept and read, a tenth repeats",
        "1/s",
        pairs,
        "≥ 0.25",
        {"largest backlog": largest, "fdatasync p99 ms": sync_p99(folder)},
    )


async def answered(server: Server, requests: list[bytes], seconds: float) -> Run:
    """Measure how many requests per second a server answers."""
    before = server.cpu()
    outcome = good(await at_full_speed(server.port, requests, seconds))
    return Run(outcome.rate, (server.cpu() - before) / outcome.answered * 1e6)


async def _read_along(
    relay: Server, requests: list[bytes], seconds: float, backlog: Backlog
) -> Run:
    """Measure how much is taken in until all of it is read."""
    before, cpu, began = backlog.read(), relay.cpu(), time.perf_counter()
    good(
        await at_full_speed(relay.port, requests, seconds, overtaxed=backlog.overtaxed)
    )
    async with asyncio.timeout(LAST_READ):
        while backlog.unread():  # noqa: ASYNC110 -- another process reads
            await asyncio.sleep(0.01)
    taken, read = time.perf_counter() - began, backlog.read() - before
    return Run(read / taken, (relay.cpu() - cpu) / max(read, 1) * 1e6)


async def _alternately(
    plan: Plan,
    relay: Callable[[float], Awaitable[Run]],
    ceiling: Callable[[float], Awaitable[Run]],
) -> list[Pair]:
    """Run both in turn, as often as planned, so that both see the same noise."""
    for run in (relay, ceiling):
        await run(plan.warm_up)
    return [
        Pair(ceiling=await ceiling(plan.seconds), relay=await relay(plan.seconds))
        for _ in range(plan.rounds)
    ]

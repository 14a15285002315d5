"""Tracking updates published to VTEX per second, each with ten events."""

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp import ClientSession

from relay import logs
from relay.runtime.assemble import assemble
from relay.runtime.relay import Relay
from relay.runtime.wiring import vtex_account
from relay.vtex.client import VtexAccount
from relay.vtex.http import address
from tests.benchmarks.measuring import Pair, Result, Run, compared
from tests.benchmarks.plan import Plan
from tests.benchmarks.seeding import kept, registered
from tests.benchmarks.servers import serving, settings, start
from tests.benchmarks.webhooks import ACCOUNT, INVOICE, body

HISTORY: Final = 10
IN_FLIGHT: Final = 32
PER_SECOND: Final = 800
"""Shipments published in one second, about."""
AT_ONCE: Final = {"in_flight": IN_FLIGHT, "quiet_seconds": 0}
LAST_BODIES: Final = """
    SELECT s.order_id, c.body FROM vtex_calls AS c
    JOIN shipments AS s ON s.shipment = c.shipment
    WHERE c.kind = 'send_events' ORDER BY c.call DESC LIMIT ?
"""


@dataclass
class Counting:
    """Counts the calls that came to an end, beside the relay's own metrics."""

    relay: Relay
    wanted: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._metrics = self.relay.publisher.sender.on_call
        self.relay.publisher.sender.on_call = self._count

    def _count(
        self, account: str, kind: str, status: int | None, seconds: float
    ) -> None:
        self._metrics(account, kind, status, seconds)
        self.wanted -= kind == "send_events"
        if self.wanted <= 0:
            self.reached.set()


async def puts(plan: Plan) -> Result:
    """Measure PUTs, each settled in the store, beside a client that only sends."""
    folder = plan.fresh("publishing")
    published = max(int(plan.seconds * PER_SECOND), IN_FLIGHT)
    await registered(folder, published * (plan.rounds + 1))
    pairs: list[Pair] = []
    with (folder / "relay.log").open("w") as log:
        logs.configure(layout="json", stream=log)
        async with serving("vtex", folder) as vtex:
            there = settings(folder, f"http://127.0.0.1:{vtex.port}", publisher=AT_ONCE)
            async with assemble(there) as relay:
                checkpointer = start(relay, {"checkpointer"})
                for number in range(plan.rounds + 1):
                    shipments = range(number * published, (number + 1) * published)
                    rate = await _published(relay, shipments)
                    account = vtex_account(there.accounts[ACCOUNT])
                    ceiling = await _sent(account, _last_bodies(folder, published))
                    pairs += [Pair(rate, ceiling)] if number else []
                for task in checkpointer:
                    task.cancel()
    return compared("PUTs published, history of ten", "1/s", pairs, "≥ 0.25")


async def _published(relay: Relay, shipments: range) -> Run:
    """Tell of one more scan of each, all of them due at once."""
    scans = [body(s, scan) for s in shipments for scan in range(HISTORY - 1)]
    await _read(relay, scans)
    await relay.publisher.settle_all()
    await _read(relay, [body(s, HISTORY - 1) for s in shipments])
    counting = Counting(relay, len(shipments))
    began, cpu = time.perf_counter(), time.process_time()
    publishing = asyncio.create_task(relay.publisher.run())
    await counting.reached.wait()
    publishing.cancel()
    await asyncio.wait({publishing})
    return _run(len(shipments), began, cpu)


def _run(puts: int, began: float, cpu: float) -> Run:
    taken, used = time.perf_counter() - began, time.process_time() - cpu
    return Run(puts / taken, used / puts * 1e6)


async def _read(relay: Relay, bodies: list[bytes]) -> None:
    await kept(relay.documents, bodies)
    while await relay.reader.step():
        pass


def _last_bodies(folder: Path, count: int) -> list[tuple[str, bytes]]:
    """Return the last PUTs as the ledger has them, by order."""
    with closing(sqlite3.connect(folder / "relay.db")) as connection:
        found = connection.execute(LAST_BODIES, (count,)).fetchall()
    assert len({order for order, _ in found}) == count, (
        "not every shipment was published"
    )
    assert found[0][1].count('"date"') == HISTORY, found[0][1]
    return [(order, text.encode()) for order, text in found]


async def _sent(account: VtexAccount, bodies: list[tuple[str, bytes]]) -> Run:
    """Send the same PUTs, as many at once, and do nothing else."""
    left = iter(bodies)

    async def work(session: ClientSession) -> None:
        for order, content in left:
            url = address(account.base_url, order, "invoice", INVOICE, "tracking")
            async with session.put(
                url, data=content, headers=account.headers()
            ) as response:
                await response.read()

    async with ClientSession() as session:
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work(session) for _ in range(IN_FLIGHT)))
        return _run(len(bodies), began, cpu)

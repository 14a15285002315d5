"""Documents per second of a backlog that is read."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from relay.runtime.assemble import assemble
from relay.runtime.relay import Relay
from tests.benchmarks.intake import answered
from tests.benchmarks.measuring import Pair, Result, Run, compared
from tests.benchmarks.plan import Plan
from tests.benchmarks.seeding import kept, registered
from tests.benchmarks.servers import serving, settings
from tests.benchmarks.webhooks import Webhooks

PER_SECOND = 8_000
"""Documents that are kept for one second of reading, about."""


async def backlog(plan: Plan) -> Result:
    """Measure how fast a backlog is read, beside a bare server's requests."""
    folder = plan.fresh("backlog")
    await registered(folder, plan.shipments)
    webhooks = Webhooks(plan.shipments)
    pairs: list[Pair] = []
    async with serving("bare", folder) as bare, _relay(folder) as relay:
        for number in range(plan.rounds + 1):
            requests = webhooks.requests(int(plan.seconds * plan.fastest))
            ceiling = await answered(bare, requests, plan.seconds)
            bodies = webhooks.bodies(max(int(plan.seconds * PER_SECOND), 1))
            await kept(relay.documents, bodies)
            pair = Pair(await _read(relay), ceiling)
            pairs += [pair] if number else []  # the first one warms up
    return compared("reading a backlog", "documents/s", pairs, "≥ 0.5")


async def _read(relay: Relay) -> Run:
    """Measure how many documents per second are read until nothing is left."""
    count, began, cpu = 0, time.perf_counter(), time.process_time()
    while read := await relay.reader.step():
        count += read
    taken, used = time.perf_counter() - began, time.process_time() - cpu
    return Run(count / taken, used / count * 1e6)


@asynccontextmanager
async def _relay(folder: Path) -> AsyncIterator[Relay]:
    async with assemble(settings(folder)) as relay:
        yield relay

"""The whole at once: signed webhooks are stored, parsed and published to VTEX."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from random import Random
from typing import Final

from aiohttp import ClientSession

from tests.benchmarks.intake import good
from tests.benchmarks.loads import HOST, Outcome, at_full_speed
from tests.benchmarks.measuring import Pair, Result, Run, compared, percentile
from tests.benchmarks.plan import Plan
from tests.benchmarks.seeding import registered
from tests.benchmarks.servers import Server, serving, shipped
from tests.benchmarks.webhooks import body, request

CONNECTIONS: Final = (32, 256)
SCANS: Final = 6
"""Events of one shipment."""
AT_WORK: Final = 100
"""Shipments whose scans come among one another."""
PER_SECOND: Final = 250
"""Shipments for one planned second."""
LAST_PUBLISHED: Final = 120.0
"""Seconds that publishing may take after the last webhook."""


class Lost(Exception):
    """Not every event reached VTEX in time."""


def webhooks(shipments: range) -> list[bytes]:
    """Return all scans of *shipments*: a tenth comes twice, a twentieth too early."""
    found: list[bytes] = []
    random = Random(shipments.start)  # noqa: S311 -- the same order in each run
    for first in range(shipments.start, shipments.stop, AT_WORK):
        some = range(first, min(first + AT_WORK, shipments.stop))
        scans = [request(body(one, scan)) for scan in range(SCANS) for one in some]
        for place in range(len(scans) - len(some)):
            if random.random() < 0.05:
                other = place + len(some)
                scans[place], scans[other] = scans[other], scans[place]
        found += _with_repeats(scans, random)
    return found


def _with_repeats(scans: list[bytes], random: Random) -> Iterator[bytes]:
    for scan in scans:
        yield scan
        if random.random() < 0.1:
            yield scan


async def published(plan: Plan) -> list[Result]:
    """Measure webhooks accepted and events published, beside a bare server."""
    return [
        one for connections in CONNECTIONS for one in await _whole(plan, connections)
    ]


async def _whole(plan: Plan, connections: int) -> list[Result]:
    accepted: list[Pair] = []
    p99: list[Pair] = []
    rates: list[float] = []
    calls: list[float] = []
    memory = 0
    for number in range(plan.rounds):
        folder = plan.fresh(f"whole-{connections}-{number}")
        shipments = range(max(int(plan.seconds * PER_SECOND), 1))
        await registered(folder, len(shipments))
        load = webhooks(shipments)
        async with serving("bare", folder) as bare:
            ceiling = await _sent(bare, load, connections)
        async with (
            serving("counting", folder) as vtex,
            shipped(folder, vtex.port, "two") as relay,
        ):
            memory = relay.memory()
            began, cpu = time.perf_counter(), relay.cpu()
            outcome = await _sent(relay, load, connections)
            wanted = len(shipments) * SCANS
            made = await _published(vtex, wanted)
            seconds = time.perf_counter() - began
            used = (relay.cpu() - cpu) / len(load) * 1e6
        accepted.append(Pair(Run(outcome.rate, used), Run(ceiling.rate)))
        p99.append(Pair(_p99(outcome), _p99(ceiling)))
        rates.append(wanted / seconds)
        calls.append(made / len(shipments))
    name = f"{connections} connections, all published"
    about = {
        "events published/s": statistics.median(rates),
        "calls per shipment": statistics.median(calls),
        "memory at rest, MB": memory / 1e6,
    }
    return [
        compared(f"webhooks accepted, {name}", "1/s", accepted, "≥ 0.25", about),
        compared(f"p99 of the answer, {name}", "ms", p99, ""),
    ]


async def _sent(server: Server, load: list[bytes], connections: int) -> Outcome:
    return good(await at_full_speed(server.port, load, 600, connections=connections))


def _p99(outcome: Outcome) -> Run:
    return Run(percentile(outcome.latencies, 0.99) * 1000)


async def _published(vtex: Server, wanted: int) -> int:
    """Wait until VTEX has *wanted* events; return how many calls that took."""
    async with ClientSession() as session, asyncio.timeout(LAST_PUBLISHED):
        while True:
            async with session.get(f"http://{HOST}:{vtex.port}/counted") as answer:
                found = await answer.json()
            if found["events"] >= wanted:
                return sum(found["calls"].values())
            await asyncio.sleep(0.05)

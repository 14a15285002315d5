"""The whole at once: signed webhooks are stored, parsed and published to VTEX."""

import asyncio
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from aiohttp import ClientSession

from tests.benchmarks.intake import good
from tests.benchmarks.loads import HOST, Outcome, at_full_speed
from tests.benchmarks.measuring import Pair, Result, Run, compared, percentile
from tests.benchmarks.plan import Plan
from tests.benchmarks.seeding import registered
from tests.benchmarks.servers import Server, scripted, serving, shipped
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


Start = Callable[[Path, int], AbstractAsyncContextManager[Server]]
"""Starts a system, with its folder and the port of VTEX's stand-in."""


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


@dataclass
class Figures:
    """What one system reached, run by run, beside a bare server in the same run."""

    name: str
    accepted: list[Pair] = field(default_factory=list)
    p99: list[Pair] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    memory: int = 0

    def results(self, wanted: str = "") -> list[Result]:
        """Sum the runs up."""
        about = {
            "events published/s": statistics.median(self.rates),
            "calls per shipment": statistics.median(self.calls),
            "memory at rest, MB": self.memory / 1e6,
        }
        name = f"{self.name}, all published"
        return [
            compared(f"accepted by {name}", "1/s", self.accepted, wanted, about),
            compared(f"p99 of the answer of {name}", "ms", self.p99, ""),
        ]


async def published(plan: Plan) -> list[Result]:
    """Measure webhooks accepted and events published, beside a bare server.

    Where FastAPI is installed (extra `benchmarks`), a script of an afternoon is
    measured in the same runs.
    """
    found: list[Result] = []
    for connections in CONNECTIONS:
        relay = Figures(f"the relay, {connections} connections")
        script = Figures(f"a script, {connections} connections")
        for number in range(plan.rounds):
            folder = plan.fresh(f"whole-{connections}-{number}")
            await _round(plan, folder, connections, relay, script)
        found += relay.results("≥ 0.25")
        found += script.results() if script.accepted else []
    return found


async def _round(
    plan: Plan, folder: Path, connections: int, relay: Figures, script: Figures
) -> None:
    shipments = range(max(int(plan.seconds * PER_SECOND), 1))
    await registered(folder, len(shipments))
    load = webhooks(shipments)
    async with serving("bare", folder) as bare:
        ceiling = await _sent(bare, load, connections)
    systems: list[tuple[Figures, Start]] = [(relay, shipped)]
    if importlib.util.find_spec("fastapi"):
        systems.append((script, scripted))
    for figures, start in systems:
        async with (
            serving("counting", folder) as vtex,
            start(folder, vtex.port) as server,
        ):
            figures.memory = server.memory()
            began, cpu = time.perf_counter(), server.cpu()
            outcome = await _sent(server, load, connections)
            calls = await _published(vtex, len(shipments) * SCANS)
            figures.rates.append(len(shipments) * SCANS / (time.perf_counter() - began))
            used = (server.cpu() - cpu) / len(load) * 1e6
        figures.accepted.append(Pair(Run(outcome.rate, used), Run(ceiling.rate)))
        figures.p99.append(Pair(_p99(outcome), _p99(ceiling)))
        figures.calls.append(calls / len(shipments))


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

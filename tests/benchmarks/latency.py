"""How long a carrier waits for its answer while the relay keeps and reads."""

from typing import Final

from tests.benchmarks.intake import good
from tests.benchmarks.loads import at_full_speed, at_rate
from tests.benchmarks.measuring import Pair, Result, Run, compared, percentile, sync_p99
from tests.benchmarks.plan import Plan
from tests.benchmarks.seeding import registered
from tests.benchmarks.servers import Server, serving
from tests.benchmarks.webhooks import Webhooks

RATES: Final = {300: 3, 1_500: 4}
"""Requests per second, and how many times the bare server's p99 is wanted."""
SYNCS_ALLOWED: Final = 5
"""So many waits for the disk come on top of it."""


async def at_steady_rates(plan: Plan) -> list[Result]:
    """Measure the 99th percentile of the answer, at a slow and a fast rate."""
    folder = plan.fresh("latency")
    await registered(folder, plan.shipments)
    webhooks = Webhooks(plan.shipments)
    async with serving("bare", folder) as bare, serving("reading", folder) as relay:
        for server in (bare, relay):
            warming = webhooks.requests(int(plan.warm_up * 1_000))
            good(await at_full_speed(server.port, warming, plan.warm_up))
        return [
            await _at_rate(plan, webhooks, (relay, bare), rate, most)
            for rate, most in RATES.items()
        ]


async def _at_rate(
    plan: Plan, webhooks: Webhooks, servers: tuple[Server, Server], rate: int, most: int
) -> Result:
    pairs: list[Pair] = []
    for _ in range(plan.rounds):
        relay, ceiling = [await _p99(plan, webhooks, s, rate) for s in servers]
        pairs.append(Pair(relay, ceiling))
    sync = sync_p99(plan.folder)
    ceiling = compared("", "", pairs, "").ceiling or 0
    return compared(
        f"p99 of the answer at {rate}/s",
        "ms",
        pairs,
        f"≤ {most} + disk",
        {
            "fdatasync p99 ms": sync,
            "so wanted ms ≤": most * ceiling + SYNCS_ALLOWED * sync,
        },
    )


async def _p99(plan: Plan, webhooks: Webhooks, server: Server, rate: int) -> Run:
    """Return the 99th percentile in milliseconds."""
    requests = webhooks.requests(max(int(rate * plan.seconds), 1))
    outcome = good(await at_rate(server.port, requests, rate))
    return Run(percentile(outcome.latencies, 0.99) * 1000)

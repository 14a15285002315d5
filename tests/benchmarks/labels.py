"""Labels registered per second through the API: one by one, and in bulk."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import ClientSession, TCPConnector

from tests.benchmarks.measuring import Pair, Result, Run, compared
from tests.benchmarks.plan import Plan
from tests.benchmarks.servers import TOKEN, Server, serving
from tests.benchmarks.webhooks import ACCOUNT, CONTRACT, INVOICE, order_id
from tests.benchmarks.webhooks import tracking_number as number_of

CONNECTIONS: Final = 32
BULK: Final = 500
"""Labels of one bulk request."""
PER_SECOND: Final = 800
"""Labels registered in one second, about."""


async def one_by_one(plan: Plan) -> Result:
    """Measure single labels over 32 connections, beside a server that only answers."""
    rows = _labels(plan, CONNECTIONS)
    requests = [[json.dumps(r).encode() for r in some] for some in rows]
    path = "/v1/shipments"
    pairs = await _measured(plan, "labels", path, requests, 1)
    return compared("labels, one by one", "1/s", pairs, "≥ 1,000/s")


async def in_bulk(plan: Plan) -> Result:
    """Measure labels in bulk, one request after the other."""
    requests = [
        [
            json.dumps({"labels": some[at : at + BULK]}).encode()
            for at in range(0, len(some), BULK)
        ]
        for some in _labels(plan, BULK)
    ]
    path = "/v1/shipments/bulk"
    pairs = await _measured(plan, "bulk", path, requests, BULK, connections=1)
    return compared("labels, in bulk", "1/s", pairs, "≥ 3,000/s")


def _labels(plan: Plan, least: int) -> list[list[dict[str, Any]]]:
    """Return new labels for every round, and for one before them."""
    count = max(int(plan.seconds * PER_SECOND) // least, 1) * least
    return [
        [
            {
                "account": ACCOUNT,
                "contract": CONTRACT,
                "orderId": order_id(n),
                "invoiceNumber": INVOICE,
                "trackingNumber": number_of(n),
            }
            for n in range(number * count, (number + 1) * count)
        ]
        for number in range(plan.rounds + 1)
    ]


async def _measured(
    plan: Plan,
    name: str,
    path: str,
    requests: Sequence[Sequence[bytes]],
    each: int,
    *,
    connections: int = CONNECTIONS,
) -> list[Pair]:
    folder, pairs = plan.fresh(name), list[Pair]()
    async with serving("labels", folder) as relay, serving("bare", folder) as bare:
        for number, bodies in enumerate(requests):
            done = await _sent(relay, path, bodies, each, connections)
            ceiling = await _sent(bare, f"/webhooks/{CONTRACT}", bodies, 1, connections)
            pairs += [Pair(done, ceiling)] if number else []
    return pairs


async def _sent(
    server: Server, path: str, bodies: Sequence[bytes], each: int, connections: int
) -> Run:
    """Send *bodies*, with *each* labels in them; return the rate of labels."""
    left, url = iter(bodies), f"http://127.0.0.1:{server.port}{path}"
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
    }

    async def work(session: ClientSession) -> None:
        for body in left:
            async with session.post(url, data=body, headers=headers) as response:
                text = await response.text()
                assert response.status in {200, 201}, text
                assert each == 1 or json.loads(text)["refused"] == 0, text

    connector = TCPConnector(limit=connections)
    async with ClientSession(connector=connector) as session:
        began, cpu = time.perf_counter(), server.cpu()
        await asyncio.gather(*(work(session) for _ in range(connections)))
        taken, used = time.perf_counter() - began, server.cpu() - cpu
    done = len(bodies) * each
    return Run(done / taken, used / done * 1e6)

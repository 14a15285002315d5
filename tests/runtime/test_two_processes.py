"""The relay as it is shipped: an intake and a worker process, real programs all.

The sandbox stands in for VTEX, and its simulator writes the carrier's webhooks.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from carriers.melhorenvio.sandbox import Simulator
from relay.sandbox.simulator import SimulatedParcel, SimulatedScan
from tests.system.kills.processes import (
    RELAY,
    SECRET,
    Program,
    account,
    relay_program,
    running,
    sandbox_program,
)

pytestmark = pytest.mark.slow

SECONDS: Final = 60
ORDER: Final = "1500000000001-01"
NUMBER: Final = "QQ000000001BR"
LABEL: Final = {
    "account": "store",
    "contract": "me",
    "orderId": ORDER,
    "invoiceNumber": "1",
    "trackingNumber": NUMBER,
    "courier": "A Carrier",
}
FAST: Final = {
    "RELAY_PUBLISHER__QUIET_SECONDS": "0",
    "RELAY_PUBLISHER__DUE_CHECK_SECONDS": "0.2",
    "RELAY_CONTRACTS__ME__ACCOUNT": "store",
}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again, until *condition* holds."""
    async with asyncio.timeout(SECONDS):
        while not await condition():  # noqa: ASYNC110 -- other processes set no event
            await asyncio.sleep(0.05)


@dataclass
class Running:
    """A relay that runs, and the sandbox that it publishes to."""

    relay: Program
    sandbox: Program
    client: aiohttp.ClientSession

    async def get(self, path: str, program: Program | None = None) -> tuple[int, str]:
        async with self.client.get((program or self.relay).url + path) as answer:
            return answer.status, await answer.text()

    async def label(self) -> None:
        """Print the label of an order that VTEX has."""
        order: dict[str, Any] = {"account": "store", "orderId": ORDER}
        order |= {"invoices": [{"invoiceNumber": "1"}]}
        async with self.client.post(
            f"{self.sandbox.url}/sandbox/orders", json=order
        ) as placed:
            placed.raise_for_status()
        url = f"{self.relay.url}/v1/shipments"
        async with self.client.post(url, json=LABEL) as answer:
            assert answer.status == 201, await answer.text()

    async def scan(self, code: str) -> None:
        """Send a webhook; it must be acknowledged."""
        parcel = SimulatedParcel(ORDER, "parcel", NUMBER)
        scanned = SimulatedScan(parcel, code, datetime.now(UTC))
        sent = Simulator().webhook(scanned, SECRET)
        url = f"{self.relay.url}/webhooks/me"
        async with self.client.post(
            url, data=sent.body, headers=sent.headers
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def ready(self, text: str = '"ready":true') -> None:
        """Wait until `/readyz` has *text*."""

        async def said() -> bool:
            return text in (await self.get("/readyz"))[1]

        await until(said)

    async def shown(self, text: str) -> None:
        """Wait until VTEX shows *text* for the order."""

        async def found() -> bool:
            return text in (await self.get("/sandbox/orders", self.sandbox))[1]

        await until(found)

    async def at_rest(self) -> None:
        """Wait until VTEX has everything of the label, so that nothing is written."""

        async def done() -> bool:
            return '"state":"up_to_date"' in (await self.get("/v1/shipments"))[1]

        await until(done)

    def process(self, role: str) -> int:
        """Return the id of one of the two processes."""
        return self.relay.children()[("intake", "worker").index(role)]


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running(sandbox_program(tmp_path)))
        variables = FAST | account("store", sandbox.url)
        relay = await stack.enter_async_context(
            running(relay_program(tmp_path, variables))
        )
        client = await stack.enter_async_context(aiohttp.ClientSession())
        made = Running(relay, sandbox, client)
        await made.ready()
        yield made


async def test_a_worker_that_stands_still_delays_no_answer(started: Running) -> None:
    await started.label()
    # Stopped within a transaction it would hold the only lock for writing of SQLite.
    await started.at_rest()
    worker = started.process("worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        await started.ready("worker: no answer within 2 s")
        await started.scan("order.undelivered")
    finally:
        os.kill(worker, signal.SIGCONT)
    await started.shown("Entrega n")
    await started.ready()


@pytest.mark.parametrize("role", ["intake", "worker"])
async def test_work_goes_on_after_one_process_was_killed(
    started: Running, role: str
) -> None:
    await started.label()
    await started.scan("order.posted")
    killed = started.process(role)
    os.kill(killed, signal.SIGKILL)

    async def ended() -> bool:
        return killed not in started.relay.children()

    await until(ended)
    await started.relay.ready()
    await started.ready()
    await started.scan("order.undelivered")
    await started.shown("Entrega n")


async def test_metrics_of_both_processes_are_served(started: Running) -> None:
    await started.label()
    await started.scan("order.undelivered")
    await started.shown("Entrega n")
    _, text = await started.get("/metrics")
    assert 'relay_documents_stored_total{contract="me"} 1.0' in text  # by the intake
    assert 'relay_documents_parsed_total{contract="me"} 1.0' in text  # by the worker
    assert 'process_open_fds{process="worker"}' in text


async def test_a_role_alone_needs_a_database_server(tmp_path: Path) -> None:
    program = relay_program(
        tmp_path, account("store", "http://127.0.0.1:9"), (*RELAY, "--role", "worker")
    )
    program.start()
    assert program.process is not None
    assert await asyncio.to_thread(program.process.wait, SECONDS) == 2
    assert "--role: an SQLite file has one relay" in program.log.read_text()


async def test_roles_on_their_own_share_a_database_server(
    tmp_path: Path, postgres_url: str
) -> None:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running(sandbox_program(tmp_path)))
        common = FAST | {"RELAY_DATABASE": postgres_url}
        common |= account("store", sandbox.url)

        async def start(role: str) -> Program:
            program = relay_program(tmp_path, common, (*RELAY, "--role", role))
            return await stack.enter_async_context(running(program))

        intake, worker = await start("intake"), await start("worker")
        client = await stack.enter_async_context(aiohttp.ClientSession())
        made = Running(intake, sandbox, client)
        await made.label()
        await made.scan("order.undelivered")
        await made.shown("Entrega n")
        assert await _states(made, worker) == {
            "/readyz": 200,
            "/metrics": 200,
            "/v1/shipments": 404,
            "/webhooks/me": 404,
        }


async def _states(made: Running, program: Program) -> dict[str, Any]:
    paths = ("/readyz", "/metrics", "/v1/shipments", "/webhooks/me")
    return {path: (await made.get(path, program))[0] for path in paths}

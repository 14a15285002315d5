"""The sandbox runs alone, and inside another program."""

import asyncio
import signal
import sys
from typing import Any

import pytest
from aiohttp import ClientSession

from relay.sandbox.server import address_of, create_sandbox, serve_sandbox
from relay.sandbox.world import WORLD, SandboxOptions

RUN = """
from relay.sandbox.server import SandboxOptions, run_sandbox
run_sandbox(port=0, options=SandboxOptions(simulators={}))
"""


async def test_it_serves_while_its_context_lasts() -> None:
    options = SandboxOptions(mode="append", simulators={})
    async with serve_sandbox(options=options) as address, ClientSession() as session:
        assert address.startswith("http://127.0.0.1:")
        async with session.get(f"{address}/sandbox") as response:
            assert "PUT mode: append." in await response.text()
    async with ClientSession() as session:
        with pytest.raises(OSError, match="onnect"):
            await session.get(f"{address}/sandbox")


def test_its_address_can_be_of_the_sixth_version() -> None:
    assert address_of("::1", 80) == "http://[::1]:80"


async def test_a_shutdown_ends_open_calls(sandbox: Any) -> None:
    await sandbox.fault("late", times=1, delaySeconds=3600, hang=True)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(sandbox.patch())
        while not await sandbox.listed("writes"):
            assert not waiting.done()
        await sandbox.client.app.shutdown()
    await sandbox.world.settled()
    assert sandbox.world.records.writes[0].carried_out_at is None


def test_by_default_it_plays_all_carriers_and_merges() -> None:
    world = create_sandbox()[WORLD]
    assert world.mode == "merge"
    assert set(world.simulations) == set(world.simulators)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_runs_until_a_signal_stops_it(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith("sandbox listening on http://127.0.0.1:")
    process.send_signal(number)
    assert await process.wait() == 0

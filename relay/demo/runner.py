"""The demo from beginning to end: two processes, five acts, one verdict."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Final

from aiohttp import ClientError, ClientSession
from rich.console import Console
from rich.live import Live

from relay.demo.client import RelayClient, SandboxClient, available_carriers, now, until
from relay.demo.evidence import Evidence
from relay.demo.plan import Phase
from relay.demo.processes import LOOPBACK, DemoFailed, Program, environment, free_port
from relay.demo.promises import Verdict, counted, wrong_channels
from relay.demo.report import (
    Board,
    Lines,
    RunningShipments,
    disturbed,
    result,
    sentences,
)
from relay.demo.scenario import Scenario
from relay.demo.stories import shipments

LOOK_SECONDS: Final = 0.25
SETTLE_SECONDS: Final = 45.0


def run(console: Console, *, settle_seconds: float = SETTLE_SECONDS) -> int:
    """Play the whole story; return 0 if every promise was kept, else 1."""
    return asyncio.run(_run(console, settle_seconds))


async def _run(console: Console, settle_seconds: float) -> int:
    with TemporaryDirectory(prefix="relay-demo-") as name:
        try:
            async with staged(Path(name)) as play:
                return await _played(play, console, settle_seconds)
        except (DemoFailed, ClientError) as error:
            console.print(f"the demo cannot go on: {error}", style="red", markup=False)
            return 1


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Scenario]:
    """Start sandbox and relay, each on a port of its own, and stop them at the end."""
    sandbox_at, relay_at = (f"{LOOPBACK}:{free_port()}" for _ in range(2))
    token = token_hex(32)
    port = sandbox_at.rpartition(":")[2]
    scenery = Program("sandbox", ("sandbox", "--port", port), folder)
    program = Program("relay", ("serve",), folder)
    async with ClientSession() as session, _stopping(scenery, program):
        await scenery.start()
        sandbox = SandboxClient(session, f"http://{sandbox_at}")
        await until("the sandbox", lambda: _up(sandbox, scenery))
        carriers = await available_carriers(sandbox, f"http://{relay_at}")
        program.environment = environment(
            folder, relay_at, sandbox.url, carriers, token
        )
        await program.start()
        relay = RelayClient(session, f"http://{relay_at}", token)
        await until("the relay", lambda: _up(relay, program))
        yield Scenario(shipments(carriers, now()), sandbox, relay, program)


async def _up(server: SandboxClient | RelayClient, program: Program) -> bool:
    program.check()
    return await server.ready()


@asynccontextmanager
async def _stopping(*programs: Program) -> AsyncIterator[None]:
    """Stop *programs* at the end, the last one first.

    Where one has ended by itself, that explains what failed.
    """
    try:
        yield
    except (DemoFailed, ClientError):
        for program in programs:
            program.check()
        raise
    finally:
        for program in reversed(programs):
            await program.stop()


async def _played(play: Scenario, console: Console, settle_seconds: float) -> int:
    begun = time.monotonic()
    with board(console) as shown:
        watching = asyncio.create_task(_watch(play.sandbox, shown))
        try:
            await play.prepare()
            for act in Phase:
                shown.begin(act)
                await play.perform(act)
            verdict = await play.settled(settle_seconds)
            shown.look(await play.sandbox.orders())
        finally:
            watching.cancel()
    evidence = replace(await play.evidence(), channels=await play.channels())
    wrong = wrong_channels(play.plan, evidence.channels)
    verdict = replace(verdict, broken=(*verdict.broken, *wrong))
    return outcome(console, play, evidence, verdict, time.monotonic() - begun)


def outcome(
    console: Console,
    play: Scenario,
    evidence: Evidence,
    verdict: Verdict,
    seconds: float,
) -> int:
    """Write what VTEX was told and what it proves; return the exit code."""
    console.print(result(play.plan, evidence))
    console.print(f"\n{counted(evidence.channels)}", markup=False)
    carriers = sorted({shipment.speaker.adapter for shipment in play.plan})
    console.print(f"Carriers: {', '.join(carriers)}", markup=False)
    console.print("Disturbed on purpose:")
    for line in disturbed(evidence):
        console.print(f"  {line}", markup=False)
    for line in sentences(verdict, len(play.plan), seconds):
        console.print(line, style="red" if verdict.broken else "green", markup=False)
    return 1 if verdict.broken else 0


async def _watch(sandbox: SandboxClient, shown: Board) -> None:
    while True:
        with suppress(ClientError):
            shown.look(await sandbox.orders())
        await asyncio.sleep(LOOK_SECONDS)


@contextmanager
def board(console: Console) -> Iterator[Board]:
    """Give the kind of progress that *console* can show."""
    if not console.is_terminal:
        yield Lines(console)
        return
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        yield RunningShipments(live)

"""Run the demo: two processes, five phases, one verdict."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
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
from relay.demo.evidence import Evidence, channels_of
from relay.demo.findings import Verdict
from relay.demo.plan import Phase
from relay.demo.processes import LOOPBACK, DemoFailed, Program, environment, free_port
from relay.demo.report import (
    LineProgress,
    LiveProgress,
    Progress,
    disturbed,
    result,
    summary,
)
from relay.demo.scenario import Scenario
from relay.demo.stories import shipments
from relay.demo.traps import traps
from relay.demo.verdict import channel_counts, unverified, wrong_channels
from relay.demo.visit import Visit

REFRESH_SECONDS: Final = 0.25
SETTLE_SECONDS: Final = 45.0


def run(
    console: Console,
    *,
    settle_seconds: float = SETTLE_SECONDS,
    visit: Visit | None = None,
) -> int:
    """Run the whole demo; return 0 if all checks passed, else 1.

    With a *visit* the relay runs on afterwards, until Ctrl-C.
    """
    return asyncio.run(_run(console, settle_seconds, visit))


async def _run(console: Console, settle_seconds: float, visit: Visit | None) -> int:
    variables = visit.variables() if visit else {}
    with TemporaryDirectory(prefix="relay-demo-") as name:
        try:
            async with started(Path(name), variables) as scenario:
                code = await _run_phases(scenario, console, settle_seconds)
                if visit is not None:
                    await visit.wait(scenario, console)
                return code
        except (DemoFailed, ClientError) as error:
            console.print(f"demo failed: {error}", style="red", markup=False)
            return 1


@asynccontextmanager
async def started(
    folder: Path, variables: Mapping[str, str]
) -> AsyncIterator[Scenario]:
    """Start sandbox and relay on free ports, and stop them at the end.

    The relay gets *variables* besides those of the demo.
    """
    sandbox_at, relay_at = (f"{LOOPBACK}:{free_port()}" for _ in range(2))
    token = token_hex(32)
    port = sandbox_at.rpartition(":")[2]
    server = Program("sandbox", ("sandbox", "--port", port), folder)
    program = Program("relay", ("serve",), folder)
    async with ClientSession() as session, _stopping(server, program):
        await server.start()
        sandbox = SandboxClient(session, f"http://{sandbox_at}")
        await until("start of the sandbox", lambda: _up(sandbox, server))
        carriers = await available_carriers(sandbox, f"http://{relay_at}")
        program.environment = environment(
            folder, relay_at, sandbox.url, carriers, token
        ) | dict(variables)
        await program.start()
        relay = RelayClient(session, f"http://{relay_at}", token)
        await until("start of the relay", lambda: _up(relay, program))
        yield Scenario(shipments(carriers, now()), sandbox, relay, program)


async def _up(server: SandboxClient | RelayClient, program: Program) -> bool:
    program.check()
    return await server.ready()


@asynccontextmanager
async def _stopping(*programs: Program) -> AsyncIterator[None]:
    """Stop *programs* at the end, in reverse order.

    If one has exited by itself, report that: it explains the failure.
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


async def _run_phases(
    scenario: Scenario, console: Console, settle_seconds: float
) -> int:
    begun = time.monotonic()
    with progress_on(console) as progress:
        watcher = asyncio.create_task(_watch(scenario.sandbox, progress))
        try:
            await scenario.prepare()
            for phase in Phase:
                progress.begin(phase)
                await scenario.run(phase)
            verdict = await scenario.settled(settle_seconds)
            progress.update(await scenario.sandbox.orders())
        finally:
            watcher.cancel()
    shown = await scenario.shipments()
    channels = {order_id: channels_of(one) for order_id, one in shown.items()}
    evidence = replace(await scenario.evidence(), channels=channels)
    wrong = wrong_channels(scenario.plan, channels)
    failed = (*verdict.failed, *wrong, *unverified(scenario.plan, shown))
    verdict = replace(verdict, failed=failed)
    return outcome(console, scenario, evidence, verdict, time.monotonic() - begun)


def outcome(
    console: Console,
    scenario: Scenario,
    evidence: Evidence,
    verdict: Verdict,
    seconds: float,
) -> int:
    """Print what VTEX received and the verdict; return the exit code."""
    console.print(result(scenario.plan, evidence))
    console.print(f"\n{channel_counts(evidence.channels)}", markup=False)
    carriers = sorted({shipment.carrier.adapter for shipment in scenario.plan})
    console.print(f"Carriers: {', '.join(carriers)}", markup=False)
    console.print("Disturbed on purpose:")
    for line in disturbed(evidence):
        console.print(f"  {line}", markup=False)
    console.print("Traps of VTEX, as the sandbox recorded them:")
    for trap in traps(scenario.plan, evidence):
        console.print(f"  {trap.line}", markup=False, soft_wrap=True)
    for line in summary(verdict, len(scenario.plan), seconds):
        console.print(line, style="red" if verdict.failed else "green", markup=False)
    return 1 if verdict.failed else 0


async def _watch(sandbox: SandboxClient, progress: Progress) -> None:
    while True:
        with suppress(ClientError):
            progress.update(await sandbox.orders())
        await asyncio.sleep(REFRESH_SECONDS)


@contextmanager
def progress_on(console: Console) -> Iterator[Progress]:
    """Yield the kind of progress that *console* can show."""
    if not console.is_terminal:
        yield LineProgress(console)
        return
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        yield LiveProgress(live)

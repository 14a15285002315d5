"""The servers that are measured, each in a process of its own.

`python -m tests.benchmarks.servers KIND PORT FOLDER`, where KIND is

- `bare`: reads a request's body and answers, no more;
- `keeping`: the relay, without the reader;
- `reading`: the relay with its reader; nothing is published;
- `labels`: the relay, to which labels are sent;
- `vtex`: answers writes as VTEX does, without remembering anything;
- `counting`: the same, and counts calls and distinct events.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from relay import logs
from relay.api.problems import AccessLogger
from relay.config.settings import Settings
from relay.runtime.assemble import assemble
from relay.runtime.relay import Relay
from relay.runtime.serve import GARBAGE, SWITCH_SECONDS, loop_factory
from tests.benchmarks.loads import HOST
from tests.benchmarks.webhooks import ACCOUNT, CONTRACT, INVOICE, SECRET
from tests.system.kills.processes import Program, free_port, running

READY: Final = "/healthz"
LOOPS: Final = {
    "keeping": {"checkpointer"},
    "labels": {"checkpointer"},
    "reading": {"checkpointer", "reader"},
}
"""What runs beside the HTTP server."""

TOKEN: Final = "token-of-the-erp-in-benchmarks-0123456789"

_RECEIPT: Final = '{"date":"2026-08-01T12:00:00Z","orderId":"1","receipt":"r"}'
_ORDER: Final = {"packageAttachment": {"packages": [{"invoiceNumber": INVOICE}]}}


def settings(folder: Path, vtex: str = "http://127.0.0.1:9", **table: Any) -> Settings:
    """Return the settings of a relay whose data is in *folder*.

    VTEX is called as fast and as much at once as the publisher can.
    """
    unbounded = {"requests_per_second": 1e6, "burst": 1_000_000, "in_flight": 32}
    keys = {"app_key": "key-of-the-store", "app_token": "token-of-the-store"}
    account = {"base_url": vtex, "first_email": "off"} | keys | unbounded
    contract = {"adapter": "melhorenvio", "secret": SECRET, "account": ACCOUNT}
    return Settings.model_validate(
        {
            "database": f"sqlite:///{folder / 'relay.db'}",
            "accounts": {ACCOUNT: account},
            "contracts": {CONTRACT: contract},
            "tokens": {"erp": {"token": TOKEN, "scopes": ["erp"]}},
        }
        | table
    )


def as_served() -> None:
    """Set what `relay serve` sets for its process."""
    gc.set_threshold(*GARBAGE)
    sys.setswitchinterval(SWITCH_SECONDS)


@dataclass(frozen=True)
class Server:
    """A server that runs in a process of its own."""

    port: int
    process: int

    def cpu(self) -> float:
        """Return the seconds of CPU that it and its children used; 0 if unknown."""
        return sum(map(_cpu, [self.process, *self.children()]))

    def children(self) -> list[int]:
        """Return the processes that it started."""
        found = Path(f"/proc/{self.process}/task/{self.process}/children")
        return [int(n) for n in found.read_text().split()] if found.exists() else []

    def memory(self) -> int:
        """Return the bytes that it and its children take; shared ones count once."""
        return sum(map(_memory, [self.process, *self.children()]))


def _cpu(process: int) -> float:
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    used = stat.read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


def _memory(process: int) -> int:
    rollup = Path(f"/proc/{process}/smaps_rollup")
    lines = rollup.read_text().splitlines() if rollup.exists() else []
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@asynccontextmanager
async def serving(kind: str, folder: Path) -> AsyncIterator[Server]:
    """Run a server of that kind until the end of the context."""
    port = free_port()
    module = (sys.executable, "-m", "tests.benchmarks.servers")
    program = Program((*module, kind, str(port), str(folder)), port, READY, folder)
    async with running(program):
        assert program.process is not None
        yield Server(port, program.process.pid)


@asynccontextmanager
async def shipped(folder: Path, vtex: int) -> AsyncIterator[Server]:
    """Run `relay serve` as it is shipped; data and settings are in *folder*."""
    port = free_port()
    variables = {
        "LISTEN": f"{HOST}:{port}",
        "DATABASE": f"sqlite:///{folder / 'relay.db'}",
        "PUBLISHER__QUIET_SECONDS": "0",
        "ACCOUNTS__STORE__APP_KEY": "key-of-the-store",
        "ACCOUNTS__STORE__APP_TOKEN": "token-of-the-store",
        "ACCOUNTS__STORE__BASE_URL": f"http://{HOST}:{vtex}",
        "ACCOUNTS__STORE__FIRST_EMAIL": "off",
        "ACCOUNTS__STORE__REQUESTS_PER_SECOND": "1000000",
        "ACCOUNTS__STORE__BURST": "1000000",
        "ACCOUNTS__STORE__IN_FLIGHT": "32",
        f"CONTRACTS__{CONTRACT.upper()}__ADAPTER": "melhorenvio",
        f"CONTRACTS__{CONTRACT.upper()}__SECRET": SECRET,
        f"CONTRACTS__{CONTRACT.upper()}__ACCOUNT": ACCOUNT,
    }
    named = {f"RELAY_{name}": value for name, value in variables.items()}
    command = (sys.executable, "-m", "relay", "serve")
    program = Program(command, port, "/readyz", folder, named)
    async with running(program):
        assert program.process is not None
        yield Server(port, program.process.pid)


@asynccontextmanager
async def scripted(folder: Path, vtex: int) -> AsyncIterator[Server]:
    """Run the script that one would write in an afternoon."""
    port = free_port()
    module = (sys.executable, "-m", "tests.benchmarks.script")
    command = (*module, str(port), str(folder), str(vtex))
    program = Program(command, port, READY, folder)
    async with running(program):
        assert program.process is not None
        yield Server(port, program.process.pid)


def bare() -> web.Application:
    """Make the server that does nothing: the ceiling of every way in."""

    async def receive(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=b"{}", headers={"Content-Type": "application/json"})

    app = web.Application()
    app.add_routes([web.post("/webhooks/{contract}", receive), web.get(READY, receive)])
    return app


def vtex(*, counting: bool = False) -> web.Application:
    """Make a VTEX that stores nothing: the ceiling of publishing.

    If it is *counting*, `GET /counted` has the calls and the distinct events.
    """
    seen: set[tuple[str, str, str]] = set()
    calls = Counter[str]()

    async def write(request: web.Request) -> web.Response:
        body = await request.read()
        if counting and "order" in request.match_info:
            calls[request.method] += 1
            order = request.match_info["order"]
            for event in json.loads(body).get("events", ()):
                seen.add((order, event["date"], event["description"]))
        return web.json_response(text=_RECEIPT)

    async def counted(_: web.Request) -> web.Response:
        return web.json_response({"events": len(seen), "calls": dict(calls)})

    async def show(request: web.Request) -> web.Response:
        return web.json_response({"orderId": request.match_info["order"], **_ORDER})

    order = "/api/oms/pvt/orders/{order}"
    app = web.Application()
    app.add_routes(
        [
            web.get(READY, write),
            web.get("/counted", counted),
            web.get(order, show),
            web.patch(f"{order}/invoice/{{invoice}}", write),
            web.put(f"{order}/invoice/{{invoice}}/tracking", write),
        ]
    )
    return app


async def _relay(stack: AsyncExitStack, kind: str, folder: Path) -> web.Application:
    """Start a relay with some of its loops."""
    relay = await stack.enter_async_context(assemble(settings(folder)))
    for task in start(relay, LOOPS[kind]):
        stack.callback(task.cancel)
    return relay.application()


def start(relay: Relay, wanted: set[str]) -> list[asyncio.Task[None]]:
    """Start the *wanted* ones of the relay's loops."""
    tasks = []
    for name, loop in relay.loops().items():
        if name in wanted:
            tasks.append(asyncio.create_task(loop, name=name))
        else:
            loop.close()
    return tasks


async def _serve(kind: str, port: int, folder: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    log: type[AbstractAccessLogger] | None = None
    async with AsyncExitStack() as stack:
        if kind in LOOPS:
            app, log = await _relay(stack, kind, folder), AccessLogger
        else:
            stands_in = kind in ("vtex", "counting")
            app = vtex(counting=kind == "counting") if stands_in else bare()
        options = {"access_log_class": log} if log else {"access_log": None}
        runner = web.AppRunner(app, handle_signals=False, **options)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, port, backlog=1024).start()
        await stop.wait()


def main(kind: str, port: str, folder: str) -> None:
    """Serve until SIGTERM."""
    logs.configure(layout="json")
    if kind in LOOPS:
        as_served()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(kind, int(port), Path(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])

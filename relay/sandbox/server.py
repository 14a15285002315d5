"""Assemble and run the sandbox."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from relay.sandbox import control, notifications, oms, overview, simulator_calls
from relay.sandbox.notifications import NOTIFYING
from relay.sandbox.simulator_calls import installed_simulators
from relay.sandbox.world import WORLD, SandboxOptions, World

__all__ = ["SandboxOptions", "create_sandbox", "run_sandbox", "serve_sandbox"]

LARGEST_BODY: Final = 64 * 1024 * 1024
LOOPBACK: Final = "127.0.0.1"


def create_sandbox(options: SandboxOptions | None = None) -> web.Application:
    """Return the application: VTEX, the control API and the carriers' endpoints."""
    options = options or SandboxOptions()
    simulators = options.simulators
    if simulators is None:
        simulators = installed_simulators()
    app = web.Application(client_max_size=LARGEST_BODY)
    app[WORLD] = world = World.of(options, simulators)
    app[NOTIFYING] = world
    for part in (notifications, oms, control, simulator_calls, overview):
        app.add_routes(part.routes)
    simulator_calls.mount(app, world)
    app.cleanup_ctx.append(simulator_calls.session)
    app.on_shutdown.append(_close)
    return app


@asynccontextmanager
async def serve_sandbox(
    host: str = LOOPBACK, port: int = 0, options: SandboxOptions | None = None
) -> AsyncIterator[str]:
    """Serve a sandbox while the context lasts, and yield its URL.

    With port 0 the operating system chooses one.
    """
    runner = web.AppRunner(create_sandbox(options), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield address_of(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


def address_of(host: str, port: int) -> str:
    """Return the URL of a bound socket; an IPv6 address is put in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_sandbox(
    host: str = LOOPBACK, port: int = 0, options: SandboxOptions | None = None
) -> None:
    """Serve a sandbox until SIGINT or SIGTERM, and print its URL."""
    asyncio.run(_run(host, port, options))


async def _run(host: str, port: int, options: SandboxOptions | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve_sandbox(host, port, options) as address:
        sys.stdout.write(f"sandbox listening on {address}\n")
        sys.stdout.flush()
        await stopped.wait()


async def _close(app: web.Application) -> None:
    app[WORLD].closing.set()
    app[WORLD].drop_late_calls()
    app[WORLD].notifications.stop()

"""Runs the relay, HTTP server and loops, until SIGTERM or SIGINT."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Any, Final

from aiohttp import web
from aiohttp.log import server_logger

from relay import logs
from relay.api.content import MALFORMED_REQUESTS, SERVER
from relay.api.problems import AccessLogger
from relay.config.load import SettingsSource
from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.runtime.assemble import assemble
from relay.runtime.relay import Relay
from relay.runtime.reload import Reloader, warn_if_mounted_alone
from relay.runtime.supervisor import Supervisor
from relay.runtime.wiring import exit_hung

Loop = Coroutine[Any, Any, None]

STOP_MARGIN: Final = timedelta(seconds=30)
"""How much longer than the calls to VTEX that are in flight a stop may take."""
SHUTDOWN_SECONDS: Final = 10.0
"""How long requests under way may take when the relay stops."""

log = logs.logger(__name__)


GARBAGE: Final = (20_000, 20, 50)
"""Thresholds of the collector: a burst makes many short-lived objects."""

SWITCH_SECONDS: Final = 0.001
"""How soon the adapter thread yields to the event loop (the default is 5 ms)."""


def serve(settings: Settings, source: SettingsSource | None = None) -> int:
    """Run the relay until SIGTERM or SIGINT; return the exit code.

    With *source* the settings are reloaded when they change there. Raises
    `ConfigurationError` if the relay cannot start.
    """
    _log(settings, settings.secret_values())
    gc.set_threshold(*GARBAGE)
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_serve(settings, source))


def _log(settings: Settings, secrets: Iterable[str]) -> None:
    logs.configure(
        level=settings.log.level, layout=settings.log.format, secrets=secrets
    )


async def _serve(settings: Settings, source: SettingsSource | None) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(_time_of(stop))
    async with AsyncExitStack() as last, assemble(settings) as relay:
        limit = settings.publisher.deadline_seconds + STOP_MARGIN
        supervisor = Supervisor(relay.health, exit_hung)
        watching = asyncio.create_task(supervisor.run())
        last.callback(supervisor.close)  # closing the database is supervised, too
        last.callback(watching.cancel)
        stopping.add_done_callback(lambda _: supervisor.stop_within(limit))
        more: dict[str, Loop] = {}
        if source is not None:
            warn_if_mounted_alone(source.seen())
            apply = partial(reload, relay)
            reloader = Reloader(source, settings, apply, relay.health)
            loop.add_signal_handler(signal.SIGHUP, reloader.wake)
            more["reloader"] = reloader.run()
        code = await run(relay, stop, more)
    log.info("stopped", seconds=round(loop.time() - await stopping, 1))
    return code


async def _time_of(event: asyncio.Event) -> float:
    """Return when *event* was set, by the loop's clock."""
    await event.wait()
    return asyncio.get_running_loop().time()


async def reload(relay: Relay, settings: Settings) -> None:
    """Reload *relay* with other settings; old and new secrets are masked in logs."""
    both = relay.settings.secret_values() | settings.secret_values()
    _log(relay.settings, both)
    await relay.reload(settings)


async def run(
    relay: Relay, stop: asyncio.Event, more: Mapping[str, Loop] | None = None
) -> int:
    """Serve until *stop* is set, with *more* loops; return the exit code.

    A loop that ends by itself ends the process with code 1, so that systemd or the
    container runtime restarts it.
    """
    runner = web.AppRunner(
        relay.application(),
        access_log_class=AccessLogger,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
        **SERVER,
    )
    server_logger.addFilter(MALFORMED_REQUESTS)
    await runner.setup()
    gc.freeze()  # the objects of the start-up live for ever: skip them
    await _listen(runner, *relay.settings.listen_at)
    _warn(relay.settings)
    log_webhooks(relay.settings)
    loops = relay.loops() | dict(more or {})
    tasks = {n: asyncio.create_task(c, name=n) for n, c in loops.items()}
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, *tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    died = [name for name, task in tasks.items() if task.done()]
    log.info("stopping", died=died)
    await runner.cleanup()
    await _end([*tasks.values(), stopping])
    return 1 if died else 0


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError(
            f"listen: cannot bind to {host}:{port}: {reason}; is another relay running?"
        ) from None
    for address in runner.addresses:
        log.info("listening", address=f"http://{address[0]}:{address[1]}")


def _warn(settings: Settings) -> None:
    """Warn about settings without which the relay does nothing."""
    hint = "add one; `relay init` shows how, `relay doctor` checks the settings"
    if not settings.accounts:
        log.warning("no accounts configured: nothing will be published", hint=hint)
    if not settings.contracts:
        log.warning(
            "no contracts configured: every webhook will be rejected", hint=hint
        )


def log_webhooks(settings: Settings) -> None:
    """Log the addresses to give to the carriers, if the public one is known."""
    for contract in settings.contracts.values():
        url = settings.webhook_url(contract)
        if settings.public_url and url:
            log.info("webhook address", contract=contract.name, url=url)


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel the loops; the publisher finishes its calls first."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's event loop factory; None where it is not installed."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop  # noqa: PLC0415 -- not everywhere
    except ImportError:
        return None
    return uvloop.new_event_loop

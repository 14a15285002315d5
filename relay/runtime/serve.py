"""Runs a process of the relay, HTTP server and loops, until SIGTERM or SIGINT."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Final

from relay import logs
from relay.config.load import SettingsSource
from relay.config.settings import Settings
from relay.runtime.assemble import assemble
from relay.runtime.child_process import BEAT, STARTED
from relay.runtime.http_server import HttpServer
from relay.runtime.relay import Relay
from relay.runtime.reload import Reloader, warn_if_mounted_alone
from relay.runtime.roles import BOTH, Part
from relay.runtime.standstill import StandstillGuard
from relay.runtime.wiring import exit_hung
from relay.store.serving_notes import ServingNotes

Loop = Coroutine[Any, Any, None]

STOP_MARGIN: Final = timedelta(seconds=30)
"""How much longer than the calls to VTEX that are in flight a stop may take."""
BEAT_EVERY: Final = timedelta(seconds=10)
"""How often a process tells its supervisor that it is alive."""
ORPHANED: Final = 71
"""The exit code of a process whose supervisor ended: `EX_OSERR` of sysexits.h."""
GARBAGE: Final = (20_000, 20, 50)
"""Thresholds of the collector: a burst makes many short-lived objects."""
SWITCH_SECONDS: Final = 0.001
"""How soon the adapter thread yields to the event loop (the default is 5 ms)."""

log = logs.logger(__name__)


def serve(
    settings: Settings,
    source: SettingsSource | None = None,
    part: Part = BOTH,
    supervisor: Connection | None = None,
) -> int:
    """Run one process until SIGTERM or SIGINT; return the exit code.

    With *source* the settings are reloaded when they change there. Raises
    `ConfigurationError` if it cannot start.
    """
    configure_logs(settings, settings.secret_values())
    if part.role is not None:
        logs.name_process(part.role)
    gc.set_threshold(*GARBAGE)
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_serve(settings, source, part, supervisor))


def configure_logs(settings: Settings, secrets: Iterable[str]) -> None:
    """Log as *settings* say, with *secrets* masked."""
    logs.configure(
        level=settings.log.level, layout=settings.log.format, secrets=secrets
    )


def stop_limit(settings: Settings) -> timedelta:
    """Return how long a process may take to stop."""
    return settings.publisher.deadline_seconds + STOP_MARGIN


async def _serve(
    settings: Settings,
    source: SettingsSource | None,
    part: Part,
    supervisor: Connection | None,
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if supervisor is None:
        loop.add_signal_handler(signal.SIGINT, stop.set)
    else:
        loop.add_reader(supervisor.fileno(), _end_orphaned)
    stopping = asyncio.create_task(_time_of(stop))
    async with AsyncExitStack() as last, assemble(settings, part=part) as relay:
        guard = StandstillGuard(relay.health, exit_hung)
        watching = asyncio.create_task(guard.run())
        last.callback(guard.close)  # closing the database is watched, too
        last.callback(watching.cancel)
        stopping.add_done_callback(lambda _: guard.stop_within(stop_limit(settings)))
        more: dict[str, Loop] = {}
        if supervisor is not None:
            more["heartbeat"] = _beat(supervisor)
        if source is not None:
            relay.doctor = doctor_command(source)
            if part.receives:
                warn_if_mounted_alone(source.seen())
            apply = partial(reload, relay)
            reloader = Reloader(source, settings, apply, relay.health)
            if part.listens:
                reloader.on_restart = partial(_note_serving, relay, settings.listen)
                await reloader.on_restart(())
            loop.add_signal_handler(signal.SIGHUP, reloader.wake)
            more["reloader"] = reloader.run()
        code = await run(relay, stop, more)
    log.info("stopped", seconds=round(loop.time() - await stopping, 1))
    return code


def doctor_command(source: SettingsSource) -> tuple[str, ...]:
    """Return the command that prints the doctor's findings about these settings."""
    named = () if source.path is None else ("--config", str(source.path))
    return (sys.executable, "-m", "relay", "doctor", "--json", *named)


async def _time_of(event: asyncio.Event) -> float:
    """Return when *event* was set, by the loop's clock."""
    await event.wait()
    return asyncio.get_running_loop().time()


def _end_orphaned() -> None:
    """End at once: a new relay must not find this half of the old one at work.

    The supervisor sends nothing, so this is called when it has ended.
    """
    log.error("the supervisor has ended; ending, too")
    os._exit(ORPHANED)


async def _beat(supervisor: Connection) -> None:
    """Tell the supervisor that this process has started, and that it is alive."""
    supervisor.send(STARTED)
    while True:
        await asyncio.sleep(BEAT_EVERY.total_seconds())
        supervisor.send(BEAT)


async def _note_serving(relay: Relay, listen: str, restart: Sequence[str]) -> None:
    """Note the address for commands whose settings name another one already."""
    notes = ServingNotes(relay.database)
    await notes.put(socket.gethostname(), listen, restart, relay.clock())


async def reload(relay: Relay, settings: Settings) -> None:
    """Reload *relay* with other settings; old and new secrets are masked in logs."""
    both = relay.settings.secret_values() | settings.secret_values()
    configure_logs(relay.settings, both)
    await relay.reload(settings)


async def run(
    relay: Relay, stop: asyncio.Event, more: Mapping[str, Loop] | None = None
) -> int:
    """Serve until *stop* is set, with *more* loops; return the exit code.

    A loop that ends by itself ends the process with code 1, so that it is started
    again: by the supervisor, systemd or the container runtime.
    """
    http = HttpServer(relay) if relay.part.listens else None
    if http is not None:
        await http.start()
    if relay.part.receives:
        _warn(relay.settings)
        log_webhooks(relay.settings)
    gc.freeze()  # the objects of the start-up live for ever: skip them
    loops = relay.loops() | dict(more or {})
    tasks = {n: asyncio.create_task(c, name=n) for n, c in loops.items()}
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, *tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    died = [name for name, task in tasks.items() if task.done()]
    log.info("stopping", died=died)
    if http is not None:
        await http.stop()
    await _end([*tasks.values(), stopping])
    return 1 if died else 0


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

"""Runs the relay: HTTP server and loops, until it is told to stop."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from aiohttp import web

from relay import logs
from relay.api.problems import AccessLogger
from relay.config.load import SettingsSource
from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.runtime.assemble import assemble
from relay.runtime.relay import Relay
from relay.runtime.reload import Reloader

Loop = Coroutine[Any, Any, None]

SILENCE: Final = {
    "reader": timedelta(seconds=60),
    "publisher": timedelta(seconds=60),
    "poller": timedelta(seconds=60),
}
"""How long a loop may give no sign of life."""

LAST_ANSWERS: Final = 10.0
"""Seconds for which answers are waited for when the relay stops."""

log = logs.logger(__name__)


GARBAGE: Final = (20_000, 20, 50)
"""Thresholds of the collector: a burst makes many objects that live shortly."""

SWITCH_SECONDS: Final = 0.001
"""How soon a thread that reads gives way to the loop that answers."""


def serve(settings: Settings, source: SettingsSource | None = None) -> int:
    """Run the relay until it is told to stop; return the exit code.

    With *source* settings are loaded anew when they change there. Raises
    `ConfigurationError` if it cannot start.
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
    published = asyncio.create_task(_published_at(stop))
    async with assemble(settings) as relay:
        more: dict[str, Loop] = {}
        if source is not None:
            reloader = Reloader(source, settings, partial(reload, relay))
            loop.add_signal_handler(signal.SIGHUP, reloader.wake)
            more["reloader"] = reloader.run()
        code = await run(relay, stop, more)
    log.info("stopped", seconds=round(loop.time() - await published, 1))
    return code


async def _published_at(stop: asyncio.Event) -> float:
    """Return when the relay began to stop, by the loop's clock."""
    await stop.wait()
    return asyncio.get_running_loop().time()


async def reload(relay: Relay, settings: Settings) -> None:
    """Let *relay* go on with other settings; no secret, old or new, is logged."""
    both = relay.settings.secret_values() | settings.secret_values()
    _log(relay.settings, both)
    await relay.reload(settings)


async def run(
    relay: Relay, stop: asyncio.Event, more: Mapping[str, Loop] | None = None
) -> int:
    """Serve until *stop* is set, with *more* loops; return the exit code.

    A loop that ends by itself ends the process: whoever watches it starts it
    again.
    """
    runner = web.AppRunner(
        relay.application(),
        access_log_class=AccessLogger,
        handle_signals=False,
        shutdown_timeout=LAST_ANSWERS,
    )
    await runner.setup()
    gc.freeze()  # what is there now stays: the collector need not look at it again
    await _listen(runner, *relay.settings.listen_at)
    _warn(relay.settings)
    log_webhooks(relay.settings)
    loops = relay.loops() | dict(more or {})
    tasks = {n: asyncio.create_task(c, name=n) for n, c in loops.items()}
    for name, task in tasks.items():
        relay.health.expect(name, SILENCE.get(name, timedelta.max), task)
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
        raise ConfigurationError(
            f"listen: nobody can listen at {host}:{port} ({error.strerror}); "
            "is another relay running?"
        ) from None
    for address in runner.addresses:
        log.info("listening", address=f"http://{address[0]}:{address[1]}")


def _warn(settings: Settings) -> None:
    """Say what is not configured yet, so that nothing can happen."""
    hint = "add one to the settings; `relay init` shows how, `relay doctor` checks"
    if not settings.accounts:
        log.warning("there is no account: VTEX is told nothing", hint=hint)
    if not settings.contracts:
        log.warning("there is no contract: no carrier is heard", hint=hint)


def log_webhooks(settings: Settings) -> None:
    """Log the addresses to give to the carriers, if the public one is known."""
    for contract in settings.contracts.values():
        url = settings.webhook_url(contract)
        if settings.public_url and url:
            log.info("webhook address", contract=contract.name, url=url)


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Stop the loops; what is in flight comes to its end first."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's event loop where there is one."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop  # noqa: PLC0415 -- not everywhere
    except ImportError:
        return None
    return uvloop.new_event_loop

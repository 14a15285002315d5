"""The composition root: the only module that knows every part."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from relay import logs
from relay.clock import Clock, utcnow
from relay.database import opened
from relay.health import Health
from relay.intake import Intake
from relay.publisher.publisher import Publisher
from relay.publisher.sending import Sender
from relay.reading import Calls, Reader
from relay.resolving import reading_terms
from relay.settings import Settings
from relay.store.accounts import Accounts
from relay.store.claims import Claims
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.labels import Labels
from relay.store.sqlite import SqliteDatabase
from relay.vtex.client import VtexClient
from relay.vtex.wire import vtex_session
from relay.web import routes
from relay.web.access import AccessLogger
from relay.wiring import carriers, credentials, lower_bounds, pace, publisher_terms

HUNG: Final = 70
"""The exit code of a process that an adapter hangs."""

SILENCE: Final = timedelta(seconds=60)
"""How long a loop may give no sign of life."""

log = logs.logger(__name__)


@dataclass(slots=True)
class Relay:
    """Everything that runs in one process."""

    settings: Settings
    database: Database
    intake: Intake
    reader: Reader
    publisher: Publisher
    health: Health
    application: web.Application
    alone: bool

    def loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Return what runs beside the HTTP server, by name."""
        return {"reader": self.reader.run(), "publisher": self.publisher.run()}


@asynccontextmanager
async def assembled(settings: Settings, clock: Clock = utcnow) -> AsyncIterator[Relay]:
    """Put a process together from its settings; close everything at the end."""
    routes.check_access(settings)
    adapters = carriers(settings)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings, serving=True))
        session = await stack.enter_async_context(vtex_session())
        health = Health()
        documents = Documents(database)
        publisher = _publisher(
            settings, database, VtexClient(session, clock=clock), clock
        )
        unclean = not isinstance(database, SqliteDatabase) or database.unclean
        reader = Reader(
            documents,
            adapters,
            settings.contracts,
            clock,
            terms=reading_terms(settings.contracts, adapters, pace(settings)),
            calls=Calls(on_news=publisher.wake, on_hang=_hang),
            health=health,
            unclean=unclean,
        )
        stack.callback(reader.close)
        intake = Intake(
            documents,
            adapters,
            settings.contracts,
            clock,
            limits=settings.intake,
            health=health,
            on_kept=reader.wake,
        )
        stack.push_async_callback(intake.close)
        application = routes.application(
            routes.Parts(
                settings=settings,
                database=database,
                documents=documents,
                labels=Labels(database, pace(settings), lower_bounds(settings)),
                intake=intake,
                carriers=adapters,
                health=health,
                clock=clock,
                on_news=publisher.wake,
            )
        )
        alone = isinstance(database, SqliteDatabase)
        yield Relay(
            settings, database, intake, reader, publisher, health, application, alone
        )


def _publisher(
    settings: Settings, database: Database, vtex: VtexClient, clock: Clock
) -> Publisher:
    claims = Claims(database)
    return Publisher(
        claims,
        Sender(claims, vtex),
        publisher_terms(settings),
        clock,
        unread=claims.unread_since,
    )


async def started(relay: Relay, clock: Clock = utcnow) -> None:
    """Notice new credentials, and take back what a predecessor left."""
    accounts = Accounts(relay.database)
    for account, digest in credentials(relay.settings).items():
        await accounts.credentials(account, digest, clock())
    await relay.publisher.start(alone=relay.alone)


async def run(relay: Relay, stop: asyncio.Event) -> int:
    """Serve until *stop* is set; return the exit code.

    A loop that ends by itself ends the process: whoever watches it starts it
    again.
    """
    await started(relay)
    runner = web.AppRunner(
        relay.application,
        access_log_class=AccessLogger,
        handle_signals=False,
        shutdown_timeout=10,
    )
    await runner.setup()
    host, port = relay.settings.listen_at
    site = web.TCPSite(runner, host, port, backlog=1024)
    await site.start()
    for name, port in runner.addresses:
        log.info("listening", address=f"http://{name}:{port}")
    tasks = {n: asyncio.create_task(c, name=n) for n, c in relay.loops().items()}
    for name, task in tasks.items():
        relay.health.expect(name, SILENCE, task)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, *tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
    died = [name for name, task in tasks.items() if task.done()]
    log.info("stopping", died=died)
    await runner.cleanup()
    await _end([*tasks.values(), stopping])
    return 1 if died else 0


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Stop the loops; what is in flight comes to its end first."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def serve(settings: Settings) -> int:
    """Run the relay until it is told to stop; return the exit code.

    Raises `ConfigurationError` if it cannot start.
    """
    logs.configure(
        level=settings.log.level,
        layout=settings.log.format,
        secrets=settings.secret_values(),
    )
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with assembled(settings) as relay:
        return await run(relay, stop)


def _loop_factory() -> Any:
    """Return uvloop's event loop where there is one."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop  # noqa: PLC0415 -- not everywhere
    except ImportError:
        return None
    return uvloop.new_event_loop


def _hang() -> None:
    """End a process whose adapter hangs: a thread cannot be stopped."""
    os._exit(HUNG)

"""Opens what a process needs, begins, and closes everything at the end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import ClientSession, DummyCookieJar

from relay.api.auth import check_tokens
from relay.clock import Clock, utcnow
from relay.config.settings import Settings
from relay.logs import logger
from relay.runtime.database import opened
from relay.runtime.relay import Relay
from relay.runtime.wiring import carriers
from relay.vtex.client import VtexClient
from relay.vtex.http import vtex_session

log = logger(__name__)


@asynccontextmanager
async def assemble(settings: Settings, clock: Clock = utcnow) -> AsyncIterator[Relay]:
    """Put a process together from its settings; close everything at the end.

    Raises `ConfigurationError` for what would fail later.
    """
    check_tokens(settings)
    adapters = carriers(settings)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings, serving=True))
        session = await stack.enter_async_context(vtex_session())
        asking = ClientSession(cookie_jar=DummyCookieJar())
        vtex = VtexClient(session, clock=clock)
        relay = Relay(
            settings,
            clock,
            adapters,
            database,
            vtex,
            await stack.enter_async_context(asking),
        )
        stack.push_async_callback(relay.reader.close)
        stack.push_async_callback(relay.intake.close)
        stack.push_async_callback(relay.poller.close)
        if relay.checkpointer is not None:
            stack.push_async_callback(relay.checkpointer.close)
        await _begin(relay)
        yield relay


async def _begin(relay: Relay) -> None:
    """Notice new credentials, and take back what a predecessor left."""
    await relay.notice_credentials()
    await relay.publisher.start(alone=relay.alone)
    await relay.poller.start(alone=relay.alone)
    orphans = await relay.poller.claims.orphans(relay.settings.contracts)
    for contract, parcels in orphans.items():
        log.warning(
            "open parcels of a contract that is not in the settings",
            contract=contract,
            parcels=parcels,
        )
    await relay.database.listen(relay.publisher.wake)

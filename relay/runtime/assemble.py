"""Opens what a process needs, starts it, and closes everything at the end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import ClientSession, DummyCookieJar

from relay.api.auth import check_tokens
from relay.clock import Clock, utcnow
from relay.config.settings import Settings
from relay.logs import logger
from relay.runtime.database import opened
from relay.runtime.relay import Relay
from relay.runtime.roles import BOTH, Part
from relay.runtime.wiring import carriers
from relay.vtex.client import VtexClient
from relay.vtex.http import vtex_session

log = logger(__name__)


@asynccontextmanager
async def assemble(
    settings: Settings, clock: Clock = utcnow, part: Part = BOTH
) -> AsyncIterator[Relay]:
    """Build a process from its settings; close everything at the end.

    Raises `ConfigurationError` for settings that would fail later.
    """
    check_tokens(settings)
    adapters = carriers(settings)
    async with AsyncExitStack() as stack:
        opening = opened(settings, serving=True, locked=part.supervised)
        database = await stack.enter_async_context(opening)
        session = await stack.enter_async_context(vtex_session())
        carrier_session = ClientSession(cookie_jar=DummyCookieJar())
        vtex = VtexClient(session, clock=clock)
        relay = Relay(
            settings,
            clock,
            adapters,
            database,
            vtex,
            await stack.enter_async_context(carrier_session),
            part,
        )
        stack.push_async_callback(relay.reader.close)
        stack.push_async_callback(relay.intake.close)
        stack.push_async_callback(relay.poller.close)
        if relay.checkpointer is not None:
            stack.push_async_callback(relay.checkpointer.close)
        if part.channel is not None:
            await part.channel.open()
            stack.callback(part.channel.close)
        await relay.mappings.step()
        if part.works:
            await _start(relay)
        yield relay


async def _start(relay: Relay) -> None:
    """Notice new credentials, and release the claims of a process that was killed."""
    await relay.notice_credentials()
    await relay.publisher.start(alone=relay.alone)
    await relay.poller.start(alone=relay.alone)
    orphans = await relay.poller.claims.orphans(relay.settings.contracts)
    for contract, parcels in orphans.items():
        log.warning(
            "open parcels of an unknown contract",
            contract=contract,
            parcels=parcels,
        )
    await relay.database.listen(relay.notifier.wake)

"""Opens what a process needs, starts it, and closes everything at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import ClientSession, DummyCookieJar

from relay.api.auth import check_tokens
from relay.clock import Clock, utcnow
from relay.config.sections import TracingSettings
from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.logs import logger
from relay.runtime.account_states import notice_settings
from relay.runtime.database import opened
from relay.runtime.relay import Relay
from relay.runtime.roles import BOTH, Part
from relay.runtime.wiring import carriers
from relay.spans import NO_TRACING, Tracing
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
        tracing = tracing_of(settings.tracing, part.role or "relay")
        stack.push_async_callback(asyncio.to_thread, tracing.close)
        session = await stack.enter_async_context(vtex_session(tracing=tracing))
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
        relay.reader.tracing = relay.publisher.tracing = tracing
        stack.push_async_callback(relay.reader.close)
        stack.push_async_callback(relay.intake.close)
        stack.push_async_callback(relay.poller.close)
        stack.push_async_callback(relay.dispatcher.close)
        if relay.checkpointer is not None:
            stack.push_async_callback(relay.checkpointer.close)
        if part.channel is not None:
            await part.channel.open()
            stack.callback(part.channel.close)
        await relay.mappings.step()
        if part.works:
            await _start(relay)
        yield relay


def tracing_of(settings: TracingSettings, role: str) -> Tracing:
    """Return what traces as *settings* say; nothing by default.

    Raises `ConfigurationError` if OpenTelemetry is not installed.
    """
    if settings.collector is None:
        return NO_TRACING
    try:
        from relay.runtime.telemetry import connected  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise ConfigurationError(
            "tracing.collector: OpenTelemetry is not installed; in the folder of the "
            "relay's source, run pip install '.[tracing]', or remove the key"
        ) from error
    return connected(settings, role)


async def _start(relay: Relay) -> None:
    """Notice changed accounts, and release the claims of a process that was killed."""
    await notice_settings(relay.settings, relay.database, relay.clock)
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

"""The HTTP server of a process: its socket, its connections, its orderly end."""

import asyncio
import os
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.log import server_logger

from relay.api.content import MALFORMED_REQUESTS, SERVER
from relay.api.problems import AccessLogger
from relay.errors import ConfigurationError
from relay.logs import logger
from relay.runtime.connections import Connections
from relay.runtime.relay import Relay

SHUTDOWN_SECONDS: Final = 10.0
"""How long requests under way may take when the relay stops."""

_log = logger(__name__)


class HttpServer:
    """Serves the application of *relay* from `start` to `stop`."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._runner = web.AppRunner(
            relay.application(),
            access_log_class=AccessLogger,
            handle_signals=False,
            shutdown_timeout=SHUTDOWN_SECONDS,
            keepalive_timeout=relay.settings.intake.keepalive_seconds.total_seconds(),
            **SERVER,
        )
        self._listener: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        """Listen; raise `ConfigurationError` if the address is not free."""
        server_logger.addFilter(MALFORMED_REQUESTS)
        await self._runner.setup()
        server = cast("Any", self._runner.server)
        limits = self._relay.settings.intake
        connections = Connections(server, limits, self._relay.metrics)
        self._listener = await _listen(connections, *self._relay.settings.listen_at)

    async def stop(self) -> None:
        """Accept no more connections, and finish the requests under way."""
        if self._listener is not None:
            self._listener.close()
        await self._runner.cleanup()


async def _listen(
    connections: Connections, host: str, port: int
) -> asyncio.AbstractServer:
    loop = asyncio.get_running_loop()
    try:
        listener = await loop.create_server(
            connections, host, port, backlog=1024, reuse_address=True
        )
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError(
            f"listen: cannot bind to {host}:{port}: {reason}; is another relay running?"
        ) from None
    for address in (one.getsockname() for one in listener.sockets):
        _log.info("listening", address=f"http://{address[0]}:{address[1]}")
    return listener

"""HTTP calls to receivers: no redirects, no cookies, no private networks unasked."""

import asyncio
import socket
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    DefaultResolver,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult

from relay.adapters.http import seconds_to_wait
from relay.config.receivers import OutgoingReceiver, is_public
from relay.config.types import is_loopback
from relay.outgoing.answers import ReceiverAnswer

CONNECTIONS: Final = 20
ANSWER_LIMIT: Final = 64 * 1024
"""An answer's body is not used; so much of it is received to keep the connection."""


class PrivateAddress(OSError):
    """A host's name leads into a private network."""


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only: the one that is checked is called.

    A name under someone else's control could lead to services inside the network
    (server-side request forgery). Names of this machine are configured on purpose.
    """

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of *host*; raise `PrivateAddress`."""
        found = await self.looked_up(host, port, family)
        if not is_loopback(host) and not all(is_public(a["host"]) for a in found):
            raise PrivateAddress(f"{host} leads to a private network")
        return found

    async def looked_up(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> list[ResolveResult]:
        """Return the addresses that the system's resolver has for *host*."""
        return await self._resolver.resolve(host, port, family)

    async def close(self) -> None:
        """Release the resolver."""
        await self._resolver.close()


class ReceiverCalls:
    """Calls receivers, by two sessions that are opened when they are needed."""

    def __init__(self) -> None:
        self._sessions: dict[bool, ClientSession] = {}

    async def post(
        self,
        receiver: OutgoingReceiver,
        content: bytes,
        headers: Mapping[str, str],
        now: datetime,
    ) -> ReceiverAnswer:
        """Send one call; an error is part of the answer and names no address."""
        session = self._session(private=receiver.private_network)
        timeout = ClientTimeout(total=receiver.timeout_seconds.total_seconds())
        try:
            async with session.post(
                receiver.url,
                data=content,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                await answer.content.read(ANSWER_LIMIT)
                wait = seconds_to_wait(answer.headers.get("Retry-After"), now)
                return ReceiverAnswer(answer.status, retry_after=wait)
        except TimeoutError:
            seconds = receiver.timeout_seconds.total_seconds()
            return ReceiverAnswer(error=f"no answer within {seconds:g} s")
        except (ClientError, OSError, ValueError) as error:
            return ReceiverAnswer(error=_described(error))

    def _session(self, *, private: bool) -> ClientSession:
        if private not in self._sessions:
            resolver = None if private else PublicResolver()
            connector = TCPConnector(
                limit=0, limit_per_host=CONNECTIONS, resolver=resolver
            )
            jar = DummyCookieJar()
            self._sessions[private] = ClientSession(connector=connector, cookie_jar=jar)
        return self._sessions[private]

    async def close(self) -> None:
        """Close the sessions."""
        sessions, self._sessions = self._sessions, {}
        await asyncio.gather(*(s.close() for s in sessions.values()))


def _described(error: Exception) -> str:
    """Return what went wrong without the address, which may contain a token."""
    below = error.__cause__ or error
    if isinstance(below, PrivateAddress) or isinstance(error, PrivateAddress):
        return f"{below}; set private_network = true if it is meant"
    reason = getattr(error, "strerror", None)
    kind = type(error).__name__
    return f"no answer: {kind}" + (f" ({reason})" if reason else "")

"""One HTTP exchange with VTEX, which no library below may repeat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)
from yarl import URL

from relay.errors import NotSent, Unanswered, VtexError

CONNECT_TIMEOUT: Final = 10.0


class NotConnected(NotSent):
    """No connection was made, so the call may be tried again at once."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is sent, and the most bytes of the answer that are read."""

    method: str
    url: URL
    limit: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Received:
    """What came back; `body` is cut off at the exchange's limit."""

    status: int
    retry_after: str | None
    body: bytes


def vtex_session(*, connections: int = 100) -> ClientSession:
    """Open a session for VTEX: it keeps no cookies, because accounts share it."""
    connector = TCPConnector(limit=connections)
    return ClientSession(connector=connector, cookie_jar=DummyCookieJar())


def is_safe(base_url: str) -> bool:
    """Whether credentials may go to *base_url*: https, or http to this machine."""
    try:
        url = URL(base_url)
    except ValueError:
        return False
    if url.scheme == "http":
        return _is_here(url.host or "")
    return url.scheme == "https" and bool(url.host)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address(base_url: str, *segments: str) -> URL:
    """Return the URL of *segments*, each percent-encoded as a whole.

    Unquoted, `#` would cut the path and `/` split it, without an error. Raises
    `ValueError` for a segment that cannot stand in a path; registration refuses
    those before.
    """
    if any(s in {"", ".", ".."} for s in segments):
        raise ValueError(f"VTEX cannot be addressed by {segments!r}")
    path = "/".join(quote(s, safe="") for s in segments)
    return URL(f"{base_url.rstrip('/')}/api/oms/pvt/orders/{path}", encoded=True)


async def never_twice(
    request: ClientRequest, handler: ClientHandlerType
) -> ClientResponse:
    """Turn a broken connection into an error that aiohttp does not act upon.

    By itself it sends GET and PUT a second time when the connection breaks, even
    after the server has acted. A middleware is asked before that decision.
    """
    try:
        return await handler(request)
    except (ClientError, OSError) as error:
        failure = _failure(error)
    raise failure


def _failure(error: Exception) -> VtexError:
    """Name what *error* means, without its text and without keeping it.

    Errors of aiohttp may hold the request's headers, and so the credentials.
    """
    if isinstance(error, ClientConnectorError):
        return NotConnected(f"cannot connect to {error.host}: {error.strerror}")
    if isinstance(error, ConnectionTimeoutError):
        return NotSent("connecting took too long")
    return Unanswered(f"no answer: {type(error).__name__}")


async def exchange(
    session: ClientSession,
    what: Exchange,
    *,
    seconds: float,
    connect_within: float = CONNECT_TIMEOUT,
) -> Received:
    """Send once and return what comes back within *seconds*.

    Raises `NotSent` or `Unanswered`. Redirects are not followed: the credentials
    would travel along.
    """
    timeout = ClientTimeout(total=seconds, connect=connect_within)
    try:
        async with session.request(
            what.method,
            what.url,
            data=what.body,
            headers=what.headers,
            timeout=timeout,
            allow_redirects=False,
            middlewares=(never_twice,),
        ) as response:
            return await _received(response, what)
    except (ClientError, OSError) as error:
        failure = _failure(error)
    raise failure


async def _received(response: ClientResponse, what: Exchange) -> Received:
    """Read the body; that of a write may break off, for its status is known."""
    body = bytearray()
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > what.limit:
                break
    except (ClientError, OSError):
        if what.method == "GET":
            raise
    retry_after = response.headers.get("Retry-After")
    return Received(response.status, retry_after, bytes(body[: what.limit]))

"""One HTTP exchange with VTEX, never repeated by the HTTP library."""

import re
from collections.abc import Mapping
from dataclasses import field
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
from relay.records import record
from relay.spans import NO_TRACING, Tracing
from relay.vtex.call_traces import trace_configs

CONNECT_TIMEOUT: Final = 10.0


class NotConnected(NotSent):
    """No connection was made, so the call can be retried at once."""


@record
class Exchange:
    """A request, and `limit`, the most bytes of its answer that are received."""

    method: str
    url: URL
    limit: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@record
class Received:
    """An answer; `body` is not `complete` if it broke off or is over the limit."""

    status: int
    retry_after: str | None
    body: bytes
    content_type: str = ""
    complete: bool = True


def vtex_session(
    *, connections: int = 100, tracing: Tracing = NO_TRACING
) -> ClientSession:
    """Open a session for VTEX, without cookies because accounts share it."""
    return ClientSession(
        connector=TCPConnector(limit=connections),
        cookie_jar=DummyCookieJar(),
        trace_configs=[*trace_configs(tracing)],
    )


def is_safe(base_url: str) -> bool:
    """Whether credentials can be sent to *base_url*: https, or http to this machine."""
    try:
        url = URL(base_url)
    except ValueError:
        return False
    if url.scheme == "http":
        return _is_loopback(url.host or "")
    return url.scheme == "https" and bool(url.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_plain: Final = re.compile(r"[A-Za-z0-9_.~-]+").fullmatch
"""Whether a text is the same when it is percent-encoded (RFC 3986, 2.3)."""


def address(base_url: str, *segments: str) -> URL:
    """Return the URL of *segments* below the orders, each percent-encoded as a whole.

    Without encoding, `#` would cut the path and `/` split it, silently. Raises
    `ValueError` for a segment that a path cannot contain; registration refuses those
    first.
    """
    if any(s in {"", ".", ".."} for s in segments):
        raise ValueError(f"a URL cannot contain the segments {segments!r}")
    path = "/".join(s if _plain(s) else quote(s, safe="") for s in segments)
    return URL(f"{base_url.rstrip('/')}/api/oms/pvt/orders/{path}", encoded=True)


async def never_twice(
    request: ClientRequest, handler: ClientHandlerType
) -> ClientResponse:
    """Turn a broken connection into an error that aiohttp does not retry.

    By itself aiohttp sends an idempotent request, GET or PUT, again when a reused
    connection breaks, even if the server has acted on it. A middleware runs before
    that decision.
    """
    try:
        return await handler(request)
    except (ClientError, OSError) as error:
        failure = _failure(error)
    raise failure


def _failure(error: Exception) -> VtexError:
    """Return the relay's error for *error*, without its text or a reference to it.

    aiohttp's errors may contain the request's headers, and so the credentials.
    """
    if isinstance(error, ClientConnectorError):
        return NotConnected(f"cannot connect to {error.host}: {error.strerror}")
    if isinstance(error, ConnectionTimeoutError):
        return NotSent("timeout while connecting")
    return Unanswered(f"no answer: {type(error).__name__}")


async def exchange(
    session: ClientSession,
    what: Exchange,
    *,
    seconds: float,
    connect_within: float = CONNECT_TIMEOUT,
) -> Received:
    """Send a request once and return the answer within *seconds*.

    Raises `NotSent` or `Unanswered`. Redirects are not followed: aiohttp would send
    the key headers to the new host.
    """
    timeout = ClientTimeout(total=seconds, connect=connect_within)
    try:
        async with session.request(
            what.method,
            what.url,
            data=what.body,
            headers=what.headers,
            timeout=timeout,
            # aiohttp drops only Authorization for another host, not X-VTEX-API-*.
            allow_redirects=False,
            middlewares=(never_twice,),
        ) as response:
            return await _received(response, what)
    except (ClientError, OSError) as error:
        failure = _failure(error)
    raise failure


async def _received(response: ClientResponse, what: Exchange) -> Received:
    """Receive the body; it may break off after a write, whose status is known."""
    body = bytearray()
    complete = True
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > what.limit:
                complete = False
                break
    except (ClientError, OSError):
        if what.method == "GET":
            raise
        complete = False
    return Received(
        response.status,
        response.headers.get("Retry-After"),
        bytes(body[: what.limit]),
        response.headers.get("Content-Type", ""),
        complete,
    )

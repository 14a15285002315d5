"""Connections: how many there may be, and how long request headers may take.

The web framework bounds neither. Each connection's protocol is wrapped, so that a
refused one never reaches it.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import Any, Final, cast

from relay.config.sections import IntakeSettings as Limits
from relay.logs import logger
from relay.metrics import Metrics
from relay.problem_codes import ProblemCode

RETRY_AFTER: Final = 5
"""Seconds after which a refused client may try again."""
REFUSAL_SECONDS: Final = 1.0
"""How long a refused connection may take to receive its answer."""
_END_OF_HEADERS: Final = b"\r\n\r\n"
_NETWORK_BYTES: Final = 8
"""Of an IPv6 address, which name a customer's network (/64)."""

_log = logger(__name__)


class Connections:
    """Makes the protocol of every new connection, and counts the open ones.

    *server* makes the framework's protocol.
    """

    def __init__(
        self, server: Callable[[], asyncio.Protocol], limits: Limits, metrics: Metrics
    ) -> None:
        self.server = server
        self.header_seconds = limits.header_seconds.total_seconds()
        self.send_seconds = limits.send_seconds.total_seconds()
        self._most = limits.connections
        self._most_per_source = limits.connections_per_source
        self._open: Counter[str] = Counter()
        self._metrics = metrics
        self._refused = 0

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return Connection(self)

    def enter(self, source: str) -> HTTPStatus | None:
        """Count a connection; return the status with which it is refused, or None."""
        self._open[source] += 1
        if self._open[source] > self._most_per_source:
            return self._refuse(source, HTTPStatus.TOO_MANY_REQUESTS)
        if self._open.total() > self._most:
            return self._refuse(source, HTTPStatus.SERVICE_UNAVAILABLE)
        return None

    def leave(self, source: str) -> None:
        """Count a connection as closed."""
        self._open[source] -= 1
        if not self._open[source]:
            del self._open[source]

    def _refuse(self, source: str, status: HTTPStatus) -> HTTPStatus:
        """Count a refused connection; log at counts that double, for a flood."""
        self._metrics.connections_refused.labels(status.value).inc()
        self._refused += 1
        if self._refused & (self._refused - 1) == 0:
            hint = "raise intake.connections_per_source if this is your own proxy"
            _log.warning(
                "too many connections", source=source, count=self._refused, hint=hint
            )
        return status


class Connection(asyncio.Protocol):
    """One connection: passed to the framework, or refused."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._handler = asyncio.Protocol()  # does nothing: that of a refused one
        self._refusal: HTTPStatus | None = None
        self._is_refused = False
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None
        self._end = b""
        self._has_headers = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, and pass it on unless there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        self._source = source_of(transport.get_extra_info("peername"))
        self._refusal = self._connections.enter(self._source)
        self._is_refused = self._refusal is not None
        if not self._is_refused:
            self._handler = self._connections.server()
            self._handler.connection_made(transport)
        else:
            self._timer = self._later(REFUSAL_SECONDS, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """Pass *data* on; answer a refused connection at its first bytes."""
        if self._is_refused:
            self._answer_refused()
            return
        if not self._has_headers:
            self._await_headers(data)
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that the client sends no more."""
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        """Limit how long the client may take to receive an answer."""
        self._sending = self._later(
            self._connections.send_seconds, self._transport.abort
        )
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client receives again."""
        self._cancel(self._sending)
        self._handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection as closed."""
        self._cancel(self._timer)
        self._cancel(self._sending)
        self._connections.leave(self._source)
        self._handler.connection_lost(exc)

    def _await_headers(self, data: bytes) -> None:
        """Limit the time from the first byte of the first request to its body.

        The framework's keep-alive time limits all others, and the first byte.
        """
        if self._timer is None:
            self._timer = self._later(self._connections.header_seconds, self._time_out)
        seen = self._end + data
        self._end = seen[-len(_END_OF_HEADERS) :]
        if _END_OF_HEADERS in seen:
            self._has_headers = True
            self._cancel(self._timer)

    def _time_out(self) -> None:
        self._transport.write(answer(HTTPStatus.REQUEST_TIMEOUT))
        self._transport.close()

    def _answer_refused(self) -> None:
        """Answer once; further bytes are ignored, or the answer might be lost."""
        if self._refusal is not None:
            self._transport.write(answer(self._refusal))
            self._transport.write_eof()
            self._refusal = None

    def _later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, call)

    def _cancel(self, timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def source_of(peer: Any) -> str:
    """Return what counts as one source: an IPv4 address, or an IPv6 network.

    An IPv4 address that is written in IPv6 counts as itself.
    """
    try:
        address = ip_address(str(peer[0]).partition("%")[0])
    except (ValueError, TypeError, IndexError):
        return ""
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else address.packed[:_NETWORK_BYTES].hex(":", 2)
    return str(address)


_DETAILS: Final = {
    HTTPStatus.REQUEST_TIMEOUT: "the headers did not arrive in time",
    HTTPStatus.TOO_MANY_REQUESTS: "too many connections are open from this address",
    HTTPStatus.SERVICE_UNAVAILABLE: "too many connections are open",
}


def answer(status: HTTPStatus) -> bytes:
    """Return a complete HTTP answer with a problem, which closes the connection."""
    is_late = status == HTTPStatus.REQUEST_TIMEOUT
    code = ProblemCode.REQUEST_TIMEOUT if is_late else ProblemCode.TRY_AGAIN
    problem = {"type": code.type, "title": status.phrase, "status": status.value}
    body = json.dumps(problem | {"code": code, "detail": _DETAILS[status]})
    again = "" if is_late else f"Retry-After: {RETRY_AFTER}\r\n"
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n{again}"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()

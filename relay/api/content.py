"""Receive request bodies: size limits, `Content-Encoding`, and both forms of the bytes.

The framework must not decompress (`SERVER`): it answers a broken body with a
traceback, and signatures may be over the compressed bytes.
"""

import asyncio
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from relay.errors import RefusedRequest
from relay.inbound.reception import SMALL, Arrival, Reception
from relay.problem_codes import ProblemCode

SERVER: Final[Mapping[str, Any]] = {"auto_decompress": False, "lingering_time": 2.0}
"""Options of the HTTP server that this module needs.

After an answer, the rest of a body is ignored for the lingering time: closed at once,
the client might not receive the answer.
"""
_WBITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Window bits of zlib: https://docs.python.org/3/library/zlib.html#zlib.decompressobj"""
_RAW_DEFLATE: Final = -15
_PLAIN: Final = frozenset({"", "identity"})
_ACCEPTED: Final = "gzip, deflate"


@dataclass(frozen=True, slots=True)
class ReceivedBody:
    """A body as it was *sent*, and its *content* without `Content-Encoding`."""

    sent: bytes
    content: bytes


async def receive_body(
    request: web.Request, limit: int, reception: Reception
) -> ReceivedBody:
    """Receive the body of *request*, of at most *limit* bytes in both forms.

    Raises `RefusedRequest` for a body that cannot be decompressed or never came,
    `HTTPRequestEntityTooLarge`, and `BacklogFull` if *reception* has no room for it.
    """
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _PLAIN and encoding not in _WBITS:
        raise RefusedRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Content-Encoding: unknown to this relay",
            hint=f"send the body without compression, or with one of {_ACCEPTED}",
            code=ProblemCode.UNSUPPORTED_MEDIA_TYPE,
            headers={"Accept-Encoding": _ACCEPTED},
        )
    sent = _at_once(request, limit)
    if sent is None:
        sent = await _in_time(request, limit, reception)
    if encoding in _PLAIN or not sent:
        return ReceivedBody(sent, sent)
    return ReceivedBody(sent, _decompressed(sent, encoding, limit))


def _at_once(request: web.Request, limit: int) -> bytes | None:
    """Return a small body that came with its headers, as webhooks do; None otherwise.

    A timer, and counting what arrives, would cost more than all the rest.
    """
    stream = request.content
    if not stream.is_eof() or stream.exception() is not None:
        return None
    if stream.total_bytes > min(limit, SMALL):
        return None
    return stream.read_nowait()


async def _in_time(request: web.Request, limit: int, reception: Reception) -> bytes:
    """Read a body that is still arriving; refuse one that takes too long."""
    try:
        async with asyncio.timeout(reception.seconds):
            with reception.arrival() as arrival:
                return await _received(request, limit, arrival)
    except TimeoutError:
        raise _late(reception) from None


async def _received(request: web.Request, limit: int, arrival: Arrival) -> bytes:
    """Read the bytes of the body, up to *limit*."""
    size = request.content_length or 0
    if size > limit:
        raise web.HTTPRequestEntityTooLarge(limit, size)
    whole = bytearray()
    try:
        while len(whole) <= limit:
            chunk = await request.content.readany()
            if not chunk:
                return bytes(whole)
            arrival.add(len(chunk))
            whole += chunk
    except (ConnectionError, web.RequestPayloadError):
        raise RefusedRequest(
            HTTPStatus.BAD_REQUEST,
            "the body is incomplete",
            hint="send it again, with all its bytes",
            code=ProblemCode.UNDECODABLE_BODY,
        ) from None
    raise web.HTTPRequestEntityTooLarge(limit, len(whole))


def _late(reception: Reception) -> RefusedRequest:
    return RefusedRequest(
        HTTPStatus.REQUEST_TIMEOUT,
        f"the body did not arrive within {reception.seconds:g} seconds",
        hint="send it again; the relay's setting is intake.body_seconds",
        code=ProblemCode.REQUEST_TIMEOUT,
    )


def _decompressed(sent: bytes, encoding: str, limit: int) -> bytes:
    """Return the content of *sent*, which may have several gzip members."""
    content = bytearray()
    rest = sent
    try:
        while rest:
            member = zlib.decompressobj(_window(rest, encoding))
            content += member.decompress(rest, limit + 1 - len(content))
            if len(content) > limit:
                raise web.HTTPRequestEntityTooLarge(limit, len(content))
            if not member.eof:
                raise _broken(encoding)
            rest = member.unused_data
    except zlib.error:
        raise _broken(encoding) from None
    return bytes(content)


def _window(data: bytes, encoding: str) -> int:
    """Return the window bits; some clients send `deflate` without zlib's header.

    See https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.2.
    """
    if encoding == "deflate" and data[0] & 0x0F != zlib.DEFLATED:
        return _RAW_DEFLATE
    return _WBITS[encoding]


def _broken(encoding: str) -> RefusedRequest:
    return RefusedRequest(
        HTTPStatus.BAD_REQUEST,
        f"the body is not valid {encoding}, as Content-Encoding says",
        hint="send the body without compression, or compress it as a whole",
        code=ProblemCode.UNDECODABLE_BODY,
    )


class _MalformedRequests(logging.Filter):
    """Logs malformed HTTP at info and without a traceback: anyone can send it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record of a malformed request; keep all others as they are."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.exc_info = record.exc_text = None
            record.msg, record.args = "malformed HTTP request (%s)", (error.code,)
        return True


MALFORMED_REQUESTS: Final = _MalformedRequests()
"""To be added to the framework's logger, `aiohttp.log.server_logger`."""

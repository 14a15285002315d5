"""HTTP calls to a carrier's API: limits, errors, `Retry-After` and shared tokens."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from relay.adapters.protocol import CarrierFailure, Document
from relay.clock import utcnow
from relay.text import decode_text, storable_json

TIMEOUT: Final = ClientTimeout(total=30, connect=10)
LARGEST_ANSWER: Final = 8 * 1024 * 1024
"""The largest response body that is accepted, in bytes."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """An HTTP request; its repr omits parts that may hold credentials."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Sequence[tuple[str, str]] = ()
    json: Any = field(default=None, repr=False)
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A complete HTTP response of any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime

    def checked(self, *statuses: int) -> "ApiResponse":
        """Return this response; raise `CarrierFailure` if its status is another."""
        if self.status in statuses:
            return self
        wait = seconds_to_wait(self.headers.get("Retry-After"), self.received_at)
        raise CarrierFailure(f"the carrier answered {self.status}", wait=wait)

    def value(self) -> Any:
        """Return the JSON value; raise `CarrierFailure` if the body is not JSON."""
        kind = self.headers.get("Content-Type", "no content type")
        with suppress(ValueError, RecursionError):
            text = decode_text(self.body, kind)[0]
            value = json.loads(text)
            # Only escapes can be NUL or lone surrogates in a valid text.
            return storable_json(value) if "\\u" in text else value
        raise CarrierFailure(f"the carrier answered {self.status}, not JSON ({kind})")


def as_response(document: Document) -> ApiResponse:
    """Return *document* as a response with status 200."""
    headers = {name.title(): text for name, text in document.headers.items()}
    return ApiResponse(200, headers, document.body, document.received_at)


async def send(session: ClientSession, request: ApiRequest) -> ApiResponse:
    """Send *request* once; raise `CarrierFailure` without a complete response.

    Redirects are not followed: they usually lead to login pages, and the
    credentials in the headers would be sent to another host.
    """
    try:
        async with session.request(
            request.method,
            request.url,
            params=request.query,
            headers=request.headers,
            json=request.json,
            data=request.data,
            timeout=TIMEOUT,
            allow_redirects=False,
        ) as response:
            body = await _body(response)
            return ApiResponse(response.status, response.headers, body, utcnow())
    except (ClientError, OSError) as error:
        name = type(error).__name__  # its text may hold credentials
    raise CarrierFailure(f"no complete answer from the carrier: {name}")


async def _body(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise CarrierFailure("the carrier's answer is too large")
    return bytes(body)


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """Return the delay of a `Retry-After` *header* in seconds, or None.

    It holds seconds or an HTTP date (RFC 9110, section 10.2.3).
    """
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


REFUSALS: Final = frozenset({401, 403})


class SharedToken:
    """An access token used until the carrier refuses it, then renewed.

    Concurrent callers share one renewal call, and its failure.
    """

    def __init__(self, fetch: Callable[[ClientSession], Awaitable[str]]) -> None:
        self._fetch = fetch
        self._token = ""
        self._renewal: asyncio.Task[str] | None = None

    async def answer(
        self,
        session: ClientSession,
        call: Callable[[str], Awaitable[ApiResponse]],
        refusals: Collection[int] = REFUSALS,
    ) -> ApiResponse:
        """Return the response to *call*; retry once with a renewed token.

        *refusals* are the statuses for an expired or revoked token.
        """
        token = await self.get(session)
        response = await call(token)
        if response.status not in refusals:
            return response
        renewed = await self.get(session, refused=token)
        return response if renewed == token else await call(renewed)

    async def get(self, session: ClientSession, *, refused: str = "") -> str:
        """Return the token; fetch one if there is none, or only the *refused* one."""
        if self._token and self._token != refused:
            return self._token
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(session))
            self._renewal.add_done_callback(self._renewed)
        # A caller that is cancelled must not cancel the renewal of the others.
        return await asyncio.shield(self._renewal)

    async def _renew(self, session: ClientSession) -> str:
        self._token = await self._fetch(session)
        return self._token

    def _renewed(self, task: asyncio.Task[str]) -> None:
        self._renewal = None
        if not task.cancelled():
            # Retrieve it, or asyncio logs "exception was never retrieved" when all
            # callers were cancelled.
            task.exception()

"""One question to a carrier over HTTP: limits, and answers that are errors."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from relay.adapters.protocol import CarrierFailure, Document
from relay.clock import utcnow

TIMEOUT: Final = ClientTimeout(total=30, connect=10)
LARGEST_ANSWER: Final = 8 * 1024 * 1024
"""The most bytes of an answer that are read."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """What is sent; its repr does not show what may be secret."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Sequence[tuple[str, str]] = ()
    json: Any = field(default=None, repr=False)
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """What came back, whole; the status may be any."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime

    def checked(self, *statuses: int) -> "ApiResponse":
        """Return itself; raise `CarrierFailure` unless its status is expected."""
        if self.status in statuses:
            return self
        wait = seconds_to_wait(self.headers.get("Retry-After"), self.received_at)
        raise CarrierFailure(f"the carrier answered {self.status}", wait=wait)

    def value(self) -> Any:
        """Return the JSON value; raise `CarrierFailure` for HTML and cut answers."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            kind = self.headers.get("Content-Type", "no content type")
        raise CarrierFailure(f"the carrier answered {self.status}, no JSON ({kind})")


def as_response(document: Document) -> ApiResponse:
    """Return *document* as an answer that came with status 200."""
    headers = {name.title(): text for name, text in document.headers.items()}
    return ApiResponse(200, headers, document.body, document.received_at)


async def send(session: ClientSession, question: ApiRequest) -> ApiResponse:
    """Ask once; raise `CarrierFailure` if no whole answer comes in time.

    Redirects are not followed: they lead to login pages, and credentials would
    travel along.
    """
    try:
        async with session.request(
            question.method,
            question.url,
            params=question.query,
            headers=question.headers,
            json=question.json,
            data=question.data,
            timeout=TIMEOUT,
            allow_redirects=False,
        ) as response:
            body = await _body(response)
            return ApiResponse(response.status, response.headers, body, utcnow())
    except (ClientError, OSError) as error:
        name = type(error).__name__  # its text may hold credentials
    raise CarrierFailure(f"the carrier gave no whole answer: {name}")


async def _body(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise CarrierFailure("the carrier's answer is too large")
    return bytes(body)


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` *header*, seconds or a date; None if it says nothing."""
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
    """A token that is good until the carrier refuses it, and then fetched anew.

    All who wait for a new one wait for the same call, and share its failure.
    """

    def __init__(self, fetch: Callable[[ClientSession], Awaitable[str]]) -> None:
        self._fetch = fetch
        self._token = ""
        self._renewal: asyncio.Task[str] | None = None

    async def answer(
        self,
        session: ClientSession,
        ask: Callable[[str], Awaitable[ApiResponse]],
        refusals: Collection[int] = REFUSALS,
    ) -> ApiResponse:
        """Return what *ask* is answered, asking again once with a renewed token."""
        token = await self.get(session)
        answered = await ask(token)
        if answered.status not in refusals:
            return answered
        renewed = await self.get(session, refused=token)
        return answered if renewed == token else await ask(renewed)

    async def get(self, session: ClientSession, *, refused: str = "") -> str:
        """Return the token, a new one if there is none but the *refused* one."""
        if self._token and self._token != refused:
            return self._token
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(session))
            self._renewal.add_done_callback(self._renewed)
        return await asyncio.shield(self._renewal)

    async def _renew(self, session: ClientSession) -> str:
        self._token = await self._fetch(session)
        return self._token

    def _renewed(self, task: asyncio.Task[str]) -> None:
        self._renewal = None
        if not task.cancelled():
            task.exception()  # heard, even if nobody waits any more

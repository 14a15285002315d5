"""One question to a carrier over HTTP: limits, and answers that are errors."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from relay.carrier.contract import CarrierFailure, Document
from relay.clock import utcnow

TIMEOUT: Final = ClientTimeout(total=30, connect=10)
LARGEST_ANSWER: Final = 8 * 1024 * 1024
"""The most bytes of an answer that are read."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent; its repr does not show what may be secret."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Sequence[tuple[str, str]] = ()
    json: Any = field(default=None, repr=False)
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back, whole; the status may be any."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime

    def checked(self, *statuses: int) -> "Answered":
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


def as_answered(document: Document) -> Answered:
    """Return *document* as an answer that came with status 200."""
    headers = {name.title(): text for name, text in document.headers.items()}
    return Answered(200, headers, document.body, document.received_at)


async def answer(session: ClientSession, question: Question) -> Answered:
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
            return Answered(response.status, response.headers, body, utcnow())
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

"""The calls to VTEX: read an order, post an invoice, send tracking."""

import asyncio
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

from aiohttp import ClientSession
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_chain,
    wait_fixed,
)
from yarl import URL

from relay.clock import Clock, utcnow
from relay.errors import ConfigurationError, DeadlineOver, ShadowMode
from relay.records import record
from relay.text import decode_leniently, storable, storable_json
from relay.vtex.answers import error_text, seconds_to_wait
from relay.vtex.http import Exchange, NotConnected, Received, address, exchange, is_safe


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a claim's calls, by two clocks; the earlier one counts.

    Waits follow the event loop's clock, which never jumps. The wall clock is checked
    before each request as well: a process that was suspended must not write when it
    resumes.
    """

    loop_time: float
    wall: datetime

    @classmethod
    def within(cls, seconds: float, clock: Clock = utcnow) -> Self:
        """Return the deadline *seconds* from now; needs a running event loop."""
        loop_time = asyncio.get_running_loop().time() + seconds
        return cls(loop_time, clock() + timedelta(seconds=seconds))

    def left(self, loop_time: float, now: datetime) -> float:
        """Return the seconds left; negative once the deadline has passed."""
        return min(self.loop_time - loop_time, (self.wall - now).total_seconds())


ORDER_LIMIT: Final = 2 * 1024 * 1024
"""The most bytes of an order that are received."""
RECEIPT_LIMIT: Final = 64 * 1024
"""The most bytes of the answer to a write that are received."""
USER_AGENT: Final = "carrier-tracking-relay (order tracking by API)"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class VtexAccount:
    """One VTEX store and its key pair, which the repr does not show.

    Raises `ConfigurationError` for values that would fail at the first call, or send
    the keys in clear text: `http` is allowed for this machine only.
    """

    name: str
    base_url: str
    app_key: str = field(repr=False)
    app_token: str = field(repr=False)

    def __post_init__(self) -> None:
        if not is_safe(self.base_url):
            raise ConfigurationError(
                f"accounts.{self.name}.base_url: not safe for credentials; use https://"
                " (http:// only for this machine)"
            )
        for key in ("app_key", "app_token"):
            if not re.fullmatch(r"[!-~]+", getattr(self, key)):
                raise ConfigurationError(
                    f"accounts.{self.name}.{key}: invalid characters; use visible ASCII"
                    " without blanks"
                )

    def headers(self) -> Mapping[str, str]:
        """Return the headers of every call.

        VTEX requires `Accept` and `Content-Type` on GET too (Orders API).
        """
        return {
            "Accept": _JSON,
            "Content-Type": _JSON,
            "User-Agent": USER_AGENT,
            "X-VTEX-API-AppKey": self.app_key,
            "X-VTEX-API-AppToken": self.app_token,
        }


@record
class VtexResponse:
    """VTEX's answer: `retry_after` is in seconds.

    `payload` is the body if it is JSON; the repr omits it, because an order contains
    personal data.
    """

    status: int
    message: str = ""
    retry_after: float | None = None
    payload: Any = field(default=None, repr=False)
    receipt: str | None = None


class VtexClient:
    """Client of VTEX's Orders API, for all accounts.

    Each call takes a `deadline` and raises `DeadlineOver` (not sent), `NotSent` (no
    connection) or `Unanswered` (may have been carried out). Only a failed connection
    is retried, after each of *waits* seconds. Bodies are sent byte for byte. A call
    that changes an order of an account in `shadow` raises `ShadowMode` (not sent).
    """

    def __init__(
        self,
        session: ClientSession,
        *,
        clock: Clock = utcnow,
        waits: Sequence[float] = (0.2, 1.0),
        shadow: Collection[str] = (),
    ) -> None:
        self._session = session
        self._clock = clock
        self._waits = tuple(waits)
        self.shadow = frozenset(shadow)

    async def read_order(
        self, account: VtexAccount, order_id: str, *, deadline: Deadline
    ) -> VtexResponse:
        """Read an order: *get order*, permission View order."""
        url = address(account.base_url, order_id)
        what = Exchange("GET", url, ORDER_LIMIT, account.headers())
        return await self._answer(account, what, deadline)

    async def post_invoice(
        self, account: VtexAccount, order_id: str, body: bytes, *, deadline: Deadline
    ) -> VtexResponse:
        """Post an invoice: *order invoice notification*, which may include tracking.

        Needs the permission Notify invoice, or Notify refund for a return.
        """
        url = address(account.base_url, order_id, "invoice")
        what = Exchange("POST", url, RECEIPT_LIMIT, account.headers(), body)
        return await self._answer(account, what, deadline, writes=True)

    async def send_tracking_number(
        self,
        account: VtexAccount,
        order_id: str,
        invoice_number: str,
        body: bytes,
        *,
        deadline: Deadline,
    ) -> VtexResponse:
        """Send a tracking number: *update order's partial invoice*.

        Needs the permission Notify invoice, as `send_events` does.
        """
        url = address(account.base_url, order_id, "invoice", invoice_number)
        what = Exchange("PATCH", url, RECEIPT_LIMIT, account.headers(), body)
        return await self._answer(account, what, deadline, writes=True)

    async def send_events(
        self,
        account: VtexAccount,
        order_id: str,
        invoice_number: str,
        body: bytes,
        *,
        deadline: Deadline,
    ) -> VtexResponse:
        """Send events: *update order tracking status*."""
        url = address(account.base_url, order_id, "invoice", invoice_number, "tracking")
        what = Exchange("PUT", url, RECEIPT_LIMIT, account.headers(), body)
        return await self._answer(account, what, deadline, writes=True)

    async def forward_invoice(
        self, account: VtexAccount, order_id: str, body: bytes, *, deadline: Deadline
    ) -> Received:
        """Send a caller's invoice, once: *order invoice notification*.

        Returns VTEX's answer as it is. It is never repeated, not even without a
        connection: a second invoice overwrites the first (VTEX: help centre, "Invoicing
        an order"), so the caller decides.
        """
        url = address(account.base_url, order_id, "invoice")
        what = Exchange("POST", url, RECEIPT_LIMIT, account.headers(), body)
        return await self._send(what, deadline, account.name)

    async def call(
        self,
        account: VtexAccount,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        body: bytes | None = None,
    ) -> VtexResponse:
        """Call another route of VTEX; *path* starts with a slash, as it is sent."""
        url = URL(f"{account.base_url.rstrip('/')}{path}", encoded=True)
        what = Exchange(method, url, RECEIPT_LIMIT, account.headers(), body)
        return await self._answer(account, what, deadline)

    async def _answer(
        self,
        account: VtexAccount,
        what: Exchange,
        deadline: Deadline,
        *,
        writes: bool = False,
    ) -> VtexResponse:
        writer = account.name if writes else ""
        try:
            received = await self._send(what, deadline, writer)
        except NotConnected as error:
            received = await self._retry(what, deadline, error, writer)
        return self._parse(account, received)

    async def _retry(
        self, what: Exchange, deadline: Deadline, failure: NotConnected, writer: str
    ) -> Received:
        """Retry after each of the waits; the first *failure* counts as an attempt.

        Setting up tenacity costs about as much as a call, so it is done only now.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(NotConnected),
            stop=stop_after_attempt(len(self._waits) + 1)
            | stop_before_delay(self._left(deadline)),
            wait=wait_chain(*map(wait_fixed, (*self._waits, 0))),
            reraise=True,
        )
        failures = [failure]

        async def attempt() -> Received:
            if failures:
                raise failures.pop()
            return await self._send(what, deadline, writer)

        received: Received = await retrying(attempt)
        return received

    async def _send(
        self, what: Exchange, deadline: Deadline, writer: str = ""
    ) -> Received:
        """Send a request; *writer* is the account of which it changes an order."""
        if writer in self.shadow:
            raise ShadowMode(f"{writer} is in shadow mode; nothing is written to VTEX")
        left = self._left(deadline)
        if left <= 0:
            raise DeadlineOver(f"no time left for {what.method}")
        return await exchange(self._session, what, seconds=left)

    def _left(self, deadline: Deadline) -> float:
        return deadline.left(asyncio.get_running_loop().time(), self._clock())

    def _parse(self, account: VtexAccount, received: Received) -> VtexResponse:
        # The answer's orderId is not checked: it can be the fulfilment order's, with
        # the prefix "00-" (example in VTEX's Orders API).
        payload = _json(received.body)
        receipt = payload.get("receipt") if isinstance(payload, dict) else None
        return VtexResponse(
            received.status,
            _message(account, received, payload),
            seconds_to_wait(received.retry_after, self._clock()),
            payload,
            receipt if isinstance(receipt, str) else None,
        )


def _json(body: bytes) -> Any:
    try:
        value = json.loads(body)
        # Only escapes can be NUL or lone surrogates in a valid text.
        return storable_json(value) if b"\\u" in body else value
    except (ValueError, RecursionError):
        return None


def _message(account: VtexAccount, received: Received, payload: object) -> str:
    """Return VTEX's message; empty for a success in JSON."""
    if payload is not None and received.status < 300:  # noqa: PLR2004 -- success
        return ""
    text = storable(decode_leniently(received.body))
    return error_text(payload, text, secrets=(account.app_token, account.app_key))

"""Background writer for rejected webhook requests; callers never wait for it."""

import asyncio
import hmac
import secrets
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from relay.adapters.protocol import WebhookRequest
from relay.clock import Clock
from relay.config.sections import IntakeSettings as Limits
from relay.logs import logger
from relay.store.rejected import RejectedBounds, RejectedRequest, RejectedRequests

REST: Final = timedelta(seconds=1)
"""At most one write in this time: a flood of forged requests must not fill the disk."""
IN_ADDRESS: Final = "url"
"""The name under which the hash of a secret in the URL is stored."""
MOST_HEADERS: Final = 40
HARMLESS: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type",
     "host", "user-agent", "date", "transfer-encoding", "expect"}
)  # fmt: skip
"""Headers that never hold a secret; all others are stored as hashes."""

_log = logger(__name__)


class RejectedWriter:
    """Collects rejected requests, as many as are stored, and writes them now and then.

    Anything that may be a secret is stored as a hash (HMAC-SHA256 with *key*) only.
    """

    def __init__(
        self,
        rejected_requests: RejectedRequests,
        clock: Clock,
        limits: Limits,
        key: bytes | None = None,
        rest: timedelta = REST,
    ) -> None:
        self._rejected_requests = rejected_requests
        self._clock = clock
        self._limits = limits
        self._key = key or secrets.token_bytes(32)
        self._rest = rest.total_seconds()
        self._waiting: deque[RejectedRequest] = deque(
            maxlen=max(limits.rejected_count, 1)
        )
        self._writer: asyncio.Task[None] | None = None

    @property
    def resting(self) -> bool:
        """Whether no request waits to be written."""
        return self._writer is None

    def put(
        self,
        contract: str,
        request: WebhookRequest,
        url_secret: str | None,
        stored_headers: Mapping[str, str],
        because: str,
    ) -> None:
        """Store *request* soon; never fails, and may drop an older one."""
        if (
            not self._limits.rejected_count
            or len(request.body) > self._limits.rejected_bytes
        ):
            return
        self._waiting.append(
            RejectedRequest(
                contract,
                self._clock(),
                stored_headers,
                request.body,
                self._presented(request.headers, url_secret),
                because[:300],
            )
        )
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    def hashed(self, presented: str) -> str:
        """Return the hash that is stored for a presented secret."""
        text = presented.encode(errors="surrogatepass")
        return hmac.digest(self._key, text, "sha256").hex()

    async def step(self) -> None:
        """Write the waiting requests; drop them if that fails."""
        batch, self._waiting = self._waiting, deque(maxlen=self._waiting.maxlen)
        now = self._clock()
        bounds = RejectedBounds(
            self._limits.rejected_count,
            self._limits.rejected_bytes,
            now - self._limits.rejected_days,
        )
        try:
            await self._rejected_requests.put(list(batch), bounds)
        except Exception as error:  # noqa: BLE001 -- best effort by design
            _log.warning("could not store rejected requests", error=repr(error))

    async def close(self) -> None:
        """Write the requests that still wait."""
        if self._writer is not None:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer
        if self._waiting:
            await self.step()

    def _presented(
        self, headers: Mapping[str, str], url_secret: str | None
    ) -> dict[str, str]:
        named = [(n, v) for n, v in headers.items() if n not in HARMLESS]
        presented = {n[:100]: self.hashed(v) for n, v in named[:MOST_HEADERS]}
        if url_secret is not None:
            presented[IN_ADDRESS] = self.hashed(url_secret)
        return presented

    async def _write(self) -> None:
        try:
            while self._waiting:
                await self.step()
                await asyncio.sleep(self._rest)
        finally:
            self._writer = None

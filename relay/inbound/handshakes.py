"""Handshakes: requests by which carriers test a webhook's address.

They may be unsigned, so nothing of them is stored or parsed into events.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from relay.adapters.protocol import (
    Carrier,
    Document,
    HandshakingCarrier,
    Reply,
    WebhookRequest,
)
from relay.clock import Clock
from relay.logs import logger
from relay.metrics import Metrics
from relay.store.handshakes import Handshakes

LARGEST: Final = 8 * 1024
"""Bytes of a handshake's body; a larger one is a webhook."""
RECORDED_EVERY: Final = timedelta(minutes=1)
"""Anyone can send handshakes, so they are not all written to the database."""

_log = logger(__name__)


class HandshakeDesk:
    """Answers handshakes as the adapters say, and records the last of each contract."""

    def __init__(self, handshakes: Handshakes, clock: Clock, metrics: Metrics) -> None:
        self._handshakes = handshakes
        self._clock = clock
        self._metrics = metrics
        self._carriers: dict[str, HandshakingCarrier] = {}
        self._parsers: Mapping[str, Carrier] = {}
        self._counts: Counter[str] = Counter()
        self._recorded: dict[str, datetime] = {}

    def reload(self, carriers: Mapping[str, Carrier]) -> None:
        """Use other adapters."""
        self._parsers = carriers
        self._carriers = {
            n: c for n, c in carriers.items() if isinstance(c, HandshakingCarrier)
        }

    def methods(self, contract: str) -> frozenset[str]:
        """Return the HTTP methods with which a contract's carrier tests the address."""
        carrier = self._carriers.get(contract)
        return carrier.handshake_methods if carrier else frozenset()

    def reply(self, contract: str, request: WebhookRequest) -> Reply | None:
        """Return the response to a handshake; None for every other request."""
        carrier = self._carriers.get(contract)
        if carrier is None or request.method not in carrier.handshake_methods:
            return None
        if len(request.body) > LARGEST:
            return None
        try:
            reply = carrier.handshake(request)
        except Exception:  # noqa: BLE001 -- an adapter's bug: treat it as a webhook
            _log.exception("adapter failed to answer a handshake", contract=contract)
            return None
        return None if reply is None or self._has_events(contract, request) else reply

    async def record(self, contract: str, method: str) -> None:
        """Count a handshake; log at counts that double; store at most one a minute."""
        self._metrics.webhook_handshakes.labels(contract).inc()
        self._counts[contract] += 1
        count, now = self._counts[contract], self._clock()
        if count & (count - 1) == 0:
            _log.info("handshake", contract=contract, method=method, count=count)
        last = self._recorded.get(contract)
        if last is not None and abs(now - last) < RECORDED_EVERY:
            return
        self._recorded[contract] = now
        try:
            await self._handshakes.put(contract, now)
        except Exception as error:  # noqa: BLE001 -- the carrier's test must not fail
            _log.warning("could not store a handshake", error=repr(error))

    def _has_events(self, contract: str, request: WebhookRequest) -> bool:
        """Whether *request* has an event after all, which only a signature lets in."""
        if not request.body.strip():
            return False
        document = Document(request.body, self._clock(), request.headers)
        try:
            return bool(self._parsers[contract].parse(document))
        except Exception:  # noqa: BLE001 -- unreadable, like most handshakes
            return False

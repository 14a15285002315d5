"""Background writer for rejected webhook requests; callers never wait for it."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from relay.clock import Clock
from relay.config.seal import Seal
from relay.config.sections import MIB
from relay.config.sections import IntakeSettings as Limits
from relay.errors import SignatureMissing, VerificationFailed
from relay.inbound.background_writer import REST, BackgroundWriter
from relay.logs import logger
from relay.metrics import Metrics
from relay.service.sealed_requests import PresentedRequest, seal_request
from relay.store.rejected import (
    RejectedBounds,
    RejectedRequest,
    RejectedRequests,
    RejectedTally,
)

MOST_WAITING: Final = 4 * MIB
"""Bytes of one contract's requests that wait to be written at most."""

_log = logger(__name__)


@dataclass(slots=True)
class _WaitingRequests:
    """The requests of one contract that wait to be written, and their counts."""

    tally: RejectedTally
    requests: deque[RejectedRequest] = field(default_factory=deque)
    size: int = 0

    def put(self, request: RejectedRequest, most: int) -> None:
        """Add a request within *most* bytes; older ones make room for it."""
        if request.size > most:
            self.tally.dropped += 1
            return
        self.requests.append(request)
        self.size += request.size
        while self.size > most:
            self.size -= self.requests.popleft().size
            self.tally.dropped += 1


class RejectedWriter(BackgroundWriter):
    """Collects rejected requests by contract, and writes them now and then.

    Each contract has a limit of its own, so that a flood at one of them displaces no
    request of another. What may be a secret is stored encrypted, see `Seal`.
    """

    def __init__(  # noqa: PLR0913 -- wired in one place
        self,
        rejected_requests: RejectedRequests,
        clock: Clock,
        limits: Limits,
        seals: Mapping[str, Seal],
        *,
        metrics: Metrics | None = None,
        rest: timedelta = REST,
    ) -> None:
        super().__init__(rest)
        self._rejected_requests = rejected_requests
        self._clock = clock
        self._limits = limits
        self.seals = seals
        self._metrics = metrics or Metrics()
        self._waiting: dict[str, _WaitingRequests] = {}
        self._dropped: Counter[str] = Counter()

    @property
    def waiting(self) -> bool:
        """Whether a request waits to be written."""
        return bool(self._waiting)

    def put(
        self,
        contract: str,
        presented: PresentedRequest,
        stored_headers: Mapping[str, str],
        because: VerificationFailed,
    ) -> None:
        """Store a request soon; never fails, and may drop an older one."""
        now = self._clock()
        waiting = self._waiting.setdefault(
            contract, _WaitingRequests(RejectedTally(now, now))
        )
        waiting.tally.last_at = now
        waiting.tally.rejected += 1
        rejected = RejectedRequest(
            contract,
            now,
            stored_headers,
            presented.request.body,
            seal_request(presented, self.seals[contract]),
            str(because)[:300],
            isinstance(because, SignatureMissing),
        )
        waiting.put(rejected, min(self._limits.rejected_bytes, MOST_WAITING))
        self.wake()

    async def step(self) -> None:
        """Write the waiting requests; drop them if that fails."""
        batch, self._waiting = self._waiting, {}
        limits = self._limits
        oldest = self._clock() - limits.rejected_days
        requests = [r for waiting in batch.values() for r in waiting.requests]
        tallies = {contract: waiting.tally for contract, waiting in batch.items()}
        try:
            displaced = await self._rejected_requests.put(
                requests, RejectedBounds(limits.rejected_bytes, oldest), tallies
            )
        except Exception as error:  # noqa: BLE001 -- best effort by design
            _log.warning("could not store rejected requests", error=repr(error))
            displaced = {c: len(waiting.requests) for c, waiting in batch.items()}
        for contract, tally in tallies.items():
            self._count_dropped(contract, tally.dropped + displaced.get(contract, 0))

    def _count_dropped(self, contract: str, count: int) -> None:
        """Count dropped requests, and log at counts that double."""
        if not count:
            return
        self._metrics.rejected_dropped.labels(contract).inc(count)
        before = self._dropped[contract]
        self._dropped[contract] += count
        if before.bit_length() < self._dropped[contract].bit_length():
            hint = "correct the secret soon, or raise intake.rejected_bytes"
            total = self._dropped[contract]
            _log.warning(
                "rejected requests dropped", contract=contract, count=total, hint=hint
            )

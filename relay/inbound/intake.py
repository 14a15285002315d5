"""Webhook intake: verify the raw bytes, store them, answer.

Nothing is parsed here: a bug in an adapter must not lose a document.
"""

import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from relay.adapters.protocol import (
    Carrier,
    Document,
    Reply,
    ReplyingCarrier,
    WebhookRequest,
)
from relay.clock import Clock
from relay.config.contract import ContractSettings
from relay.config.seal import Seal
from relay.config.sections import IntakeSettings as Limits
from relay.errors import BacklogFull, UnknownContract, VerificationFailed
from relay.health import Health
from relay.inbound.batch_writer import BatchWriter
from relay.inbound.handshakes import HandshakeDesk
from relay.inbound.reception import Reception
from relay.inbound.refusals import RefusalWriter, contract_in, describe
from relay.inbound.rejected import RejectedWriter
from relay.inbound.rejection_runs import RejectionRuns
from relay.logs import logger
from relay.metrics import Metrics
from relay.service.sealed_requests import PresentedRequest
from relay.service.verification import Verification
from relay.spans import CURRENT
from relay.store.documents import Documents

OK: Final = Reply()
UNKNOWN: Final = "unknown contract"
"""Stands for the contract in the count of requests to others: anyone can make names."""
LONGEST_NAME: Final = 50
"""Characters of an unknown contract's name that are logged."""

_log = logger(__name__)


class Intake:
    """Accepts carriers' requests; data is on disk before a request is answered.

    *on_stored* is called after every commit. *seals* encrypt rejected requests, by
    contract; by default with random keys, so they can be opened within a process.
    """

    def __init__(  # noqa: PLR0913 -- wired in one place, by keyword
        self,
        documents: Documents,
        carriers: Mapping[str, Carrier],
        contracts: Mapping[str, ContractSettings],
        clock: Clock,
        *,
        limits: Limits | None = None,
        seals: Mapping[str, Seal] | None = None,
        health: Health | None = None,
        metrics: Metrics | None = None,
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._limits = limits or Limits()
        self._batches = BatchWriter(
            documents, self._limits, health or Health(), on_stored
        )
        self.reception = Reception(self._limits, self._batches.check_capacity)
        self.metrics = metrics or Metrics()
        self._handshakes = HandshakeDesk(documents.handshakes, clock, self.metrics)
        self.rejection_runs = RejectionRuns()
        self.refusals = RefusalWriter(documents.refused_webhooks, clock)
        self.rejected_requests = RejectedWriter(
            documents.rejected_requests,
            clock,
            self._limits,
            {},
            metrics=self.metrics,
        )
        self.reload(carriers, contracts, seals)
        self._rejected: Counter[str] = Counter()
        self._unknown = 0

    def reload(
        self,
        carriers: Mapping[str, Carrier],
        contracts: Mapping[str, ContractSettings],
        seals: Mapping[str, Seal] | None = None,
    ) -> None:
        """Use other adapters, contracts and seals."""
        self._verification = Verification(carriers, contracts)
        self.rejected_requests.seals = seals or defaultdict(_random_seal)
        self._carriers = carriers
        self.rejection_runs.reload(contracts)
        self._contracts = contracts
        self._stored_names = {
            n: sorted(c.stored_headers | {"content-type"}) for n, c in carriers.items()
        }
        self._replies = {
            n: c for n, c in carriers.items() if isinstance(c, ReplyingCarrier)
        }
        self._handshakes.reload(carriers)

    @property
    def body_limit(self) -> int:
        """The largest request body in bytes."""
        return self._limits.body_limit

    def check_capacity(self, contract: str, size: int = 0) -> None:
        """Refuse a request of *size* bytes before its body is received.

        Raises `UnknownContract` or `BacklogFull`.
        """
        self._check_known(contract)
        self._batches.check_capacity(size)
        self.reception.check_room(size)

    def _check_known(self, contract: str) -> None:
        if contract not in self._contracts:
            self._count_unknown(contract)
            raise UnknownContract(f"unknown contract {contract!r}")

    def observe_answer(self, path: str, seconds: float) -> None:
        """Measure an answer; names of unknown contracts are not stored."""
        known = contract_in(path, self._contracts) or UNKNOWN
        self.metrics.observe_webhook(known, seconds)

    def count_refused(
        self, path: str, method: str, status: int, detail: str = ""
    ) -> None:
        """Count and list a refused request; unknown names are not stored."""
        refusal = describe(path, method, status, detail, self._contracts)
        known = refusal.contract or UNKNOWN
        self.metrics.webhooks_refused.labels(known, status).inc()
        self.refusals.put(refusal)

    async def accept(
        self, contract: str, request: WebhookRequest, url_secret: str | None = None
    ) -> Reply:
        """Store a carrier's request and return the answer that the carrier expects.

        Raises `UnknownContract`, `VerificationFailed`, or `BacklogFull` if nothing
        was stored and the carrier should send it again.
        """
        self._check_known(contract)
        self._batches.check_capacity(len(request.body))
        presented = PresentedRequest(request, url_secret)
        unsigned = self._verify(contract, presented)
        if unsigned is not None:
            await self._handshakes.record(contract, request.method)
            return unsigned
        self.rejection_runs.ended(contract)
        await self._store(contract, "webhook", request.headers, request.body)
        self.metrics.count_stored(contract)
        handshake = self._handshakes.reply(contract, request)
        if handshake is not None:
            await self._handshakes.record(contract, request.method)
            return handshake
        return self._reply(contract, request)

    async def shake_hands(
        self, contract: str, request: WebhookRequest, url_secret: str | None = None
    ) -> Reply | None:
        """Answer a request by which a carrier tests the address; nothing is stored.

        None if the contract has no handshake with that method. Raises
        `UnknownContract`, or `VerificationFailed` if *request* is not the one.
        """
        self.check_capacity(contract)
        try:
            self._verification.check_address(contract, url_secret)
            reply = self._handshake(contract, request)
        except VerificationFailed as error:
            self._count_rejected(contract, error)
            raise
        if reply is not None:
            await self._handshakes.record(contract, request.method)
        return reply

    def _handshake(self, contract: str, request: WebhookRequest) -> Reply | None:
        if request.method not in self._handshakes.methods(contract):
            return None
        reply = self._handshakes.reply(contract, request)
        if reply is None:
            raise VerificationFailed("this is not the contract's handshake")
        return reply

    def methods(self, contract: str) -> list[str]:
        """Return the HTTP methods that a contract's address takes, sorted."""
        return sorted({"POST", "PUT"} | self._handshakes.methods(contract))

    async def store_document(
        self, contract: str, source: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Store a document from another source, such as a poll or a file.

        Raises `UnknownContract`, or `BacklogFull` if nothing was stored.
        """
        self.check_capacity(contract)
        self._batches.check_capacity(len(body))
        await self._store(contract, source, headers, body)

    async def probe(self) -> None:
        """Clear the health's problem if documents can be stored again."""
        await self._batches.probe(self._clock)

    async def close(self) -> None:
        """Wait until every accepted request is stored or refused."""
        await self._batches.close()
        await self.rejected_requests.close()
        await self.refusals.close()

    def _verify(self, contract: str, presented: PresentedRequest) -> Reply | None:
        """Raise `VerificationFailed` unless the carrier sent *request*.

        Returns the response to an unsigned handshake, and None for a genuine webhook.
        """
        request, url_secret = presented.request, presented.url_secret
        try:
            self._verification.check(contract, request, url_secret)
        except VerificationFailed as error:
            if self._contracts[contract].verification == "signature":
                handshake = self._handshakes.reply(contract, request)
                if handshake is not None:
                    return handshake
            self._count_rejected(contract, error)
            self._reject(contract, presented, error)
            raise
        except Exception as error:
            # An adapter's bug, not a forged request: the carrier should repeat it.
            reason = f"verification failed with {type(error).__name__}"
            _log.exception("could not verify a request", contract=contract)
            self._reject(contract, presented, VerificationFailed(reason))
            raise BacklogFull(
                "could not verify the request; try again later"
            ) from error
        return None

    def _reject(
        self, contract: str, presented: PresentedRequest, error: VerificationFailed
    ) -> None:
        """Store a rejected request soon, to verify it again after a correction."""
        headers = self._stored_headers(contract, presented.request.headers)
        self.rejected_requests.put(contract, presented, headers, error)

    def _count_unknown(self, contract: str) -> None:
        """Log at counts that double; the name may be a typing error of the carrier."""
        self._unknown += 1
        if self._unknown & (self._unknown - 1) == 0:
            count, tried = self._unknown, contract[:LONGEST_NAME]
            _log.warning("unknown contract", tried=tried, count=count)

    def _count_rejected(self, contract: str, error: VerificationFailed) -> None:
        """Count, and log at counts that double: a flood must not fill the log."""
        self.metrics.documents_rejected.labels(contract).inc()
        self.rejection_runs.rejected(contract, error, self._clock())
        self._rejected[contract] += 1
        count = self._rejected[contract]
        if count & (count - 1) == 0:
            _log.warning(
                "request rejected", contract=contract, count=count, because=str(error)
            )

    async def _store(
        self, contract: str, source: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        stored = self._stored_headers(contract, headers)
        document = Document(body, self._clock(), stored, contract, source)
        trace = CURRENT.get()
        await self._batches.store(replace(document, trace=trace) if trace else document)

    def _stored_headers(
        self, contract: str, headers: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the headers that may be stored: others may hold credentials."""
        names = self._stored_names[contract]
        return {name: headers[name] for name in names if name in headers}

    def _reply(self, contract: str, request: WebhookRequest) -> Reply:
        carrier = self._replies.get(contract)
        if carrier is None:
            return OK
        try:
            return carrier.reply(request)
        except Exception:  # noqa: BLE001 -- the document is stored: answer OK
            _log.exception("adapter failed to reply", contract=contract)
            return OK


def _random_seal() -> Seal:
    return Seal(secrets.token_bytes(32))

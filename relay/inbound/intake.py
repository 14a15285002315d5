"""The carrier's way in: verify the raw bytes, keep them, answer.

Nothing is parsed here.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from relay.adapters.protocol import Carrier, Reply, ReplyingCarrier, WebhookRequest
from relay.adapters.signatures import check_secret
from relay.clock import Clock
from relay.config.contract import ContractSettings
from relay.config.sections import IntakeSettings as Limits
from relay.errors import BacklogFull, UnknownContract, VerificationFailed
from relay.health import Health
from relay.inbound.batch_writer import BatchWriter
from relay.inbound.rejected import RejectedWriter
from relay.logs import logger
from relay.metrics import Metrics
from relay.store.documents import Documents, NewDocument

OK: Final = Reply()
LONGEST_NAME: Final = 50

_log = logger(__name__)


class Intake:
    """Takes requests of carriers; what it has answered for is on disk.

    *on_stored* is called after every commit that kept something.
    """

    def __init__(  # noqa: PLR0913 -- wired in one place, by keyword
        self,
        documents: Documents,
        carriers: Mapping[str, Carrier],
        contracts: Mapping[str, ContractSettings],
        clock: Clock,
        *,
        limits: Limits | None = None,
        rejected_key: bytes | None = None,
        health: Health | None = None,
        metrics: Metrics | None = None,
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._limits = limits or Limits()
        self._gathering = BatchWriter(
            documents, self._limits, health or Health(), on_stored
        )
        self.reload(carriers, contracts)
        self.rejected_requests = RejectedWriter(
            documents.rejected_requests, clock, self._limits, rejected_key
        )
        self.metrics = metrics or Metrics()
        self._rejected: Counter[str] = Counter()
        self._strangers = 0

    def reload(
        self, carriers: Mapping[str, Carrier], contracts: Mapping[str, ContractSettings]
    ) -> None:
        """Go on with other adapters and settings of contracts."""
        self._carriers = carriers
        self._contracts = contracts
        self._replies = {
            n: c for n, c in carriers.items() if isinstance(c, ReplyingCarrier)
        }
        self._url_secrets = {n: c.url_secrets for n, c in contracts.items()}

    @property
    def body_limit(self) -> int:
        """How many bytes a request may have."""
        return self._limits.body_limit

    def check_room(self, contract: str, size: int = 0) -> None:
        """Refuse a request of *size* bytes before its body is read.

        Raises `UnknownContract` or `BacklogFull`.
        """
        if contract not in self._contracts:
            self._count_unknown(contract)
            raise UnknownContract(f"no contract is called {contract!r}")
        self._gathering.check_room(size)

    async def accept(
        self, contract: str, request: WebhookRequest, url_secret: str | None = None
    ) -> Reply:
        """Keep what a carrier sent and return the answer it wants.

        Raises `UnknownContract`, `VerificationFailed`, or `BacklogFull` if nothing
        was kept and the carrier should send it again.
        """
        self.check_room(contract, len(request.body))
        self._verify(contract, request, url_secret)
        await self._keep(contract, "webhook", request.headers, request.body)
        self.metrics.documents_stored.labels(contract).inc()
        return self._reply(contract, request)

    async def store_document(
        self, contract: str, source: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Keep what came by another door, such as a poll, a file or an operator.

        Raises `UnknownContract`, or `BacklogFull` if nothing was kept.
        """
        self.check_room(contract, len(body))
        await self._keep(contract, source, headers, body)

    async def probe(self) -> None:
        """Try whether the store takes documents again, if it refused the last."""
        await self._gathering.probe(self._clock)

    async def close(self) -> None:
        """Wait until everything that was taken is kept or refused."""
        await self._gathering.close()
        await self.rejected_requests.close()

    def _verify(
        self, contract: str, request: WebhookRequest, url_secret: str | None
    ) -> None:
        """Raise `VerificationFailed` unless *request* is the carrier's."""
        try:
            self._check(contract, request, url_secret)
        except VerificationFailed as error:
            self._count_rejected(contract, error)
            kept = self._stored_headers(contract, request.headers)
            self.rejected_requests.put(contract, request, url_secret, kept, str(error))
            raise
        except Exception as error:
            reason = f"verifying failed: {type(error).__name__}"
            _log.exception("a request could not be verified", contract=contract)
            kept = self._stored_headers(contract, request.headers)
            self.rejected_requests.put(contract, request, url_secret, kept, reason)
            raise BacklogFull("the relay failed to verify the request") from error

    def _check(
        self, contract: str, request: WebhookRequest, url_secret: str | None
    ) -> None:
        verification = self._contracts[contract].verification
        if verification == "signature":
            self._carriers[contract].verify(request)
        elif verification == "url":
            check_secret(url_secret or "", self._url_secrets[contract])
        elif verification == "polling_only":
            raise VerificationFailed(
                "the contract is polling-only and accepts no webhooks"
            )

    def _count_unknown(self, contract: str) -> None:
        """Log at counts that double, with the name tried: it may be a typing error."""
        self._strangers += 1
        if self._strangers & (self._strangers - 1) == 0:
            count, tried = self._strangers, contract[:LONGEST_NAME]
            _log.warning("no such contract", tried=tried, count=count)

    def _count_rejected(self, contract: str, error: VerificationFailed) -> None:
        """Count, and log at counts that double: a flood must not fill the log."""
        self.metrics.documents_forged.labels(contract).inc()
        self._rejected[contract] += 1
        count = self._rejected[contract]
        if count & (count - 1) == 0:
            _log.warning("rejected", contract=contract, count=count, because=str(error))

    async def _keep(
        self, contract: str, source: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        kept = self._stored_headers(contract, headers)
        await self._gathering.keep(
            NewDocument(contract, source, body, self._clock(), kept)
        )

    def _stored_headers(
        self, contract: str, headers: Mapping[str, str]
    ) -> dict[str, str]:
        names = self._carriers[contract].stored_headers
        kept = {n: headers[n] for n in names if n in headers}
        if "content-type" in headers:
            kept["content-type"] = headers["content-type"]
        return kept

    def _reply(self, contract: str, request: WebhookRequest) -> Reply:
        carrier = self._replies.get(contract)
        if carrier is None:
            return OK
        try:
            return carrier.reply(request)
        except Exception:  # noqa: BLE001 -- the document is kept: no adapter's bug may refuse it
            _log.exception("an adapter's reply failed", contract=contract)
            return OK

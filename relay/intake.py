"""The carrier's way in: verify the raw bytes, keep them, answer.

Requests that arrive together share one transaction: while one is being
committed, the next batch gathers. Nothing is parsed here.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from relay.carrier.contract import Carrier, Replies, Reply, WebhookRequest
from relay.carrier.signatures import check_secret
from relay.clock import Clock
from relay.errors import BacklogFull, UnknownContract, UntrustedWebhook
from relay.health import Health
from relay.logs import logger
from relay.metrics import Metrics
from relay.setting_aside import SettingAside
from relay.settings import ContractSettings
from relay.settings import Intake as Limits
from relay.store.documents import Documents, Kept

OVERHEAD: Final = 512
"""Bytes of memory that a request takes besides its body."""
STORE: Final = "store"
"""The part of the health that says whether documents can be kept."""
OK: Final = Reply()

_log = logger(__name__)

Waiting = tuple[Kept, asyncio.Future[None]]


class Intake:
    """Takes requests of carriers; what it has answered for is on disk.

    *on_kept* is called after every commit that kept something.
    """

    def __init__(  # noqa: PLR0913 -- wired in one place, by keyword
        self,
        documents: Documents,
        carriers: Mapping[str, Carrier],
        contracts: Mapping[str, ContractSettings],
        clock: Clock,
        *,
        limits: Limits | None = None,
        aside_key: bytes | None = None,
        health: Health | None = None,
        metrics: Metrics | None = None,
        on_kept: Callable[[], None] = lambda: None,
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._limits = limits or Limits()
        self._health = health or Health()
        self._on_kept = on_kept
        self.reload(carriers, contracts)
        self._gathering: list[Waiting] = []
        self._requests = self._bytes = 0
        self._committer: asyncio.Task[None] | None = None
        self.asides = SettingAside(documents.asides, clock, self._limits, aside_key)
        self.metrics = metrics or Metrics()
        self._untrusted: Counter[str] = Counter()

    def reload(
        self, carriers: Mapping[str, Carrier], contracts: Mapping[str, ContractSettings]
    ) -> None:
        """Go on with other adapters and settings of contracts."""
        self._carriers = carriers
        self._contracts = contracts
        self._replies = {n: c for n, c in carriers.items() if isinstance(c, Replies)}
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
            raise UnknownContract(f"no contract is called {contract!r}")
        if (
            self._requests >= self._limits.backlog_requests
            or self._bytes + size > self._limits.backlog_bytes
        ):
            raise BacklogFull("more requests wait than can be kept at once")

    async def accept(
        self, contract: str, request: WebhookRequest, url_secret: str | None = None
    ) -> Reply:
        """Keep what a carrier sent and return the answer it wants.

        Raises `UnknownContract`, `UntrustedWebhook`, or `BacklogFull` if nothing
        was kept and the carrier should send it again.
        """
        self.check_room(contract, len(request.body))
        self._verify(contract, request, url_secret)
        await self._keep(contract, "webhook", request.headers, request.body)
        self.metrics.documents_kept.labels(contract).inc()
        return self._reply(contract, request)

    async def keep_document(
        self, contract: str, source: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Keep what came by another door, such as a poll, a file or an operator.

        Raises `UnknownContract`, or `BacklogFull` if nothing was kept.
        """
        self.check_room(contract, len(body))
        await self._keep(contract, source, headers, body)

    async def probe(self) -> None:
        """Try whether the store takes documents again, if it refused the last."""
        if self._health.troubled(STORE):
            with suppress(Exception):
                await self._documents.probe(self._clock())
                self._health.well(STORE)

    async def close(self) -> None:
        """Wait until everything that was taken is kept or refused."""
        if self._committer is not None:
            await self._committer
        await self.asides.close()

    def _verify(
        self, contract: str, request: WebhookRequest, url_secret: str | None
    ) -> None:
        """Raise `UntrustedWebhook` unless *request* is the carrier's."""
        try:
            self._check(contract, request, url_secret)
        except UntrustedWebhook as error:
            self._count_untrusted(contract, error)
            kept = self._kept_headers(contract, request.headers)
            self.asides.put(contract, request, url_secret, kept, str(error))
            raise
        except Exception as error:
            reason = f"verifying failed: {type(error).__name__}"
            _log.exception("a request could not be verified", contract=contract)
            kept = self._kept_headers(contract, request.headers)
            self.asides.put(contract, request, url_secret, kept, reason)
            raise BacklogFull("the relay failed to verify the request") from error

    def _check(
        self, contract: str, request: WebhookRequest, url_secret: str | None
    ) -> None:
        verification = self._contracts[contract].verification
        if verification == "signature":
            self._carriers[contract].verify(request)
        elif verification == "url":
            check_secret(url_secret or "", self._url_secrets[contract])
        elif verification == "asked":
            raise UntrustedWebhook("the carrier is asked: nobody calls")

    def _count_untrusted(self, contract: str, error: UntrustedWebhook) -> None:
        """Count, and log at counts that double: a flood must not fill the log."""
        self.metrics.documents_forged.labels(contract).inc()
        self._untrusted[contract] += 1
        count = self._untrusted[contract]
        if count & (count - 1) == 0:
            _log.warning(
                "untrusted", contract=contract, count=count, because=str(error)
            )

    async def _keep(
        self, contract: str, source: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Wait for a commit that holds the document."""
        kept = Kept(
            contract, source, body, self._clock(), self._kept_headers(contract, headers)
        )
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathering.append((kept, done))
        self._requests += 1
        self._bytes += len(body) + OVERHEAD
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit())
        await done

    def _kept_headers(
        self, contract: str, headers: Mapping[str, str]
    ) -> dict[str, str]:
        names = self._carriers[contract].kept_headers
        kept = {n: headers[n] for n in names if n in headers}
        if "content-type" in headers:
            kept["content-type"] = headers["content-type"]
        return kept

    async def _commit(self) -> None:
        """Keep batch after batch until nothing waits."""
        try:
            while self._gathering:
                batch, self._gathering = self._gathering, []
                await self._commit_batch(batch)
        finally:
            self._committer = None

    async def _commit_batch(self, batch: list[Waiting]) -> None:
        try:
            await self._documents.keep([kept for kept, _ in batch])
        except Exception as error:  # noqa: BLE001 -- whatever it is, nothing was kept
            self._refused(error)
            refusal = BacklogFull("the store refuses: nothing was kept")
            _answer(batch, refusal)
        else:
            self._health.well(STORE)
            _answer(batch, None)
            self._on_kept()
        finally:
            self._requests -= len(batch)
            self._bytes -= sum(len(kept.body) + OVERHEAD for kept, _ in batch)

    def _refused(self, error: Exception) -> None:
        """Say so in the health, and once in the log."""
        if not self._health.troubled(STORE):
            _log.error("documents cannot be kept", error=repr(error))
        self._health.trouble(STORE, f"it refuses documents ({type(error).__name__})")

    def _reply(self, contract: str, request: WebhookRequest) -> Reply:
        carrier = self._replies.get(contract)
        if carrier is None:
            return OK
        try:
            return carrier.reply(request)
        except Exception:  # noqa: BLE001 -- the document is kept: no adapter's bug may refuse it
            _log.exception("an adapter's reply failed", contract=contract)
            return OK


def _answer(batch: list[Waiting], refusal: BacklogFull | None) -> None:
    """Tell those who still wait what became of their request."""
    for _, done in batch:
        if done.done():
            continue
        if refusal is None:
            done.set_result(None)
        else:
            done.set_exception(refusal)

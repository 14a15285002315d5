"""Group commit: stores documents that arrive together in one transaction.

While one batch is being committed, the next one collects. One `fsync` per batch
instead of one per webhook is what makes bursts fast.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from relay.adapters.protocol import Document
from relay.clock import Clock
from relay.config.sections import IntakeSettings as Limits
from relay.errors import BacklogFull, DocumentRefused
from relay.health import Health
from relay.logs import logger
from relay.store.bisection import narrow
from relay.store.documents import Documents

OVERHEAD: Final = 512
"""Bytes of memory per document besides its body, roughly."""
PATIENCE: Final = timedelta(seconds=5)
"""How long a request waits; a document stored later, and repeated, counts once."""
STORE: Final = "store"
"""The part of the health that says whether documents can be stored."""

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document whose request waits in `done`, at most until a time of the loop."""

    document: Document
    done: asyncio.Future[None]
    until: float


class BatchWriter:
    """Stores documents in batches; *on_stored* is called after every commit.

    *patience* is how long a request waits.
    """

    def __init__(
        self,
        documents: Documents,
        limits: Limits,
        health: Health,
        on_stored: Callable[[], None],
        patience: timedelta = PATIENCE,
    ) -> None:
        self._documents = documents
        self._limits = limits
        self._health = health
        self._on_stored = on_stored
        self._patience = patience.total_seconds()
        self._waiting: list[Waiting] = []
        self._storing: list[Waiting] = []
        self._timer: asyncio.TimerHandle | None = None
        self._requests = self._bytes = 0
        self._committer: asyncio.Task[None] | None = None

    def check_capacity(self, size: int) -> None:
        """Raise `BacklogFull` if there is no room for *size* bytes more."""
        if (
            self._requests >= self._limits.backlog_requests
            or self._bytes + size > self._limits.backlog_bytes
        ):
            raise BacklogFull(
                "too many requests are waiting to be stored; send it again later"
            )

    async def store(self, document: Document) -> None:
        """Return once *document* is committed; raise `BacklogFull` if it is not."""
        loop = asyncio.get_running_loop()
        one = Waiting(document, loop.create_future(), loop.time() + self._patience)
        self._waiting.append(one)
        self._requests += 1
        self._bytes += len(document.body) + OVERHEAD
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit())
        if self._timer is None:
            self._timer = loop.call_at(one.until, self._time_out)
        await one.done

    async def probe(self, clock: Clock) -> None:
        """Clear the problem if the last write failed and a test write now succeeds."""
        if self._health.has_problem(STORE):
            with suppress(Exception):
                await self._documents.probe(clock())
                self._health.clear_problem(STORE)

    async def close(self) -> None:
        """Wait until every document is stored or refused."""
        if self._committer is not None:
            await self._committer

    def _time_out(self) -> None:
        """Refuse the requests that have waited too long; one timer serves them all."""
        loop = asyncio.get_running_loop()
        left = [w for w in (*self._storing, *self._waiting) if not w.done.done()]
        late = [w for w in left if w.until <= loop.time()]
        if late:
            self._report(TimeoutError())
            _answer(late, BacklogFull(_LATE))
        # Those that came first wait first.
        following = left[len(late) :]
        self._timer = None
        if following:
            self._timer = loop.call_at(following[0].until, self._time_out)

    async def _commit(self) -> None:
        """Store batch after batch until nothing waits."""
        try:
            while self._waiting:
                self._storing, self._waiting = self._waiting, []
                await self._commit_batch(self._storing)
        finally:
            self._committer, self._storing = None, []

    async def _commit_batch(self, batch: list[Waiting]) -> None:
        refused: list[Exception] = []

        async def refuse(waiting: Waiting, error: Exception) -> None:
            """Refuse one document that the database rejects; the others are stored."""
            contract = waiting.document.contract
            _log.error("document refused", contract=contract, exc_info=error)
            refused.append(error)
            _answer([waiting], DocumentRefused(_NOT_STORED))

        try:
            await narrow(batch, self._store, refuse)
            if len(refused) == len(batch):  # perhaps it is not the documents' fault
                self._report(refused[0])
        except Exception as error:  # noqa: BLE001 -- whatever it is, nothing was stored
            self._report(error)
            _answer(batch, BacklogFull(_NOT_STORED))
        finally:
            self._requests -= len(batch)
            self._bytes -= sum(len(w.document.body) + OVERHEAD for w in batch)

    async def _store(self, batch: Sequence[Waiting]) -> None:
        await self._documents.keep([waiting.document for waiting in batch])
        self._health.clear_problem(STORE)
        _answer(batch, None)
        self._on_stored()

    def _report(self, error: Exception) -> None:
        """Report the problem to the health, and log it the first time."""
        if not self._health.has_problem(STORE):
            _log.error("could not store documents", error=repr(error))
        problem = f"could not store documents ({type(error).__name__}); see the log"
        self._health.report_problem(STORE, problem)


_LATE: Final = "the database did not answer in time; send the document again later"
_NOT_STORED: Final = "could not store the document; nothing was saved"


def _answer(batch: Sequence[Waiting], refusal: BacklogFull | None) -> None:
    """Resolve the requests of a batch; a cancelled one is done already."""
    for waiting in batch:
        if waiting.done.done():
            continue
        if refusal is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(refusal)

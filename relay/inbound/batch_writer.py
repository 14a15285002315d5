"""Keeps documents that come together in one transaction, within bounds.

While one batch is being committed, the next one gathers.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from relay.clock import Clock
from relay.config.sections import IntakeSettings as Limits
from relay.errors import BacklogFull
from relay.health import Health
from relay.logs import logger
from relay.store.documents import Documents, NewDocument

OVERHEAD: Final = 512
"""Bytes of memory that a document takes besides its body."""
STORE: Final = "store"
"""The part of the health that says whether documents can be kept."""

_log = logger(__name__)

Waiting = tuple[NewDocument, asyncio.Future[None]]


class BatchWriter:
    """Documents on their way to the disk; *on_stored* is called after every commit."""

    def __init__(
        self,
        documents: Documents,
        limits: Limits,
        health: Health,
        on_stored: Callable[[], None],
    ) -> None:
        self._documents = documents
        self._limits = limits
        self._health = health
        self._on_stored = on_stored
        self._waiting: list[Waiting] = []
        self._requests = self._bytes = 0
        self._committer: asyncio.Task[None] | None = None

    def check_room(self, size: int) -> None:
        """Raise `BacklogFull` if *size* bytes more are too much."""
        if (
            self._requests >= self._limits.backlog_requests
            or self._bytes + size > self._limits.backlog_bytes
        ):
            raise BacklogFull("more requests wait than can be kept at once")

    async def keep(self, kept: NewDocument) -> None:
        """Wait for a commit that holds *kept*; raise `BacklogFull` without one."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((kept, done))
        self._requests += 1
        self._bytes += len(kept.body) + OVERHEAD
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit())
        await done

    async def probe(self, clock: Clock) -> None:
        """Try whether the store takes documents again, if it refused the last."""
        if self._health.troubled(STORE):
            with suppress(Exception):
                await self._documents.probe(clock())
                self._health.well(STORE)

    async def close(self) -> None:
        """Wait until everything is kept or refused."""
        if self._committer is not None:
            await self._committer

    async def _commit(self) -> None:
        """Keep batch after batch until nothing waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._commit_batch(batch)
        finally:
            self._committer = None

    async def _commit_batch(self, batch: list[Waiting]) -> None:
        try:
            await self._documents.keep([kept for kept, _ in batch])
        except Exception as error:  # noqa: BLE001 -- whatever it is, nothing was kept
            self._refused(error)
            _answer(batch, BacklogFull("the store refuses: nothing was kept"))
        else:
            self._health.well(STORE)
            _answer(batch, None)
            self._on_stored()
        finally:
            self._requests -= len(batch)
            self._bytes -= sum(len(kept.body) + OVERHEAD for kept, _ in batch)

    def _refused(self, error: Exception) -> None:
        """Say so in the health, and once in the log."""
        if not self._health.troubled(STORE):
            _log.error("documents cannot be kept", error=repr(error))
        self._health.trouble(STORE, f"it refuses documents ({type(error).__name__})")


def _answer(batch: list[Waiting], refusal: BacklogFull | None) -> None:
    """Tell those who still wait what became of their request."""
    for _, done in batch:
        if done.done():
            continue
        if refusal is None:
            done.set_result(None)
        else:
            done.set_exception(refusal)

"""Batches of labels: those that arrive together are registered in one transaction.

While one batch is being committed, the next one collects.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay.domain.labels import Label
from relay.store.bisection import narrow
from relay.store.shipments import Registered, Shipments

MOST_TOGETHER: Final = 64
"""Labels in one transaction: webhooks wait meanwhile."""


@dataclass(frozen=True, slots=True)
class _WaitingLabel:
    """A label, and the request that waits until it is registered."""

    shipments: Shipments
    label: Label
    now: datetime
    done: asyncio.Future[Registered]

    def answer(self, answer: Registered | Exception) -> None:
        """Resolve the request; a cancelled one is done already."""
        if self.done.done():
            return
        if isinstance(answer, Exception):
            self.done.set_exception(answer)
        else:
            self.done.set_result(answer)


class LabelBatches:
    """Registers labels in batches; one that is refused fails alone."""

    def __init__(self) -> None:
        self._waiting: list[_WaitingLabel] = []
        self._committer: asyncio.Task[None] | None = None

    async def register(
        self, shipments: Shipments, label: Label, now: datetime
    ) -> Registered:
        """Return once the label is committed; see `Shipments.register`."""
        done: asyncio.Future[Registered] = asyncio.get_running_loop().create_future()
        self._waiting.append(_WaitingLabel(shipments, label, now, done))
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit())
        return await done

    async def _commit(self) -> None:
        """Register batch after batch until nothing waits."""
        try:
            while self._waiting:
                batch = self._waiting[:MOST_TOGETHER]
                self._waiting = self._waiting[MOST_TOGETHER:]
                await _commit_batch(batch)
        finally:
            self._committer = None


async def _commit_batch(batch: Sequence[_WaitingLabel]) -> None:
    try:
        await narrow(batch, _store, _fail)
    except Exception as error:  # noqa: BLE001 -- an outage: nothing more was stored
        for waiting in batch:
            waiting.answer(error)


async def _store(batch: Sequence[_WaitingLabel]) -> None:
    """Register a batch by the newest settings."""
    labels = [(w.label, w.now) for w in batch]
    found = await batch[-1].shipments.register_together(labels)
    for waiting, answer in zip(batch, found, strict=True):
        waiting.answer(answer)


async def _fail(waiting: _WaitingLabel, error: Exception) -> None:
    waiting.answer(error)

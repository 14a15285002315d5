"""Many things done at once, slice by slice: each slice is a transaction of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.store.codec import ids
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.worklist_queries import Position, WorkList
from relay.store.worklists import WorkListFilter, WorkLists

SLICE: Final = 100
"""Shipments or documents of one transaction."""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """How many were changed; `next` goes on, None if none are left."""

    count: int
    next: int | None = None


@dataclass(frozen=True, slots=True)
class ReplayFilter:
    """Which documents are read again; `fits` decides row by row."""

    unreadable: bool = False
    since: datetime | None = None
    fits: Callable[[Mapping[str, Any]], bool] = field(default=lambda _: True)


@dataclass(frozen=True, slots=True)
class Bulk:
    """Does one slice at a time, in the name of *by*, at *now*."""

    database: Database
    by: str
    now: datetime
    size: int = SLICE

    async def retry_stuck(
        self, asked: WorkListFilter, before: int | None = None
    ) -> BulkResult:
        """Make a slice of stuck shipments due, each with a note."""
        after = None if before is None else Position(id=before)
        page = await WorkLists(self.database).page(
            WorkList.STUCK, asked, self.now, limit=self.size, after=after
        )
        wanted = ids("shipment", (row["shipment"] for row in page.rows))
        now, text = micros(self.now), f"to be tried again, says {self.by}"
        async with self.database.writing() as tx:
            locked = await tx.rows("lock_stuck", rows=wanted)
            values = [{"shipment": r["shipment"], "now": now} for r in locked]
            await tx.many("retry_shipment", values)
            await tx.many("note", [v | {"text": text} for v in values])
        return BulkResult(len(locked), None if page.next is None else page.next.id)

    async def replay(
        self, asked: ReplayFilter, before: int | None = None
    ) -> BulkResult:
        """Have a slice of documents read again, the newest first.

        Shipments that they gave events to get a note.
        """
        page = await Documents(self.database).list(
            before=before, limit=self.size, unreadable=asked.unreadable
        )
        meant = ids("document", (r["document"] for r in page if _is_meant(r, asked)))
        text = f"what the carrier sent is read again, says {self.by}"
        async with self.database.writing() as tx:
            replayed = await tx.rows("replay_documents", rows=meant)
            wanted = ids("document", (r["document"] for r in replayed))
            values = {"now": micros(self.now), "text": text}
            await tx.run("note_replays", rows=wanted, **values)
        return BulkResult(len(replayed), self._next(page, asked))

    def _next(self, page: list[dict[str, Any]], asked: ReplayFilter) -> int | None:
        """Return where the next slice begins, None if the rest is too old.

        Documents are numbered as they come, give or take those of replicas.
        """
        if len(page) < self.size or all(_is_too_old(r, asked) for r in page):
            return None
        number: int = page[-1]["document"]
        return number


def _is_too_old(row: Mapping[str, Any], asked: ReplayFilter) -> bool:
    return asked.since is not None and row["received_at"] < micros(asked.since)


def _is_meant(row: Mapping[str, Any], asked: ReplayFilter) -> bool:
    return not _is_too_old(row, asked) and asked.fits(row)

"""Bulk operations in slices, each in a transaction of its own."""

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
"""Shipments or documents per transaction."""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """How many were changed; `next` is where to continue, None at the end."""

    count: int
    next: int | None = None


@dataclass(frozen=True, slots=True)
class ReplayFilter:
    """A filter of documents to parse again; `fits` decides row by row."""

    unreadable: bool = False
    since: datetime | None = None
    fits: Callable[[Mapping[str, Any]], bool] = field(default=lambda _: True)


@dataclass(frozen=True, slots=True)
class Bulk:
    """Processes one slice at a time; *by* names the requester in notes."""

    database: Database
    by: str
    now: datetime
    size: int = SLICE

    async def retry_stuck(
        self, where: WorkListFilter, before: int | None = None
    ) -> BulkResult:
        """Make a slice of stuck shipments due, with a note on each."""
        after = None if before is None else Position(id=before)
        page = await WorkLists(self.database).page(
            WorkList.STUCK, where, self.now, limit=self.size, after=after
        )
        wanted = ids("shipment", (row["shipment"] for row in page.rows))
        now, text = micros(self.now), f"retry requested by {self.by}"
        async with self.database.writing() as tx:
            locked = await tx.rows("lock_stuck", rows=wanted)
            values = [{"shipment": r["shipment"], "now": now} for r in locked]
            await tx.many("retry_shipment", values)
            await tx.many("note", [v | {"text": text} for v in values])
        return BulkResult(len(locked), None if page.next is None else page.next.id)

    async def replay(
        self, where: ReplayFilter, before: int | None = None
    ) -> BulkResult:
        """Parse a slice of documents again, newest first.

        Adds a note to the shipments that their events match.
        """
        page = await Documents(self.database).list(
            before=before, limit=self.size, unreadable=where.unreadable
        )
        meant = ids("document", (r["document"] for r in page if _is_meant(r, where)))
        text = f"documents parsed again; requested by {self.by}"
        async with self.database.writing() as tx:
            replayed = await tx.rows("replay_documents", rows=meant)
            wanted = ids("document", (r["document"] for r in replayed))
            values = {"now": micros(self.now), "text": text}
            await tx.run("note_replays", rows=wanted, **values)
        return BulkResult(len(replayed), self._next(page, where))

    def _next(self, page: list[dict[str, Any]], where: ReplayFilter) -> int | None:
        """Return where the next slice begins, None if the rest is too old.

        Numbers follow the order of receipt, apart from concurrent replicas: hence the
        check of a whole page.
        """
        if len(page) < self.size or all(_is_too_old(r, where) for r in page):
            return None
        number: int = page[-1]["document"]
        return number


def _is_too_old(row: Mapping[str, Any], where: ReplayFilter) -> bool:
    return where.since is not None and row["received_at"] < micros(where.since)


def _is_meant(row: Mapping[str, Any], where: ReplayFilter) -> bool:
    return not _is_too_old(row, where) and where.fits(row)

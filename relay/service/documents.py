"""Documents received from carriers."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

from relay.clock import moment
from relay.errors import NotFound
from relay.service.access import Caller, ListScope
from relay.service.context import AuditEntry, ServiceContext
from relay.service.cursors import read_row_cursor, row_cursor
from relay.service.damage import RowGuard
from relay.service.document_states import (
    DocumentState,
    UnreadablePartLine,
    parts_of,
    state_of,
)
from relay.service.models import BulkActionAnswer, ResponseModel, StoredRow
from relay.service.queries import DocumentQuery, ReplayRequest
from relay.store.bulk import Bulk, ReplayFilter
from relay.store.codec import as_dict, at, loads
from relay.store.database import Row
from relay.store.documents import Backlog, Documents
from relay.store.shipment_lists import ROUNDS

SLICES: Final = 5
"""Transactions of one bulk request, so that it ends soon; `next` continues it."""

_COLUMNS: Final = {"id": "document", "parsed_at": "read_at"}
UNREAD_FOR: Final = timedelta(minutes=5)
"""If a document waits longer than this, the reader is too slow."""


def slow_reader(backlog: Backlog, now: datetime) -> str | None:
    """Return the reason not to be ready if documents wait too long to be parsed."""
    if backlog.oldest is None or now - backlog.oldest <= UNREAD_FOR:
        return None
    return f"reader: documents have been waiting for more than {UNREAD_FOR}"


class DocumentSummary(StoredRow):
    """A document received from a carrier; without `parsedAt` it is not parsed yet.

    `parked` documents wait until their contract is configured again. Of a
    `partly_parsed` one the readable events count. `size` is in bytes.
    """

    id: int
    contract: str
    source: str
    state: DocumentState
    received_at: datetime
    parsed_at: datetime | None
    new_events: int | None
    parked: bool
    tries: int
    unreadable_reason: str | None
    size: int


class DocumentList(ResponseModel):
    """A page; `next` is the cursor of the next one, None at the end."""

    documents: tuple[DocumentSummary, ...]
    next: str | None = None


class DocumentDetail(DocumentSummary):
    """A document with its headers and body.

    Personal fields are redacted once it was parsed; `digest` is the original's then.
    """

    unreadable_parts: tuple[UnreadablePartLine, ...]
    traceback: str | None
    headers: dict[str, str]
    digest: str | None
    replays: int
    body_encoding: Literal["text", "base64"]
    body: str


class Replayed(ResponseModel):
    """A document that will be parsed again."""

    id: int


@dataclass(frozen=True, slots=True)
class DocumentService:
    """Operations on documents."""

    context: ServiceContext

    async def page(self, caller: Caller, query: DocumentQuery) -> DocumentList:
        """Return a page of documents, the newest first.

        Raises `InvalidLabel` for an unknown account or contract.
        """
        scope = await self._scope(caller, query.account, query.contract)
        documents = Documents(self.context.database)
        position, end = read_row_cursor(query.cursor), False
        found: list[dict[str, Any]] = []
        for _ in range(ROUNDS):
            wanted = query.limit - len(found)
            rows = await documents.list(
                before=position, limit=wanted, unreadable=query.unreadable
            )
            found += filter(scope.fits, rows)
            end = len(rows) < wanted
            if end:
                break
            position = rows[-1]["document"]
            if len(found) == query.limit:
                break
        return DocumentList(
            documents=tuple(map(self._listed, found)),
            next=None if end else row_cursor(position),
        )

    def _listed(self, row: Mapping[str, Any]) -> DocumentSummary:
        """Return a document as lists show it; of a damaged row what can be shown."""
        guard = RowGuard(self.context.damage, "document", "document", _COLUMNS)
        return guard.shown(
            lambda: DocumentSummary(**_summary(row)), DocumentSummary, row
        )

    async def show(self, caller: Caller, number: int) -> DocumentDetail:
        """Return a document with its headers and body; raise `NotFound`."""
        row = await self._document(caller, number)
        guard = RowGuard(self.context.damage, "document", "document", _COLUMNS)
        return guard.shown(partial(_detail, row), DocumentDetail, as_dict(row))

    async def replay(self, caller: Caller, number: int) -> Replayed:
        """Parse a document again, after a fix of its adapter or code table."""
        await self._document(caller, number)
        await Documents(self.context.database).replay(number)
        self.context.wake.reader()
        return Replayed(id=number)

    async def replay_many(
        self, caller: Caller, request: ReplayRequest
    ) -> BulkActionAnswer:
        """Parse many documents again; with `next` there are more of them."""
        context = self.context
        scope = await self._scope(caller, request.account, request.contract)
        wanted = ReplayFilter(request.unreadable, request.since, scope.fits)
        bulk = Bulk(context.database, caller.name, context.now())
        total, before = 0, read_row_cursor(request.cursor)
        for _ in range(SLICES):
            done = await bulk.replay(wanted, before)
            total, before = total + done.count, done.next
            if before is None:
                break
        context.wake.reader()
        about = {"documents": total}
        await context.record(AuditEntry.of(caller, "replay requested", about))
        return BulkActionAnswer(count=total, next=row_cursor(before))

    async def backlog(self) -> Backlog:
        """Return how many documents are not parsed yet, and the oldest one's time."""
        return await Documents(self.context.database).backlog()

    async def _scope(
        self, caller: Caller, account: str | None, contract: str | None
    ) -> ListScope:
        scope = ListScope(self.context.settings, caller.accounts, account, contract)
        await scope.check(self.context.database)
        return scope

    async def _document(self, caller: Caller, number: int) -> Row:
        row = await Documents(self.context.database).one(number)
        if row is None or not self._is_visible(caller, row):
            raise NotFound(
                f"there is no document {number}", hint="list documents to find one"
            )
        return row

    def _is_visible(self, caller: Caller, row: Row) -> bool:
        return ListScope(self.context.settings, caller.accounts).fits(as_dict(row))


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("contract", "source", "new_events", "tries", "unreadable_reason", "size")
    return {name: row[name] for name in names} | {
        "id": row["document"],
        "received_at": moment(row["received_at"]),
        "parsed_at": at(row["read_at"]),
        "parked": bool(row["parked"]),
        "state": state_of(row),
    }


def _detail(row: Row) -> DocumentDetail:
    """Return a document with its headers and body."""
    body: bytes = row["body"]
    encoding: Literal["text", "base64"] = "text"
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text, encoding = b64encode(body).decode(), "base64"
    return DocumentDetail(
        **_summary(as_dict(row) | {"size": len(body)}),
        unreadable_parts=parts_of(row),
        traceback=row["traceback"] if row["unreadable_reason"] else None,
        headers=loads(row["headers"]),
        digest=row["digest"],
        replays=row["replays"],
        body_encoding=encoding,
        body=text,
    )

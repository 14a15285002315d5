"""Documents of carriers: stored first, then parsed, listed, and parsed again."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from relay.adapters.protocol import Document
from relay.clock import micros, moment
from relay.store.codec import as_dict, dumps, readable_at, rows
from relay.store.database import Database, Row, Transaction
from relay.store.handshakes import Handshakes
from relay.store.refused import RefusedWebhooks
from relay.store.rejected import RejectedRequests
from relay.store.unread import Slice, take
from relay.text import storable

COUNTED: Final = 100_000
"""Counting stops here: `/readyz` and `/metrics` must stay fast."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many documents are not parsed yet, and when the oldest was received."""

    documents: int
    oldest: datetime | None


class Documents:
    """The documents in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.rejected_requests = RejectedRequests(database)
        self.handshakes = Handshakes(database)
        self.refused_webhooks = RefusedWebhooks(database)

    async def keep(self, batch: Sequence[Document]) -> None:
        """Store a batch in one transaction; it is on disk when this returns."""

        async def store(tx: Transaction) -> None:
            await tx.many(
                "store_document", [document_columns(document) for document in batch]
            )

        await self._database.write_in_one_go(store)

    async def probe(self, now: datetime) -> None:
        """Write and delete a row; raises as a write would, such as on a full disk."""
        await self.rejected_requests.probe(now)

    @asynccontextmanager
    async def slice(self, limit: int, max_bytes: int) -> AsyncIterator[Slice]:
        """Take the oldest unread documents, at least one if there is any.

        On PostgreSQL they stay locked until the end (`FOR UPDATE SKIP LOCKED`), in
        the transaction that stores their events, so that other replicas skip them.
        SQLite has one reader; it holds no lock while adapters parse.
        """
        if self._database.dialect == "postgres":
            async with self._database.writing() as tx:
                yield await take(tx, self._database, limit, max_bytes, held=True)
            return

        async def taken(tx: Transaction) -> Slice:
            return await take(tx, self._database, limit, max_bytes)

        yield await self._database.read_in_one_go(taken)

    async def count_try(self) -> int | None:
        """Count a try of the oldest unread document before it is parsed.

        Returns its number, None without one; the next slice of one document has it.
        """
        async with self._database.writing() as tx:
            row = await tx.row("unread_documents", limit=1)
            if row is None:
                return None
            await tx.run("count_try", document=row["document"])
        number: int = row["document"]
        return number

    async def unpark(self, contracts: Collection[str]) -> None:
        """Make parked documents of *contracts* unread again."""
        async with self._database.reading() as tx:
            parked = [r["contract"] for r in await tx.rows("parked_documents")]
        wanted = sorted(set(contracts) & set(parked))
        if wanted:
            async with self._database.writing() as tx:
                names = rows({"contract": name} for name in wanted)
                await tx.run("unpark_documents", rows=names)

    async def parked(self) -> dict[str, int]:
        """Return how many documents are parked, by unknown contract."""
        async with self._database.reading() as tx:
            found = await tx.rows("parked_documents")
        return {r["contract"]: r["documents"] for r in found}

    async def oldest_unread(self) -> datetime | None:
        """Return when the oldest unread document was received."""
        async with self._database.reading() as tx:
            row = await tx.row("oldest_unread")
        return moment(row["received_at"]) if row else None

    async def backlog(self) -> Backlog:
        """Return the unread documents; parked ones do not count."""
        async with self._database.reading() as tx:
            row = await tx.row("oldest_unread")
            if row is None:
                return Backlog(0, None)
            counted = await tx.rows("count_unread", limit=COUNTED)
        return Backlog(counted[0]["documents"], readable_at(row["received_at"]))

    async def list(
        self, *, before: int | None = None, limit: int = 50, unreadable: bool = False
    ) -> list[dict[str, Any]]:
        """Return a page of documents without their bodies, the newest first."""
        query = "list_unreadable" if unreadable else "list_documents"
        before = (1 << 63) - 1 if before is None else before
        async with self._database.reading() as tx:
            found = await tx.rows(query, before=before, limit=limit)
        return [as_dict(r) for r in found]

    async def one(self, document: int) -> Row | None:
        """Return the row of one document, None if it does not exist."""
        async with self._database.reading() as tx:
            return await tx.row("document_by_id", document=document)

    async def replay(self, document: int) -> bool:
        """Make a document unread again; return False if it does not exist."""
        async with self._database.writing() as tx:
            return await tx.row("replay_document", document=document) is not None


def document_columns(document: Document) -> dict[str, Any]:
    """Return the values of the query `store_document`."""
    headers = {name: storable(value) for name, value in document.headers.items()}
    return {
        "contract": document.contract,
        "source": document.source,
        "headers": dumps(headers),
        "body": document.body,
        "received_at": micros(document.received_at),
        "trace": document.trace,
    }

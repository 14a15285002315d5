"""What came from carriers: kept first, then read, listed and read again."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from relay.adapters.protocol import Document
from relay.clock import micros, moment
from relay.store.codec import as_dict, dumps, rows, storable
from relay.store.database import Database, Row, Transaction
from relay.store.rejected import RejectedRequests
from relay.store.unread import Slice, take

COUNTED: Final = 100_000
"""More unread documents than these are not counted."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many documents wait to be read, and since when the oldest does."""

    documents: int
    oldest: datetime | None


class Documents:
    """The carriers' side of the memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.rejected_requests = RejectedRequests(database)

    async def keep(self, batch: Sequence[Document]) -> None:
        """Store what came together in one transaction; it is on disk afterwards."""

        async def store(tx: Transaction) -> None:
            await tx.many("store_document", [document_columns(k) for k in batch])

        await self._database.write_in_one_go(store)

    async def probe(self, now: datetime) -> None:
        """Write and take back a row, to see whether the disk has room."""
        await self.rejected_requests.probe(now)

    @asynccontextmanager
    async def slice(self, limit: int, max_bytes: int) -> AsyncIterator[Slice]:
        """Take the oldest unread documents, one of them at least if there is one.

        On PostgreSQL they are locked until the end, in the transaction that
        remembers what they say, so that another reader passes over them. SQLite
        has one reader; it holds no lock while adapters read.
        """
        if self._database.dialect == "postgres":
            async with self._database.writing() as tx:
                yield await take(tx, self._database, limit, max_bytes, held=True)
            return

        async def taken(tx: Transaction) -> Slice:
            return await take(tx, self._database, limit, max_bytes)

        yield await self._database.read_in_one_go(taken)

    async def count_try(self) -> int | None:
        """Store that the oldest unread document is about to be read.

        Returns its number; the next slice of one document has it.
        """
        async with self._database.writing() as tx:
            row = await tx.row("unread_documents", limit=1)
            if row is None:
                return None
            await tx.run("count_try", document=row["document"])
        number: int = row["document"]
        return number

    async def unpark(self, contracts: Collection[str]) -> None:
        """Let the documents be read that waited for *contracts* to be configured."""
        async with self._database.reading() as tx:
            parked = [r["contract"] for r in await tx.rows("parked_documents")]
        wanted = sorted(set(contracts) & set(parked))
        if wanted:
            async with self._database.writing() as tx:
                names = rows({"contract": name} for name in wanted)
                await tx.run("unpark_documents", rows=names)

    async def parked(self) -> dict[str, int]:
        """Return how many documents wait for a contract to be configured."""
        async with self._database.reading() as tx:
            found = await tx.rows("parked_documents")
        return {r["contract"]: r["documents"] for r in found}

    async def oldest_unread(self) -> datetime | None:
        """Return when the oldest unread document came."""
        async with self._database.reading() as tx:
            row = await tx.row("oldest_unread")
        return moment(row["received_at"]) if row else None

    async def backlog(self) -> Backlog:
        """Return how much waits to be read; what is parked does not wait."""
        async with self._database.reading() as tx:
            row = await tx.row("oldest_unread")
            if row is None:
                return Backlog(0, None)
            counted = await tx.rows("count_unread", limit=COUNTED)
        return Backlog(counted[0]["documents"], moment(row["received_at"]))

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
        """Return everything that is kept of one document."""
        async with self._database.reading() as tx:
            return await tx.row("document_by_id", document=document)

    async def replay(self, document: int) -> bool:
        """Have a document read again; False if there is none of that number."""
        async with self._database.writing() as tx:
            return await tx.row("replay_document", document=document) is not None


def document_columns(kept: Document) -> dict[str, Any]:
    """Spell a document as `store_document` wants it."""
    return {
        "contract": kept.contract,
        "source": kept.source,
        "headers": _spelled(kept.headers),
        "body": kept.body,
        "received_at": micros(kept.received_at),
    }


def _spelled(headers: Mapping[str, str]) -> str:
    return dumps({name: storable(value) for name, value in headers.items()})

"""A slice of unread documents, and the one transaction that stores its events."""

from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeVar

from relay.adapters.protocol import Document
from relay.clock import EPOCH, micros, moment
from relay.store.adoption import Adopting, Adoption
from relay.store.code_mappings import MappingVersion, mapping_version
from relay.store.codec import dumps, loads, numbers
from relay.store.database import Database, Row, Transaction
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.events import store_events
from relay.text import storable

T = TypeVar("T")

PARSING: Final = timedelta(minutes=2)
"""How long a slice may stay locked while it is parsed: adapters are stopped earlier."""
HOLDING: Final = timedelta(seconds=10)
"""How long a replica may stand still while it holds shipments that others need."""


@dataclass(frozen=True, slots=True)
class ReaderTerms:
    """The settings that storing events depends on.

    `lower_bounds` and `adoptions` are by contract; `adoptions` has those whose
    tracking numbers come from the carrier. Both mappings stay the same objects when
    settings are reloaded, because other parts hold them, too.
    """

    pace: Pace
    lower_bounds: dict[str, timedelta]
    adoptions: dict[str, Adoption] = field(default_factory=dict)

    def update(self, other: "ReaderTerms") -> None:
        """Replace the contents by those of *other*, in place."""
        self.lower_bounds.update(other.lower_bounds)
        self.adoptions.clear()
        self.adoptions.update(other.adoptions)

    def adopting(self, now: datetime) -> Adopting:
        """Return how to adopt tracking numbers at *now*."""
        return Adopting(now, self.pace, self.adoptions, self.lower_bounds)


class Slice:
    """Documents that are being parsed; on PostgreSQL they are locked.

    `damaged` ones cannot be parsed. `more` says that more unread documents follow.
    `mappings` is the version of the mapped codes with which they must be parsed.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        database: Database,
        transaction: Transaction | None = None,
        *,
        damaged: Sequence[ParsedDocument] = (),
        more: bool = False,
    ) -> None:
        self.documents = documents
        self.mappings: MappingVersion = (0, 0)
        self.damaged = damaged
        self.more = more
        self._database = database
        self._transaction = transaction

    @property
    def numbers(self) -> list[int]:
        """The numbers of all documents, damaged ones included."""
        damaged = (one.document for one in self.damaged)
        return [*(document.number for document in self.documents), *damaged]

    async def store_events(
        self, parsed: Sequence[ParsedDocument], now: datetime, terms: ReaderTerms
    ) -> int:
        """Store the events of documents, mark these; return how many events are new."""
        readable = [one for one in parsed if one.unreadable is None]

        async def store(tx: Transaction) -> int:
            new_events = await store_events(
                tx, readable, now, terms.pace, terms.lower_bounds
            )
            await terms.adopting(now).from_readings(tx, readable)
            await _mark(tx, parsed, new_events, now)
            return sum(new_events.values())

        return await self._write(store)

    async def park(self, documents: Sequence[Document]) -> None:
        """Park documents until their contract is configured."""
        rows = [{"document": d.number} for d in documents]

        async def store(tx: Transaction) -> None:
            await tx.many("park_document", rows)

        if rows:
            await self._write(store)

    async def _write(self, store: Callable[[Transaction], Coroutine[Any, Any, T]]) -> T:
        if self._transaction is not None:
            await self._transaction.may_idle(HOLDING)
            async with self._transaction.part():
                return await store(self._transaction)
        # What was parsed is parsed again if a crash of the machine undoes it.
        return await self._database.write_in_one_go(store, lazy=True)


async def take(
    tx: Transaction,
    database: Database,
    limit: int,
    max_bytes: int,
    *,
    held: bool = False,
) -> Slice:
    """Take the oldest unread documents within the bounds, at least one.

    *held*: the slice is stored in *tx*, too, which holds the locks.
    """
    if held:
        await tx.may_idle(PARSING)
    unread = await tx.rows("unread_documents", limit=limit)
    wanted: list[int] = []
    size = 0
    for row in unread:
        size += row["size"]
        if wanted and size > max_bytes:
            break
        wanted.append(row["document"])
    found: Sequence[Row] = ()
    if wanted:
        found = await tx.rows("documents_to_read", rows=numbers(wanted))
    more = len(unread) == limit or len(wanted) < len(unread)
    taken = [_unread(r) for r in found]
    part = Slice(
        [one for one in taken if isinstance(one, Document)],
        database,
        tx if held else None,
        damaged=[one for one in taken if isinstance(one, ParsedDocument)],
        more=more,
    )
    part.mappings = await mapping_version(tx)
    return part


def _unread(row: Row) -> Document | ParsedDocument:
    """Return the document of *row*; a damaged one is unreadable, and stops no other."""
    try:
        return Document(
            row["body"],
            moment(row["received_at"]),
            _headers(row["headers"]),
            contract=row["contract"],
            source=row["source"],
            number=row["document"],
            tries=row["tries"],
            replayed=row["replays"] > 0,
            trace=row["trace"],
        )
    except (ValueError, OverflowError) as error:
        because = f"its row in the database is damaged: {type(error).__name__}"
        number, contract = row["document"], row["contract"]
        return ParsedDocument(number, contract, EPOCH, unreadable=because)


@lru_cache(maxsize=256)
def _headers(text: str) -> Mapping[str, str]:
    return MappingProxyType(loads(text))


async def _mark(
    tx: Transaction,
    parsed: Sequence[ParsedDocument],
    new_events: Mapping[int, int],
    now: datetime,
) -> None:
    """Mark documents as parsed; replace the bodies of which personal data was cut."""
    marks: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in parsed:
        row: dict[str, Any] = {"document": one.document, "now": micros(now)}
        if one.unreadable is not None:
            marks["mark_unreadable"].append(row | _reasons(one, one.unreadable))
            continue
        row["new_events"] = new_events.get(one.document, 0)
        if one.cut is None:
            marks["mark_read"].append(row)
        else:
            row |= {"body": one.cut, "digest": one.digest}
            marks["mark_read_and_cut"].append(row)
    partly = [one for one in parsed if one.partly is not None]
    marks["mark_partly_read"] = [
        {"document": one.document} | _reasons(one, one.partly or "") for one in partly
    ]
    for query, rows in marks.items():
        await tx.many(query, rows)


def _reasons(one: ParsedDocument, reason: str) -> dict[str, Any]:
    parts = [
        {"position": part.position, "reason": storable(part.reason)}
        for part in one.parts
    ]
    trace = None if one.traceback is None else storable(one.traceback)
    return {"reason": storable(reason), "parts": dumps(parts), "traceback": trace}

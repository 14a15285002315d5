"""The events that have a carrier's code, and what hangs on them, for a preview."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from relay.adapters.protocol import Document
from relay.clock import moment
from relay.domain.shipment import Snapshot
from relay.store.code_mappings import newest_event
from relay.store.codec import loads, numbers
from relay.store.database import Database, Row, Transaction
from relay.store.snapshots import load_snapshots

MOST_EVENTS: Final = 5_000
"""Events with the code that are counted, the latest ones."""
SCANNED: Final = 300_000
"""The latest events among which those with a meaning are looked for."""
MOST_DOCUMENTS: Final = 50
"""Documents that are tried, the latest ones."""
MOST_BYTES: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CodeEvents:
    """Events with a code, how many documents have them, and the latest of these.

    `lost` events have no stored document. `complete`: these are all events.
    """

    events: tuple[int, ...]
    documents: int
    lost: int
    latest: tuple[Document, ...]
    complete: bool


async def code_events(
    database: Database, contract: str, code: str, *, mapped: bool
) -> CodeEvents:
    """Find the events with *code* that have a meaning, or those that have none."""
    async with database.reading() as tx:
        newest = await newest_event(tx)
        after = max(newest - SCANNED, 0) if mapped else 0
        query = "mapped_events_of_code" if mapped else "unmapped_events_of_code"
        bounds = {"after": after, "upto": newest, "limit": MOST_EVENTS + 1}
        found = await tx.rows(query, contract=contract, code=code, **bounds)
        events = tuple(row["event"] for row in found)
        listed = await tx.rows("stored_documents_of_events", rows=numbers(events))
        stored = await tx.rows("events_with_documents", rows=numbers(events))
        wanted = numbers(_smallest(listed))
        documents = await tx.rows("documents_to_read", rows=wanted)
    return CodeEvents(
        events,
        len(listed),
        len(events) - stored[0]["events"],
        tuple(map(_document, documents)),
        complete=after == 0 and len(events) <= MOST_EVENTS,
    )


def _smallest(listed: Sequence[Row]) -> Iterable[int]:
    """Yield the latest documents, within the limits, and at least one."""
    size = 0
    for place, row in enumerate(listed[:MOST_DOCUMENTS]):
        size += row["size"]
        if place and size > MOST_BYTES:
            return
        yield row["document"]


def _document(row: Row) -> Document:
    return Document(
        row["body"],
        moment(row["received_at"]),
        loads(row["headers"]),
        contract=row["contract"],
        source=row["source"],
        number=row["document"],
        replayed=True,
    )


async def meanings(tx: Transaction, events: Iterable[int]) -> Mapping[int, Row]:
    """Return milestone and effect of *events*, without those that were withdrawn."""
    found = await tx.rows("meanings_of_events", rows=numbers(events))
    return {row["event"]: row for row in found if row["withdrawn_at"] is None}


async def events_in(tx: Transaction, documents: Iterable[int]) -> set[int]:
    """Return the events of *documents*."""
    found = await tx.rows("events_in_documents", rows=numbers(documents))
    return {row["event"] for row in found}


async def parcels_of(tx: Transaction, events: Iterable[int]) -> dict[int, set[int]]:
    """Return the shipments of *events*, each with its events."""
    shipments: dict[int, set[int]] = {}
    for row in await tx.rows("parcels_of_events", rows=numbers(events)):
        shipments.setdefault(row["shipment"], set()).add(row["event"])
    return shipments


async def snapshots_of(
    tx: Transaction, shipments: Iterable[int]
) -> dict[int, Snapshot]:
    """Return snapshots by shipment; one that cannot be loaded is left out."""
    rows = await tx.rows("shipment_rows", rows=numbers(shipments))
    found = await load_snapshots(tx, rows)
    return {s.shipment: s for s in found if isinstance(s, Snapshot)}

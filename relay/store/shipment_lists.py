"""Lists of shipments, paginated along an index, and one shipment's timeline."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from relay.clock import micros
from relay.domain.events import compared
from relay.domain.status import ShipmentState, ShipmentStatus, status_of
from relay.store.accounts import AccountState
from relay.store.codec import ids
from relay.store.database import Database, Row, Transaction
from relay.store.naming_documents import NamingDocument, naming_documents

_BY_STATE: Final[Mapping[ShipmentState, tuple[str, ...]]] = {
    ShipmentState.AWAITING_NUMBER: ("list_without_number",),
    ShipmentState.DUE: ("list_ready", "list_leased"),
    ShipmentState.WAITING: ("list_ready", "list_leased"),
    ShipmentState.IN_DOUBT: ("list_in_doubt",),
    ShipmentState.STUCK: ("list_stuck",),
    ShipmentState.UP_TO_DATE: ("list_open",),
    ShipmentState.DELIVERED: ("list_by_account",),
    ShipmentState.CLOSED: ("list_not_delivered",),
    ShipmentState.CANCELLED: ("list_not_delivered",),
}


@dataclass(frozen=True, slots=True)
class ShipmentFilter:
    """A filter of shipments; `accounts` None means all accounts."""

    accounts: Sequence[str] | None = None
    order_id: str | None = None
    invoice_number: str | None = None
    invoice_key: str | None = None
    tracking_number: str | None = None
    state: ShipmentState | None = None
    contract: str | None = None

    def queries(self) -> tuple[tuple[str, ...], str | None]:
        """Return the most selective queries, and their value."""
        if self.tracking_number is not None:
            return ("list_by_number",), compared(self.tracking_number)
        by_value = {
            "list_by_key": self._key,
            "list_by_order": self.order_id,
            "list_by_invoice": self.invoice_number,
        }
        for query, value in by_value.items():
            if value is not None:
                return (query,), value
        if self.state is None:
            return ("list_by_account",), None
        return _BY_STATE[self.state], None

    @property
    def _key(self) -> str | None:
        return compared(self.invoice_key) if self.invoice_key is not None else None

    def includes(self, account: str) -> bool:
        """Whether the shipments of *account* match the filter."""
        return self.accounts is None or account in self.accounts

    def fits(self, row: Row, status: ShipmentStatus) -> bool:
        """Whether a row and its status match the filter."""
        wanted = {
            "order_id": self.order_id,
            "invoice_number": self.invoice_number,
            "invoice_key": self._key,
            "contract": self.contract,
        }
        if any(v is not None and row[name] != v for name, v in wanted.items()):
            return False
        return self.state is None or status.state is self.state


NEWEST: Final = (1 << 63) - 1
BATCH: Final = 500
ROUNDS: Final = 8
LATEST: Final = 500
"""The most calls and notes in a timeline; earlier ones are omitted."""


@dataclass(frozen=True, slots=True)
class ListedShipment:
    """A shipment's row and its status."""

    row: Row
    standing: ShipmentStatus


@dataclass(frozen=True, slots=True)
class ShipmentPage:
    """A page of shipments, newest first; `next` is the cursor of the next page."""

    shipments: tuple[ListedShipment, ...]
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything stored about one shipment."""

    parcels: Sequence[Row]
    references: Sequence[Row]
    documents: Sequence[Row]
    events: Sequence[Row]
    published: Sequence[Row]
    calls: Sequence[Row]
    notes: Sequence[Row]
    named_in: Mapping[int, Sequence[NamingDocument]]


class ShipmentLists:
    """Finds shipments; a page examines at most *rounds* batches of *batch* rows."""

    def __init__(
        self, database: Database, *, batch: int = BATCH, rounds: int = ROUNDS
    ) -> None:
        self._database = database
        self._batch = batch
        self._rounds = rounds

    async def shipments(
        self,
        wanted: ShipmentFilter,
        now: datetime,
        *,
        limit: int,
        before: int | None = None,
    ) -> ShipmentPage:
        """Return up to *limit* shipments older than the row *before*.

        A page may hold fewer, even none, and still have a next one.
        """
        async with self._database.reading() as tx:
            gates = await account_gates(tx, now)
            accounts = gates if wanted.accounts is None else wanted.accounts
            found: list[ListedShipment] = []
            position = NEWEST if before is None else before
            for _ in range(self._rounds):
                rows = await _batch(tx, wanted, accounts, position, self._batch)
                for row in rows:
                    status = status_of(row, now, gates.get(row["account"]))
                    if not wanted.fits(row, status):
                        continue
                    if len(found) == limit:
                        last = found[-1].row["shipment"]
                        return ShipmentPage(await explained(tx, found), last)
                    found.append(ListedShipment(row, status))
                if len(rows) < self._batch:
                    return ShipmentPage(await explained(tx, found))
                position = rows[-1]["shipment"]
            return ShipmentPage(await explained(tx, found), position)

    async def one(self, id_: str, now: datetime) -> ListedShipment | None:
        """Return a shipment by its public id; None if it does not exist."""
        async with self._database.reading() as tx:
            found = await listed(tx, [id_], now)
        return found[0] if found else None

    async def registered(self, shipment: int) -> tuple[Sequence[Row], Sequence[Row]]:
        """Return the parcels and the references of one shipment."""
        async with self._database.reading() as tx:
            parcels = await tx.rows("parcels_of_shipment", shipment=shipment)
            return parcels, await tx.rows(
                "references_of_shipments", rows=ids("shipment", [shipment])
            )

    async def timeline(self, shipment: int) -> Timeline:
        """Return everything stored about one shipment."""
        these = ids("shipment", [shipment])
        async with self._database.reading() as tx:
            events = await tx.rows("events_of_shipments", rows=these)
            waiting = {
                row["event"]
                for row in events
                if row["quarantine_reason"] is not None and row["decision"] is None
            }
            return Timeline(
                parcels=await tx.rows("parcels_of_shipment", shipment=shipment),
                references=await tx.rows("references_of_shipments", rows=these),
                documents=await tx.rows("documents_of_shipment", shipment=shipment),
                events=events,
                named_in=await naming_documents(tx, waiting),
                published=await tx.rows("published_of_shipment", shipment=shipment),
                calls=await tx.rows(
                    "calls_of_shipment", shipment=shipment, limit=LATEST
                ),
                notes=await tx.rows(
                    "notes_of_shipment", shipment=shipment, limit=LATEST
                ),
            )


async def listed(
    tx: Transaction, ids_: Iterable[str], now: datetime
) -> tuple[ListedShipment, ...]:
    """Return shipments by their public ids, in the same order."""
    rows = [await tx.row("shipment_by_id", id=id_) for id_ in ids_]
    gates = await account_gates(tx, now)
    return await explained(
        tx,
        [
            ListedShipment(row, status_of(row, now, gates.get(row["account"])))
            for row in rows
            if row is not None
        ],
    )


async def explained(
    tx: Transaction, found: Sequence[ListedShipment]
) -> tuple[ListedShipment, ...]:
    """Add quarantined events as the reason to shipments that have none."""
    quiet = [f.row["shipment"] for f in found if f.standing.why is None]
    held = {
        r["shipment"]: f"event {r['event']} is quarantined: {r['quarantine_reason']}"
        for r in await tx.rows("quarantined_of", rows=ids("shipment", quiet))
    }
    return tuple(
        replace(f, standing=replace(f.standing, why=held[f.row["shipment"]]))
        if f.row["shipment"] in held
        else f
        for f in found
    )


async def account_gates(tx: Transaction, now: datetime) -> dict[str, str | None]:
    """Return why VTEX must not be called, by account; None if it may be."""
    states = [AccountState.of(r) for r in await tx.rows("list_accounts")]
    return {s.account: s.closed_reason(micros(now)) for s in states}


async def _batch(
    tx: Transaction,
    wanted: ShipmentFilter,
    accounts: Iterable[str],
    before: int,
    size: int,
) -> list[Row]:
    """Return the newest rows of several accounts before a row."""
    queries, value = wanted.queries()
    terms = {"before": before, "limit": size, "value": value}
    found: list[Row] = []
    for account in accounts:
        for query in queries:
            found += await tx.rows(query, account=account, **terms)
    found.sort(key=lambda r: r["shipment"], reverse=True)
    return found[:size]

"""Lists of shipments, page by page along an index, and one shipment's timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay.clock import micros
from relay.store.accounts import AccountState
from relay.store.database import Database, Row, Transaction
from relay.store.spelling import ids
from relay.telling.state import Standing, State, standing
from relay.tracking import compared

NEWEST: Final = (1 << 63) - 1
BATCH: Final = 500
ROUNDS: Final = 8
"""A page looks at no more than so many batches; the next one goes on from there."""
LATEST: Final = 500
"""Calls and notes of one shipment; earlier ones are left out."""

_BY_STATE: Final[Mapping[State, tuple[str, ...]]] = {
    State.AWAITING_NUMBER: ("list_without_number",),
    State.DUE: ("list_ready", "list_leased"),
    State.WAITING: ("list_ready", "list_leased"),
    State.IN_DOUBT: ("list_in_doubt",),
    State.STUCK: ("list_stuck",),
    State.UP_TO_DATE: ("list_open",),
    State.DELIVERED: ("list_by_account",),
    State.CLOSED: ("list_not_delivered",),
    State.CANCELLED: ("list_not_delivered",),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which shipments are asked for; `accounts` None means all of them."""

    accounts: Sequence[str] | None = None
    order_id: str | None = None
    invoice_number: str | None = None
    invoice_key: str | None = None
    tracking_number: str | None = None
    state: State | None = None

    def queries(self) -> tuple[tuple[str, ...], str | None]:
        """Return the queries that find the fewest rows, and their value."""
        if self.tracking_number is not None:
            return ("list_by_number",), compared(self.tracking_number)
        by_value = {
            "list_by_key": self.invoice_key,
            "list_by_order": self.order_id,
            "list_by_invoice": self.invoice_number,
        }
        for query, value in by_value.items():
            if value is not None:
                return (query,), value
        if self.state is None:
            return ("list_by_account",), None
        return _BY_STATE[self.state], None

    def fits(self, row: Row, stands: Standing) -> bool:
        """Whether a row is one of those asked for."""
        asked = {
            "order_id": self.order_id,
            "invoice_number": self.invoice_number,
            "invoice_key": self.invoice_key,
        }
        if any(v is not None and row[name] != v for name, v in asked.items()):
            return False
        return self.state is None or stands.state is self.state


@dataclass(frozen=True, slots=True)
class Listed:
    """A shipment's row, and how it stands."""

    row: Row
    standing: Standing


@dataclass(frozen=True, slots=True)
class Page:
    """Some shipments, the newest first; `next` goes on where they end."""

    shipments: tuple[Listed, ...]
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that is kept of one shipment."""

    parcels: Sequence[Row]
    references: Sequence[Row]
    documents: Sequence[Row]
    events: Sequence[Row]
    told: Sequence[Row]
    calls: Sequence[Row]
    notes: Sequence[Row]


class Lists:
    """What people and programs look up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def shipments(
        self, wanted: Wanted, now: datetime, *, limit: int, before: int | None = None
    ) -> Page:
        """Return up to *limit* shipments that came before the row *before*.

        A page may hold fewer, even none, and still have a next one.
        """
        async with self._database.reading() as tx:
            gates = await _gates(tx, now)
            accounts = gates if wanted.accounts is None else wanted.accounts
            found: list[Listed] = []
            position = NEWEST if before is None else before
            for _ in range(ROUNDS):
                rows = await _batch(tx, wanted, accounts, position)
                for row in rows:
                    stands = standing(row, now, gates.get(row["account"]))
                    if not wanted.fits(row, stands):
                        continue
                    if len(found) == limit:
                        return Page(tuple(found), found[-1].row["shipment"])
                    found.append(Listed(row, stands))
                if len(rows) < BATCH:
                    return Page(tuple(found))
                position = rows[-1]["shipment"]
            return Page(tuple(found), position)

    async def one(self, id_: str, now: datetime) -> Listed | None:
        """Return the shipment of that id, if there is one."""
        async with self._database.reading() as tx:
            row = await tx.row("shipment_by_id", id=id_)
            if row is None:
                return None
            gates = await _gates(tx, now)
        return Listed(row, standing(row, now, gates.get(row["account"])))

    async def registered(self, shipment: int) -> tuple[Sequence[Row], Sequence[Row]]:
        """Return the parcels and the references of one shipment."""
        async with self._database.reading() as tx:
            parcels = await tx.rows("parcels_of_shipment", shipment=shipment)
            return parcels, await tx.rows(
                "references_of_shipments", rows=ids("shipment", [shipment])
            )

    async def timeline(self, shipment: int) -> Timeline:
        """Return everything that is kept of one shipment."""
        these = ids("shipment", [shipment])
        async with self._database.reading() as tx:
            return Timeline(
                parcels=await tx.rows("parcels_of_shipment", shipment=shipment),
                references=await tx.rows("references_of_shipments", rows=these),
                documents=await tx.rows("documents_of_shipment", shipment=shipment),
                events=await tx.rows("events_of_shipments", rows=these),
                told=await tx.rows("told_of_shipment", shipment=shipment),
                calls=await tx.rows(
                    "calls_of_shipment", shipment=shipment, limit=LATEST
                ),
                notes=await tx.rows(
                    "notes_of_shipment", shipment=shipment, limit=LATEST
                ),
            )

    async def counts(self, now: datetime) -> dict[str, dict[str, int]]:
        """Return how many shipments are due and how many stuck, by account."""
        async with self._database.reading() as tx:
            due = await tx.rows("count_due", now=micros(now))
            stuck = await tx.rows("count_stuck")
        return {
            "due": {r["account"]: r["shipments"] for r in due},
            "stuck": {r["account"]: r["shipments"] for r in stuck},
        }


async def _gates(tx: Transaction, now: datetime) -> dict[str, str | None]:
    """Return why nothing is sent, by account."""
    states = [AccountState.of(r) for r in await tx.rows("list_accounts")]
    return {s.account: s.closed_because(micros(now)) for s in states}


async def _batch(
    tx: Transaction,
    wanted: Wanted,
    accounts: Sequence[str] | Mapping[str, object],
    before: int,
) -> list[Row]:
    """Return the newest rows of several accounts before a row."""
    queries, value = wanted.queries()
    terms = {"before": before, "limit": BATCH} | ({"value": value} if value else {})
    found: list[Row] = []
    for account in accounts:
        for query in queries:
            found += await tx.rows(query, account=account, **terms)
    found.sort(key=lambda r: r["shipment"], reverse=True)
    return found[:BATCH]

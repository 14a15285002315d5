"""Lists of shipments, page by page along an index, and one shipment's timeline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from relay.clock import micros
from relay.store.accounts import AccountState
from relay.store.database import Database, Row, Transaction
from relay.store.spelling import ids
from relay.store.wanted import Wanted
from relay.telling.state import Standing, standing

NEWEST: Final = (1 << 63) - 1
BATCH: Final = 500
ROUNDS: Final = 8
LATEST: Final = 500
"""Calls and notes of one shipment; earlier ones are left out."""


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
    """What people and programs look up.

    A page looks at no more than *rounds* batches of *batch* rows.
    """

    def __init__(
        self, database: Database, *, batch: int = BATCH, rounds: int = ROUNDS
    ) -> None:
        self._database = database
        self._batch = batch
        self._rounds = rounds

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
            for _ in range(self._rounds):
                rows = await _batch(tx, wanted, accounts, position, self._batch)
                for row in rows:
                    stands = standing(row, now, gates.get(row["account"]))
                    if not wanted.fits(row, stands):
                        continue
                    if len(found) == limit:
                        last = found[-1].row["shipment"]
                        return Page(await _explained(tx, found), last)
                    found.append(Listed(row, stands))
                if len(rows) < self._batch:
                    return Page(await _explained(tx, found))
                position = rows[-1]["shipment"]
            return Page(await _explained(tx, found), position)

    async def one(self, id_: str, now: datetime) -> Listed | None:
        """Return the shipment of that id, if there is one."""
        async with self._database.reading() as tx:
            row = await tx.row("shipment_by_id", id=id_)
            if row is None:
                return None
            gates = await _gates(tx, now)
            stands = standing(row, now, gates.get(row["account"]))
            (listed,) = await _explained(tx, [Listed(row, stands)])
        return listed

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


async def _explained(tx: Transaction, found: Sequence[Listed]) -> tuple[Listed, ...]:
    """Say of shipments that look finished what is held back of them."""
    quiet = [f.row["shipment"] for f in found if f.standing.why is None]
    held = {
        r["shipment"]: f"event {r['event']} is quarantined: {r['because']}"
        for r in await tx.rows("quarantined_of", rows=ids("shipment", quiet))
    }
    return tuple(
        replace(f, standing=replace(f.standing, why=held[f.row["shipment"]]))
        if f.row["shipment"] in held
        else f
        for f in found
    )


async def _gates(tx: Transaction, now: datetime) -> dict[str, str | None]:
    """Return why nothing is sent, by account."""
    states = [AccountState.of(r) for r in await tx.rows("list_accounts")]
    return {s.account: s.closed_because(micros(now)) for s in states}


async def _batch(
    tx: Transaction,
    wanted: Wanted,
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

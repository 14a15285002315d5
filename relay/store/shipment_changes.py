"""Shipments in the order of their last change, so that a client can follow them.

Positions are change numbers, not times: a transaction may commit after others whose
time is later, and a client that goes on after a time would miss its changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.clock import micros
from relay.domain.status import status_of
from relay.store.database import Database, Row, Transaction
from relay.store.shipment_lists import (
    BATCH,
    NEWEST,
    ROUNDS,
    ListedShipment,
    ShipmentFilter,
    account_gates,
    explained,
)

OVERLAP: Final = timedelta(minutes=15)
"""A change may carry the time at which its claim began, or another replica's time."""


@dataclass(frozen=True, slots=True)
class ChangePosition:
    """Where a page ends: the last shipment and its change number."""

    number: int
    shipment: int


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of changed shipments; `more` follow at once after `position`."""

    shipments: tuple[ListedShipment, ...]
    position: ChangePosition
    more: bool


class ShipmentChanges:
    """Lists shipments by their last change; each is listed at its last change only."""

    def __init__(
        self, database: Database, *, batch: int = BATCH, rounds: int = ROUNDS
    ) -> None:
        self._database = database
        self._batch = batch
        self._rounds = rounds

    async def since(self, when: datetime) -> ChangePosition:
        """Return the position before the first change at *when* or later.

        Some earlier changes may follow it, but none of the later ones is missing.
        """
        async with self._database.reading() as tx:
            horizon = await _horizon(tx)
            since = micros(when - OVERLAP)
            first = await _number(tx, "first_change", since=since)
            last = await _number(tx, "last_change") or 0
        if first is None:
            return ChangePosition(min(last, horizon - 1), NEWEST)
        return ChangePosition(min(first, horizon) - 1, NEWEST)

    async def page(
        self,
        wanted: ShipmentFilter,
        now: datetime,
        *,
        limit: int,
        after: ChangePosition,
    ) -> ChangePage:
        """Return up to *limit* changed shipments after a position, the oldest first."""
        async with self._database.reading() as tx:
            gates, horizon = await account_gates(tx, now), await _horizon(tx)
            found: list[ListedShipment] = []
            for _ in range(self._rounds):
                rows = await self._batch_after(tx, after, horizon)
                for row in rows:
                    if len(found) == limit:
                        return ChangePage(await explained(tx, found), after, more=True)
                    after = ChangePosition(row["change_number"], row["shipment"])
                    status = status_of(row, now, gates.get(row["account"]))
                    if wanted.includes(row["account"]) and wanted.fits(row, status):
                        found.append(ListedShipment(row, status))
                if len(rows) < self._batch:
                    return ChangePage(await explained(tx, found), after, more=False)
            return ChangePage(await explained(tx, found), after, more=True)

    async def _batch_after(
        self, tx: Transaction, after: ChangePosition, horizon: int
    ) -> Sequence[Row]:
        return await tx.rows(
            "list_changed",
            key=after.number,
            id=after.shipment,
            horizon=horizon,
            limit=self._batch,
        )


async def _horizon(tx: Transaction) -> int:
    """Return the number from which on changes may not be committed yet."""
    return await _number(tx, "change_horizon") or 0


async def _number(tx: Transaction, query: str, **values: int) -> int | None:
    """Return the only value that *query* selects."""
    row = await tx.row(query, **values)
    found: int | None = row["number"] if row else None
    return found

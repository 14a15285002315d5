"""Carrier handovers: a second carrier's references of a parcel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.clock import micros
from relay.domain.labels import Handover
from relay.store.corrections import ALERT, CorrectionResult
from relay.store.database import Database, Row, Transaction
from relay.store.event_rows import Pace, mark_due
from relay.store.reference_checks import refuse_foreign, refuse_too_many
from relay.store.references import intern, key
from relay.store.shipment_rows import (
    Placed,
    ShipmentWriter,
    refuse_over,
    registered,
    rematch_all,
    requested_by,
    stored_key,
    stored_shipment,
)
from relay.text import storable


@dataclass(frozen=True, slots=True)
class Handovers:
    """Registers carrier handovers; `lower_bounds` are settings by contract."""

    database: Database
    pace: Pace = field(default_factory=Pace)
    lower_bounds: Mapping[str, timedelta] = field(default_factory=dict)

    async def handover(
        self, id_: str, change: Handover, now: datetime, by: str | None = None
    ) -> CorrectionResult:
        """Match a second carrier's events, too; repeating it changes nothing.

        *by* names the requester in the note. Raises `NotFound`, and `Conflict` if the
        shipment was cancelled.
        """
        async with self.database.writing() as tx:
            shipment = stored_shipment(await tx.row("shipment_by_id", id=id_))[
                "shipment"
            ]
            wanted = {key(change.contract, r) for r, _ in change.placed}
            interned = await intern(tx, wanted)
            row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
            refuse_over(row)
            writing = ShipmentWriter(tx, shipment, change.contract, interned, now)
            had, fresh = await _fresh(tx, shipment, change)
            if not fresh:
                return CorrectionResult((), ())
            refuse_too_many(had, len(fresh))
            await refuse_foreign(writing, fresh, change.visible)
            await self._store(writing, row, fresh)
            number = None if change.number is None else storable(change.number)
            await writing.schedule_polls([(change.volume, number)], now)
            under = f" as {number}" if number else ""
            await writing.note(
                f"carrier handover: volume {change.volume} to contract "
                f"{change.contract}{under}{requested_by(by)}"
            )
            numbers = [r for r, _ in fresh]
            others = await writing.sharing(numbers, row["account"], row["order_id"])
        published = (ALERT,) if row["delivered_published_at"] is not None else ()
        return CorrectionResult(("references",), (*published, *others))

    async def _store(
        self, writing: ShipmentWriter, row: Row, fresh: list[Placed]
    ) -> None:
        """Register the references and match the events that arrived before."""
        tx, now, pace = writing.tx, writing.now, self.pace
        await writing.register(
            fresh, registered_at=micros(now), dispatched_at=row["dispatched_at"]
        )
        touched = await rematch_all(tx, writing.interned, self.lower_bounds)
        await mark_due(tx, touched, now, pace)


async def _fresh(
    tx: Transaction, shipment: int, change: Handover
) -> tuple[int, list[Placed]]:
    """Return how many references are registered, and the new ones, each once."""
    had = {(stored_key(r), r["volume"]) for r in await registered(tx, shipment)}
    places = {(key(change.contract, r), volume): r for r, volume in change.placed}
    new = [(r, place[1]) for place, r in places.items() if place not in had]
    return len(had), new

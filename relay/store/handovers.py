"""A parcel changes hands: a second carrier's references stand beside the first's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.clock import micros
from relay.labels import HandOver
from relay.store.bringing import bring_news
from relay.store.correcting import ALERT
from relay.store.corrections import Corrected, says
from relay.store.database import Database, Row, Transaction
from relay.store.events import Pace
from relay.store.labelled import refuse_over, there
from relay.store.parcels import Placed, Writing, registered, rematch_all, stored_key
from relay.store.references import intern, key
from relay.store.spelling import clean


@dataclass(frozen=True, slots=True)
class HandOvers:
    """The memory of who carries a parcel besides its first carrier."""

    database: Database
    pace: Pace = field(default_factory=Pace)
    lower_bounds: Mapping[str, timedelta] = field(default_factory=dict)

    async def hand_over(
        self, id_: str, change: HandOver, now: datetime, by: str | None = None
    ) -> Corrected:
        """Let the scans of a second carrier count; the same again changes nothing.

        *by* is who says so, for the note.
        Raises `NotFound`, and `Conflict` if the shipment was cancelled.
        """
        async with self.database.writing() as tx:
            shipment = there(await tx.row("shipment_by_id", id=id_))["shipment"]
            wanted = {key(change.contract, r) for r, _ in change.placed}
            interned = await intern(tx, wanted)
            row = there(await tx.row("lock_shipment_by_id", id=id_))
            refuse_over(row)
            writing = Writing(tx, shipment, change.contract, interned, now)
            fresh = await _fresh(tx, shipment, change)
            if not fresh:
                return Corrected((), ())
            await self._store(writing, row, fresh)
            number = None if change.number is None else clean(change.number)
            await writing.ask_for([(change.volume, number)], now)
            under = f" as {number}" if number else ""
            await writing.note(
                f"volume {change.volume} was handed over to contract {change.contract}"
                f"{under}{says(by)}"
            )
            numbers = [r for r, _ in fresh]
            others = await writing.others(numbers, row["account"], row["order_id"])
        told = (ALERT,) if row["delivered_told_at"] is not None else ()
        return Corrected(("references",), (*told, *others))

    async def _store(self, writing: Writing, row: Row, fresh: list[Placed]) -> None:
        """Register the references, and let scans count that were there before."""
        tx, now, pace = writing.tx, writing.now, self.pace
        await writing.register(
            fresh, registered_at=micros(now), dispatched_at=row["dispatched_at"]
        )
        touched = await rematch_all(tx, writing.interned, self.lower_bounds)
        await bring_news(tx, touched, now, pace)


async def _fresh(tx: Transaction, shipment: int, change: HandOver) -> list[Placed]:
    """Return what is not registered yet, each place once."""
    had = {(stored_key(r), r["volume"]) for r in await registered(tx, shipment)}
    places = {(key(change.contract, r), volume): r for r, volume in change.placed}
    return [(r, place[1]) for place, r in places.items() if place not in had]

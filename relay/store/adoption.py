"""Tracking numbers that only the carrier knows, taken over from its events."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.clock import micros
from relay.domain.events import ParcelView, Reference, ReferenceKind, compared
from relay.store.codec import ids, storable
from relay.store.database import Row, Transaction
from relay.store.event_rows import Pace, ParsedDocument, mark_due
from relay.store.references import rematch

Adoption = Callable[[ParcelView], tuple[str | None, str | None]]
"""How a contract resolves the courier's name and the page of a parcel."""


@dataclass(frozen=True, slots=True)
class Adopting:
    """One slice's adoptions: how each contract resolves what VTEX is told."""

    now: datetime
    pace: Pace
    adoptions: Mapping[str, Adoption]
    lower_bounds: Mapping[str, timedelta]

    async def from_readings(
        self, tx: Transaction, readings: Sequence[ParsedDocument]
    ) -> None:
        """Take over the numbers that *readings* brought, in their transaction."""
        bearing = [r for r in readings if r.contract in self.adoptions and r.events]
        if not bearing:
            return
        documents = ids("document", (r.document for r in bearing))
        found = await tx.rows("shipments_without_number", rows=documents)
        await self.for_shipments(tx, (r["shipment"] for r in found), _given(bearing))

    async def for_shipments(
        self,
        tx: Transaction,
        shipments: Iterable[int],
        given: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """Take over the numbers that stored events bring for *shipments*.

        *given* are spellings of numbers as carriers gave them, by contract and
        compared value.
        """
        wanted = ids("shipment", shipments)
        if wanted == "[]":
            return
        parcels = await tx.rows("parcels_of_shipments", rows=wanted)
        lacking = {
            (p["shipment"], p["volume"]) for p in parcels if not p["tracking_number"]
        }
        adopted: dict[str, set[int]] = {}
        for row in await tx.rows("numbers_to_adopt", rows=wanted):
            parcel = (row["shipment"], _volume(row))
            if parcel not in lacking or row["contract"] not in self.adoptions:
                continue
            lacking.discard(parcel)
            number = (given or {}).get((row["contract"], row["value"]), row["value"])
            await self._adopt(tx, row, storable(number))
            adopted.setdefault(row["contract"], set()).add(row["reference"])
        await self._match_again(tx, adopted)

    async def _adopt(self, tx: Transaction, row: Row, number: str) -> None:
        shipment, volume = row["shipment"], _volume(row)
        parcel = {"shipment": shipment, "volume": volume}
        await tx.run("adopt_for_parcel", **parcel, tracking_number=number)
        asked = parcel | {"contract": row["contract"]}
        await tx.run("adopt_for_poll", **asked, tracking_number=number)
        courier, url = self.adoptions[row["contract"]](_view(row, volume, number))
        await tx.run(
            "adopt_for_shipment",
            shipment=shipment,
            tracking_number=number,
            courier=courier,
            tracking_url=url,
        )
        await tx.run(
            "register_reference",
            **parcel,
            reference=row["reference"],
            given=number,
            registered_at=row["registered_at"],
            dispatched_at=row["dispatched_at"],
        )
        await tx.run("make_due", shipment=shipment, now=micros(self.now))
        text = f"the carrier gave volume {volume} the tracking number {number}"
        await tx.run("note", shipment=shipment, now=micros(self.now), text=text)

    async def _match_again(
        self, tx: Transaction, adopted: Mapping[str, set[int]]
    ) -> None:
        """Match what came earlier under the numbers alone."""
        pace = self.pace
        for contract, references in adopted.items():
            touched = await rematch(tx, references, self.lower_bounds, contract)
            await mark_due(tx, touched, self.now, pace)


def _given(readings: Iterable[ParsedDocument]) -> dict[tuple[str, str], str]:
    """Map numbers as they are compared to how the carrier gave them."""
    return {
        (r.contract, compared(ref.value)): ref.value
        for r in readings
        for e in r.events
        for ref in e.references
        if ref.kind is ReferenceKind.TRACKING_NUMBER
    }


def _volume(row: Row) -> int:
    """Return which parcel a number is of; one of the whole invoice has one parcel."""
    if row["volume"] == 0 and row["volumes"] == 1:
        return 1
    volume: int = row["volume"]
    return volume


def _view(row: Row, volume: int, number: str) -> ParcelView:
    reference = Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number)
    return ParcelView((reference,), number, row["invoice_key"] or "", volume)

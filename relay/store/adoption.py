"""Adoption of tracking numbers that carriers assign and send in their events."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.clock import micros
from relay.domain.events import ParcelView, Reference, ReferenceKind, compared
from relay.store.codec import ids
from relay.store.database import Row, Transaction
from relay.store.event_rows import Pace, ParsedDocument, mark_due
from relay.store.renewed_matches import rematch
from relay.text import storable

Adoption = Callable[[ParcelView], tuple[str | None, str | None]]
"""Returns courier name and tracking URL of a parcel, by the contract's settings."""


@dataclass(frozen=True, slots=True)
class Adopting:
    """Adopts tracking numbers at *now*; `adoptions` are by contract."""

    now: datetime
    pace: Pace
    adoptions: Mapping[str, Adoption]
    lower_bounds: Mapping[str, timedelta]

    async def from_readings(
        self, tx: Transaction, readings: Sequence[ParsedDocument]
    ) -> None:
        """Adopt the numbers in *readings*, in the transaction that stores them."""
        adopting = [r for r in readings if r.contract in self.adoptions and r.events]
        if not adopting:
            return
        documents = ids("document", (r.document for r in adopting))
        found = await tx.rows("shipments_without_number", rows=documents)
        await self.for_shipments(tx, (r["shipment"] for r in found), _given(adopting))

    async def for_shipments(
        self,
        tx: Transaction,
        shipments: Iterable[int],
        given: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """Adopt the numbers in stored events of *shipments*.

        *given* are the carriers' own spellings, by contract and normalized value.
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
        poll = parcel | {"contract": row["contract"]}
        await tx.run("adopt_for_poll", **poll, tracking_number=number)
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
        text = f"the carrier assigned tracking number {number} to volume {volume}"
        await tx.run("note", shipment=shipment, now=micros(self.now), text=text)

    async def _match_again(
        self, tx: Transaction, adopted: Mapping[str, set[int]]
    ) -> None:
        """Match the earlier events that have only these numbers."""
        pace = self.pace
        for contract, references in adopted.items():
            touched = await rematch(tx, references, self.lower_bounds, contract)
            await mark_due(tx, touched, self.now, pace)


def _given(readings: Iterable[ParsedDocument]) -> dict[tuple[str, str], str]:
    """Map normalized numbers to the carrier's own spelling."""
    return {
        (r.contract, compared(ref.value)): ref.value
        for r in readings
        for e in r.events
        for ref in e.references
        if ref.kind is ReferenceKind.TRACKING_NUMBER
    }


def _volume(row: Row) -> int:
    """Return the volume of a number; the only parcel of an invoice is volume 1."""
    if row["volume"] == 0 and row["volumes"] == 1:
        return 1
    volume: int = row["volume"]
    return volume


def _view(row: Row, volume: int, number: str) -> ParcelView:
    reference = Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number)
    return ParcelView((reference,), number, row["invoice_key"] or "", volume)

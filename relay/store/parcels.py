"""One shipment's parcels and references, on their way into the tables."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros
from relay.labels import LabelParcel
from relay.store.database import Row, Transaction
from relay.store.references import Key, key, rematch
from relay.store.spelling import clean, ids
from relay.tracking import Reference, ReferenceKind

FIRST_POLL: Final = timedelta(minutes=30)
"""How long after its label a carrier is first asked for a parcel."""

Placed = tuple[Reference, int]
"""A reference and its volume; 0 is the whole invoice."""


@dataclass(frozen=True, slots=True)
class Writing:
    """One shipment that is being written to, under one contract.

    `interned` are the ids of every reference that may be touched, locked.
    """

    tx: Transaction
    shipment: int
    contract: str
    interned: Mapping[Key, int]
    now: datetime

    async def put(
        self, parcels: Iterable[LabelParcel], dispatched_at: int | None
    ) -> None:
        """Store boxes as they are now, to be asked for after a first delay."""
        put = [self._parcel(p, dispatched_at) for p in parcels]
        await self.tx.many("put_parcel", put)
        boxes = [(p["volume"], p["tracking_number"]) for p in put]
        await self.ask_for(boxes, self.now + FIRST_POLL)

    async def ask_for(
        self, boxes: Iterable[tuple[int, str | None]], at: datetime
    ) -> None:
        """Have the contract's carrier asked for volumes under these numbers.

        Those that it is asked for already keep their turn, unless the number is new.
        """
        rows = [
            {
                "shipment": self.shipment,
                "contract": self.contract,
                "volume": volume,
                "tracking_number": number,
                "now": micros(self.now),
                "poll_at": micros(at),
            }
            for volume, number in boxes
        ]
        await self.tx.many("put_poll", rows)

    async def register(
        self,
        placed: Iterable[Placed],
        *,
        registered_at: int,
        dispatched_at: int | None,
    ) -> None:
        """Store under what carriers may speak of the shipment, from when on."""
        rows = [
            {
                "reference": self.interned[key(self.contract, reference)],
                "shipment": self.shipment,
                "volume": volume,
                "given": clean(reference.value),
                "registered_at": registered_at,
                "dispatched_at": dispatched_at,
            }
            for reference, volume in placed
        ]
        await self.tx.many("register_reference", rows)

    async def others(
        self, references: Iterable[Reference], account: str, order_id: str
    ) -> list[str]:
        """Warn of open shipments of other orders under the same numbers."""
        numbers = {
            self.interned[k]
            for r in references
            if r.kind is ReferenceKind.TRACKING_NUMBER
            and (k := key(self.contract, r)) in self.interned
        }
        found = await self.tx.rows(
            "others_under_reference",
            rows=ids("reference", numbers),
            account=account,
            order_id=order_id,
        )
        return [
            f"trackingNumber: also open under order {r['order_id']}, "
            f"invoice {r['invoice_number']}: its scans count for all of them"
            for r in found
        ]

    async def note(self, text: str) -> None:
        """Write down what happened, for the timeline."""
        await self.tx.run(
            "note", shipment=self.shipment, now=micros(self.now), text=clean(text)
        )

    def _parcel(self, parcel: LabelParcel, dispatched_at: int | None) -> dict[str, Any]:
        number = parcel.tracking_number
        return {
            "shipment": self.shipment,
            "volume": parcel.volume,
            "contract": self.contract,
            "tracking_number": clean(number) if number else None,
            "now": micros(self.now),
            "dispatched_at": dispatched_at,
        }


async def registered(tx: Transaction, shipment: int) -> Sequence[Row]:
    """Return the references of a shipment that were not voided."""
    found = await tx.rows("references_of_shipments", rows=ids("shipment", [shipment]))
    return [r for r in found if r["voided_at"] is None]


def stored_key(row: Row) -> Key:
    """Return the key of a row of `registered`."""
    return (row["contract"], row["kind"], row["value"])


def stored_reference(row: Row) -> Reference:
    """Return the reference of a row of `registered`, as it was given."""
    return Reference(kind=ReferenceKind(row["kind"]), value=row["given"])


async def rematch_all(
    tx: Transaction,
    interned: Mapping[Key, int],
    lower_bounds: Mapping[str, timedelta],
) -> set[int]:
    """Match anew what bears these references, contract by contract."""
    by_contract: dict[str, list[int]] = defaultdict(list)
    for (contract, _, _), reference in interned.items():
        by_contract[contract].append(reference)
    touched: set[int] = set()
    for contract, references in sorted(by_contract.items()):
        touched |= await rematch(tx, references, lower_bounds, contract)
    return touched

"""The rows of a label: its parcels and references."""

from collections.abc import Collection
from dataclasses import dataclass

from relay.clock import micros
from relay.domain.label_merge import MergedLabel
from relay.domain.labels import Label, LabelParcel
from relay.problem_codes import CodedWarning
from relay.store.codec import numbers, stored
from relay.store.reference_checks import refuse_too_many
from relay.store.references import Key, key
from relay.store.shipment_rows import ShipmentWriter, placed, registered, stored_key


@dataclass(frozen=True, slots=True)
class LabelWriter(ShipmentWriter):
    """Writes parcels and references of one label."""

    async def begin(self) -> None:
        """Void what was registered before a cancellation."""
        values = {"shipment": self.shipment, "now": micros(self.now)}
        await self.tx.run("void_references_of_shipment", **values)
        await self.tx.run("delete_parcels", shipment=self.shipment)
        await self.tx.run("delete_polls", shipment=self.shipment)

    async def take_over(self, label: Label) -> None:
        """Void what the order's cancelled labels had of the same parcel.

        Otherwise its events would stay theirs, as if the carrier had used the number
        again.
        """
        await self.tx.run(
            "void_references_of_cancelled",
            shipment=self.shipment,
            account=label.account,
            order_id=label.order_id,
            rows=numbers(self.interned.values()),
            now=micros(self.now),
        )

    async def redate(self, dispatched_at: int | None) -> None:
        """Set the dispatch date of every reference: events before it do not match."""
        values = {"shipment": self.shipment, "dispatched_at": dispatched_at}
        await self.tx.run("redate_references", **values)

    async def store(
        self, merged: MergedLabel, label: Label, dispatched_at: int | None
    ) -> bool:
        """Write parcels and new references; return whether there were new ones."""
        parcels = await self.tx.rows("parcels_of_shipment", shipment=self.shipment)
        had = {
            (stored_key(r), r["volume"])
            for r in await registered(self.tx, self.shipment)
        }
        volumes = {p["volume"] for p in parcels}
        return await self._store(merged, label, dispatched_at, volumes, had)

    async def store_first(
        self, merged: MergedLabel, label: Label, dispatched_at: int | None
    ) -> None:
        """Write parcels and references of a shipment that has none."""
        await self._store(merged, label, dispatched_at, set(), set())

    async def _store(
        self,
        merged: MergedLabel,
        label: Label,
        dispatched_at: int | None,
        volumes: Collection[int],
        had: Collection[tuple[Key, int]],
    ) -> bool:
        known_volumes = {p.volume for p in merged.parcels}.union(volumes)
        blank = [v for v in range(1, merged.volumes + 1) if v not in known_volumes]
        parcels = [*merged.parcels, *(LabelParcel(volume=v) for v in blank)]
        await self.put(parcels, stored(label.dispatched_at))
        fresh = [
            (reference, volume)
            for reference, volume in placed(merged, label)
            if (k := key(self.contract, reference)) in self.interned
            and (k, volume) not in had
        ]
        refuse_too_many(len(had), len(fresh))
        now = micros(self.now)
        await self.register(fresh, registered_at=now, dispatched_at=dispatched_at)
        return bool(fresh)

    async def others(self, merged: MergedLabel, label: Label) -> list[CodedWarning]:
        """Return warnings about other open orders with the same tracking numbers."""
        references = [reference for reference, _ in placed(merged, label)]
        return await self.sharing(references, label.account, label.order_id)

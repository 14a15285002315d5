"""Registering a label: shipment, parcels and references in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.clock import micros
from relay.domain.label_merge import MergedLabel, merge_label
from relay.domain.labels import Label, LabelParcel
from relay.domain.shipment import CANCELLED
from relay.store.adoption import Adopting, Adoption
from relay.store.codec import new_id, stored
from relay.store.database import Database, Row, Transaction
from relay.store.event_rows import Pace, mark_due
from relay.store.references import Key, intern, key
from relay.store.shipment_rows import (
    ShipmentWriter,
    columns,
    invoice,
    keys,
    known,
    placed,
    refuse_erased,
    registered,
    rematch_all,
    stored_key,
)


@dataclass(frozen=True, slots=True)
class RegistrationResult:
    """What became of a label: the shipment's id, what is new, what to look at.

    `created` says that the shipment, or a volume of it, is new.
    """

    id: str
    created: bool
    updated: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shipments:
    """The ERP's side of the memory.

    `lower_bounds` and `adoptions` are the contracts' own, by contract.
    """

    database: Database
    pace: Pace = field(default_factory=Pace)
    lower_bounds: Mapping[str, timedelta] = field(default_factory=dict)
    adoptions: Mapping[str, Adoption] = field(default_factory=dict)

    async def register(self, label: Label, now: datetime) -> RegistrationResult:
        """Take over a label; the same label twice is one shipment.

        Raises `Conflict` and `InvalidLabel`, with the field and the way out.
        """
        async with self.database.writing() as tx:
            return await self._register(tx, label, now)

    async def _register(
        self, tx: Transaction, label: Label, now: datetime
    ) -> RegistrationResult:
        interned = await intern(tx, {*keys(label), *await _voided(tx, label)})
        row, anew = await _locked(tx, label, now)
        joined = merge_label(None if anew else await known(tx, row), label)
        after = columns(row, label, joined, now, anew=anew)
        writing = _Registering(tx, row["shipment"], label.contract, interned, now)
        if anew:
            await writing.begin()
        await tx.run("change_shipment", **after)
        redated = row["dispatched_at"] != after["dispatched_at"]
        fresh = await writing.store(joined, label, after["dispatched_at"])
        if redated:
            await writing.redate(after["dispatched_at"])
        if fresh or redated:
            await self._match_again(writing)
        updated = joined.updated or (("references",) if fresh and not anew else ())
        if updated or anew:
            await tx.run("make_due", shipment=row["shipment"], now=micros(now))
            await writing.note(_story(label, updated, anew=anew))
        others = await writing.others(
            [r for r, _ in placed(joined, label)], label.account, label.order_id
        )
        warnings = (*joined.warnings, *others)
        return RegistrationResult(
            row["id"], anew or joined.new_volume, updated, warnings
        )

    async def _match_again(self, writing: "_Registering") -> None:
        """Let scans count that were waiting for the label."""
        tx, now, pace = writing.tx, writing.now, self.pace
        touched = await rematch_all(tx, writing.interned, self.lower_bounds)
        await mark_due(tx, touched, now, pace)
        if writing.contract in self.adoptions:
            adopting = Adopting(now, pace, self.adoptions, self.lower_bounds)
            await adopting.for_shipments(tx, [writing.shipment])
        values = {"shipment": writing.shipment, "now": micros(now)}
        await tx.run("withdraw_unmatched_published", **values)


@dataclass(frozen=True, slots=True)
class _Registering(ShipmentWriter):
    """One label on its way into parcels and references."""

    async def begin(self) -> None:
        """Forget what was registered before a cancellation."""
        values = {"shipment": self.shipment, "now": micros(self.now)}
        await self.tx.run("void_references_of_shipment", **values)
        await self.tx.run("delete_parcels", shipment=self.shipment)
        await self.tx.run("delete_polls", shipment=self.shipment)

    async def redate(self, dispatched_at: int | None) -> None:
        """Move the lower bounds of every reference with the dispatch date."""
        values = {"shipment": self.shipment, "dispatched_at": dispatched_at}
        await self.tx.run("redate_references", **values)

    async def store(
        self, joined: MergedLabel, label: Label, dispatched_at: int | None
    ) -> bool:
        """Write the boxes and what is new of references; say whether any is."""
        rows = await self.tx.rows("parcels_of_shipment", shipment=self.shipment)
        there = {p.volume for p in joined.parcels} | {r["volume"] for r in rows}
        blank = [v for v in range(1, joined.volumes + 1) if v not in there]
        parcels = [*joined.parcels, *(LabelParcel(volume=v) for v in blank)]
        await self.put(parcels, stored(label.dispatched_at))
        had = {
            (stored_key(r), r["volume"])
            for r in await registered(self.tx, self.shipment)
        }
        fresh = [
            (reference, volume)
            for reference, volume in placed(joined, label)
            if (k := key(self.contract, reference)) in self.interned
            and (k, volume) not in had
        ]
        now = micros(self.now)
        await self.register(fresh, registered_at=now, dispatched_at=dispatched_at)
        return bool(fresh)


async def _voided(tx: Transaction, label: Label) -> list[Key]:
    """Return what a cancelled shipment has registered: it begins anew."""
    row = await tx.row("find_shipment", **invoice(label))
    if row is None or row["closed_reason"] != CANCELLED:
        return []
    return [stored_key(r) for r in await registered(tx, row["shipment"])]


async def _locked(tx: Transaction, label: Label, now: datetime) -> tuple[Row, bool]:
    """Return the row of the label's shipment, locked, and whether it begins."""
    key_of_shipment = invoice(label)
    row = await tx.row("shipment_by_invoice", **key_of_shipment)
    if row is None:
        await tx.run("add_account", account=label.account)
        new = {"id": new_id(now), "contract": label.contract, "now": micros(now)}
        await tx.run("add_shipment", **key_of_shipment, **new)
        row = await tx.row("shipment_by_invoice", **key_of_shipment)
    assert row is not None  # noqa: S101 -- the statement before made it
    refuse_erased(row)
    return row, row["volumes"] == 0 or row["closed_reason"] == CANCELLED


def _story(label: Label, updated: tuple[str, ...], *, anew: bool) -> str:
    if not anew:
        return f"registered again: {', '.join(updated)}"
    return "registered, on the road already" if label.imported else "registered"

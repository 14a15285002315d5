"""Registration of labels: shipment, parcels and references in one transaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.clock import micros
from relay.domain.label_merge import MergedLabel, merge_label
from relay.domain.labels import Label, LabelParcel
from relay.domain.shipment import CANCELLED
from relay.problem_codes import CodedWarning
from relay.store.adoption import Adopting, Adoption
from relay.store.codec import new_id, numbers, rows, stored
from relay.store.database import Database, Row, Transaction
from relay.store.event_rows import Pace, mark_due
from relay.store.reference_checks import refuse_foreign, refuse_too_many
from relay.store.references import Interned, Key, interned, key
from relay.store.shipment_lists import ListedShipment, listed
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
    """The result of registering a label; `updated` are JSON names of changed fields.

    `created` says that the shipment, or a volume of it, is new.
    """

    id: str
    created: bool
    updated: tuple[str, ...]
    warnings: tuple[CodedWarning, ...]


_Place = tuple[str, str, str]
"""Account, order and invoice number of a shipment."""
Registered = tuple[RegistrationResult, ListedShipment]
"""What registering a label did, and the shipment afterwards."""


@dataclass(frozen=True, slots=True)
class Shipments:
    """Registers labels; `lower_bounds` and `adoptions` are settings by contract."""

    database: Database
    pace: Pace = field(default_factory=Pace)
    lower_bounds: Mapping[str, timedelta] = field(default_factory=dict)
    adoptions: Mapping[str, Adoption] = field(default_factory=dict)

    async def register(self, label: Label, now: datetime) -> RegistrationResult:
        """Register a label; repeating it changes nothing.

        Raises `Conflict` and `InvalidLabel`, with the field and a hint.
        """
        ((registered, _),) = await self.register_together([(label, now)])
        return registered

    async def register_together(
        self, labels: Sequence[tuple[Label, datetime]]
    ) -> list[Registered]:
        """Register labels in one transaction, each at its time.

        Raises the error of the first that is refused; nothing is stored then.
        """

        async def together(tx: Transaction) -> list[Registered]:
            done = await self.register_in(tx, labels)
            now = max(now for _, now in labels)
            after = await listed(tx, [r.id for r in done], now)
            return list(zip(done, after, strict=True))

        return await self.database.write_in_one_go(together)

    async def register_in(
        self, tx: Transaction, labels: Sequence[tuple[Label, datetime]]
    ) -> list[RegistrationResult]:
        """Register labels in an open transaction; see `register_together`."""
        voided = await _voided(tx, [label for label, _ in labels])
        wanted = [{*keys(label), *voided[_place(label)]} for label, _ in labels]
        # All at once, in sorted order: one by one, two transactions could deadlock.
        known = await interned(tx, set[Key]().union(*wanted))
        for account in sorted({label.account for label, _ in labels}):
            await tx.run("add_account", account=account)
        done: list[RegistrationResult] = []
        fresh = set(known.fresh)
        for (label, now), own in zip(labels, wanted, strict=True):
            theirs = Interned({k: known.numbers[k] for k in own}, frozenset(fresh))
            done.append(await self._register(tx, label, theirs, now))
            fresh.difference_update(theirs.numbers.values())  # the next label's are not
        return done

    async def _register(
        self, tx: Transaction, label: Label, own: Interned, now: datetime
    ) -> RegistrationResult:
        row, is_added = await _locked(tx, label, now)
        if is_added:
            return await self._register_new(tx, row, label, own, now)
        is_new = row["volumes"] == 0 or row["closed_reason"] == CANCELLED
        merged = merge_label(None if is_new else await known(tx, row), label)
        after = columns(row, label, merged, now, is_new=is_new)
        writing = _Registering(tx, row["shipment"], label.contract, own.numbers, now)
        await refuse_foreign(writing, placed(merged, label), label.visible)
        if is_new and row["volumes"]:
            await writing.begin()
        if is_new:
            await writing.take_over(label)
        await tx.run("change_shipment", **after)
        redated = row["dispatched_at"] != after["dispatched_at"]
        fresh = await writing.store(merged, label, after["dispatched_at"])
        if redated:
            await writing.redate(after["dispatched_at"])
        if fresh or redated:
            await self._match_again(writing)
        updated = merged.updated or (("references",) if fresh and not is_new else ())
        if updated or is_new:
            await tx.run("make_due", shipment=row["shipment"], now=micros(now))
            await writing.note(_story(label, updated, is_new=is_new))
        warnings = (*merged.warnings, *await writing.others(merged, label))
        return RegistrationResult(
            row["id"], is_new or merged.new_volume, updated, warnings
        )

    async def _register_new(
        self, tx: Transaction, row: Row, label: Label, own: Interned, now: datetime
    ) -> RegistrationResult:
        """Register the first label of a shipment, whose *row* was added just now."""
        merged = merge_label(None, label)
        after = columns(row, label, merged, now, is_new=True)
        writing = _Registering(tx, row["shipment"], label.contract, own.numbers, now)
        # Nobody else, and no event that came before the label, has fresh references.
        are_fresh = own.fresh.issuperset(own.numbers.values())
        if not are_fresh:
            await refuse_foreign(writing, placed(merged, label), label.visible)
            await writing.take_over(label)
        await tx.run("register_shipment", **after)
        await writing.store_first(merged, label, after["dispatched_at"])
        if not are_fresh:
            await self._match_again(writing)
        await writing.note(_story(label, (), is_new=True))
        others = () if are_fresh else await writing.others(merged, label)
        return RegistrationResult(row["id"], True, (), (*merged.warnings, *others))

    async def _match_again(self, writing: "_Registering") -> None:
        """Match the events that arrived before the label."""
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


async def _voided(
    tx: Transaction, labels: Sequence[Label]
) -> Mapping[_Place, list[Key]]:
    """Return the references of cancelled shipments: the labels register them again."""
    found = await tx.rows("shipments_of_invoices", rows=rows(map(invoice, labels)))
    voided: dict[_Place, list[Key]] = defaultdict(list)
    for row in found:
        if row["closed_reason"] == CANCELLED:
            place = (row["account"], row["order_id"], row["invoice_number"])
            again = await registered(tx, row["shipment"])
            voided[place] = [stored_key(r) for r in again]
    return voided


def _place(label: Label) -> _Place:
    return (label.account, label.order_id, label.invoice_number)


async def _locked(tx: Transaction, label: Label, now: datetime) -> tuple[Row, bool]:
    """Return the locked row of the label's shipment, and whether it was just added."""
    place = invoice(label)
    new = {"id": new_id(now), "contract": label.contract, "now": micros(now)}
    row = await tx.row("shipment_by_invoice", **place)
    if row is None:
        added = await tx.row("add_shipment", **place, **new)
        if added is not None:
            return added, True
        # another replica has added it meanwhile
        row = await tx.row("shipment_by_invoice", **place)
    assert row is not None  # noqa: S101 -- added by the other replica
    refuse_erased(row)
    return row, False


def _story(label: Label, updated: tuple[str, ...], *, is_new: bool) -> str:
    if not is_new:
        return f"registered again: {', '.join(updated)}"
    return "registered; already in transit" if label.imported else "registered"

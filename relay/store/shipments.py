"""Registration of labels: shipment, parcels and references in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.clock import micros
from relay.domain.label_merge import MergedLabel, merge_label
from relay.domain.labels import Label, LabelParcel
from relay.domain.outgoing_events import (
    REGISTERED,
    OutgoingProgress,
    Subscriptions,
    of_row,
)
from relay.domain.shipment import CANCELLED
from relay.problem_codes import CodedWarning
from relay.store.adoption import Adopting, Adoption
from relay.store.codec import as_dict, dumps, new_id, stored
from relay.store.database import Database, Row, Transaction
from relay.store.event_rows import Pace, mark_due
from relay.store.outgoing_events import record_outgoing
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


Registered = tuple[RegistrationResult, ListedShipment]
"""What registering a label did, and the shipment afterwards."""


@dataclass(frozen=True, slots=True)
class Shipments:
    """Registers labels; `lower_bounds` and `adoptions` are settings by contract."""

    database: Database
    pace: Pace = field(default_factory=Pace)
    lower_bounds: Mapping[str, timedelta] = field(default_factory=dict)
    adoptions: Mapping[str, Adoption] = field(default_factory=dict)
    subscriptions: Subscriptions = ()

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
        wanted = [{*keys(label), *await _voided(tx, label)} for label, _ in labels]
        # All at once, in sorted order: one by one, two transactions could deadlock.
        known = await interned(tx, set[Key]().union(*wanted))
        done: list[RegistrationResult] = []
        for (label, now), own in zip(labels, wanted, strict=True):
            theirs = Interned({k: known.numbers[k] for k in own}, known.fresh)
            done.append(await self._register(tx, label, theirs, now))
        return done

    async def _register(
        self, tx: Transaction, label: Label, own: Interned, now: datetime
    ) -> RegistrationResult:
        row, is_new = await _locked(tx, label, now)
        merged = merge_label(None if is_new else await known(tx, row), label)
        after = columns(row, label, merged, now, is_new=is_new)
        writing = _Registering(tx, row["shipment"], label.contract, own.numbers, now)
        await refuse_foreign(writing, placed(merged, label), label.visible)
        if is_new and row["volumes"]:
            await writing.begin()
        await tx.run("change_shipment", **after)
        redated = row["dispatched_at"] != after["dispatched_at"]
        fresh = await writing.store(merged, label, after["dispatched_at"])
        if redated:
            await writing.redate(after["dispatched_at"])
        # An event that arrived before the label has created one of its references.
        first = not row["volumes"] and own.fresh.issuperset(own.numbers.values())
        if (fresh or redated) and not first:
            await self._match_again(writing)
        updated = merged.updated or (("references",) if fresh and not is_new else ())
        if updated or is_new:
            await tx.run("make_due", shipment=row["shipment"], now=micros(now))
            await writing.note(_story(label, updated, is_new=is_new))
        if is_new and self.subscriptions:
            await self._record_outgoing(tx, as_dict(row) | after, label, now)
        others = await writing.others(
            [r for r, _ in placed(merged, label)], label.account, label.order_id
        )
        warnings = (*merged.warnings, *others)
        return RegistrationResult(
            row["id"], is_new or merged.new_volume, updated, warnings
        )

    async def _record_outgoing(
        self, tx: Transaction, row: Row, label: Label, now: datetime
    ) -> None:
        """Record the registration as an outgoing event, the first of its shipment.

        Of a parcel that is already in transit the past is not recorded.
        """
        event = of_row(REGISTERED, row, now)
        await record_outgoing(tx, [event], self.subscriptions, now)
        nothing = dumps(OutgoingProgress().as_json())
        values = {"shipment": row["shipment"], "progress": nothing}
        if not label.imported:
            await tx.run("record_outgoing_progress", **values)

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

    async def redate(self, dispatched_at: int | None) -> None:
        """Set the dispatch date of every reference: events before it do not match."""
        values = {"shipment": self.shipment, "dispatched_at": dispatched_at}
        await self.tx.run("redate_references", **values)

    async def store(
        self, merged: MergedLabel, label: Label, dispatched_at: int | None
    ) -> bool:
        """Write parcels and new references; return whether there were new ones."""
        rows = await self.tx.rows("parcels_of_shipment", shipment=self.shipment)
        known_volumes = {p.volume for p in merged.parcels} | {r["volume"] for r in rows}
        blank = [v for v in range(1, merged.volumes + 1) if v not in known_volumes]
        parcels = [*merged.parcels, *(LabelParcel(volume=v) for v in blank)]
        await self.put(parcels, stored(label.dispatched_at))
        had = {
            (stored_key(r), r["volume"])
            for r in await registered(self.tx, self.shipment)
        }
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


async def _voided(tx: Transaction, label: Label) -> list[Key]:
    """Return the references of a cancelled shipment: the label registers it again."""
    row = await tx.row("find_shipment", **invoice(label))
    if row is None or row["closed_reason"] != CANCELLED:
        return []
    return [stored_key(r) for r in await registered(tx, row["shipment"])]


async def _locked(tx: Transaction, label: Label, now: datetime) -> tuple[Row, bool]:
    """Return the locked row of the label's shipment, and whether it is new."""
    key_of_shipment = invoice(label)
    row = await tx.row("shipment_by_invoice", **key_of_shipment)
    if row is None:
        await tx.run("add_account", account=label.account)
        new = {"id": new_id(now), "contract": label.contract, "now": micros(now)}
        await tx.run("add_shipment", **key_of_shipment, **new)
        row = await tx.row("shipment_by_invoice", **key_of_shipment)
    assert row is not None  # noqa: S101 -- inserted just above
    refuse_erased(row)
    return row, row["volumes"] == 0 or row["closed_reason"] == CANCELLED


def _story(label: Label, updated: tuple[str, ...], *, is_new: bool) -> str:
    if not is_new:
        return f"registered again: {', '.join(updated)}"
    return "registered; already in transit" if label.imported else "registered"

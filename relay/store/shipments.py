"""Registration of labels: shipment, parcels and references in one transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.clock import micros
from relay.domain.label_merge import merge_label
from relay.domain.labels import Label
from relay.domain.outgoing_events import (
    REGISTERED,
    OutgoingProgress,
    Subscriptions,
    of_row,
)
from relay.domain.shipment import CANCELLED
from relay.problem_codes import CodedWarning
from relay.store.adoption import Adopting, Adoption
from relay.store.codec import as_dict, dumps, new_id, rows
from relay.store.database import Database, Row, Transaction
from relay.store.event_rows import Pace, mark_due
from relay.store.label_writer import LabelWriter
from relay.store.outgoing_events import record_outgoing
from relay.store.reference_checks import refuse_foreign
from relay.store.references import Interned, Key, interned
from relay.store.shipment_lists import ListedShipment, listed
from relay.store.shipment_rows import (
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
        writing = LabelWriter(tx, row["shipment"], label.contract, own.numbers, now)
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
        if is_new and self.subscriptions:
            await self._record_outgoing(tx, as_dict(row) | after, label, now)
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
        writing = LabelWriter(tx, row["shipment"], label.contract, own.numbers, now)
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
        if self.subscriptions:
            await self._record_outgoing(tx, as_dict(row) | after, label, now)
        others = () if are_fresh else await writing.others(merged, label)
        return RegistrationResult(row["id"], True, (), (*merged.warnings, *others))

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

    async def _match_again(self, writing: LabelWriter) -> None:
        """Match the events that arrived before the label."""
        tx, now, pace = writing.tx, writing.now, self.pace
        touched = await rematch_all(tx, writing.interned, self.lower_bounds)
        await mark_due(tx, touched, now, pace)
        if writing.contract in self.adoptions:
            adopting = Adopting(now, pace, self.adoptions, self.lower_bounds)
            await adopting.for_shipments(tx, [writing.shipment])
        values = {"shipment": writing.shipment, "now": micros(now)}
        await tx.run("withdraw_unmatched_published", **values)


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

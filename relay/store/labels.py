"""Registering a label: shipment, parcels and references in one transaction."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from relay.clock import micros
from relay.labels import (
    Joined,
    KnownParcel,
    KnownShipment,
    Label,
    LabelParcel,
    join,
    parcel_references,
)
from relay.store.database import Database, Row, Transaction
from relay.store.events import Pace
from relay.store.references import Key, bring_news, intern, key, rematch
from relay.store.spelling import clean, dumps, ids, stored
from relay.tracking import Reference, ReferenceKind

CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of a label: the shipment's id, what is new, what to look at."""

    id: str
    created: bool
    updated: tuple[str, ...]
    warnings: tuple[str, ...]


class Labels:
    """The ERP's side of the memory."""

    def __init__(
        self, database: Database, pace: Pace, lower_bounds: Mapping[str, timedelta]
    ) -> None:
        self._database = database
        self._pace = pace
        self._lower_bounds = lower_bounds

    async def register(self, label: Label, now: datetime) -> Registered:
        """Take over a label; the same label twice is one shipment.

        Raises `Conflict` and `InvalidLabel`, with the field and the way out.
        """
        async with self._database.writing() as tx:
            return await self._register(tx, label, now)

    async def _register(
        self, tx: Transaction, label: Label, now: datetime
    ) -> Registered:
        keys = _keys(label)
        interned = await intern(tx, keys)
        row, anew = await self._shipment(tx, label, now)
        known = None if anew else await _known(tx, row)
        joined = join(known, label)
        columns = _columns(row, label, joined, now, anew=anew)
        await tx.run("change_shipment", **columns)
        registering = _Registering(tx, row["shipment"], label, interned, now)
        references = await registering.store(joined)
        if row["dispatched_at"] != columns["dispatched_at"]:
            await registering.redate(columns["dispatched_at"])
        others = await registering.others(references)
        touched = await rematch(tx, references, self._lower_bounds, label.contract)
        await self._due(tx, row["shipment"], touched, now)
        warnings = (*joined.warnings, *others)
        await _note(tx, row["shipment"], now, _story(joined, anew=anew))
        return Registered(
            row["id"], anew or joined.new_volume, joined.updated, warnings
        )

    async def _shipment(
        self, tx: Transaction, label: Label, now: datetime
    ) -> tuple[Row, bool]:
        """Return the row of the label's shipment, locked, and whether it begins."""
        invoice = {
            "account": label.account,
            "order_id": label.order_id,
            "invoice_number": label.invoice_number,
        }
        row = await tx.row("shipment_by_invoice", **invoice)
        if row is None:
            await tx.run("add_account", account=label.account)
            await tx.run(
                "add_shipment",
                **invoice,
                id=new_id(now),
                contract=label.contract,
                now=micros(now),
            )
            row = await tx.row("shipment_by_invoice", **invoice)
        assert row is not None  # noqa: S101 -- the statement before made it
        if row["closed_because"] == CANCELLED:
            values = {"shipment": row["shipment"], "now": micros(now)}
            await tx.run("void_references_of_shipment", **values)
            return row, True
        return row, row["volumes"] == 0

    async def _due(
        self, tx: Transaction, shipment: int, touched: set[int], now: datetime
    ) -> None:
        """Make the label due at once; what else it changed, after the quiet time."""
        others = touched - {shipment}
        pace = self._pace
        await bring_news(tx, others, now, quiet=pace.quiet, longest=pace.longest)
        await tx.run("make_due", shipment=shipment, now=micros(now))


@dataclass(frozen=True, slots=True)
class _Registering:
    """One label on its way into parcels and references."""

    tx: Transaction
    shipment: int
    label: Label
    interned: Mapping[Key, int]
    now: datetime

    async def store(self, joined: Joined) -> set[int]:
        """Write parcels and references; return the ids of the references."""
        dispatched_at = stored(self.label.dispatched_at)
        references = [(r, 0) for r in _invoice_references(self.label)]
        named = {p.volume: p for p in joined.parcels}
        known = await self.tx.rows("parcels_of_shipment", shipment=self.shipment)
        numbers = {p["volume"]: p["tracking_number"] for p in known}
        parcels = []
        for volume in range(1, joined.volumes + 1):
            parcel = named.get(volume, LabelParcel(numbers.get(volume), volume))
            references += [(r, volume) for r in parcel_references(parcel)]
            if volume in named or volume not in numbers:
                parcels.append(self._parcel(parcel, dispatched_at))
        await self.tx.many("put_parcel", parcels)
        wanted = [(r, v) for r, v in references if self._key(r) in self.interned]
        await self.tx.many(
            "register_reference",
            [self._reference(r, v, dispatched_at) for r, v in wanted],
        )
        return {self.interned[self._key(r)] for r, _ in wanted}

    async def redate(self, dispatched_at: int | None) -> None:
        """Move the lower bounds with an earlier dispatch date."""
        await self.tx.run(
            "redate_references", shipment=self.shipment, dispatched_at=dispatched_at
        )

    async def others(self, references: set[int]) -> list[str]:
        """Warn of open shipments of other orders under the same number."""
        own = {
            self.interned[self._key(r)]
            for p in self.label.parcels
            for r in parcel_references(p)
        }
        found = await self.tx.rows(
            "others_under_reference",
            rows=ids("reference", references & own),
            account=self.label.account,
            order_id=self.label.order_id,
        )
        return [
            f"trackingNumber: also open under order {r['order_id']}, "
            f"invoice {r['invoice_number']}: its scans count for all of them"
            for r in found
        ]

    def _key(self, reference: Reference) -> Key:
        return key(self.label.contract, reference)

    def _parcel(self, parcel: LabelParcel, dispatched_at: int | None) -> dict[str, Any]:
        number = parcel.tracking_number
        return {
            "shipment": self.shipment,
            "volume": parcel.volume,
            "contract": self.label.contract,
            "tracking_number": clean(number) if number else None,
            "now": micros(self.now),
            "dispatched_at": dispatched_at,
        }

    def _reference(
        self, reference: Reference, volume: int, dispatched_at: int | None
    ) -> dict[str, Any]:
        return {
            "reference": self.interned[self._key(reference)],
            "shipment": self.shipment,
            "volume": volume,
            "given": clean(reference.value),
            "registered_at": micros(self.now),
            "dispatched_at": dispatched_at,
        }


def _invoice_references(label: Label) -> list[Reference]:
    order = Reference(kind=ReferenceKind.ORDER_ID, value=label.order_id)
    return [order, *label.invoice_references]


def _keys(label: Label) -> list[Key]:
    references = _invoice_references(label)
    for parcel in label.parcels:
        references += parcel_references(parcel)
    return [key(label.contract, r) for r in references]


async def _known(tx: Transaction, row: Row) -> KnownShipment:
    parcels = await tx.rows("parcels_of_shipment", shipment=row["shipment"])
    return KnownShipment(
        contract=row["contract"],
        volumes=row["volumes"],
        parcels={
            p["volume"]: KnownParcel(p["volume"], p["contract"], p["tracking_number"])
            for p in parcels
        },
        fields=dict(row),
        delivered_told=row["delivered_told_at"] is not None,
    )


def _columns(
    row: Row, label: Label, joined: Joined, now: datetime, *, anew: bool
) -> dict[str, Any]:
    """Return the shipment's columns as they are after the label."""
    names = (
        "shipment", "invoice_key", "promised_on", "tracking_number", "tracking_url",
        "courier", "dispatched_date", "announced_as", "dispatched_at",
        "closed_at", "closed_because", "stuck_at", "stuck_because", "registered_at",
    )  # fmt: skip
    columns = {name: row[name] for name in names}
    columns |= {name: clean(value) for name, value in joined.taken_over.items()}
    columns |= {"contract": label.contract, "volumes": joined.volumes}
    if anew:
        columns |= dict.fromkeys(
            ("closed_at", "closed_because", "stuck_at", "stuck_because")
        )
        columns["registered_at"] = micros(now)
    dispatched = [t for t in (row["dispatched_at"], stored(label.dispatched_at)) if t]
    columns["dispatched_at"] = min(dispatched, default=None)
    if label.announced and columns["announced_as"] is None:
        columns["announced_as"] = announcement_text(columns)
    return columns


def announcement_text(columns: Mapping[str, Any]) -> str | None:
    """Spell what VTEX has of an invoice as `announced_as` keeps it."""
    if not columns["tracking_number"]:
        return None
    names = ("tracking_number", "tracking_url", "courier", "dispatched_date")
    return dumps({name: columns[name] for name in names})


async def _note(tx: Transaction, shipment: int, now: datetime, text: str) -> None:
    await tx.run("note", shipment=shipment, now=micros(now), text=text)


def _story(joined: Joined, *, anew: bool) -> str:
    if anew:
        return "registered"
    if joined.new_volume:
        return "a volume was added"
    changes = ", ".join(joined.updated)
    return f"registered again; taken over: {changes}" if changes else "registered again"


def new_id(now: datetime) -> str:
    """Return an opaque id whose text sorts by time (UUIDv7, RFC 9562)."""
    milliseconds = micros(now) // 1000
    random = secrets.randbits(74)
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return str(UUID(int=value))


def with_volume(parcel: LabelParcel, volume: int) -> LabelParcel:
    """Return *parcel* as the box of that number."""
    return replace(parcel, volume=volume)

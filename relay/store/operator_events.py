"""What a person says happened: a document of the relay's own contract."""

from collections.abc import Collection
from datetime import datetime

from relay.adapters.operator import CONTRACT, SOURCE, operator_body, parcel_named
from relay.clock import micros, moment
from relay.domain.events import Milestone, Reference, ReferenceKind
from relay.domain.labels import Delivery
from relay.domain.matching import KnownReference, Registration, is_current
from relay.errors import Conflict, InvalidLabel
from relay.store.codec import at
from relay.store.database import Database, Row, Transaction
from relay.store.documents import NewDocument, document_columns
from relay.store.references import intern, key
from relay.store.shipment_rows import ShipmentWriter, refuse_over, stored_shipment


async def mark_delivered(
    database: Database, id_: str, delivery: Delivery, by: str, now: datetime
) -> None:
    """Keep a person's word as a document; read, it counts and is released.

    Raises `NotFound`; `Conflict` if the shipment was cancelled, or VTEX knows of
    a delivery; `InvalidLabel` if it happened too long before the label.
    """
    parcel = parcel_named(id_, delivery.volume)
    named = Reference(kind=ReferenceKind.SHIPMENT_ID, value=parcel)
    async with database.writing() as tx:
        interned = await intern(tx, [key(CONTRACT, named)])
        row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
        _check(row, delivery)
        writing = ShipmentWriter(tx, row["shipment"], CONTRACT, interned, now)
        await writing.register(
            [(named, delivery.volume)],
            registered_at=row["registered_at"],
            dispatched_at=row["dispatched_at"],
        )
        published = (
            parcel,
            Milestone.DELIVERED,
            delivery.occurred_at,
            delivery.description,
        )
        kept = NewDocument(CONTRACT, SOURCE, operator_body(*published, by), now)
        await tx.many("store_document", [document_columns(kept)])
        which = f"volume {delivery.volume}" if delivery.volume else "everything"
        await writing.note(f"{which} delivered, says {by}")


def _check(row: Row, delivery: Delivery) -> None:
    """Refuse what could never count."""
    refuse_over(row)
    if row["delivered_published_at"] is not None:
        raise Conflict(
            "VTEX was told that the shipment is delivered",
            hint="there is nothing left to say",
        )
    began = (moment(row["registered_at"]), at(row["dispatched_at"]))
    own = Registration(row["shipment"], 0, *began)
    known = KnownReference(0, ReferenceKind.SHIPMENT_ID, "", (own,))
    if not is_current(own, known, delivery.occurred_at):
        raise InvalidLabel(
            "it is long before the label was registered",
            field="occurredAt",
            hint="say when it happened",
        )


async def poll_now(
    database: Database, id_: str, by: str, now: datetime, asked: Collection[str]
) -> None:
    """Have the carrier asked for every parcel at once; reopen an expired shipment.

    *asked* are the contracts whose carriers are asked at all. A shipment that is
    closed otherwise is asked for once, and stays closed without news. Raises
    `NotFound`, and `Conflict` if it was cancelled or forgotten, or its carriers only
    call.
    """
    async with database.writing() as tx:
        row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
        refuse_over(row)
        await _refuse_unasked(tx, row["shipment"], asked)
        values = {"shipment": row["shipment"], "now": micros(now)}
        await tx.run("reopen_for_polling", **values)
        await tx.run("poll_parcels_now", **values)
        await tx.run("note", **values, text=f"to be asked for at once, says {by}")


async def _refuse_unasked(
    tx: Transaction, shipment: int, asked: Collection[str]
) -> None:
    """Raise `Conflict` unless a carrier that has a parcel of it is asked."""
    polls = await tx.rows("polls_of_shipment", shipment=shipment)
    contracts = sorted({p["contract"] for p in polls})
    if set(contracts).isdisjoint(asked):
        raise Conflict(
            f"nobody is asked under contract {' or '.join(contracts)}",
            hint="the carrier calls by itself, or the contract is not in the "
            "settings; if a person knows that the parcel arrived: mark-delivered",
        )

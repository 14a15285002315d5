"""What a person says happened: a document of the relay's own contract."""

from datetime import datetime

from relay.carrier.operator import CONTRACT, SOURCE, parcel_named, spelled
from relay.clock import moment
from relay.errors import Conflict, InvalidLabel
from relay.labels import Delivery
from relay.matching import Known, Registration, alive
from relay.store.database import Database, Row
from relay.store.documents import Kept, document_columns
from relay.store.labelled import refuse_over, there
from relay.store.parcels import Writing
from relay.store.references import intern, key
from relay.store.spelling import at
from relay.tracking import Milestone, Reference, ReferenceKind


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
        row = there(await tx.row("lock_shipment_by_id", id=id_))
        _check(row, delivery)
        writing = Writing(tx, row["shipment"], CONTRACT, interned, now)
        await writing.register(
            [(named, delivery.volume)],
            registered_at=row["registered_at"],
            dispatched_at=row["dispatched_at"],
        )
        told = (parcel, Milestone.DELIVERED, delivery.occurred_at, delivery.description)
        kept = Kept(CONTRACT, SOURCE, spelled(*told, by), now)
        await tx.many("keep_document", [document_columns(kept)])
        which = f"volume {delivery.volume}" if delivery.volume else "everything"
        await writing.note(f"{which} delivered, says {by}")


def _check(row: Row, delivery: Delivery) -> None:
    """Refuse what could never count."""
    refuse_over(row)
    if row["delivered_told_at"] is not None:
        raise Conflict(
            "VTEX was told that the shipment is delivered",
            way_out="there is nothing left to say",
        )
    began = (moment(row["registered_at"]), at(row["dispatched_at"]))
    own = Registration(row["shipment"], 0, *began)
    known = Known(0, ReferenceKind.SHIPMENT_ID, "", (own,))
    if not alive(own, known, delivery.occurred_at):
        raise InvalidLabel(
            "it is long before the label was registered",
            field="occurredAt",
            way_out="say when it happened",
        )

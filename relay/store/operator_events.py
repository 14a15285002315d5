"""Operators' reports: a delivery as a document, and a request to poll now."""

from collections.abc import Collection
from datetime import datetime

from relay.adapters.operator import CONTRACT, SOURCE, operator_body, parcel_named
from relay.adapters.protocol import Document
from relay.clock import micros, moment
from relay.domain.events import Milestone, Reference, ReferenceKind
from relay.domain.labels import Delivery
from relay.domain.matching import KnownReference, Registration, is_current
from relay.errors import Conflict, InvalidLabel
from relay.problem_codes import ProblemCode
from relay.store.codec import at
from relay.store.database import Database, Row, Transaction
from relay.store.documents import document_columns
from relay.store.references import intern, key
from relay.store.shipment_rows import ShipmentWriter, refuse_over, stored_shipment


async def mark_delivered(
    database: Database, id_: str, delivery: Delivery, by: str, now: datetime
) -> None:
    """Store a delivery reported by an operator as a document of the relay's contract.

    It is parsed like any other document; its event is never quarantined. Raises
    `NotFound`; `Conflict` if the shipment was cancelled or the delivery was published;
    `InvalidLabel` if the time is too long before the registration.
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
        report = (
            parcel,
            Milestone.DELIVERED,
            delivery.occurred_at,
            delivery.description,
        )
        body = operator_body(*report, by)
        document = Document(body, now, contract=CONTRACT, source=SOURCE)
        await tx.many("store_document", [document_columns(document)])
        which = f"volume {delivery.volume}" if delivery.volume else "all volumes"
        await writing.note(f"{which} marked as delivered by {by}")


def _check(row: Row, delivery: Delivery) -> None:
    """Raise if the event could never match or be published."""
    refuse_over(row)
    if row["delivered_published_at"] is not None:
        raise Conflict(
            "the delivery was already published to VTEX",
            hint="nothing needs to be done",
            code=ProblemCode.ALREADY_DELIVERED,
        )
    began = (moment(row["registered_at"]), at(row["dispatched_at"]))
    own = Registration(row["shipment"], 0, *began)
    known = KnownReference(0, ReferenceKind.SHIPMENT_ID, "", (own,))
    if not is_current(own, known, delivery.occurred_at):
        raise InvalidLabel(
            "too long before the label was registered",
            field="occurredAt",
            hint="send the time of the delivery",
        )


async def poll_now(
    database: Database, id_: str, by: str, now: datetime, polled: Collection[str]
) -> None:
    """Poll a shipment's carriers now; reopen the shipment if it had expired.

    *polled* are the contracts whose carriers are polled at all. A shipment closed for
    another reason is polled once and stays closed without new events. Raises
    `NotFound`, and `Conflict` if it was cancelled or erased, or none of its
    carriers is polled.
    """
    async with database.writing() as tx:
        row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
        refuse_over(row)
        await _refuse_unpolled(tx, row["shipment"], polled)
        values = {"shipment": row["shipment"], "now": micros(now)}
        await tx.run("reopen_for_polling", **values)
        await tx.run("poll_parcels_now", **values)
        await tx.run("note", **values, text=f"poll requested by {by}")


async def _refuse_unpolled(
    tx: Transaction, shipment: int, polled: Collection[str]
) -> None:
    """Raise `Conflict` if none of the shipment's carriers is polled."""
    polls = await tx.rows("polls_of_shipment", shipment=shipment)
    contracts = sorted({p["contract"] for p in polls})
    if set(contracts).isdisjoint(polled):
        raise Conflict(
            f"the carrier is not polled under contract {' or '.join(contracts)}",
            hint="it sends webhooks, or the contract is not configured; if you know "
            "that the parcel arrived, use mark-delivered",
        )

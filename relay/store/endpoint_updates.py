"""Updates that the VTEX-compatible endpoint accepted, as documents."""

from datetime import datetime

from relay.adapters.protocol import Document
from relay.domain.events import Reference
from relay.domain.shipment import WHOLE
from relay.store.database import Database
from relay.store.documents import document_columns
from relay.store.references import intern, key
from relay.store.shipment_rows import ShipmentWriter, refuse_over, stored_shipment


async def store_update(
    database: Database,
    shipment_id: str,
    named: Reference,
    document: Document,
    now: datetime,
) -> None:
    """Store a *document* about a shipment, which is *named* in it as a whole.

    Both are on disk when this returns. The name belongs to the document's contract:
    the shipment's own carrier may be another one, and the events of both count. Raises
    `NotFound`, and `Conflict` if the shipment was cancelled or erased.
    """
    async with database.writing() as tx:
        interned = await intern(tx, [key(document.contract, named)])
        row = stored_shipment(await tx.row("lock_shipment_by_id", id=shipment_id))
        refuse_over(row)
        writing = ShipmentWriter(tx, row["shipment"], document.contract, interned, now)
        await writing.register(
            [(named, WHOLE)],
            registered_at=row["registered_at"],
            dispatched_at=row["dispatched_at"],
        )
        await tx.many("store_document", [document_columns(document)])

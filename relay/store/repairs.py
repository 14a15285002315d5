"""Shipments that differ in VTEX are marked as due; the worker sends what lacks."""

from datetime import datetime

from relay.clock import micros
from relay.domain.shipment import OVER
from relay.store.database import Database


async def mark_different(  # noqa: PLR0913 -- by keyword, and called from one place
    database: Database,
    id_: str,
    by: str,
    now: datetime,
    *,
    read_again_at: datetime | None = None,
    read_first: bool = False,
) -> bool:
    """Make a shipment due that VTEX shows differently, as a retry does.

    At *read_again_at* the order is read back; a difference from what VTEX had accepted
    was seen once already, so that read is the second one. With *read_first* the order
    is read before the next write. Returns False if nothing is published any more,
    because the shipment was cancelled or erased meanwhile.
    """
    async with database.writing() as tx:
        row = await tx.row("lock_shipment_by_id", id=id_)
        if row is None or row["closed_reason"] in OVER:
            return False
        values = {"shipment": row["shipment"], "now": micros(now)}
        await tx.run("retry_shipment", **values)
        if read_again_at is not None:
            again = micros(read_again_at)
            await tx.run("record_difference", **values, read_back_at=again)
        if read_first:
            await tx.run("forget_order_read", shipment=row["shipment"])
        text = f"VTEX shows something else; repair requested by {by}"
        await tx.run("note", **values, text=text)
    return True

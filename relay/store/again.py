"""A person wants to know: a shipment is asked for at once, and open again."""

from datetime import datetime

from relay.clock import micros
from relay.errors import Conflict, NotFound
from relay.store.database import Database
from relay.store.labelled import refuse_forgotten
from relay.telling.facts import CANCELLED


async def track_again(database: Database, id_: str, by: str, now: datetime) -> None:
    """Have the carrier asked for every parcel at once; reopen an expired shipment.

    One that is closed otherwise is asked for once, and stays closed without news.
    Raises `NotFound`, and `Conflict` if it was cancelled or forgotten.
    """
    async with database.writing() as tx:
        row = await tx.row("lock_shipment_by_id", id=id_)
        if row is None:
            raise NotFound("there is no such shipment")
        refuse_forgotten(row)
        if row["closed_because"] == CANCELLED:
            raise Conflict(
                "the shipment was cancelled",
                way_out="POST the label again to register it anew",
            )
        values = {"shipment": row["shipment"], "now": micros(now)}
        await tx.run("track_shipment_again", **values)
        await tx.run("poll_parcels_now", **values)
        await tx.run("note", **values, text=f"to be asked for at once, says {by}")

"""A person wants to know: a shipment is asked for at once, and open again."""

from collections.abc import Collection
from datetime import datetime

from relay.clock import micros
from relay.errors import Conflict
from relay.store.database import Database, Transaction
from relay.store.labelled import refuse_over, there


async def track_again(
    database: Database, id_: str, by: str, now: datetime, asked: Collection[str]
) -> None:
    """Have the carrier asked for every parcel at once; reopen an expired shipment.

    *asked* are the contracts whose carriers are asked at all. A shipment that is
    closed otherwise is asked for once, and stays closed without news. Raises
    `NotFound`, and `Conflict` if it was cancelled or forgotten, or its carriers only
    call.
    """
    async with database.writing() as tx:
        row = there(await tx.row("lock_shipment_by_id", id=id_))
        refuse_over(row)
        await _refuse_unasked(tx, row["shipment"], asked)
        values = {"shipment": row["shipment"], "now": micros(now)}
        await tx.run("track_shipment_again", **values)
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
            way_out="the carrier calls by itself, or the contract is not in the "
            "settings; if a person knows that the parcel arrived: mark-delivered",
        )

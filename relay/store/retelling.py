"""What VTEX was told is forgotten, so that it is told again."""

from datetime import datetime

from relay.clock import micros
from relay.errors import Conflict
from relay.labels import Retelling
from relay.store.correcting import ANNOUNCED
from relay.store.database import Database, Row, Transaction
from relay.store.labelled import FROM_SETTINGS, refuse_over, there
from relay.store.spelling import clean, loads


async def retell(
    database: Database, id_: str, what: Retelling, by: str, now: datetime
) -> tuple[str, ...]:
    """Have VTEX told again; return what to look at.

    What the ERP or a person gave stays; what came from settings is as they are
    now. Raises `NotFound`, and `Conflict` if the shipment was cancelled, or if
    VTEX was told of the delivery and nobody insists.
    """
    async with database.writing() as tx:
        row = there(await tx.row("lock_shipment_by_id", id=id_))
        refuse_over(row)
        if row["delivered_told_at"] is not None and not what.force:
            raise Conflict(
                "VTEX was told that the shipment is delivered",
                field="force",
                way_out="send `force` to tell it again all the same",
            )
        values = {"shipment": row["shipment"], "now": micros(now)}
        await tx.run("retell_shipment", **values)
        if what.announcement:
            await _announcement(tx, row, what)
        if what.events:
            await tx.run("retell_events", **values)
        await tx.run("retry_shipment", **values)
        await tx.run("note", **values, text=_story(what, by))
    if not what.events:
        return ()
    return ("VTEX may show events twice, if their words or times are others now",)


async def _announcement(tx: Transaction, row: Row, what: Retelling) -> None:
    """Forget what was announced, and take over what settings say now."""
    stays = set(loads(row["given"]))
    columns = {name: row[name] for name in ANNOUNCED}
    for name, value in what.anew.items():
        if not (name in FROM_SETTINGS and name in stays):
            columns[name] = clean(value) if value else None
    await tx.run("retell_announcement", shipment=row["shipment"], **columns)


def _story(what: Retelling, by: str) -> str:
    parts = {"the announcement": what.announcement, "the events": what.events}
    told = " and ".join(name for name, again in parts.items() if again)
    forced = ", delivered or not" if what.force else ""
    return f"{told} to be told again{forced}, says {by}"

"""The shipment that a request is about, and how it stands afterwards."""

from typing import Final

from aiohttp import web

from relay.registering.correcting import Known
from relay.store.labelled import no_such_shipment
from relay.store.lists import Listed, Lists
from relay.store.parcels import stored_reference
from relay.tracking import Reference, ReferenceKind
from relay.web.bodies import answer
from relay.web.keys import CLOCK, LISTS
from relay.web.models import ShipmentAnswer
from relay.web.tokens import Access

ROOT: Final = "/v1/shipments"


async def found(request: web.Request, access: Access) -> Listed:
    """Return the shipment that the path names; another store's does not exist."""
    app = request.app
    shipment = await app[LISTS].one(request.match_info["id"], app[CLOCK]())
    if shipment is None or not access.sees(shipment.row["account"]):
        raise no_such_shipment()
    return shipment


async def known(request: web.Request, shipment: Listed) -> Known:
    """Return what a correction needs to know of a shipment."""
    return await known_in(request.app[LISTS], shipment)


async def known_in(lists: Lists, shipment: Listed) -> Known:
    """Return what a correction needs to know of a shipment in the store."""
    row = shipment.row
    parcels, rows = await lists.registered(row["shipment"])
    numbers = {p["volume"]: p["tracking_number"] for p in parcels}
    references: list[Reference] = [
        stored_reference(r)
        for r in rows
        if r["voided_at"] is None and r["kind"] != ReferenceKind.TRACKING_NUMBER
    ]
    names = ("account", "contract", "invoice_number", "invoice_key")
    told = ("tracking_number", "tracking_url", "courier")
    return Known(
        **{name: row[name] for name in (*names, *told)},
        numbers=numbers,
        references=tuple(references),
    )


async def answered(
    request: web.Request,
    id_: str,
    updated: tuple[str, ...],
    warnings: tuple[str, ...],
    *,
    status: int = 200,
) -> web.Response:
    """Say how the shipment stands now."""
    shipment = await request.app[LISTS].one(id_, request.app[CLOCK]())
    assert shipment is not None  # noqa: S101 -- it was just written to
    stands = shipment.standing
    body = ShipmentAnswer(
        id=id_,
        state=stands.state,
        why=stands.why,
        closed_because=stands.closed_because,
        updated=updated,
        warnings=warnings,
    )
    return answer(body, status, {"Location": f"{ROOT}/{id_}"})

"""The shipment that a request is about, and how it stands afterwards."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from relay.errors import NotFound
from relay.logs import logger
from relay.registering.correcting import Known
from relay.store.database import Row
from relay.store.labelled import no_such_shipment
from relay.store.lists import Listed, Lists
from relay.store.parcels import stored_reference
from relay.tracking import Reference, ReferenceKind
from relay.web.bodies import answer
from relay.web.keys import CLOCK, LISTS
from relay.web.models import ShipmentAnswer
from relay.web.tokens import Access

ROOT: Final = "/v1/shipments"

_log = logger(__name__)


async def found(request: web.Request, access: Access) -> Listed:
    """Return the shipment that the path names; another store's does not exist."""
    app = request.app
    shipment = await app[LISTS].one(request.match_info["id"], app[CLOCK]())
    if shipment is None or not access.sees(shipment.row["account"]):
        raise no_such_shipment()
    return shipment


def number_in(text: str, otherwise: str) -> int:
    """Read a number; raise `NotFound` if it cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) < len("9" * 19)):
        raise NotFound(otherwise)
    return int(text)


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


@dataclass(frozen=True, slots=True)
class Act:
    """What was done to a shipment, in a word for the log, and by whom."""

    did: str
    by: str
    id: str
    updated: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


async def answered(
    request: web.Request, act: Act, *, status: int = 200
) -> web.Response:
    """Log what was done, and say how the shipment stands now."""
    shipment = await request.app[LISTS].one(act.id, request.app[CLOCK]())
    assert shipment is not None  # noqa: S101 -- it was just written to
    log_act(act, shipment.row)
    stands = shipment.standing
    body = ShipmentAnswer(
        id=act.id,
        state=stands.state,
        why=stands.why,
        closed_because=stands.closed_because,
        updated=act.updated,
        warnings=act.warnings,
    )
    return answer(body, status, {"Location": f"{ROOT}/{act.id}"})


def log_act(act: Act, row: Row) -> None:
    """Log what was done to a shipment, so that one can follow it."""
    _log.info(
        act.did,
        account=row["account"],
        order=row["order_id"],
        invoice=row["invoice_number"],
        contract=row["contract"],
        tracking_number=row["tracking_number"],
        shipment=act.id,
        by=act.by,
        updated=list(act.updated),
    )

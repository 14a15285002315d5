"""`/v1/shipments`: labels come in, people look, correct, cancel and try again."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from relay.api.auth import Access
from relay.api.bodies import Paging, cursor, json_answer, parse_body, parse_query
from relay.api.keys import (
    CLOCK,
    CORRECTIONS,
    DATABASE,
    LABELS,
    LISTS,
    ON_EVENTS,
    ON_TRACK,
    REGISTRAR,
)
from relay.api.operations import Operation, mount
from relay.config.account import Scope
from relay.domain.events import Reference, ReferenceKind
from relay.domain.status import ShipmentState
from relay.errors import NotFound
from relay.logs import logger
from relay.registration.contract_terms import polled_contracts
from relay.registration.corrections import RegisteredShipment
from relay.registration.requests import CorrectionRequest, LabelRequest
from relay.service import views
from relay.service.models import Problem, ShipmentAnswer, ShipmentDetail, ShipmentList
from relay.store.database import Row
from relay.store.operator_events import poll_now
from relay.store.shipment_lists import ListedShipment, ShipmentFilter, ShipmentLists
from relay.store.shipment_rows import no_such_shipment, stored_reference

ROOT: Final = "/v1/shipments"
_log = logger(__name__)


async def find_shipment(request: web.Request, access: Access) -> ListedShipment:
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


async def known(request: web.Request, shipment: ListedShipment) -> RegisteredShipment:
    """Return what a correction needs to know of a shipment."""
    return await known_in(request.app[LISTS], shipment)


async def known_in(
    lists: ShipmentLists, shipment: ListedShipment
) -> RegisteredShipment:
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
    published = ("tracking_number", "tracking_url", "courier")
    return RegisteredShipment(
        **{name: row[name] for name in (*names, *published)},
        numbers=numbers,
        references=tuple(references),
    )


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What was done to a shipment, in a word for the log, and by whom."""

    did: str
    by: str
    id: str
    updated: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


async def answered(
    request: web.Request, act: AuditEntry, *, status: int = 200
) -> web.Response:
    """Log what was done, and say how the shipment stands now."""
    shipment = await request.app[LISTS].one(act.id, request.app[CLOCK]())
    assert shipment is not None  # noqa: S101 -- it was just written to
    log_action(act, shipment.row)
    stands = shipment.standing
    body = ShipmentAnswer(
        id=act.id,
        state=stands.state,
        why=stands.why,
        closed_reason=stands.closed_reason,
        updated=act.updated,
        warnings=act.warnings,
    )
    return json_answer(body, status, {"Location": f"{ROOT}/{act.id}"})


def log_action(act: AuditEntry, row: Row) -> None:
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


ONE: Final = ROOT + "/{id}"


class ShipmentQuery(Paging):
    """Which shipments are asked for; all that are given must fit."""

    account: str | None = None
    order_id: str | None = None
    invoice_number: str | None = None
    invoice_key: str | None = None
    tracking_number: str | None = None
    state: ShipmentState | None = None


async def register(request: web.Request, access: Access) -> web.Response:
    """Take over a label: 201 if it begins something, 200 if it is known."""
    app = request.app
    body = await parse_body(request, LabelRequest)
    now = app[CLOCK]()
    checked = app[REGISTRAR].label(body, now, access.visible())
    registered = await app[LABELS].register(checked.value, now)
    app[ON_EVENTS]()
    warnings = (*checked.warnings, *registered.warnings)
    did = "registered" if registered.created else "registered again"
    act = AuditEntry(did, access.name, registered.id, registered.updated, warnings)
    return await answered(request, act, status=201 if registered.created else 200)


async def listed(request: web.Request, access: Access) -> web.Response:
    """Return a page of shipments, the newest first."""
    query = parse_query(request, ShipmentQuery)
    limited = access.limited()
    if query.account is not None:
        limited = [query.account] if access.sees(query.account) else []
    wanted = ShipmentFilter(
        accounts=None if limited is None else sorted(limited),
        order_id=query.order_id,
        invoice_number=query.invoice_number,
        invoice_key=query.invoice_key,
        tracking_number=query.tracking_number,
        state=query.state,
    )
    page = await request.app[LISTS].shipments(
        wanted, request.app[CLOCK](), limit=query.limit, before=query.before
    )
    shipments = tuple(map(views.summary, page.shipments))
    return json_answer(ShipmentList(shipments=shipments, next=cursor(page.next)))


async def one(request: web.Request, access: Access) -> web.Response:
    """Return a shipment with its timeline."""
    shipment = await find_shipment(request, access)
    timeline = await request.app[LISTS].timeline(shipment.row["shipment"])
    return json_answer(views.shipment(shipment, timeline))


async def correct(request: web.Request, access: Access) -> web.Response:
    """Correct a number, a key, a date, the page, the courier or the contract."""
    app = request.app
    body = await parse_body(request, CorrectionRequest)
    shipment, now = await find_shipment(request, access), app[CLOCK]()
    known_of_it = await known(request, shipment)
    checked = app[REGISTRAR].correction(body, known_of_it, now)
    corrected = await app[CORRECTIONS].correct(
        shipment.row["id"], checked.value, now, access.name
    )
    app[ON_EVENTS]()
    warnings = (*checked.warnings, *corrected.warnings)
    id_, updated = shipment.row["id"], corrected.updated
    act = AuditEntry("corrected", access.name, id_, updated, warnings)
    return await answered(request, act)


async def cancel(request: web.Request, access: Access) -> web.Response:
    """Take a label back: nothing more is told."""
    app = request.app
    shipment = await find_shipment(request, access)
    id_ = shipment.row["id"]
    warnings = await app[CORRECTIONS].cancel(id_, access.name, app[CLOCK]())
    act = AuditEntry("cancelled", access.name, id_, warnings=warnings)
    return await answered(request, act)


async def retry(request: web.Request, access: Access) -> web.Response:
    """Try again at once, stuck or not."""
    app = request.app
    shipment = await find_shipment(request, access)
    await app[CORRECTIONS].retry(shipment.row["id"], access.name, app[CLOCK]())
    app[ON_EVENTS]()
    act = AuditEntry("to be tried again", access.name, shipment.row["id"])
    return await answered(request, act)


async def again(request: web.Request, access: Access) -> web.Response:
    """Ask the carrier at once; an expired shipment is open again."""
    app = request.app
    shipment, registrar = await find_shipment(request, access), app[REGISTRAR]
    asked_for = polled_contracts(registrar.settings.contracts, registrar.carriers)
    id_, by, now = shipment.row["id"], access.name, app[CLOCK]()
    await poll_now(app[DATABASE], id_, by, now, asked_for)
    app[ON_TRACK]()
    return await answered(request, AuditEntry("to be asked for", by, id_))


LABEL: Final = {
    "orderId": "1172452900788-01",
    "invoiceNumber": "000012345",
    "trackingNumber": "BR123456789",
    "dispatchedDate": "2026-08-01T14:03:00-03:00",
}
REFUSALS: Final = {400: Problem, 409: Problem, 415: Problem, 422: Problem}
OPERATIONS: Final = (
    Operation(
        method="POST",
        path=ROOT,
        handler=register,
        scope=Scope.ERP,
        summary="Register a label: order, invoice and tracking number belong together",
        body=LabelRequest,
        example=LABEL,
        answers={201: ShipmentAnswer, 200: ShipmentAnswer, **REFUSALS},
    ),
    Operation(
        method="GET",
        path=ROOT,
        handler=listed,
        scope=Scope.ERP,
        summary="List shipments, the newest first",
        query=ShipmentQuery,
        answers={200: ShipmentList, 422: Problem},
    ),
    Operation(
        method="GET",
        path=ONE,
        handler=one,
        scope=Scope.ERP,
        summary="Show a shipment with its timeline",
        answers={200: ShipmentDetail, 404: Problem},
    ),
    Operation(
        method="PATCH",
        path=ONE,
        handler=correct,
        scope=Scope.ERP,
        summary="Correct a number, a key, a date, the page, the courier, the contract",
        body=CorrectionRequest,
        example={"trackingNumber": "BR987654321", "history": "drop"},
        answers={200: ShipmentAnswer, 404: Problem, **REFUSALS},
    ),
    Operation(
        method="POST",
        path=ONE + "/cancel",
        handler=cancel,
        scope=Scope.ERP,
        summary="Take a label back: nothing more is told",
        answers={200: ShipmentAnswer, 404: Problem, 409: Problem},
    ),
    Operation(
        method="POST",
        path=ONE + "/retry",
        handler=retry,
        scope=Scope.ERP,
        summary="Try again at once, stuck or not",
        answers={200: ShipmentAnswer, 404: Problem, 409: Problem},
    ),
    Operation(
        method="POST",
        path=ONE + "/track-again",
        handler=again,
        scope=Scope.ERP,
        summary="Ask the carrier at once; an expired shipment is open again",
        answers={200: ShipmentAnswer, 404: Problem, 409: Problem},
    ),
)


def add_routes(app: web.Application) -> None:
    """Serve the operations on shipments."""
    mount(app, OPERATIONS)

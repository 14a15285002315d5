"""`/v1/shipments`: labels come in, people look, correct, cancel and try again."""

from typing import Final

from aiohttp import web

from relay.registering import CorrectionRequest, LabelRequest
from relay.resolving import asked_contracts
from relay.settings import Scope
from relay.store.again import track_again
from relay.store.wanted import Wanted
from relay.telling.state import State
from relay.web import views
from relay.web.bodies import answer, asked, parsed
from relay.web.finding import ROOT, Act, answered, found, known
from relay.web.keys import (
    CLOCK,
    CORRECTIONS,
    DATABASE,
    LABELS,
    LISTS,
    ON_NEWS,
    ON_TRACK,
    REGISTRAR,
)
from relay.web.models import Problem, Shipment, ShipmentAnswer, ShipmentList
from relay.web.operations import Operation, mount
from relay.web.paging import Paging, cursor
from relay.web.tokens import Access

ONE: Final = ROOT + "/{id}"


class ShipmentQuery(Paging):
    """Which shipments are asked for; all that are given must fit."""

    account: str | None = None
    order_id: str | None = None
    invoice_number: str | None = None
    invoice_key: str | None = None
    tracking_number: str | None = None
    state: State | None = None


async def register(request: web.Request, access: Access) -> web.Response:
    """Take over a label: 201 if it begins something, 200 if it is known."""
    app = request.app
    body = await parsed(request, LabelRequest)
    now = app[CLOCK]()
    checked = app[REGISTRAR].label(body, now, access.visible())
    registered = await app[LABELS].register(checked.value, now)
    app[ON_NEWS]()
    warnings = (*checked.warnings, *registered.warnings)
    did = "registered" if registered.created else "registered again"
    act = Act(did, access.name, registered.id, registered.updated, warnings)
    return await answered(request, act, status=201 if registered.created else 200)


async def listed(request: web.Request, access: Access) -> web.Response:
    """Return a page of shipments, the newest first."""
    query = asked(request, ShipmentQuery)
    limited = access.limited()
    if query.account is not None:
        limited = [query.account] if access.sees(query.account) else []
    wanted = Wanted(
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
    return answer(ShipmentList(shipments=shipments, next=cursor(page.next)))


async def one(request: web.Request, access: Access) -> web.Response:
    """Return a shipment with its timeline."""
    shipment = await found(request, access)
    timeline = await request.app[LISTS].timeline(shipment.row["shipment"])
    return answer(views.shipment(shipment, timeline))


async def correct(request: web.Request, access: Access) -> web.Response:
    """Correct a number, a key, a date, the page, the courier or the contract."""
    app = request.app
    body = await parsed(request, CorrectionRequest)
    shipment, now = await found(request, access), app[CLOCK]()
    known_of_it = await known(request, shipment)
    checked = app[REGISTRAR].correction(body, known_of_it, now)
    corrected = await app[CORRECTIONS].correct(
        shipment.row["id"], checked.value, now, access.name
    )
    app[ON_NEWS]()
    warnings = (*checked.warnings, *corrected.warnings)
    id_, updated = shipment.row["id"], corrected.updated
    act = Act("corrected", access.name, id_, updated, warnings)
    return await answered(request, act)


async def cancel(request: web.Request, access: Access) -> web.Response:
    """Take a label back: nothing more is told."""
    app = request.app
    shipment = await found(request, access)
    id_ = shipment.row["id"]
    warnings = await app[CORRECTIONS].cancel(id_, access.name, app[CLOCK]())
    act = Act("cancelled", access.name, id_, warnings=warnings)
    return await answered(request, act)


async def retry(request: web.Request, access: Access) -> web.Response:
    """Try again at once, stuck or not."""
    app = request.app
    shipment = await found(request, access)
    await app[CORRECTIONS].retry(shipment.row["id"], access.name, app[CLOCK]())
    app[ON_NEWS]()
    act = Act("to be tried again", access.name, shipment.row["id"])
    return await answered(request, act)


async def again(request: web.Request, access: Access) -> web.Response:
    """Ask the carrier at once; an expired shipment is open again."""
    app = request.app
    shipment, registrar = await found(request, access), app[REGISTRAR]
    asked_for = asked_contracts(registrar.settings.contracts, registrar.carriers)
    id_, by, now = shipment.row["id"], access.name, app[CLOCK]()
    await track_again(app[DATABASE], id_, by, now, asked_for)
    app[ON_TRACK]()
    return await answered(request, Act("to be asked for", by, id_))


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
        answers={200: Shipment, 404: Problem},
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

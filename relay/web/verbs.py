"""What people do to a shipment besides correcting it, each a route of its own."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from relay.registering import DeliveredRequest, HandOverRequest, RetellRequest
from relay.settings import Scope
from relay.store.operating import mark_delivered
from relay.store.retelling import retell as store_retell
from relay.web.bodies import parsed
from relay.web.finding import ROOT, Act, answered, found, known
from relay.web.keys import CLOCK, DATABASE, HAND_OVERS, ON_NEWS, ON_REPLAY, REGISTRAR
from relay.web.models import Problem, ShipmentAnswer
from relay.web.operations import Operation, mount
from relay.web.tokens import Access

ONE: Final = ROOT + "/{id}"
ANSWERS: Final[Mapping[int, type[BaseModel]]] = {
    200: ShipmentAnswer,
    400: Problem,
    404: Problem,
    409: Problem,
    415: Problem,
    422: Problem,
}


async def hand_over(request: web.Request, access: Access) -> web.Response:
    """Let a second carrier's scans count beside the first's."""
    app = request.app
    body = await parsed(request, HandOverRequest)
    shipment = await found(request, access)
    change = app[REGISTRAR].hand_over(body, await known(request, shipment))
    id_, by, now = shipment.row["id"], access.name, app[CLOCK]()
    done = await app[HAND_OVERS].hand_over(id_, change, now, by)
    app[ON_NEWS]()
    act = Act("handed over", by, id_, done.updated, done.warnings)
    return await answered(request, act)


async def retell(request: web.Request, access: Access) -> web.Response:
    """Tell VTEX again, with present settings."""
    app = request.app
    body = await parsed(request, RetellRequest)
    shipment = await found(request, access)
    what = app[REGISTRAR].retelling(body, await known(request, shipment))
    id_, now = shipment.row["id"], app[CLOCK]()
    warnings = await store_retell(app[DATABASE], id_, what, access.name, now)
    app[ON_NEWS]()
    act = Act("to be told again", access.name, id_, warnings=warnings)
    return await answered(request, act)


async def delivered(request: web.Request, access: Access) -> web.Response:
    """Take a person's word that the parcel was handed over."""
    app, now = request.app, request.app[CLOCK]()
    body = await parsed(request, DeliveredRequest)
    shipment = await found(request, access)
    said = app[REGISTRAR].delivery(body, await known(request, shipment), now)
    id_ = shipment.row["id"]
    await mark_delivered(app[DATABASE], id_, said, access.name, now)
    app[ON_REPLAY]()
    return await answered(request, Act("marked as delivered", access.name, id_))


OPERATIONS: Final = (
    Operation(
        method="POST",
        path=ONE + "/hand-over",
        handler=hand_over,
        scope=Scope.ERP,
        summary="Hand a parcel over to a second carrier; both carriers' scans count",
        body=HandOverRequest,
        example={"contract": "last_mile", "trackingNumber": "LM123456"},
        answers=ANSWERS,
    ),
    Operation(
        method="POST",
        path=ONE + "/retell",
        handler=retell,
        scope=Scope.OPERATOR,
        summary="Tell VTEX again, with present settings; after a delivery by force",
        body=RetellRequest,
        example={"what": "announcement"},
        answers=ANSWERS,
    ),
    Operation(
        method="POST",
        path=ONE + "/mark-delivered",
        handler=delivered,
        scope=Scope.OPERATOR,
        summary="Say that a parcel was delivered; a person's word needs no release",
        body=DeliveredRequest,
        example={"occurredAt": "2026-08-04T16:20:00-03:00"},
        answers=ANSWERS,
    ),
)


def add_routes(app: web.Application) -> None:
    """Serve the verbs."""
    mount(app, OPERATIONS)

"""`/v1/shipments/{id}/…`: change a registered shipment."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from relay.api.bodies import parse_body
from relay.api.keys import SERVICES
from relay.api.operations import OperationTable
from relay.api.shipments import ONE, shipment_answer
from relay.config.account import Scope
from relay.registration.requests import (
    CorrectionRequest,
    DeliveredRequest,
    HandoverRequest,
    ResendRequest,
)
from relay.service.access import Caller
from relay.service.models import Problem, ShipmentAnswer
from relay.service.shipment_actions import ShipmentActionService

WITHOUT_BODY: Final[Mapping[int, type[BaseModel]]] = {
    200: ShipmentAnswer,
    404: Problem,
    409: Problem,
}
WITH_BODY: Final[Mapping[int, type[BaseModel]]] = {
    **WITHOUT_BODY,
    400: Problem,
    415: Problem,
    422: Problem,
}
operations = OperationTable()


def _actions(request: web.Request) -> tuple[ShipmentActionService, str]:
    """Return the service, and the id in the path."""
    return request.app[SERVICES].shipment_actions, request.match_info["id"]


@operations.patch(
    ONE,
    scope=Scope.ERP,
    body=CorrectionRequest,
    example={"trackingNumber": "BR987654321", "history": "drop"},
    answers=WITH_BODY,
)
async def correct(request: web.Request, caller: Caller) -> web.Response:
    """Correct a number, a key, a date, the page, the courier or the contract."""
    body = await parse_body(request, CorrectionRequest)
    actions, id_ = _actions(request)
    return shipment_answer(await actions.correct(caller, id_, body))


@operations.post(ONE + "/cancel", scope=Scope.ERP, answers=WITHOUT_BODY)
async def cancel(request: web.Request, caller: Caller) -> web.Response:
    """Cancel a label: nothing more is published."""
    actions, id_ = _actions(request)
    return shipment_answer(await actions.cancel(caller, id_))


@operations.post(ONE + "/retry", scope=Scope.ERP, answers=WITHOUT_BODY)
async def retry(request: web.Request, caller: Caller) -> web.Response:
    """Publish at once and clear earlier failures, stuck or not."""
    actions, id_ = _actions(request)
    return shipment_answer(await actions.retry(caller, id_))


@operations.post(ONE + "/poll-now", scope=Scope.ERP, answers=WITHOUT_BODY)
async def poll_now(request: web.Request, caller: Caller) -> web.Response:
    """Poll the carrier at once; an expired shipment is reopened."""
    actions, id_ = _actions(request)
    return shipment_answer(await actions.poll_now(caller, id_))


@operations.post(
    ONE + "/handover",
    scope=Scope.ERP,
    body=HandoverRequest,
    example={"contract": "last_mile", "trackingNumber": "LM123456"},
    answers=WITH_BODY,
)
async def handover(request: web.Request, caller: Caller) -> web.Response:
    """Add a second carrier; events of both carriers count."""
    body = await parse_body(request, HandoverRequest)
    actions, id_ = _actions(request)
    return shipment_answer(await actions.handover(caller, id_, body))


@operations.post(
    ONE + "/resend",
    scope=Scope.OPERATOR,
    body=ResendRequest,
    example={"what": "tracking"},
    answers=WITH_BODY,
)
async def resend(request: web.Request, caller: Caller) -> web.Response:
    """Resend to VTEX with current settings; after a delivery only with `force`."""
    body = await parse_body(request, ResendRequest)
    actions, id_ = _actions(request)
    return shipment_answer(await actions.resend(caller, id_, body))


@operations.post(
    ONE + "/mark-delivered",
    scope=Scope.OPERATOR,
    body=DeliveredRequest,
    example={"occurredAt": "2026-08-04T16:20:00-03:00"},
    answers=WITH_BODY,
)
async def mark_delivered(request: web.Request, caller: Caller) -> web.Response:
    """Record a delivery that the carrier did not report."""
    body = await parse_body(request, DeliveredRequest)
    actions, id_ = _actions(request)
    return shipment_answer(await actions.mark_delivered(caller, id_, body))

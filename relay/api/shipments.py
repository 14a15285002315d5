"""`/v1/shipments`: register labels, list shipments, show one."""

from typing import Any, Final

from aiohttp import web

from relay.api.bodies import json_answer, parse_body, parse_query, receive_json
from relay.api.keys import SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.registration.requests import BulkRequest, LabelRequest
from relay.service.access import Caller
from relay.service.models import BulkAnswer, Problem, ShipmentAnswer, ShipmentList
from relay.service.queries import ShipmentQuery
from relay.service.timeline_models import ShipmentDetail

ROOT: Final = "/v1/shipments"
ONE: Final = ROOT + "/{id}"
BODY_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a bulk body: 1,000 labels of four kilobytes; one takes about 300 bytes."""
LABEL: Final = {
    "orderId": "1172452900788-01",
    "invoiceNumber": "000012345",
    "trackingNumber": "BR123456789",
    "dispatchedDate": "2026-08-01T14:03:00-03:00",
}
LABELS: Final[dict[str, Any]] = {
    "labels": [
        {
            "orderId": "1172452900788-01",
            "invoiceNumber": "000012345",
            "trackingNumber": "BR123456789",
        },
        {"orderId": "1172452900790-01", "invoiceNumber": "000012346"},
    ]
}
operations = OperationTable()


def shipment_answer(answer: ShipmentAnswer, status: int = 200) -> web.Response:
    """Return the answer to a change, with the shipment's address."""
    return json_answer(answer, status, {"Location": f"{ROOT}/{answer.id}"})


@operations.post(
    ROOT,
    scope=Scope.ERP,
    body=LabelRequest,
    example=LABEL,
    answers={201: ShipmentAnswer, 200: ShipmentAnswer}
    | dict.fromkeys((400, 409, 415, 422), Problem),
)
async def register(request: web.Request, caller: Caller) -> web.Response:
    """Register a label: the order, its invoice and the tracking number.

    201 if it created a shipment, 200 if the label was known.
    """
    body = await receive_json(request, LabelRequest)
    registered = await request.app[SERVICES].shipments.register(caller, body)
    return shipment_answer(registered.answer, 201 if registered.created else 200)


@operations.post(
    ROOT + "/bulk",
    scope=Scope.ERP,
    body=BulkRequest,
    example=LABELS,
    answers={200: BulkAnswer, **dict.fromkeys((400, 413, 415, 422), Problem)},
)
async def register_many(request: web.Request, caller: Caller) -> web.Response:
    """Register up to 1,000 labels; each has its own result."""
    body = await parse_body(request.clone(client_max_size=BODY_LIMIT), BulkRequest)
    services = request.app[SERVICES]
    return json_answer(await services.shipments.register_many(caller, body.labels))


@operations.get(
    ROOT,
    scope=Scope.ERP,
    query=ShipmentQuery,
    answers={200: ShipmentList, 422: Problem},
)
async def list_shipments(request: web.Request, caller: Caller) -> web.Response:
    """List shipments, the newest first; with `updatedSince` by their last change."""
    query = parse_query(request, ShipmentQuery)
    return json_answer(await request.app[SERVICES].shipments.page(caller, query))


@operations.get(ONE, scope=Scope.ERP, answers={200: ShipmentDetail, 404: Problem})
async def show(request: web.Request, caller: Caller) -> web.Response:
    """Show a shipment with its timeline."""
    id_ = request.match_info["id"]
    return json_answer(await request.app[SERVICES].shipments.show(caller, id_))

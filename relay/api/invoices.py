"""`/v1/invoices`: post invoices to VTEX for the ERP, and follow them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from relay.api.auth import authorize
from relay.api.bodies import json_answer, parse_body, parse_query
from relay.api.keys import SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.domain.invoices import InvoiceType
from relay.errors import RefusedRequest
from relay.problem_codes import ProblemCode
from relay.registration.invoice_requests import InvoiceNotificationRequest
from relay.service.access import Caller
from relay.service.invoice_models import InvoiceAnswer, InvoiceDetail, InvoiceList
from relay.service.models import Problem
from relay.service.queries import InvoiceQuery

ROOT: Final = "/v1/invoices"
ONE: Final = ROOT + "/{id}"
INVOICE: Final[dict[str, Any]] = {
    "orderId": "1172452900788-01",
    "invoiceNumber": "000012345",
    "invoiceValue": "19990",
    "issuanceDate": "2026-08-01T11:32:11-03:00",
    "items": [{"id": "2002495", "price": 17990, "quantity": 1}],
    "trackingNumber": "BR123456789",
    "dispatchedDate": "2026-08-01T14:03:00-03:00",
}
_CHANGED: Final[Mapping[int, type[BaseModel]]] = {
    200: InvoiceAnswer,
    404: Problem,
    409: Problem,
}
operations = OperationTable()


@operations.post(
    ROOT,
    scope=Scope.ERP,
    body=InvoiceNotificationRequest,
    example=INVOICE,
    answers={201: InvoiceAnswer, 200: InvoiceAnswer}
    | dict.fromkeys((400, 403, 409, 415, 422), Problem),
)
async def register(request: web.Request, caller: Caller) -> web.Response:
    """Post an invoice to VTEX, and register its parcel if it has a tracking number.

    201 if it is new, 200 if it was known: it is stored, and posted within seconds.
    """
    body = await parse_body(request, InvoiceNotificationRequest)
    if body.type is InvoiceType.INPUT:
        _check_refund(request)
    registered = await request.app[SERVICES].invoices.register(caller, body)
    return _answer(registered.answer, 201 if registered.created else 200)


def _check_refund(request: web.Request) -> None:
    """Refuse a return without the scope for it, which no other scope includes."""
    if not request.app[SERVICES].context.settings.tokens:
        raise RefusedRequest(
            HTTPStatus.FORBIDDEN,
            "type: Input starts a refund, so it needs a token",
            hint="configure a token with the scopes erp and returns, or send Output",
            code=ProblemCode.SCOPE_MISSING,
        )
    authorize(request, (Scope.RETURNS,))


@operations.get(
    ROOT,
    scope=Scope.ERP,
    query=InvoiceQuery,
    answers={200: InvoiceList, 422: Problem},
)
async def list_invoices(request: web.Request, caller: Caller) -> web.Response:
    """List invoices, the newest first."""
    query = parse_query(request, InvoiceQuery)
    return json_answer(await request.app[SERVICES].invoices.page(caller, query))


@operations.get(ONE, scope=Scope.ERP, answers={200: InvoiceDetail, 404: Problem})
async def show(request: web.Request, caller: Caller) -> web.Response:
    """Show an invoice with its content and its calls to VTEX."""
    services, id_ = request.app[SERVICES], request.match_info["id"]
    return json_answer(await services.invoices.show(caller, id_))


@operations.post(ONE + "/retry", scope=Scope.ERP, answers=_CHANGED)
async def retry(request: web.Request, caller: Caller) -> web.Response:
    """Post at once and clear earlier failures, stuck or not."""
    services, id_ = request.app[SERVICES], request.match_info["id"]
    return _answer(await services.invoices.retry(caller, id_))


@operations.post(ONE + "/cancel", scope=Scope.ERP, answers=_CHANGED)
async def cancel(request: web.Request, caller: Caller) -> web.Response:
    """Withdraw an invoice that was not sent to VTEX yet."""
    services, id_ = request.app[SERVICES], request.match_info["id"]
    return _answer(await services.invoices.cancel(caller, id_))


@operations.post(ONE + "/mark-delivered", scope=Scope.OPERATOR, answers=_CHANGED)
async def mark_delivered(request: web.Request, caller: Caller) -> web.Response:
    """Mark the package of a return as delivered in VTEX."""
    services, id_ = request.app[SERVICES], request.match_info["id"]
    return _answer(await services.invoices.mark_delivered(caller, id_))


def _answer(answer: InvoiceAnswer, status: int = 200) -> web.Response:
    """Return the answer to a change, with the invoice's address."""
    return json_answer(answer, status, {"Location": f"{ROOT}/{answer.id}"})

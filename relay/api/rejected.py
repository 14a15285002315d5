"""`/v1/rejected`: webhooks that failed verification, for operators."""

from typing import Final

from aiohttp import web

from relay.api.bodies import json_answer, parse_body, path_number
from relay.api.keys import SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.service.access import Caller
from relay.service.models import Problem
from relay.service.queries import AcceptManyRequest, AcceptRequest
from relay.service.rejected import AcceptedAnswer, AcceptManyAnswer, RejectedAnswer

ROOT: Final = "/v1/rejected"
ONE: Final = ROOT + "/{request}"
operations = OperationTable()


@operations.get(ONE, scope=Scope.OPERATOR, answers={200: RejectedAnswer, 404: Problem})
async def show(request: web.Request, caller: Caller) -> web.Response:
    """Show a request that failed verification."""
    number, rejected = _number(request), request.app[SERVICES].rejected
    return json_answer(await rejected.show(caller, number))


@operations.post(
    ONE + "/accept",
    scope=Scope.OPERATOR,
    body=AcceptRequest,
    example={"unverified": True, "reason": "the carrier confirmed it"},
    answers={202: AcceptedAnswer, 404: Problem, 409: Problem, 422: Problem},
)
async def accept(request: web.Request, caller: Caller) -> web.Response:
    """Verify a rejected request again; if it passes, it is parsed."""
    number, rejected = _number(request), request.app[SERVICES].rejected
    body = AcceptRequest()
    if request.body_exists:
        body = await parse_body(request, AcceptRequest)
    return json_answer(await rejected.accept(caller, number, body), 202)


@operations.post(
    ROOT + "/accept",
    scope=Scope.OPERATOR,
    body=AcceptManyRequest,
    example={"contract": "acme"},
    answers={202: AcceptManyAnswer, 400: Problem, 415: Problem, 422: Problem},
)
async def accept_many(request: web.Request, caller: Caller) -> web.Response:
    """Verify all rejected requests of a contract again; those that pass are parsed."""
    body = await parse_body(request, AcceptManyRequest)
    rejected = request.app[SERVICES].rejected
    return json_answer(await rejected.accept_many(caller, body), 202)


def _number(request: web.Request) -> int:
    return path_number(request, "request", "rejected request")

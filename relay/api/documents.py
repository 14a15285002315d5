"""`/v1/documents`: what carriers sent, for operators."""

from typing import Final

from aiohttp import web

from relay.api.bodies import json_answer, parse_body, parse_query, path_number
from relay.api.keys import SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.service.access import Caller
from relay.service.documents import DocumentDetail, DocumentList, Replayed
from relay.service.models import BulkActionAnswer, Problem
from relay.service.queries import DocumentQuery, ReplayRequest

ROOT: Final = "/v1/documents"
ONE: Final = ROOT + "/{document}"
operations = OperationTable()


@operations.get(
    ROOT,
    scope=Scope.OPERATOR,
    query=DocumentQuery,
    answers={200: DocumentList, 422: Problem},
)
async def list_documents(request: web.Request, caller: Caller) -> web.Response:
    """List documents received from carriers, the newest first."""
    query = parse_query(request, DocumentQuery)
    return json_answer(await request.app[SERVICES].documents.page(caller, query))


@operations.get(ONE, scope=Scope.OPERATOR, answers={200: DocumentDetail, 404: Problem})
async def show(request: web.Request, caller: Caller) -> web.Response:
    """Show a document with its headers and body."""
    number, documents = (
        path_number(request, "document"),
        request.app[SERVICES].documents,
    )
    return json_answer(await documents.show(caller, number))


@operations.post(
    ONE + "/replay", scope=Scope.OPERATOR, answers={202: Replayed, 404: Problem}
)
async def replay(request: web.Request, caller: Caller) -> web.Response:
    """Parse a document again, after a fix of its adapter or code table."""
    number, documents = (
        path_number(request, "document"),
        request.app[SERVICES].documents,
    )
    return json_answer(await documents.replay(caller, number), 202)


@operations.post(
    ROOT + "/replay",
    scope=Scope.OPERATOR,
    body=ReplayRequest,
    example={"contract": "acme", "since": "2026-08-01T00:00:00-03:00"},
    answers={202: BulkActionAnswer, 400: Problem, 415: Problem, 422: Problem},
)
async def replay_many(request: web.Request, caller: Caller) -> web.Response:
    """Parse many documents again."""
    body = await parse_body(request, ReplayRequest)
    services = request.app[SERVICES]
    return json_answer(await services.documents.replay_many(caller, body), 202)

"""`/v1/codes`: what people say that carriers' codes mean."""

from typing import Final

from aiohttp import web

from relay.api.bodies import json_answer, parse_body, parse_query
from relay.api.keys import SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.service.access import Caller
from relay.service.code_models import (
    CodeExport,
    CodeQuery,
    ExportQuery,
    MappingEntry,
    MappingList,
    MappingPreview,
    MapRequest,
    UnmapRequest,
)
from relay.service.models import Problem

ROOT: Final = "/v1/codes"
REFUSED: Final = {400: Problem, 415: Problem, 422: Problem}
MAP: Final = {
    "contract": "acme",
    "carrierCode": "X7",
    "milestone": "available_for_pickup",
    "why": "the carrier's support said so",
}
UNMAP: Final = {
    "contract": "acme",
    "carrierCode": "X7",
    "why": "a mistake",
}
operations = OperationTable()


@operations.get(
    ROOT,
    scope=Scope.OPERATOR,
    query=CodeQuery,
    answers={200: MappingList, 422: Problem},
)
async def list_codes(request: web.Request, caller: Caller) -> web.Response:
    """List mapped codes, and how far their documents were parsed again."""
    query = parse_query(request, CodeQuery)
    return json_answer(await request.app[SERVICES].codes.page(caller, query))


@operations.get(
    ROOT + "/export",
    scope=Scope.OPERATOR,
    query=ExportQuery,
    answers={200: CodeExport, 422: Problem},
)
async def export(request: web.Request, caller: Caller) -> web.Response:
    """Export mapped codes as TOML, for the settings or a code table."""
    query = parse_query(request, ExportQuery)
    return json_answer(await request.app[SERVICES].codes.export(caller, query))


@operations.post(
    ROOT,
    scope=Scope.OPERATOR,
    body=MapRequest,
    example=MAP,
    answers={202: MappingEntry, 409: Problem} | REFUSED,
)
async def map_code(request: web.Request, caller: Caller) -> web.Response:
    """Map a code of a contract; documents with it are parsed again."""
    body = await parse_body(request, MapRequest)
    return json_answer(await request.app[SERVICES].codes.map(caller, body), 202)


@operations.post(
    ROOT + "/preview",
    scope=Scope.OPERATOR,
    body=MapRequest,
    example=MAP,
    answers={200: MappingPreview, 409: Problem} | REFUSED,
)
async def preview(request: web.Request, caller: Caller) -> web.Response:
    """Show what a mapping would change; nothing is changed."""
    body = await parse_body(request, MapRequest)
    return json_answer(await request.app[SERVICES].codes.preview(caller, body))


@operations.post(
    ROOT + "/remove",
    scope=Scope.OPERATOR,
    body=UnmapRequest,
    example=UNMAP,
    answers={202: MappingEntry, 404: Problem} | REFUSED,
)
async def remove(request: web.Request, caller: Caller) -> web.Response:
    """Remove a mapping; documents with the code are parsed again."""
    body = await parse_body(request, UnmapRequest)
    return json_answer(await request.app[SERVICES].codes.unmap(caller, body), 202)


@operations.post(
    ROOT + "/remove/preview",
    scope=Scope.OPERATOR,
    body=UnmapRequest,
    example=UNMAP,
    answers={200: MappingPreview, 404: Problem} | REFUSED,
)
async def preview_removal(request: web.Request, caller: Caller) -> web.Response:
    """Show what the removal of a mapping would change; nothing is changed."""
    body = await parse_body(request, UnmapRequest)
    codes = request.app[SERVICES].codes
    return json_answer(await codes.preview_removal(caller, body))

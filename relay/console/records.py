"""What was received, as it came: documents and rejected requests; and the audit."""

from aiohttp import web

from relay.console.keys import SERVICES, USER
from relay.console.lists import following
from relay.console.page import render
from relay.console.security import caller
from relay.service.cursors import read_row_cursor, row_cursor

routes = web.RouteTableDef()


@routes.get("/documents/{id:[0-9]{1,18}}")
async def document(request: web.Request) -> web.Response:
    """Show a document with its headers and body."""
    services = request.app[SERVICES]
    found = await services.documents.show(
        caller(request), int(request.match_info["id"])
    )
    return await render(
        request, "document.html", found=found, may_act=request[USER].may_act
    )


@routes.get("/rejected/{id:[0-9]{1,18}}")
async def rejected(request: web.Request) -> web.Response:
    """Show a request that failed verification, with its body."""
    services = request.app[SERVICES]
    found = await services.rejected.show(caller(request), int(request.match_info["id"]))
    return await render(
        request, "rejected.html", found=found, may_act=request[USER].may_act
    )


@routes.get("/audit")
async def audit(request: web.Request) -> web.Response:
    """Show who changed what, when and why."""
    services = request.app[SERVICES]
    before = read_row_cursor(request.query.get("cursor"))
    page = await services.audit.page(caller(request), before)
    cursor = row_cursor(page.next)
    return await render(
        request, "audit.html", rows=page.entries, following=following(request, cursor)
    )

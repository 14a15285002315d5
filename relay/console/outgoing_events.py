"""Outgoing events: each receiver and whether it works, and the events."""

from typing import Final

from aiohttp import web

from relay.console.keys import SERVICES, USER
from relay.console.lists import following
from relay.console.page import render
from relay.console.security import caller
from relay.service.outgoing_models import OutgoingQuery
from relay.service.validation import parse_fields

routes = web.RouteTableDef()
FILTERS: Final = ("receiver", "state", "cursor")


@routes.get("/outgoing")
async def outgoing(request: web.Request) -> web.Response:
    """Show the receivers, and the latest events with what became of them."""
    services, who = request.app[SERVICES], caller(request)
    given = {n: request.query[n] for n in FILTERS if request.query.get(n)}
    page = await services.outgoing.page(who, parse_fields(given, OutgoingQuery))
    return await render(
        request,
        "outgoing.html",
        receivers=(await services.outgoing.receivers(who)).receivers,
        events=page.events,
        given=given,
        following=following(request, page.next),
        may_act=request[USER].may_act,
    )

"""Alerts: which are open, what to do about each, and which are over."""

from aiohttp import web

from relay.console.keys import SERVICES
from relay.console.page import render
from relay.console.security import caller

routes = web.RouteTableDef()


@routes.get("/alerts")
async def alerts(request: web.Request) -> web.Response:
    """Show open alerts, those that are over, and the channels."""
    found = await request.app[SERVICES].alerts.alerts(caller(request))
    return await render(request, "alerts.html", found=found)

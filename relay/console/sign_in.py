"""Signing in and out."""

from datetime import timedelta
from http import HTTPStatus
from math import ceil

from aiohttp import web

from relay.console.keys import GUARD, SERVICES
from relay.console.origin import address, is_own, may_sign_in
from relay.console.page import language_of, render
from relay.console.sessions import SESSION
from relay.logs import logger

HOME = "/console/"
routes = web.RouteTableDef()
_log = logger(__name__)


@routes.get("/sign-in")
async def show(request: web.Request) -> web.Response:
    """Show the form, or how to add the first person."""
    return await _form(request)


@routes.post("/sign-in")
async def submit(request: web.Request) -> web.Response:
    """Check name and password, and begin a session."""
    t = language_of(request)
    if not is_own(request):
        raise web.HTTPForbidden(text="the form is from another site")
    if not may_sign_in(request):
        return await _form(request, HTTPStatus.FORBIDDEN, t("sign_in.not_secure"))
    form = await request.post()
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    context, guard = request.app[SERVICES].context, request.app[GUARD]
    wait = guard.wait(name, address(request), context.now())
    if wait > timedelta(0):
        seconds = ceil(wait.total_seconds())
        text = t("sign_in.wait", seconds=seconds)
        return await _form(request, HTTPStatus.TOO_MANY_REQUESTS, text)
    user = context.settings.users.get(name)
    if not await guard.check(user, password, name, address(request), context.now()):
        _log.warning("console sign-in refused", address=address(request))
        return await _form(request, HTTPStatus.UNAUTHORIZED, t("sign_in.wrong"))
    request[SESSION].begin(name)
    _log.info("console sign-in", by=name)
    raise web.HTTPSeeOther(HOME)


@routes.post("/sign-out")
async def leave(request: web.Request) -> web.Response:
    """End the session."""
    request[SESSION].end()
    raise web.HTTPSeeOther("/console/sign-in")


async def _form(
    request: web.Request, status: int = HTTPStatus.OK, error: str = ""
) -> web.Response:
    users = request.app[SERVICES].context.settings.users
    return await render(request, "sign_in.html", status, error=error, users=bool(users))

"""What guards every page: who is signed in, forged requests, and headers."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from relay.config.users import ConsoleUser
from relay.console.keys import SERVICES, USER
from relay.console.origin import address, is_own
from relay.console.sessions import CSRF, SESSION
from relay.service.access import Caller

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PUBLIC: Final = ("/console/sign-in", "/console/static/")
SIGN_IN: Final = "/console/sign-in"
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""See https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html"""


@web.middleware
async def secure_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add the headers that limit what a page may do, to errors as well."""
    try:
        answer = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    if not answer.prepared:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
    return answer


@web.middleware
async def signed_in(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only people in who are signed in, and only requests of our own pages."""
    if request.path.startswith(PUBLIC):
        return await handler(request)
    user = _user(request)
    if user is None:
        if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            raise web.HTTPSeeOther(SIGN_IN)
        raise web.HTTPUnauthorized(text="sign in first")
    request[USER] = user
    if request.method != "GET":
        await _check_own(request)
    return await handler(request)


def _user(request: web.Request) -> ConsoleUser | None:
    """Return who is signed in; a person removed from the settings no longer is."""
    settings = request.app[SERVICES].context.settings
    session, trusted = request[SESSION], _trusted(request)
    if trusted is not None and trusted != session.person:
        if trusted not in settings.users:
            raise web.HTTPForbidden(text=f"{trusted!r} is not a user of this console")
        session.begin(trusted)
    if session.person is None:
        return None
    if session.person not in settings.users:
        session.end()
        return None
    return settings.users[session.person]


def _trusted(request: web.Request) -> str | None:
    """Return whom a trusted proxy names, None without one."""
    settings = request.app[SERVICES].context.settings.console
    header, proxies = settings.trusted_header, settings.trusted_proxies
    if header is None or address(request) not in proxies:
        return None
    return request.headers.get(header)


async def _check_own(request: web.Request) -> None:
    """Refuse a request that another site made the browser send."""
    form, held = await request.post(), request[SESSION].content
    given = str(form.get(CSRF, "")).encode()
    wanted = str(held.get(CSRF, "")).encode()
    if not is_own(request) or not wanted or not hmac.compare_digest(given, wanted):
        raise web.HTTPForbidden(text="the form is too old or from another site")


def caller(request: web.Request, reason: str = "") -> Caller:
    """Return who calls an operation, for the services and the audit."""
    user = request[USER]
    return Caller(user.name, user.accounts or None, "console", reason)


def check_may_act(request: web.Request) -> None:
    """Refuse a person who may only look."""
    if not request[USER].may_act:
        raise web.HTTPForbidden(text="your role may look, and change nothing")

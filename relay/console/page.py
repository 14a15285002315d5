"""One page: a template with what every page needs."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp_jinja2 import render_template

from relay.config.users import ConsoleUser
from relay.console.keys import SERVICES, USER
from relay.console.sessions import CSRF, NOTICE, SESSION
from relay.console.texts import LANGUAGES, Language, Texts, texts
from relay.service.views import account_zone

MENU: Final = (
    ("today", "/console/"),
    ("alerts", "/console/alerts"),
    ("shipments", "/console/shipments"),
    ("lists", "/console/lists/unknown-to-vtex"),
    ("labels", "/console/labels"),
    ("carriers", "/console/carriers"),
    ("vtex", "/console/vtex"),
    ("outgoing", "/console/outgoing"),
    ("audit", "/console/audit"),
    ("settings", "/console/settings"),
)
"""The entries of the menu, and where they lead."""


async def render(
    request: web.Request, template: str, status: int = 200, **content: Any
) -> web.Response:
    """Return the page of *template* with *content*, in the person's language."""
    user: ConsoleUser | None = request.get(USER)
    t, session = language_of(request), request[SESSION]
    shown = {
        "t": t,
        "user": user,
        "csrf": session.content.get(CSRF, ""),
        "notice": (session.take(NOTICE) if user else None) or "",
        "menu": MENU if user else (),
        "path": request.path,
        "now": request.app[SERVICES].context.now(),
        "local": Local(request, t),
    }
    return render_template(template, request, shown | content, status=status)


def language_of(request: web.Request) -> Texts:
    """Return the texts in the language of the person, else of their first account."""
    user: ConsoleUser | None = request.get(USER)
    if user is not None and user.language is not None:
        return texts(user.language)
    if user is None:
        return texts(_preferred(request))
    accounts = request.app[SERVICES].context.settings.accounts
    visible = [a for a in accounts.values() if a.name in (user.accounts or accounts)]
    return texts(visible[0].language if visible else "pt")


def _preferred(request: web.Request) -> Language:
    """Return the first known language that the browser names, else Portuguese."""
    for entry in request.headers.get("Accept-Language", "").split(","):
        name = entry.partition(";")[0].strip().lower()[:2]
        if name in LANGUAGES:
            return name
    return "pt"


class Local:
    """Writes times in the zone of an account, and in the person's language."""

    def __init__(self, request: web.Request, t: Texts) -> None:
        self._settings = request.app[SERVICES].context.settings
        self._texts = t
        accounts = iter(self._settings.accounts)
        self._first = next(accounts, None)

    def __call__(self, when: datetime | None, account: str | None = None) -> str:
        """Return *when* in the zone of *account*, by default of the first one."""
        return self._texts.time(when, self.zone(account))

    def zone(self, account: str | None) -> ZoneInfo:
        """Return the zone of *account*, by default of the first one."""
        return account_zone(account or self._first, self._settings)

"""The console's routes, templates and guards, as a part of the HTTP server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp_jinja2
import jinja2
from aiohttp import web

from relay.api.process import Process
from relay.console import (
    actions,
    alerts,
    carriers,
    checkup,
    labels,
    lists,
    live,
    outgoing_events,
    parties,
    records,
    shipments,
    sign_in,
    today,
)
from relay.console.activity import ActivityCharts
from relay.console.errors import error_pages
from relay.console.keys import CHARTS, GUARD, PROCESS, SERVICES
from relay.console.passwords import SignInGuard
from relay.console.security import secure_headers, signed_in
from relay.console.sessions import SessionKeeper
from relay.service.services import Services
from relay.store.console_sessions import ConsoleSessions
from relay.store.hourly_activity import HourlyActivity

PREFIX: Final = "/console"
STATIC: Final = Path(__file__).parent / "static"
PAGES: Final = (
    sign_in, today, alerts, lists, shipments, labels, parties, carriers, records,
    checkup, outgoing_events, actions, live,
)  # fmt: skip


def mount_console(
    app: web.Application,
    services: Services,
    process: Process,
    doctor: Sequence[str] = (),
) -> web.Application:
    """Serve the console under `/console`, unless the settings turn it off.

    *doctor* is the command that prints the doctor's findings.
    """
    if services.context.settings.console.enabled:
        app.router.add_get(PREFIX, _to_first_page)
        app.add_subapp(PREFIX, console(services, process, doctor))
    return app


async def _to_first_page(_: web.Request) -> web.Response:
    raise web.HTTPMovedPermanently(f"{PREFIX}/")


def console(
    services: Services, process: Process, doctor: Sequence[str] = ()
) -> web.Application:
    """Make the application of the console."""
    context = services.context
    sessions = ConsoleSessions(context.database)
    lasts = context.settings.console.session_hours
    keeper = SessionKeeper(sessions, context.clock, lasts)
    app = web.Application(
        middlewares=[
            secure_headers,
            keeper.middleware(),
            error_pages,
            signed_in,
        ]
    )
    app[SERVICES], app[PROCESS] = services, process
    app[GUARD] = SignInGuard()
    app[CHARTS] = ActivityCharts(HourlyActivity(context.database))
    app[live.OPEN], app[live.COUNTS] = [], live.SharedCounts()
    app[checkup.CHECKUP] = checkup.Checkup(doctor, context.clock)
    app.on_cleanup.append(app[checkup.CHECKUP].close)
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("relay.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for page in PAGES:
        app.add_routes(page.routes)
    app.router.add_static("/static", STATIC)
    return app

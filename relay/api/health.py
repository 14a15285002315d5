"""Whether the process is alive, and whether it does its work."""

import asyncio
from datetime import timedelta
from typing import Any, Final

from aiohttp import web
from pydantic_core import to_json

from relay.api.auth import Access
from relay.api.keys import (
    CLOCK,
    DATABASE,
    DOCUMENTS,
    HEALTH,
    INTAKE,
    METRICS,
    REGISTRAR,
)
from relay.api.operations import Operation, mount
from relay.config.account import Scope
from relay.store.documents import Backlog
from relay.store.worklists import counts

PATIENCE: Final = timedelta(seconds=5)
"""The database has to answer within this time."""
UNREAD_FOR: Final = timedelta(minutes=5)
"""Documents that wait longer than this say that the reader does not follow."""


def routes() -> list[web.RouteDef]:
    """Return the routes that those who run the relay ask."""
    return [web.get("/healthz", alive), web.get("/readyz", ready)]


async def alive(_: web.Request) -> web.Response:
    """Answer, which is all there is to say."""
    return _answer(200, {"alive": True})


async def ready(request: web.Request) -> web.Response:
    """Answer 200, or 503 with the reasons for which work is left undone."""
    app = request.app
    backlog, reasons = await _backlog(request)
    body: dict[str, Any] = {}
    if backlog is not None:
        age = app[CLOCK]() - backlog.oldest if backlog.oldest else timedelta(0)
        body["unread"] = {
            "documents": backlog.documents,
            "oldestSeconds": max(int(age.total_seconds()), 0),
        }
        if age > UNREAD_FOR:
            reasons.append(f"reader: documents wait for more than {UNREAD_FOR}")
    reasons += app[HEALTH].reasons()
    return _answer(
        503 if reasons else 200, {"ready": not reasons, "reasons": reasons} | body
    )


async def _backlog(request: web.Request) -> tuple[Backlog | None, list[str]]:
    """Ask the database what waits, and whether it takes documents again."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await request.app[INTAKE].probe()
            return await request.app[DOCUMENTS].backlog(), []
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the reason
        return None, [f"database: no answer ({type(error).__name__})"]


def _answer(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(
        status=status, body=to_json(body), content_type="application/json"
    )


BY_ACCOUNT: Final = ("due", "waiting", "stuck", "quarantined", "late")
_TEXT: Final = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


async def metrics(request: web.Request, _: Access) -> web.Response:
    """Return what was counted, and how much waits at present."""
    app = request.app
    found, now = app[METRICS], app[CLOCK]()
    backlog = await app[DOCUMENTS].backlog()
    age = (now - backlog.oldest).total_seconds() if backlog.oldest else 0
    found.unread.set(backlog.documents)
    found.unread_age.set(max(age, 0))
    settings = app[REGISTRAR].settings
    zones = {name: account.zone for name, account in settings.accounts.items()}
    counted = await counts(app[DATABASE], zones, now)
    for account in zones:
        for name in BY_ACCOUNT:
            number = getattr(counted, name).get(account, 0)
            getattr(found, name).labels(account).set(number)
    for contract in settings.contracts:
        found.unmatched.labels(contract).set(counted.unmatched.get(contract, 0))
    return web.Response(body=found.text(), headers=_TEXT)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/metrics",
        handler=metrics,
        scope=Scope.METRICS,
        summary="Show what was counted, for Prometheus",
        answers={200: None},
    ),
)


def add_routes(app: web.Application) -> None:
    """Serve the metrics."""
    mount(app, OPERATIONS)

"""Liveness, readiness and metrics."""

import asyncio
from datetime import timedelta
from typing import Any, Final

from aiohttp import web
from pydantic_core import to_json

from relay.api.keys import HEALTH, INTAKE, METRICS, SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.service.access import Caller
from relay.store.documents import Backlog

PATIENCE: Final = timedelta(seconds=5)
"""The database must answer within this time."""
UNREAD_FOR: Final = timedelta(minutes=5)
"""If a document waits longer than this, the reader is too slow."""


def routes() -> list[web.RouteDef]:
    """Return the routes of health probes; they need no token."""
    return [web.get("/healthz", alive), web.get("/readyz", ready)]


async def alive(_: web.Request) -> web.Response:
    """Answer 200: the process is alive."""
    return _answer(200, {"alive": True})


async def ready(request: web.Request) -> web.Response:
    """Answer 200 if the relay does its work, else 503 with the reasons.

    Warnings, such as of rejected webhooks, do not make it unready.
    """
    backlog, reasons = await _backlog(request)
    body: dict[str, Any] = {}
    if backlog is not None:
        age = (
            request.app[SERVICES].context.now() - backlog.oldest
            if backlog.oldest
            else timedelta(0)
        )
        body["unread"] = {
            "documents": backlog.documents,
            "oldestSeconds": max(int(age.total_seconds()), 0),
        }
        if age > UNREAD_FOR:
            reasons.append(
                f"reader: documents have been waiting for more than {UNREAD_FOR}"
            )
    reasons += request.app[HEALTH].reasons()
    warnings = request.app[INTAKE].rejection_runs.warnings()
    body |= {"warnings": warnings} if warnings else {}
    return _answer(
        503 if reasons else 200, {"ready": not reasons, "reasons": reasons} | body
    )


async def _backlog(request: web.Request) -> tuple[Backlog | None, list[str]]:
    """Return the backlog, or why the database does not answer or store documents."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await request.app[INTAKE].probe()
            return await request.app[SERVICES].documents.backlog(), []
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the reason
        return None, [f"database: no answer ({type(error).__name__})"]


def _answer(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(
        status=status, body=to_json(body), content_type="application/json"
    )


BY_ACCOUNT: Final = ("due", "waiting", "stuck", "quarantined", "late")
_TEXT: Final = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


operations = OperationTable()


@operations.get("/metrics", scope=Scope.METRICS, answers={200: None})
async def metrics(request: web.Request, _: Caller) -> web.Response:
    """Show counters and present backlogs, for Prometheus."""
    services, found = request.app[SERVICES], request.app[METRICS]
    settings, now = services.context.settings, services.context.now()
    backlog = await services.documents.backlog()
    age = (now - backlog.oldest).total_seconds() if backlog.oldest else 0
    found.unread.set(backlog.documents)
    found.unread_age.set(max(age, 0))
    counted = await services.worklists.counts()
    for account in settings.accounts:
        for name in BY_ACCOUNT:
            number = getattr(counted, name).get(account, 0)
            getattr(found, name).labels(account).set(number)
    for contract in settings.contracts:
        found.unmatched.labels(contract).set(counted.unmatched.get(contract, 0))
    return web.Response(body=found.text(), headers=_TEXT)

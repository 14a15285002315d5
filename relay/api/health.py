"""Liveness, readiness, status and metrics."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import web
from pydantic_core import to_json

from relay.api.bodies import json_answer
from relay.api.gauges import set_gauges
from relay.api.keys import INTAKE, PROCESS, SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.errors import DatabaseUnavailable
from relay.service.access import Caller, ListScope
from relay.service.documents import slow_reader
from relay.service.status import ProcessState, not_ready, noted
from relay.service.status_models import StatusAnswer
from relay.store.documents import Backlog

PATIENCE: Final = timedelta(seconds=5)
"""The database must answer within this time."""


def routes() -> list[web.RouteDef]:
    """Return the routes of health probes; they need no token."""
    return [web.get("/healthz", alive), web.get("/readyz", ready)]


async def alive(_: web.Request) -> web.Response:
    """Answer 200: the process is alive."""
    return _answer(200, {"alive": True})


async def ready(request: web.Request) -> web.Response:
    """Answer 200 if the relay does its work, else 503 with the reasons.

    Warnings, such as of rejected webhooks, of shadow mode, or of changed settings that
    need a restart, do not make it unready.
    """
    backlog, reasons = await _backlog(request)
    now = request.app[SERVICES].context.now()
    body: dict[str, Any] = {}
    if backlog is not None:
        age = now - backlog.oldest if backlog.oldest else timedelta(0)
        body["unread"] = {
            "documents": backlog.documents,
            "oldestSeconds": max(int(age.total_seconds()), 0),
        }
        reasons += filter(None, [slow_reader(backlog, now)])
    reasons += await request.app[PROCESS].reasons()
    if reasons:
        body["lastReadyAt"] = now - request.app[PROCESS].not_ready_for()
    notes = list(request.app[PROCESS].health.notes.values())
    warnings = [
        *request.app[INTAKE].rejection_runs.warnings(now),
        *notes,
        *request.app[SERVICES].status.shadow_warnings(),
    ]
    warnings += await _receivers(request) if backlog is not None else ()
    body |= {"warnings": warnings} if warnings else {}
    body |= {"notes": notes} if notes else {}
    return _answer(
        503 if reasons else 200, {"ready": not reasons, "reasons": reasons} | body
    )


async def _receivers(request: web.Request) -> Sequence[str]:
    """Return which receivers of outgoing events fail; that is not our own failure."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await request.app[SERVICES].outgoing.warnings()
    except (TimeoutError, DatabaseUnavailable):
        return ()


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


BY_ACCOUNT: Final = (
    "due",
    "waiting",
    "stuck",
    "quarantined",
    "contradicted",
    "late",
    "stuck_invoices",
)
_TEXT: Final = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


MOST_MEASURED: Final = 100_000
"""Metrics of shipments, events and invoices stop here."""
operations = OperationTable()


@operations.get(
    "/metrics",
    scope=Scope.METRICS,
    answers={200: None},
    text='relay_due_shipments{account="acme"} 3.0\n',
)
async def metrics(request: web.Request, caller: Caller) -> web.Response:
    """Show counters and present backlogs, for Prometheus.

    A caller that is limited to accounts sees their series, and those without an
    account or contract, which describe the relay.
    """
    services, found = request.app[SERVICES], request.app[PROCESS].metrics
    settings, now = services.context.settings, services.context.now()
    backlog = await services.documents.backlog()
    age = (now - backlog.oldest).total_seconds() if backlog.oldest else 0
    found.unread.set(backlog.documents)
    found.unread_age.set(max(age, 0))
    counted = await services.worklists.counts(MOST_MEASURED)
    for account in settings.accounts:
        for name in BY_ACCOUNT:
            number = getattr(counted, name).get(account, 0)
            getattr(found, name).labels(account).set(number)
    for contract in settings.contracts:
        found.unmatched.labels(contract).set(counted.unmatched.get(contract, 0))
    for kind, number in (await services.alerts.open_by_kind()).items():
        found.alerts_open.labels(kind).set(number)
    set_gauges(found, await services.measurements.measure())
    families = await request.app[PROCESS].families()
    visible = ListScope(settings, caller.accounts).shows
    return web.Response(body=found.text(families, visible), headers=_TEXT)


@operations.get("/v1/status", scope=Scope.OPERATOR, answers={200: StatusAnswer})
async def status(request: web.Request, caller: Caller) -> web.Response:
    """Show what works and what is wrong: the relay, VTEX and each carrier."""
    services = request.app[SERVICES]
    process = await _process(request, services.context.now())
    return json_answer(await services.status.status(caller, process))


async def _process(request: web.Request, now: datetime) -> ProcessState:
    """Return the state of this process, which is serving."""
    process = request.app[PROCESS]
    return ProcessState(
        running=True,
        last_good="was ready",
        last_good_at=now - process.not_ready_for(),
        problems=(
            *map(not_ready, await process.reasons()),
            *map(noted, process.health.notes.values()),
        ),
    )

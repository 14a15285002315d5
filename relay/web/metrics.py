"""`/metrics`, for Prometheus."""

from typing import Final

from aiohttp import web

from relay.settings import Scope
from relay.store.counting import counts
from relay.web.keys import CLOCK, DATABASE, DOCUMENTS, METRICS, REGISTRAR
from relay.web.operations import Operation, mount
from relay.web.tokens import Access

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

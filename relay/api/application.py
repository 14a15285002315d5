"""Every route of the HTTP server, over the services."""

from typing import Final

from aiohttp import web

from relay.api import (
    accounts,
    alerts,
    api_page,
    codes,
    discovery,
    documents,
    endpoint,
    health,
    invoices,
    openapi,
    outgoing_events,
    problem_pages,
    rejected,
    shipment_actions,
    shipments,
    webhooks,
    worklists,
)
from relay.api.keys import INTAKE, PROCESS, RECEPTION, SERVICES
from relay.api.operations import Operation, mount
from relay.api.problems import problems
from relay.api.process import Process
from relay.api.traces import middlewares
from relay.inbound.intake import Intake
from relay.service.services import Services
from relay.spans import NO_TRACING, Tracing

OPERATIONS: Final[tuple[Operation, ...]] = tuple(
    operation
    for module in (
        shipments,
        shipment_actions,
        invoices,
        documents,
        rejected,
        worklists,
        accounts,
        codes,
        discovery,
        alerts,
        outgoing_events,
        health,
    )
    for operation in module.operations
)
"""Every operation of the API, as it is served and described."""


def application(
    services: Services,
    intake: Intake,
    process: Process,
    tracing: Tracing = NO_TRACING,
) -> web.Application:
    """Make the application with all its routes."""
    limit = services.context.settings.intake.body_limit
    app = web.Application(
        middlewares=[*middlewares(tracing), webhooks.observe, problems],
        client_max_size=limit,
    )
    app[INTAKE] = intake
    for module in (webhooks, discovery, health, problem_pages, endpoint):
        app.add_routes(module.routes())
    app[RECEPTION] = intake.reception
    mount_api(app, services, process)
    return app


def probes(services: Services, intake: Intake, process: Process) -> web.Application:
    """Make the application of a worker: health probes and metrics only."""
    app = web.Application(middlewares=[problems])
    app[INTAKE], app[SERVICES], app[PROCESS] = intake, services, process
    app[RECEPTION] = intake.reception
    app.add_routes(health.routes())
    mount(app, health.operations)
    return app


def mount_api(
    app: web.Application, services: Services, process: Process | None = None
) -> None:
    """Serve every operation and its description."""
    app[PROCESS] = process or Process()
    app[SERVICES] = services
    mount(app, OPERATIONS)
    openapi.add_routes(app)
    app.add_routes(api_page.routes())

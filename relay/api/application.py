"""Every route of the HTTP server, over the services."""

from typing import Final

from aiohttp import web

from relay.api import (
    accounts,
    documents,
    health,
    openapi,
    problem_pages,
    rejected,
    shipment_actions,
    shipments,
    webhooks,
    worklists,
)
from relay.api.keys import HEALTH, INTAKE, METRICS, RECEPTION, SERVICES
from relay.api.operations import Operation, mount
from relay.api.problems import problems
from relay.health import Health
from relay.inbound.intake import Intake
from relay.metrics import Metrics
from relay.service.services import Services

OPERATIONS: Final[tuple[Operation, ...]] = tuple(
    operation
    for module in (
        shipments,
        shipment_actions,
        documents,
        rejected,
        worklists,
        accounts,
        health,
    )
    for operation in module.operations
)
"""Every operation of the API, as it is served and described."""


def application(
    services: Services, intake: Intake, health_state: Health, metrics: Metrics
) -> web.Application:
    """Make the application with all its routes."""
    limit = services.context.settings.intake.body_limit
    app = web.Application(
        middlewares=[webhooks.observe, problems], client_max_size=limit
    )
    app[INTAKE] = intake
    for module in (webhooks, health, problem_pages):
        app.add_routes(module.routes())
    app[RECEPTION] = intake.reception
    mount_api(app, services, metrics, health_state)
    return app


def mount_api(
    app: web.Application,
    services: Services,
    metrics: Metrics,
    health_state: Health | None = None,
) -> None:
    """Serve every operation and its description."""
    app[HEALTH] = health_state or Health()
    app[SERVICES] = services
    app[METRICS] = metrics
    mount(app, OPERATIONS)
    openapi.add_routes(app)

"""Every route of the HTTP server, over the services."""

from typing import Final

from aiohttp import web

from relay.api import (
    accounts,
    documents,
    health,
    openapi,
    rejected,
    shipment_actions,
    shipments,
    webhooks,
    worklists,
)
from relay.api.keys import HEALTH, INTAKE, METRICS, SERVICES
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
        middlewares=[webhooks.count_refused, problems], client_max_size=limit
    )
    app[INTAKE] = intake
    app[HEALTH] = health_state
    for module in (webhooks, health):
        app.add_routes(module.routes())
    mount_api(app, services, metrics)
    return app


def mount_api(app: web.Application, services: Services, metrics: Metrics) -> None:
    """Serve every operation and its description."""
    app[SERVICES] = services
    app[METRICS] = metrics
    mount(app, OPERATIONS)
    openapi.add_routes(app)

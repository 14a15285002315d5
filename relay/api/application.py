"""Every route of the HTTP server, and what its handlers find in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from relay.adapters.protocol import Carrier
from relay.api import (
    accounts,
    documents,
    health,
    keys,
    openapi,
    shipment_actions,
    shipments,
    webhooks,
    worklists,
)
from relay.api.problems import problems
from relay.clock import Clock
from relay.config.settings import Settings
from relay.health import Health
from relay.inbound.intake import Intake
from relay.metrics import Metrics
from relay.registration.registrar import Registrar
from relay.store.accounts import Accounts
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.handovers import Handovers
from relay.store.operator_actions import OperatorActions
from relay.store.shipment_lists import ShipmentLists
from relay.store.shipments import Shipments


def mount_api(  # noqa: PLR0913 -- wired in one place, by keyword
    app: web.Application,
    carriers: Mapping[str, Carrier],
    *,
    on_events: Callable[[], None],
    on_replay: Callable[[], None],
    on_track: Callable[[], None] = lambda: None,
    metrics: Metrics | None = None,
) -> None:
    """Serve the API; settings, database, labels and clock are in *app* already.

    *carriers* are the adapters by contract. *on_events* wakes the publisher,
    *on_replay* the reader, *on_track* the poller.
    """
    database, labels = app[keys.DATABASE], app[keys.LABELS]
    app[keys.REGISTRAR] = Registrar(app[keys.SETTINGS], carriers)
    app[keys.LISTS] = ShipmentLists(database)
    app[keys.ACCOUNTS] = Accounts(database)
    app[keys.CORRECTIONS] = OperatorActions(database, labels.pace, labels.lower_bounds)
    app[keys.HANDOVERS] = Handovers(database, labels.pace, labels.lower_bounds)
    app[keys.METRICS] = metrics or Metrics()
    app[keys.ON_EVENTS] = on_events
    app[keys.ON_REPLAY] = on_replay
    app[keys.ON_TRACK] = on_track
    for add_routes in (
        shipments.add_routes,
        shipment_actions.add_routes,
        shipment_actions.add_bulk_routes,
        documents.add_routes,
        documents.add_rejected_routes,
        worklists.add_routes,
        worklists.add_action_routes,
        accounts.add_routes,
        accounts.add_contract_routes,
        health.add_routes,
        openapi.add_routes,
    ):
        add_routes(app)


@dataclass(frozen=True, slots=True)
class ApplicationParts:
    """What the handlers need."""

    settings: Settings
    database: Database
    documents: Documents
    labels: Shipments
    intake: Intake
    carriers: Mapping[str, Carrier]
    health: Health
    clock: Clock
    on_events: Callable[[], None]
    on_replay: Callable[[], None]
    metrics: Metrics
    on_track: Callable[[], None] = lambda: None


def application(parts: ApplicationParts) -> web.Application:
    """Make the application with all its routes."""
    app = web.Application(
        middlewares=[problems], client_max_size=parts.settings.intake.body_limit
    )
    app[keys.SETTINGS] = parts.settings
    app[keys.DATABASE] = parts.database
    app[keys.DOCUMENTS] = parts.documents
    app[keys.LABELS] = parts.labels
    app[keys.INTAKE] = parts.intake
    app[keys.HEALTH] = parts.health
    app[keys.CLOCK] = parts.clock
    for module in (webhooks, health):
        app.add_routes(module.routes())
    mount_api(
        app,
        parts.carriers,
        on_events=parts.on_events,
        on_replay=parts.on_replay,
        on_track=parts.on_track,
        metrics=parts.metrics,
    )
    return app

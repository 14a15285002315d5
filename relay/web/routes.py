"""Every route of the HTTP server, and what its handlers find in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from relay.carrier.contract import Carrier
from relay.clock import Clock
from relay.health import Health
from relay.intake import Intake
from relay.metrics import Metrics
from relay.settings import Settings
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.labels import Labels
from relay.web import health, keys, webhooks
from relay.web.api import mount_api
from relay.web.problems import problems


@dataclass(frozen=True, slots=True)
class Parts:
    """What the handlers need."""

    settings: Settings
    database: Database
    documents: Documents
    labels: Labels
    intake: Intake
    carriers: Mapping[str, Carrier]
    health: Health
    clock: Clock
    on_news: Callable[[], None]
    on_replay: Callable[[], None]
    metrics: Metrics
    on_track: Callable[[], None] = lambda: None


def application(parts: Parts) -> web.Application:
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
        on_news=parts.on_news,
        on_replay=parts.on_replay,
        on_track=parts.on_track,
        metrics=parts.metrics,
    )
    return app

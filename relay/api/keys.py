"""What the handlers find in the application, each under a typed key."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

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

CLOCK: Final[web.AppKey[Clock]] = web.AppKey("clock")
SETTINGS: Final = web.AppKey("settings", Settings)
DATABASE: Final = web.AppKey("database", Database)
DOCUMENTS: Final = web.AppKey("documents", Documents)
LABELS: Final = web.AppKey("labels", Shipments)
INTAKE: Final = web.AppKey("intake", Intake)
HEALTH: Final = web.AppKey("health", Health)
REGISTRAR: Final = web.AppKey("registrar", Registrar)
LISTS: Final = web.AppKey("lists", ShipmentLists)
CORRECTIONS: Final = web.AppKey("corrections", OperatorActions)
HANDOVERS: Final = web.AppKey("handovers", Handovers)
ACCOUNTS: Final = web.AppKey("accounts", Accounts)
METRICS: Final = web.AppKey("metrics", Metrics)
ON_EVENTS: Final[web.AppKey[Callable[[], None]]] = web.AppKey("on_events")
ON_REPLAY: Final[web.AppKey[Callable[[], None]]] = web.AppKey("on_replay")
ON_TRACK: Final[web.AppKey[Callable[[], None]]] = web.AppKey("on_track")

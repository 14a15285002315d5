"""What the handlers find in the application, each under a typed key."""

from typing import Final

from aiohttp import web

from relay.clock import Clock
from relay.health import Health
from relay.intake import Intake
from relay.settings import Settings
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.labels import Labels

CLOCK: Final[web.AppKey[Clock]] = web.AppKey("clock")
SETTINGS: Final = web.AppKey("settings", Settings)
DATABASE: Final = web.AppKey("database", Database)
DOCUMENTS: Final = web.AppKey("documents", Documents)
LABELS: Final = web.AppKey("labels", Labels)
INTAKE: Final = web.AppKey("intake", Intake)
HEALTH: Final = web.AppKey("health", Health)

"""What the handlers find in the application, each under a typed key."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from relay.clock import Clock
from relay.health import Health
from relay.intake import Intake
from relay.metrics import Metrics
from relay.registering import Registrar
from relay.settings import Settings
from relay.store.accounts import Accounts
from relay.store.corrections import Corrections
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.handovers import HandOvers
from relay.store.labels import Labels
from relay.store.lists import Lists

CLOCK: Final[web.AppKey[Clock]] = web.AppKey("clock")
SETTINGS: Final = web.AppKey("settings", Settings)
DATABASE: Final = web.AppKey("database", Database)
DOCUMENTS: Final = web.AppKey("documents", Documents)
LABELS: Final = web.AppKey("labels", Labels)
INTAKE: Final = web.AppKey("intake", Intake)
HEALTH: Final = web.AppKey("health", Health)
REGISTRAR: Final = web.AppKey("registrar", Registrar)
LISTS: Final = web.AppKey("lists", Lists)
CORRECTIONS: Final = web.AppKey("corrections", Corrections)
HAND_OVERS: Final = web.AppKey("hand_overs", HandOvers)
ACCOUNTS: Final = web.AppKey("accounts", Accounts)
METRICS: Final = web.AppKey("metrics", Metrics)
ON_NEWS: Final[web.AppKey[Callable[[], None]]] = web.AppKey("on_news")
ON_REPLAY: Final[web.AppKey[Callable[[], None]]] = web.AppKey("on_replay")
ON_TRACK: Final[web.AppKey[Callable[[], None]]] = web.AppKey("on_track")

"""The typed keys under which handlers find their objects in the application."""

from typing import Final

from aiohttp import web

from relay.health import Health
from relay.inbound.intake import Intake
from relay.inbound.reception import Reception
from relay.metrics import Metrics
from relay.service.services import Services

SERVICES: Final = web.AppKey("services", Services)
INTAKE: Final = web.AppKey("intake", Intake)
RECEPTION: Final = web.AppKey("reception", Reception)
HEALTH: Final = web.AppKey("health", Health)
METRICS: Final = web.AppKey("metrics", Metrics)

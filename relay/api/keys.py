"""The typed keys under which handlers find their objects in the application."""

from typing import Final

from aiohttp import web

from relay.api.process import Process
from relay.inbound.intake import Intake
from relay.inbound.reception import Reception
from relay.service.services import Services

SERVICES: Final = web.AppKey("services", Services)
INTAKE: Final = web.AppKey("intake", Intake)
RECEPTION: Final = web.AppKey("reception", Reception)
PROCESS: Final = web.AppKey("process", Process)

"""The typed keys under which the pages find their objects."""

from typing import Final

from aiohttp import web

from relay.api.process import Process
from relay.config.users import ConsoleUser
from relay.console.activity import ActivityCharts
from relay.console.passwords import SignInGuard
from relay.service.services import Services

SERVICES: Final = web.AppKey("console_services", Services)
PROCESS: Final = web.AppKey("console_process", Process)
GUARD: Final = web.AppKey("sign_in_guard", SignInGuard)
CHARTS: Final = web.AppKey("activity_charts", ActivityCharts)
USER: Final = web.RequestKey("console_user", ConsoleUser)
"""The person who is signed in."""

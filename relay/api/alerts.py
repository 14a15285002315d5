"""`/v1/alerts`: what is wrong now, what was, and whether alerts are sent."""

from aiohttp import web

from relay.api.bodies import json_answer
from relay.api.keys import SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.service.access import Caller
from relay.service.alert_models import AlertList

operations = OperationTable()


@operations.get("/v1/alerts", scope=Scope.OPERATOR, answers={200: AlertList})
async def show_alerts(request: web.Request, caller: Caller) -> web.Response:
    """Show open alerts, those that were over last, and the channels."""
    return json_answer(await request.app[SERVICES].alerts.alerts(caller))

"""VTEX's hook, and `/v1/discovery`: whether parcels are found in VTEX."""

import asyncio
from typing import Final

from aiohttp import web

from relay.api.bodies import json_answer
from relay.api.content import receive_body
from relay.api.keys import RECEPTION, SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.domain.discovery import HOOK_HEADER
from relay.errors import BacklogFull
from relay.service.access import Caller
from relay.service.discovery_models import DiscoveryList

HOOK: Final = "/vtex/hook/{account}"
LARGEST: Final = 64 * 1024
ANSWER_SECONDS: Final = 4.0
"""VTEX waits 5 seconds for the answer, and repeats the notification after others."""
operations = OperationTable()


def routes() -> list[web.RouteDef]:
    """Return the route that VTEX calls."""
    return [web.post(HOOK, receive)]


async def receive(request: web.Request) -> web.Response:
    """Store a notification of VTEX's hook before it is answered."""
    received = await receive_body(request, LARGEST, request.app[RECEPTION])
    account = request.match_info["account"]
    secret = request.headers.get(HOOK_HEADER, "")
    discovery = request.app[SERVICES].discovery
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await discovery.receive(account, secret, received.content)
    except TimeoutError:
        raise BacklogFull("the database is too slow; nothing was stored") from None
    return web.json_response({})


@operations.get("/v1/discovery", scope=Scope.OPERATOR, answers={200: DiscoveryList})
async def show_discovery(request: web.Request, caller: Caller) -> web.Response:
    """Show feed, hook and the last orders of each account."""
    return json_answer(await request.app[SERVICES].discovery.discovery(caller))

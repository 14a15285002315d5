"""Receive carriers' webhooks: pass the request to the intake, return its reply."""

from typing import Final

from aiohttp import web

from relay.adapters.protocol import WebhookRequest
from relay.api.content import receive_body
from relay.api.keys import INTAKE
from relay.api.problems import REFUSED, Handler, detail_of
from relay.inbound.refusals import is_webhook_path

PLAIN: Final = "/webhooks/{contract}"
IN_ADDRESS: Final = "/webhooks/{contract}/{secret}"
_SLASHES: Final = (
    "/webhooks{between:/+}{contract:[^/]+}{after:/*}",
    "/webhooks{between:/+}{contract:[^/]+}{within:/+}{secret:[^/]+}{after:/*}",
)
"""The same addresses with doubled or trailing slashes, as copied into forms."""
METHODS: Final = ("POST", "PUT")


def routes() -> list[web.RouteDef]:
    """Return the routes that carriers call; some carriers send PUT."""
    paths = (PLAIN, IN_ADDRESS, *_SLASHES)
    return [web.route(m, p, receive) for p in paths for m in METHODS]


@web.middleware
async def count_refused(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count refused requests by contract, also those that no route or method takes."""
    answer = await handler(request)
    if answer.status >= REFUSED and is_webhook_path(request.path):
        intake, status = request.app[INTAKE], answer.status
        intake.count_refused(request.path, request.method, status, detail_of(answer))
    return answer


async def receive(request: web.Request) -> web.Response:
    """Store a webhook and answer as its carrier expects.

    Raises the errors that `problems` answers: 401, 404, 413, 503.
    """
    intake = request.app[INTAKE]
    named = request.match_info
    contract = named["contract"]
    # A body over its limit is never accepted, so it must not ask for a repetition.
    size = min(request.content_length or 0, intake.body_limit)
    intake.check_capacity(contract, size)
    body = await receive_body(request, intake.body_limit)
    headers = {name.lower(): value for name, value in request.headers.items()}
    received = WebhookRequest(headers, body.content, request.method, sent=body.sent)
    reply = await intake.accept(contract, received, named.get("secret"))
    return web.Response(
        status=reply.status,
        body=reply.body,
        headers={"Content-Type": reply.content_type},
    )

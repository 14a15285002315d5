"""Receive carriers' webhooks: pass the request to the intake, return its reply."""

from typing import Final

from aiohttp import web

from relay.adapters.protocol import WebhookRequest
from relay.api.keys import INTAKE

PLAIN: Final = "/webhooks/{contract}"
IN_ADDRESS: Final = "/webhooks/{contract}/{secret}"
METHODS: Final = ("POST", "PUT")


def routes() -> list[web.RouteDef]:
    """Return the routes that carriers call; some carriers send PUT."""
    return [web.route(m, p, receive) for p in (PLAIN, IN_ADDRESS) for m in METHODS]


async def receive(request: web.Request) -> web.Response:
    """Store a webhook and answer as its carrier expects.

    Raises the errors that `problems` answers: 401, 404, 413, 503.
    """
    intake = request.app[INTAKE]
    named = request.match_info
    contract = named["contract"]
    intake.check_room(contract, request.content_length or 0)
    body = await _body(request, intake.body_limit)
    headers = {name.lower(): value for name, value in request.headers.items()}
    received = WebhookRequest(headers, body, request.method)
    reply = await intake.accept(contract, received, named.get("secret"))
    return web.Response(
        status=reply.status,
        body=reply.body,
        headers={"Content-Type": reply.content_type},
    )


async def _body(request: web.Request, limit: int) -> bytes:
    """Read the body, up to *limit* bytes."""
    size = request.content_length or 0
    if size > limit:
        raise web.HTTPRequestEntityTooLarge(limit, size)
    content = request.content
    body = await content.readany()
    if content.at_eof() and len(body) <= limit:
        return body
    whole = bytearray(body)
    while len(whole) <= limit:
        chunk = await content.readany()
        if not chunk:
            return bytes(whole)
        whole += chunk
    raise web.HTTPRequestEntityTooLarge(limit, len(whole))

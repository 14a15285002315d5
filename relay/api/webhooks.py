"""Receive carriers' webhooks: pass the request to the intake, return its reply."""

import time
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from relay.adapters.protocol import Reply, WebhookRequest
from relay.api.content import ReceivedBody, receive_body
from relay.api.keys import INTAKE
from relay.api.problems import REFUSED, Handler, detail_of
from relay.errors import RefusedRequest
from relay.inbound.intake import Intake
from relay.inbound.refusals import is_webhook_path
from relay.problem_codes import ProblemCode

PLAIN: Final = "/webhooks/{contract}"
IN_ADDRESS: Final = "/webhooks/{contract}/{secret}"
_SLASHES: Final = (
    "/{before:/*}webhooks{between:/+}{contract:[^/]+}{after:/*}",
    "/{before:/*}webhooks{between:/+}{contract:[^/]+}{within:/+}{secret:[^/]+}{after:/*}",
)
"""The same addresses with doubled or trailing slashes, as copied into forms."""
_WITH_DOCUMENT: Final = frozenset({"POST", "PUT"})
"""The methods of webhooks; all others can only be handshakes."""


def routes() -> list[web.RouteDef]:
    """Return the routes that carriers call; the contract decides on the method."""
    paths = (PLAIN, IN_ADDRESS, *_SLASHES)
    return [web.route(hdrs.METH_ANY, path, receive) for path in paths]


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count answers by contract, also to requests that no route or method takes."""
    started = time.perf_counter()
    answer = await handler(request)
    if is_webhook_path(request.path):
        intake, status = request.app[INTAKE], answer.status
        intake.observe_answer(request.path, time.perf_counter() - started)
        if status >= REFUSED:
            detail = detail_of(answer)
            intake.count_refused(request.path, request.method, status, detail)
    return answer


async def receive(request: web.Request) -> web.Response:
    """Store a webhook and answer as its carrier expects.

    Raises the errors that `problems` answers: 401, 404, 405, 413, 503.
    """
    intake = request.app[INTAKE]
    if request.method not in _WITH_DOCUMENT:
        return _answer(await _handshake(request, intake))
    named = request.match_info
    contract = named["contract"]
    # A body over its limit is never accepted, so it must not ask for a repetition.
    size = min(request.content_length or 0, intake.body_limit)
    intake.check_capacity(contract, size)
    body = await receive_body(request, intake.body_limit, intake.reception)
    received = _received(request, body)
    reply = await intake.accept(contract, received, named.get("secret"))
    return _answer(reply)


async def _handshake(request: web.Request, intake: Intake) -> Reply:
    """Return the answer to a request that has no document."""
    contract = request.match_info["contract"]
    received = _received(request, ReceivedBody(b"", b""))
    secret = request.match_info.get("secret")
    reply = await intake.shake_hands(contract, received, secret)
    if reply is None:
        allowed = ", ".join(intake.methods(contract))
        raise RefusedRequest(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"{request.method}: not a method of this contract's webhooks",
            hint=f"use one of: {allowed}; a test of the address with another method "
            "must be declared by the contract's adapter (handshakes)",
            code=ProblemCode.METHOD_NOT_ALLOWED,
            headers={"Allow": allowed},
        )
    return reply


def _received(request: web.Request, body: ReceivedBody) -> WebhookRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = dict(request.query) if request.query_string else {}
    return WebhookRequest(
        headers, body.content, request.method, sent=body.sent, query=query
    )


def _answer(reply: Reply) -> web.Response:
    headers = {**reply.headers, "Content-Type": reply.content_type}
    return web.Response(status=reply.status, body=reply.body, headers=headers)

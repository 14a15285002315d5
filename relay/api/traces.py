"""Traces requests, if tracing is on."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from relay.api.problems import Handler, route
from relay.spans import Tracing, current

FAILED: Final = 500
PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""What is asked every few seconds, and tells nothing."""


def middlewares(tracing: Tracing) -> Sequence[Middleware]:
    """Return what traces each request: nothing if tracing is off.

    A `traceparent` that a client sends is not used: anyone can call a webhook.
    """
    if not tracing.on:
        return ()

    @web.middleware
    async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = route(request)
        if path in PROBES:
            return await handler(request)
        with (
            tracing.span(
                f"{request.method} {path}",
                {"http.route": path, "http.request.method": request.method},
                kind="server",
            ) as span,
            current(span.context),
        ):
            answer = await handler(request)
            span.note({"http.response.status_code": answer.status})
            if answer.status >= FAILED:
                span.fail(f"status {answer.status}")
            return answer

    return (traced,)

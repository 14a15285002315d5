"""Spans of the requests to VTEX, one for each attempt; without headers and bodies.

A request outside of a span is not traced: a feed is fetched every few seconds.
"""

import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from aiohttp import (
    TraceConfig,
    TraceRequestEndParams,
    TraceRequestExceptionParams,
    TraceRequestStartParams,
)

from relay.spans import Attributes, Tracing


def trace_configs(tracing: Tracing) -> Sequence[TraceConfig]:
    """Return what observes a session's requests: nothing if tracing is off."""
    if not tracing.on:
        return ()

    async def start(
        _session: Any, about: SimpleNamespace, _request: TraceRequestStartParams
    ) -> None:
        about.begun = time.time_ns()

    async def end(
        _session: Any, about: SimpleNamespace, request: TraceRequestEndParams
    ) -> None:
        status = request.response.status
        record(about, request, {"http.response.status_code": status})

    async def fail(
        _session: Any, about: SimpleNamespace, request: TraceRequestExceptionParams
    ) -> None:
        record(about, request, {"error.type": type(request.exception).__name__})

    def record(
        about: SimpleNamespace,
        request: TraceRequestEndParams | TraceRequestExceptionParams,
        outcome: Attributes,
    ) -> None:
        if not tracing.within():
            return
        tracing.record(
            f"call VTEX: {request.method}",
            (about.begun, time.time_ns()),
            {
                "http.request.method": request.method,
                "server.address": request.url.host,
                "url.path": request.url.path,
                **outcome,
            },
            kind="client",
        )

    config = TraceConfig()
    config.on_request_start.append(start)
    config.on_request_end.append(end)
    config.on_request_exception.append(fail)
    return (config,)

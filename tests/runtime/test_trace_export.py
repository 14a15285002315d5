"""Two processes send their spans to a collector, which joins them to one trace."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from tests.runtime.test_two_processes import FAST, Running, until
from tests.system.kills.processes import (
    account,
    relay_program,
    running,
    sandbox_program,
)

pytestmark = pytest.mark.slow


@dataclass
class Collector:
    """Receives spans by OTLP over HTTP: name, trace and process of each."""

    spans: list[tuple[str, bytes, str]] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        if (
            request.headers.get("Content-Encoding") == "gzip"
            and body[:2] == b"\x1f\x8b"
        ):
            body = gzip.decompress(body)
        sent = ExportTraceServiceRequest.FromString(body)
        for part in sent.resource_spans:
            about = {a.key: a.value.string_value for a in part.resource.attributes}
            self.spans += [
                (span.name, span.trace_id, about["relay.process"])
                for scope in part.scope_spans
                for span in scope.spans
            ]
        return web.Response(content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    made, app = Collector(), web.Application()
    app.router.add_post("/v1/traces", made.receive)
    async with TestServer(app) as server:
        yield made, str(server.make_url("")).rstrip("/")


async def test_both_processes_send_parts_of_one_trace(
    tmp_path: Path, collector: tuple[Collector, str]
) -> None:
    received, url = collector
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running(sandbox_program(tmp_path)))
        variables: dict[str, Any] = FAST | account("store", sandbox.url)
        variables |= {"RELAY_TRACING__COLLECTOR": url, "PYTHONWARNINGS": "error"}
        relay = await stack.enter_async_context(
            running(relay_program(tmp_path, variables))
        )
        client = await stack.enter_async_context(aiohttp.ClientSession())
        made = Running(relay, sandbox, client)
        await made.ready()
        await made.label()
        await made.scan("order.undelivered")
        await made.shown("Entrega n")
        assert await asyncio.to_thread(relay.stop) == 0  # what is left is sent then
        log = relay.log.read_text()

    async def complete() -> bool:
        return any(name == "publish" for name, _, _ in received.spans)

    await until(complete)
    [root] = {t for name, t, _ in received.spans if name.startswith("POST /webhooks")}
    of_trace = {(name, process) for name, t, process in received.spans if t == root}
    assert {
        ("POST /webhooks/{contract}", "intake"),
        ("parse document", "worker"),
        ("publish", "worker"),
        ("plan", "worker"),
        ("call VTEX: PUT", "worker"),
    } <= of_trace
    assert "Warning" not in log

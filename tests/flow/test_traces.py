"""A webhook, its parsing, planning and the call to VTEX are one trace."""

import json
from collections.abc import Callable

import pytest
from aiohttp.test_utils import TestClient, TestServer
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from relay.config.sections import TracingSettings
from relay.errors import ConfigurationError
from relay.runtime.assemble import tracing_of
from relay.runtime.telemetry import OpenTelemetryTracing
from relay.spans import NO_TRACING, Tracing
from relay.vtex.http import vtex_session
from tests.flow.test_invoices import post, posts
from tests.store.making import execute
from tests.support.world import CONTRACT, GUARD, World


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Callable[[], Tracing]:
    """Make the tracing of one process: each has a provider of its own."""

    def make() -> Tracing:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(spans))
        return OpenTelemetryTracing(provider)

    return make


def trace(world: World, tracing: Tracing) -> None:
    """Let the latest process trace."""
    relay = world.process.relay
    relay.reader.tracing = relay.publisher.tracing = tracing


async def webhook(world: World, *milestones: str, client_says: str = "") -> None:
    """Let the carrier send a webhook to the first process."""
    events = [world.event(milestone) for milestone in milestones]
    body = json.dumps([event.model_dump(mode="json") for event in events])
    app = world.processes[0].relay.application()
    async with TestClient(TestServer(app)) as client:
        url, headers = f"/webhooks/{CONTRACT}", {"traceparent": client_says}
        async with client.post(url, data=body, headers=headers) as answer:
            assert answer.status == 200


def tree(spans: InMemorySpanExporter) -> dict[str, tuple[str | None, ReadableSpan]]:
    """Return each span with its parent's name, by its own."""
    finished = spans.get_finished_spans()
    names = {span.context.span_id: span.name for span in finished if span.context}
    return {
        span.name: (names.get(span.parent.span_id) if span.parent else None, span)
        for span in finished
    }


async def test_the_other_process_continues_the_trace_of_a_webhook(
    world: World, tracing: Callable[[], Tracing], spans: InMemorySpanExporter
) -> None:
    await world.label()
    await world.rest()
    trace(world, tracing())
    another = tracing()
    async with vtex_session(tracing=another) as world.session:
        await world.start()
        trace(world, another)
        await world.wait(hours=1)
        spans.clear()
        forged = "00-11111111111111111111111111111111-2222222222222222-01"
        await webhook(world, "picked_up", client_says=forged)
        world.processes[0].fate.dead = True  # only the other one works from here on
        intake, world.processes = world.processes[0], world.processes[1:]
        await world.wait(minutes=1)
        world.processes.insert(0, intake)

    found = tree(spans)
    received = "POST /webhooks/{contract}"
    assert {name: parent for name, (parent, _) in found.items()} == {
        received: None,
        "parse document": received,
        "publish": received,
        "plan": "publish",
        "call VTEX: PUT": "publish",
        "call VTEX: GET": "publish",  # the list is read after the first update
    }
    traces = {span.context.trace_id for _, span in found.values() if span.context}
    assert len(traces) == 1
    assert f"{traces.pop():032x}" not in forged
    about = {name: dict(span.attributes or {}) for name, (_, span) in found.items()}
    assert about[received]["http.response.status_code"] == 200
    assert about["parse document"]["relay.events"] == 1
    assert about["publish"]["relay.order"] == "O-1"
    assert about["call VTEX: PUT"]["http.response.status_code"] == 200
    assert (await world.shown()).texts == [GUARD, "picked up"]


async def test_later_work_on_a_shipment_is_a_trace_of_its_own(
    world: World, tracing: Callable[[], Tracing], spans: InMemorySpanExporter
) -> None:
    await world.label()
    await world.rest()
    trace(world, tracing())
    await world.wait(hours=1)
    await webhook(world, "picked_up")
    await world.rest()
    spans.clear()
    await execute(world.database, "UPDATE shipments SET due_at = 1, version = 99")
    await world.rest()
    assert tree(spans)["publish"][0] is None


async def test_an_invoice_is_a_trace_and_a_feed_is_none(
    world: World, tracing: Callable[[], Tracing], spans: InMemorySpanExporter
) -> None:
    made = tracing()
    async with vtex_session(tracing=made) as session:
        async with session.get(f"{world.vtex.url}/sandbox/orders"):
            assert spans.get_finished_spans() == ()
        world.session = session
        await world.restart()
        trace(world, made)
        await world.vtex.sold()
        await post(world)
        await world.rest()
    assert len(await posts(world)) == 1
    found = {name: parent for name, (parent, _) in tree(spans).items()}
    assert found["post invoice"] is None
    assert found["call VTEX: POST"] == "post invoice"


async def test_without_tracing_nothing_is_written(world: World) -> None:
    await world.label()
    await webhook(world, "picked_up")
    await world.rest()
    rows = await execute(world.database, "SELECT trace FROM documents")
    assert [row["trace"] for row in rows] == [None]
    assert tracing_of(TracingSettings(), "relay") is NO_TRACING


def test_a_collector_needs_an_address() -> None:
    with pytest.raises(ValueError, match="not the address of a collector"):
        TracingSettings(collector="collector:4318")


async def test_a_failed_trace_query_stops_no_call(
    world: World, tracing: Callable[[], Tracing], spans: InMemorySpanExporter
) -> None:
    trace(world, tracing())
    await world.label()
    await world.wait(hours=1)
    await execute(world.database, "ALTER TABLE documents RENAME COLUMN trace TO gone")
    await world.rest()
    assert await world.patches() != []
    assert "plan" in tree(spans)
    await execute(world.database, "ALTER TABLE documents RENAME COLUMN gone TO trace")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "relay.runtime.telemetry", None)
    settings = TracingSettings(collector="http://127.0.0.1:4318")
    with pytest.raises(ConfigurationError, match=r"pip install '\.\[tracing\]'"):
        tracing_of(settings, "relay")

"""Traces by OpenTelemetry, sent by OTLP over HTTP (extra `tracing`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from relay.config.sections import TracingSettings
from relay.spans import Attributes, Kind, Tracing

SERVICE: Final = "carrier-tracking-relay"
EXPORT_SECONDS: Final = 5
"""How long a collector that does not answer may hold up a stop."""
KINDS: Final = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
}
_W3C: Final = TraceContextTextMapPropagator()
_FIELD: Final = "traceparent"


class OpenSpan:
    """A span of OpenTelemetry's."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def context(self) -> str:
        """The context for the steps that follow this one."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(self._span))
        return carrier[_FIELD]

    def note(self, about: Attributes) -> None:
        """Add attributes."""
        self._span.set_attributes(_known(about))

    def fail(self, reason: str) -> None:
        """Mark the step as failed."""
        self._span.set_status(trace.StatusCode.ERROR, reason)


class OpenTelemetryTracing(Tracing):
    """Makes spans with the tracer of *provider*."""

    on = True

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(SERVICE, version(SERVICE))

    @contextmanager
    def span(
        self,
        name: str,
        about: Attributes,
        *,
        kind: Kind = "internal",
        parent: str | None = None,
    ) -> Iterator[OpenSpan]:
        """Open a span below *parent*, or below the current one, while a body runs."""
        with self._tracer.start_as_current_span(
            name, _context(parent), KINDS[kind], _known(about)
        ) as span:
            yield OpenSpan(span)

    def record(
        self,
        name: str,
        times: tuple[int, int],
        about: Attributes,
        *,
        kind: Kind = "internal",
        parent: str | None = None,
    ) -> None:
        """Record a span that is over; *times* are nanoseconds since 1970."""
        begun, ended = times
        span = self._tracer.start_span(
            name, _context(parent), KINDS[kind], _known(about), start_time=begun
        )
        span.end(ended)

    def within(self) -> bool:
        """Whether a span is open here."""
        return trace.get_current_span().get_span_context().is_valid

    def close(self) -> None:
        """Send what is left, and stop the exporter's thread."""
        self._provider.shutdown()


def connected(settings: TracingSettings, role: str) -> OpenTelemetryTracing:
    """Return what sends spans to the collector that *settings* name.

    OpenTelemetry's own variables, such as `OTEL_EXPORTER_OTLP_HEADERS`, are used, too.
    """
    endpoint = f"{(settings.collector or '').rstrip('/')}/v1/traces"
    about = {
        "service.name": SERVICE,
        "service.version": version(SERVICE),
        "relay.process": role,
    }
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(settings.share),
        resource=Resource.create(about),
        shutdown_on_exit=False,  # it is closed with the other parts
    )
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OpenTelemetryTracing(provider)


def _context(parent: str | None) -> Context | None:
    """Return the context to begin in; None is the current one."""
    return _W3C.extract({_FIELD: parent}, Context()) if parent else None


def _known(about: Attributes) -> dict[str, str | int | bool]:
    return {name: value for name, value in about.items() if value is not None}

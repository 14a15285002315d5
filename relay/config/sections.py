"""The sections that every deployment has, each with its defaults."""

from datetime import timedelta
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from relay.config.quantities import (
    Count,
    CountFromZero,
    Days,
    Hours,
    Seconds,
    SecondsFromZero,
    SettingsTable,
)
from relay.validation_errors import problem

MIB = 1024 * 1024


class LogSettings(SettingsTable):
    """Log output."""

    format: Literal["json", "console"] | None = Field(default=None, examples=["json"])
    """The format, "json" or "console"; by default console on a terminal, else JSON."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe lines to write: debug, info, warning or error."""


class IntakeSettings(SettingsTable):
    """Limits of incoming requests."""

    body_limit: Count = MIB
    """The largest request body accepted, in bytes."""
    backlog_requests: Count = 2000
    """How many webhooks may wait in memory to be stored; more are answered 503."""
    backlog_bytes: Count = 64 * MIB
    """How many bytes of webhooks may be in memory, waiting or still arriving."""
    header_seconds: Seconds = timedelta(seconds=15)
    """How long the headers of a connection's first request may take to arrive."""
    body_seconds: Seconds = timedelta(seconds=30)
    """How long a request body may take to arrive."""
    send_seconds: Seconds = timedelta(seconds=60)
    """How long a client may stop receiving an answer."""
    keepalive_seconds: Seconds = timedelta(seconds=75)
    """How long a connection without a request stays open; more than your proxy's."""
    connections: Count = 800
    """How many connections may be open; more are answered 503."""
    connections_per_source: Count = 400
    """How many of them one address may have, such as a proxy; more are answered 429."""
    rejected_bytes: CountFromZero = 8 * MIB
    """How many bytes of requests that failed verification are stored per contract, with
    256 for each of them; older ones are dropped."""
    rejected_days: Days = timedelta(days=7)
    """After how many days they are deleted, and no longer counted."""


class PublisherSettings(SettingsTable):
    """When VTEX is called, how long a call may take, and when to give up."""

    quiet_seconds: SecondsFromZero = timedelta(seconds=3)
    """How long to wait for more events of a shipment, to send them in one call."""
    events_wait_seconds: Seconds = timedelta(seconds=10)
    """How long the first event waits at most while more events keep coming."""
    unread_wait_seconds: Seconds = timedelta(seconds=60)
    """How long to wait at most for documents that are not parsed yet."""
    deadline_seconds: Seconds = timedelta(seconds=45)
    """How long all calls for one shipment may take together."""
    lease_margin_seconds: Seconds = timedelta(seconds=15)
    """How much longer than that a shipment stays leased."""
    unconfirmed_wait_seconds: Seconds = timedelta(seconds=90)
    """How long to wait before an order is read back after a call without a response."""
    due_check_seconds: Seconds = timedelta(seconds=1)
    """How often to check the database for due shipments without a notification."""
    in_flight: Count = 8
    """How many shipments are published at the same time, over all accounts."""
    max_attempts: Count = 12
    """After how many failures, outages not counted, a shipment is stuck."""
    not_yet_hours: Hours = timedelta(hours=72)
    """How long an order or invoice may be unknown to VTEX before that is an error."""
    not_yet_seconds: Seconds = timedelta(seconds=30)
    """When to check first again for an order or invoice that VTEX does not know."""
    unavailable_seconds: Seconds = timedelta(seconds=10)
    """When to try first again after VTEX could not answer a call."""
    gate_seconds: Seconds = timedelta(seconds=60)
    """How long an account is not called after a 429 or 503, at least."""
    gate_cap_seconds: Seconds = timedelta(hours=1)
    """How long it is not called at most, whatever VTEX requests."""
    probe_seconds: Seconds = timedelta(minutes=10)
    """How often to try again while VTEX rejects the credentials."""
    outage_probe_seconds: Seconds = timedelta(seconds=10)
    """How often to try one call while VTEX is unavailable."""
    read_back_seconds: Seconds = timedelta(hours=1)
    """How long after the last update of a shipment the order is read back."""
    read_back_again_seconds: Seconds = timedelta(minutes=10)
    """When to check a difference again: it counts only if VTEX shows it twice."""

    @model_validator(mode="after")
    def _waits_fit(self) -> Self:
        if self.quiet_seconds > self.events_wait_seconds:
            hint = "lower it, or raise publisher.events_wait_seconds"
            raise problem(
                "longer than events_wait_seconds", hint, field="quiet_seconds"
            )
        if self.gate_seconds > self.gate_cap_seconds:
            hint = "lower it, or raise publisher.gate_cap_seconds"
            raise problem("longer than gate_cap_seconds", hint, field="gate_seconds")
        return self


class RetentionSettings(SettingsTable):
    """How long data is stored, in days."""

    documents_days: Days = timedelta(days=90)
    """Carriers' documents, but not before their shipments are closed."""
    repeats_days: Days = timedelta(days=7)
    """Documents that contained nothing new."""
    unmatched_days: Days = timedelta(days=60)
    """Events that match no label."""
    unreadable_days: Days = timedelta(days=180)
    """Documents that could not be parsed."""
    calls_days: Days = timedelta(days=400)
    """The log of calls to VTEX."""
    shipments_days: Days = timedelta(days=730)
    """Shipments and their events."""
    outgoing_days: Days = timedelta(days=30)
    """Outgoing events, and what became of them; until then they can be sent again."""
    expire_days: Days = timedelta(days=60)
    """Days without an event after which a shipment is closed as expired."""


class TracingSettings(SettingsTable):
    """Traces of requests, for a collector of OpenTelemetry; off without its address."""

    collector: str | None = Field(
        default=None, examples=["http://collector.example:4318"]
    )
    """The collector's address for OTLP over HTTP; needs the extra `tracing`."""
    share: float = Field(default=1, ge=0, le=1)
    """The share of requests that are traced, 0 to 1."""

    @field_validator("collector")
    @classmethod
    def _address(cls, text: str | None) -> str | None:
        if text is not None:
            parts = urlsplit(text)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                hint = "write for example http://collector.example:4318"
                raise problem("not the address of a collector", hint)
        return text

"""Prometheus metrics of one process, in a registry of its own."""

import platform
from functools import cache
from importlib.metadata import version
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from relay.metric_families import (
    NO_FAMILIES,
    Families,
    MergedFamilies,
    Visible,
    everything,
)

VTEX_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 45)
WEBHOOK_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Many carriers repeat a webhook that is not answered within five or ten seconds."""


@cache
def _build() -> dict[str, str]:
    """Return what runs; finding the version reads a file."""
    return {
        "version": version("carrier-tracking-relay"),
        "python": platform.python_version(),
    }


class Metrics:
    """Counters that the parts increment, and gauges that `/metrics` sets on request.

    `vtex_calls` is by account, kind and HTTP status, 0 without an answer. `polls` is
    by contract and outcome: answered, failed, or lost (longer than the claim).
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Info("relay_build", "The version that runs.", registry=self.registry)
        build.info(_build())
        self._add_gates()
        self._add_latencies()
        self._add_disk()
        self._add_outgoing()
        self.documents_stored = self._counter(
            "documents_stored", "Documents stored.", "contract"
        )
        self._stored_of = cache(self.documents_stored.labels)
        self.documents_rejected = self._counter(
            "documents_rejected", "Webhooks that failed verification.", "contract"
        )
        self.rejected_dropped = self._counter(
            "rejected_dropped",
            "Rejected webhooks that are not stored any more, for lack of room.",
            "contract",
        )
        self.webhooks_refused = self._counter(
            "webhooks_refused",
            "Requests to webhook addresses that were refused.",
            "contract",
            "status",
        )
        self.endpoint_calls = self._counter(
            "endpoint_calls",
            "Calls of the VTEX-compatible endpoint; without a valid pair no account.",
            "account",
            "method",
            "status",
        )
        self.connections_refused = self._counter(
            "connections_refused", "Connections refused: too many are open.", "status"
        )
        self.webhook_handshakes = self._counter(
            "webhook_handshakes",
            "Tests of webhook addresses by carriers, answered as they expect.",
            "contract",
        )
        self.documents_parsed = self._counter(
            "documents_parsed", "Documents parsed.", "contract"
        )
        self.documents_unreadable = self._counter(
            "documents_unreadable", "Documents that could not be parsed.", "contract"
        )
        self.documents_partly_parsed = self._counter(
            "documents_partly_parsed",
            "Documents with events of which some could not be parsed.",
            "contract",
        )
        self.events = self._counter("events", "Tracking events parsed.", "contract")
        self.vtex_calls = self._counter(
            "vtex_calls", "Requests to VTEX.", "account", "kind", "status"
        )
        self._vtex_calls_of = cache(self.vtex_calls.labels)
        self.damaged_rows = self._counter(
            "damaged_rows", "Stored rows that lists show in part only.", "kind"
        )
        self.planning_failures = self._counter(
            "planning_failures", "Shipments that could not be planned.", "account"
        )
        self.polls = self._counter("polls", "Polls of carriers.", "contract", "outcome")
        self.unread = self._gauge(
            "unread_documents", "Stored documents not parsed yet."
        )
        self.unread_age = self._gauge(
            "unread_age_seconds", "Age of the oldest unread document in seconds."
        )
        self.due = self._gauge("due_shipments", "Shipments to publish now.", "account")
        self.waiting = self._gauge(
            "waiting_shipments", "Shipments to publish later.", "account"
        )
        self.stuck = self._gauge(
            "stuck_shipments", "Shipments that need an operator.", "account"
        )
        self.stuck_invoices = self._gauge(
            "stuck_invoices",
            "Invoices that are not posted until someone acts.",
            "account",
        )
        self.quarantined = self._gauge(
            "quarantined_shipments", "Shipments with a quarantined event.", "account"
        )
        self.contradicted = self._gauge(
            "contradicted_shipments",
            "Shipments shown as delivered by VTEX, and contradicted by later events.",
            "account",
        )
        self.discovery_waiting = self._gauge(
            "discovery_waiting_orders", "Orders of VTEX to read now.", "account"
        )
        self.discovery_age = self._gauge(
            "discovery_age_seconds", "How long the oldest of them waits.", "account"
        )
        self.discovery_broken = self._gauge(
            "discovery_broken",
            "1 while the feed, the hook or reading orders does not work.",
            "account",
        )
        self.late = self._gauge(
            "late_shipments", "Shipments past their estimated delivery date.", "account"
        )
        self.unmatched = self._gauge(
            "unmatched_events", "Events that match no label.", "contract"
        )
        self.alerts_open = self._gauge("alerts_open", "Open alerts.", "kind")

    def _add_gates(self) -> None:
        self.gate_closed = self._gauge(
            "vtex_gate_closed",
            "1 while VTEX is not called, or not for all shipments.",
            "account",
            "reason",
        )
        self.last_accepted = self._gauge(
            "vtex_last_accepted_timestamp_seconds",
            "When VTEX last accepted a write.",
            "account",
        )
        self.due_age = self._gauge(
            "due_age_seconds", "How long the oldest due shipment is due.", "account"
        )
        self.unconfirmed = self._gauge(
            "unconfirmed_shipments",
            "Shipments with a write to VTEX whose outcome is unknown.",
            "account",
        )
        self.last_webhook = self._gauge(
            "webhook_last_received_timestamp_seconds",
            "When the latest webhook was stored.",
            "contract",
        )

    def _add_latencies(self) -> None:
        self.vtex_seconds = self._histogram(
            "vtex_call_duration_seconds",
            "Duration of requests to VTEX, answered or not.",
            VTEX_SECONDS,
            "account",
            "kind",
        )
        self._vtex_seconds_of = cache(self.vtex_seconds.labels)
        webhook_seconds = self._histogram(
            "webhook_duration_seconds",
            "Time until a webhook was answered, from its headers on.",
            WEBHOOK_SECONDS,
            "contract",
        )
        # `labels` takes a lock: too much for every webhook.
        self._webhook_seconds_of = cache(webhook_seconds.labels)

    def _add_disk(self) -> None:
        self.disk_free = self._gauge(
            "disk_free_bytes", "Free space on the disk of an SQLite database.", "path"
        )
        self.database_size = self._gauge(
            "database_size_bytes", "Size of the database, with its write-ahead log."
        )

    def _add_outgoing(self) -> None:
        self.outgoing = self._counter(
            "outgoing_attempts",
            "Calls to receivers of outgoing events: delivered, retried or failed.",
            "receiver",
            "outcome",
        )
        self.outgoing_waiting = self._gauge(
            "outgoing_waiting_events", "Events that wait to be delivered.", "receiver"
        )
        self.outgoing_age = self._gauge(
            "outgoing_age_seconds", "How long the oldest of them waits.", "receiver"
        )
        self.outgoing_broken = self._gauge(
            "outgoing_broken", "1 while a receiver fails or is disabled.", "receiver"
        )

    def count_call(
        self, account: str, kind: str, status: int | None, seconds: float
    ) -> None:
        """Count a request to VTEX; *status* is None without an answer."""
        self._vtex_calls_of(account, kind, status or 0).inc()
        self._vtex_seconds_of(account, kind).observe(seconds)

    def observe_webhook(self, contract: str, seconds: float) -> None:
        """Measure how long a webhook's answer took."""
        self._webhook_seconds_of(contract).observe(seconds)

    def count_stored(self, contract: str) -> None:
        """Count a stored document."""
        self._stored_of(contract).inc()

    def count_damaged(self, kind: str) -> None:
        """Count a stored row that cannot be shown whole."""
        self.damaged_rows.labels(kind).inc()

    def count_planning_failure(self, account: str) -> None:
        """Count a shipment that could not be planned, for an internal error."""
        self.planning_failures.labels(account).inc()

    def count_poll(self, contract: str, outcome: str) -> None:
        """Count a poll of a carrier."""
        self.polls.labels(contract, outcome).inc()

    def count_outgoing(self, receiver: str, outcome: str) -> None:
        """Count an attempt to deliver an outgoing event."""
        self.outgoing.labels(receiver, outcome).inc()

    def count_parsed(
        self,
        contract: str,
        *,
        documents: int,
        events: int,
        unreadable: int,
        partly: int,
    ) -> None:
        """Count parsed documents of a contract, and their events."""
        self.documents_parsed.labels(contract).inc(documents)
        if unreadable:
            self.documents_unreadable.labels(contract).inc(unreadable)
        if partly:
            self.documents_partly_parsed.labels(contract).inc(partly)
        self.events.labels(contract).inc(events)

    def text(
        self, worker: Families = NO_FAMILIES, visible: Visible = everything
    ) -> bytes:
        """Return all *visible* metrics in Prometheus' text format.

        Those of the *worker* process are included.
        """
        merged = CollectorRegistry(auto_describe=False)
        merged.register(MergedFamilies(self.registry.collect(), worker, visible))
        return generate_latest(merged)

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(f"relay_{name}", description, labels, registry=self.registry)

    def _gauge(self, name: str, description: str, *labels: str) -> Gauge:
        return Gauge(f"relay_{name}", description, labels, registry=self.registry)

    def _histogram(
        self, name: str, description: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(
            f"relay_{name}",
            description,
            labels,
            buckets=buckets,
            registry=self.registry,
        )

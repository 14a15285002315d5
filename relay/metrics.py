"""Prometheus metrics of one process, in a registry of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """Counters that the parts increment, and gauges that `/metrics` sets on request.

    `vtex_calls` is by account, kind and HTTP status, 0 without an answer. `polls` is
    by contract and outcome: answered, failed, or lost (longer than the claim).
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.documents_stored = self._counter(
            "documents_stored", "Documents stored.", "contract"
        )
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
        self.documents_parsed = self._counter(
            "documents_parsed", "Documents parsed.", "contract"
        )
        self.documents_unreadable = self._counter(
            "documents_unreadable", "Documents that could not be parsed.", "contract"
        )
        self.events = self._counter("events", "Tracking events parsed.", "contract")
        self.vtex_calls = self._counter(
            "vtex_calls", "Requests to VTEX.", "account", "kind", "status"
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
        self.quarantined = self._gauge(
            "quarantined_shipments", "Shipments with a quarantined event.", "account"
        )
        self.late = self._gauge(
            "late_shipments", "Shipments past their estimated delivery date.", "account"
        )
        self.unmatched = self._gauge(
            "unmatched_events", "Events that match no label.", "contract"
        )

    def count_call(self, account: str, kind: str, status: int | None) -> None:
        """Count a request to VTEX; *status* is None without an answer."""
        self.vtex_calls.labels(account, kind, status or 0).inc()

    def count_planning_failure(self, account: str) -> None:
        """Count a shipment that could not be planned, for an internal error."""
        self.planning_failures.labels(account).inc()

    def count_poll(self, contract: str, outcome: str) -> None:
        """Count a poll of a carrier."""
        self.polls.labels(contract, outcome).inc()

    def count_parsed(self, contract: str, events: int, *, unreadable: bool) -> None:
        """Count one parsed document and its events."""
        self.documents_parsed.labels(contract).inc()
        if unreadable:
            self.documents_unreadable.labels(contract).inc()
        self.events.labels(contract).inc(events)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(f"relay_{name}", description, labels, registry=self._registry)

    def _gauge(self, name: str, description: str, *labels: str) -> Gauge:
        return Gauge(f"relay_{name}", description, labels, registry=self._registry)

"""What is counted, for Prometheus; each process has a registry of its own."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from relay.store.event_rows import ParsedDocument


class Metrics:
    """Counters that the parts count on, and gauges that are set when asked for.

    Documents and events are counted by contract. `vtex_calls` is by account,
    kind and status, 0 where there was no answer. `polls` are calls to carriers that
    were answered, failed, or lost their claim.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.documents_stored = self._counter(
            "documents_stored", "Documents that were kept.", "contract"
        )
        self.documents_forged = self._counter(
            "documents_forged", "Webhooks that proved nothing.", "contract"
        )
        self.documents_read = self._counter(
            "documents_read", "Documents that were read.", "contract"
        )
        self.documents_unreadable = self._counter(
            "documents_unreadable", "Documents that no adapter can read.", "contract"
        )
        self.events = self._counter("events", "Tracking events in them.", "contract")
        self.vtex_calls = self._counter(
            "vtex_calls", "Calls to VTEX.", "account", "kind", "status"
        )
        self.polls = self._counter("polls", "Calls to carriers.", "contract", "outcome")
        self.unread = self._gauge("unread_documents", "Documents not read yet.")
        self.unread_age = self._gauge("unread_age_seconds", "Age of the oldest.")
        self.due = self._gauge("due_shipments", "Told next.", "account")
        self.waiting = self._gauge("waiting_shipments", "Told later.", "account")
        self.stuck = self._gauge("stuck_shipments", "For a person.", "account")
        self.quarantined = self._gauge(
            "quarantined_shipments", "With an event that waits for a person.", "account"
        )
        self.late = self._gauge("late_shipments", "Promised for earlier.", "account")
        self.unmatched = self._gauge(
            "unmatched_events", "Events that count for no label.", "contract"
        )

    def count_call(self, account: str, kind: str, status: int | None) -> None:
        """Count a call to VTEX; without an answer its status is 0."""
        self.vtex_calls.labels(account, kind, status or 0).inc()

    def count_poll(self, contract: str, outcome: str) -> None:
        """Count a call to a carrier."""
        self.polls.labels(contract, outcome).inc()

    def count_read(self, readings: Sequence[ParsedDocument]) -> None:
        """Count documents that were read, and their events."""
        for r in readings:
            self.documents_read.labels(r.contract).inc()
            if r.unreadable is not None:
                self.documents_unreadable.labels(r.contract).inc()
            self.events.labels(r.contract).inc(len(r.events))

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"relay_{name}", words, labels, registry=self._registry)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"relay_{name}", words, labels, registry=self._registry)

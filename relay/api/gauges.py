"""Gauges of `/metrics`: copies measurements into the metrics of the process."""

from relay.metrics import Metrics
from relay.service.measurements import Measurements


def set_gauges(metrics: Metrics, found: Measurements) -> None:
    """Show *found*; a time that is not known is not shown at all."""
    for name, account in found.accounts.items():
        for gate, closed in account.gates.items():
            metrics.gate_closed.labels(name, gate).set(closed)
        if account.last_accepted_at is not None:
            seconds = account.last_accepted_at.timestamp()
            metrics.last_accepted.labels(name).set(seconds)
        metrics.due_age.labels(name).set(account.oldest_due.total_seconds())
        metrics.unconfirmed.labels(name).set(account.unconfirmed)
    for name, discovery in found.discovery.items():
        metrics.discovery_waiting.labels(name).set(discovery.waiting)
        metrics.discovery_age.labels(name).set(discovery.age.total_seconds())
        metrics.discovery_broken.labels(name).set(discovery.broken)
    for name, receiver in found.receivers.items():
        metrics.outgoing_waiting.labels(name).set(receiver.waiting)
        metrics.outgoing_age.labels(name).set(receiver.age.total_seconds())
        metrics.outgoing_broken.labels(name).set(receiver.broken)
    for contract, received_at in found.last_webhooks.items():
        metrics.last_webhook.labels(contract).set(received_at.timestamp())
    metrics.database_size.set(found.database_bytes)
    for path, free in found.free_bytes.items():
        metrics.disk_free.labels(path).set(free)

"""Log lines about shipments on their way to VTEX."""

from collections.abc import Sequence

from relay.domain.shipment import Snapshot
from relay.logs import logger
from relay.outbound.settlement import Outcome
from relay.outbound.steps import Call, Write
from relay.store.snapshots import Change, Claim

log = logger(__name__)


def log_context(snapshot: Snapshot) -> dict[str, str]:
    """Return the fields that identify a shipment in the log; no personal data."""
    fields = {
        "account": snapshot.account,
        "order": snapshot.order_id,
        "invoice": snapshot.invoice_number,
        "contract": snapshot.contract,
    }
    if snapshot.tracking is not None:
        fields["tracking_number"] = snapshot.tracking.tracking_number
    return fields


def log_outcome(claim: Claim, step: Call, outcome: Outcome) -> None:
    """Log what came of a call: a write that was accepted, a failure, an alert."""
    if isinstance(step, Write) and outcome.settlement is None:
        log_published(outcome.claim, step)
    log_failure(outcome.claim, outcome)
    if outcome.alert is not None:
        log_alert(claim.snapshot, outcome.alert)


def log_published(claim: Claim, write: Write) -> None:
    """Log a write that VTEX accepted."""
    log.info(
        "published",
        kind=write.kind,
        delivered=write.is_delivered,
        **log_context(claim.snapshot),
    )


def log_failure(claim: Claim, outcome: Outcome) -> None:
    """Log why a shipment did not get through, if it failed."""
    settlement = outcome.settlement
    if settlement is None or not settlement.failed:
        return
    event = "stuck" if settlement.stuck_reason else "postponed"
    because = settlement.stuck_reason or settlement.waiting_reason
    log.warning(event, because=because, **log_context(claim.snapshot))


def log_quarantined(claim: Claim, quarantines: Sequence[Change]) -> None:
    """Log the events that are quarantined from now on."""
    for _, change in quarantines:
        if change["reason"] is not None:
            log.warning(
                "quarantined",
                tracking_event=change["event"],
                because=change["reason"],
                **log_context(claim.snapshot),
            )


def log_alert(snapshot: Snapshot, because: str) -> None:
    """Log an alert for the operator."""
    log.error("alert", because=because, **log_context(snapshot))

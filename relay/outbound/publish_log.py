"""Log lines and alerts about shipments on their way to VTEX."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from relay.domain.events import Milestone
from relay.domain.history import distinct, histories
from relay.domain.publishable import PARTLY_DELIVERED
from relay.domain.shipment import Snapshot
from relay.logs import logger
from relay.outbound.settlement import Outcome
from relay.outbound.steps import Rest, Write
from relay.store.snapshots import Change, Claim

log = logger(__name__)

PARTLY: Final = "only some of the parcels were delivered"
WITHDRAWN: Final = "the carrier withdrew a delivery that VTEX already shows"


def alerts(snapshot: Snapshot, step: Rest, now: datetime) -> list[str]:
    """Return the alerts for a shipment that comes to rest.

    VTEX has no field for either case, so an operator has to act.
    """
    found = []
    ends = step.closes_because == PARTLY_DELIVERED
    if ends and snapshot.closed_reason != PARTLY_DELIVERED:
        found.append(PARTLY)
    if snapshot.delivered_published and _delivery_undone(snapshot, now):
        found.append(WITHDRAWN)
    return found


def _delivery_undone(snapshot: Snapshot, now: datetime) -> bool:
    return any(
        event.event in history.undone
        for history in distinct(histories(snapshot, now))
        for event in history.events
        if event.milestone is Milestone.DELIVERED
    )


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

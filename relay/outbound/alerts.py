"""What is stored of a shipment that comes to rest, and alerts about it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from relay.clock import micros
from relay.domain.contradictions import contradiction
from relay.domain.publishable import PARTLY_DELIVERED
from relay.domain.shipment import Policy, Snapshot
from relay.outbound.publish_log import log_alert
from relay.outbound.settlement import rest, settle_change
from relay.outbound.steps import Rest
from relay.store.snapshots import Change, Claim

PARTLY: Final = "only some of the parcels were delivered"


def rest_changes(
    claim: Claim, step: Rest, now: datetime, policy: Policy
) -> list[Change]:
    """Return the changes of a claim that comes to rest, alerts included."""
    return [
        settle_change(claim, rest(step), now),
        *alert_changes(claim.snapshot, step, now, policy),
    ]


def alert_changes(
    snapshot: Snapshot, step: Rest, now: datetime, policy: Policy
) -> list[Change]:
    """Log each new alert; return the changes that store it as a note.

    VTEX has no field for any of them, so an operator has to act.
    """
    against = contradiction(snapshot, now, policy)
    changes: list[Change] = []
    if against != snapshot.contradicted:
        row = {"shipment": snapshot.shipment, "reason": against, "now": micros(now)}
        changes.append(("record_contradiction", row))
    for alert in alerts(snapshot, step, against):
        log_alert(snapshot, alert)
        note = {"shipment": snapshot.shipment, "now": micros(now), "text": alert}
        changes.append(("note", note))
    return changes


def alerts(snapshot: Snapshot, step: Rest, against: str | None) -> Sequence[str]:
    """Return the alerts that are new; *against* contradicts the delivery."""
    ends = step.closes_because == PARTLY_DELIVERED
    partly = ends and snapshot.closed_reason != PARTLY_DELIVERED
    found = [PARTLY] * partly
    if against is not None and against != snapshot.contradicted:
        found.append(against)
    return found

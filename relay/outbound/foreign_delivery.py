"""A delivery that another system wrote is never taken back; pure."""

from dataclasses import replace
from typing import Final

from relay.domain.next_update import next_update
from relay.domain.publishable import publishable
from relay.outbound.order_check import package_of
from relay.outbound.settlement import Outcome, OutcomeContext, stuck
from relay.store.snapshots import Change

DELIVERED_ELSEWHERE: Final = (
    "VTEX shows a delivery that another system wrote, and the next update would take "
    "it back; if it is wrong, correct the order in VTEX's Admin, then retry"
)


def spare_delivery(
    outcome: Outcome, payload: object, context: OutcomeContext
) -> Outcome:
    """Return the *outcome* of a read, such that no update takes a delivery back.

    The order is read again before each later write. An update without a delivery is
    left to an operator; that of the carrier's own delivery goes out.
    """
    snapshot = outcome.claim.snapshot
    if snapshot.delivered_published or snapshot.delivered_sent or snapshot.taking_back:
        return outcome
    package = package_of(snapshot, payload)
    if package is None or not package.finished:
        return outcome
    reads: Change = ("forget_order_read", {"shipment": snapshot.shipment})
    spared = replace(outcome, changes=(*outcome.changes, reads))
    if outcome.settlement is not None:
        return spared
    assessment = publishable(snapshot, context.now, context.policy)
    update = next_update(snapshot, assessment, context.policy)
    if update is None or update.is_delivered:
        return spared
    return replace(spared, settlement=stuck(DELIVERED_ELSEWHERE))

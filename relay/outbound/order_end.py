"""Orders that ended in VTEX, cancelled or replaced, close their shipments; pure."""

from collections.abc import Mapping
from typing import Final

from relay.clock import micros
from relay.domain.shipment import ORDER_CANCELLED, ORDER_REPLACED
from relay.outbound.settlement import (
    Outcome,
    OutcomeContext,
    Settlement,
    fails_too_long,
    not_yet,
)
from relay.store.snapshots import Claim, with_snapshot
from relay.vtex.orders import OrderEnd, OrderView

_REASONS: Final[Mapping[OrderEnd, str]] = {
    "cancelled": ORDER_CANCELLED,
    "replaced": ORDER_REPLACED,
}


def closed_with(claim: Claim, end: OrderEnd, context: OutcomeContext) -> Outcome:
    """Close the order's shipments, each with the reason.

    One whose delivery VTEX has stays delivered. A stored write of this one is dropped:
    whether VTEX carried it out does not matter any more.
    """
    snapshot, now = claim.snapshot, micros(context.now)
    order = {"account": snapshot.account, "order_id": snapshot.order_id}
    reason = _REASONS[end]
    others = order | {"shipment": snapshot.shipment, "reason": reason, "now": now}
    text = f"the order was {end} in VTEX"
    changes = (
        ("note_order_end", others | {"text": text}),
        ("close_order", others),
        ("end_writes", {"shipment": snapshot.shipment, "now": now}),
    )
    ended = with_snapshot(claim, pending=None, in_doubt_since=None, order_checked=True)
    return Outcome(ended, changes, settlement=Settlement(closes_because=reason))


def while_cancelling(
    claim: Claim, order: OrderView, context: OutcomeContext
) -> Settlement | None:
    """Return the wait while VTEX refuses writes because of a requested cancellation.

    The seller may refuse the cancellation, so the shipment is not closed at once.
    """
    if not (order.cancelling and claim.failing_since):
        return None
    because = f"the order's cancellation is requested in VTEX ({order.status})"
    return refused_by_end(claim, because, context)


def refused_by_end(claim: Claim, because: str, context: OutcomeContext) -> Settlement:
    """Wait until the order says how it ended; close the shipment if it never does."""
    if fails_too_long(claim, context.now, context.waits):
        return Settlement(closes_because=ORDER_CANCELLED)
    return not_yet(claim, context.now, context.waits, because)

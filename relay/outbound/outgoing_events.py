"""The outgoing events of a claimed shipment.

The changes are stored with the claim or its settlement, so in the same transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from relay.domain.outgoing_events import (
    STUCK,
    OutgoingEvent,
    OutgoingProgress,
    Subscriptions,
    milestones,
    of_row,
    of_snapshot,
)
from relay.domain.publishable import publishable
from relay.domain.shipment import ORDER_ENDED, OVER, Policy, Snapshot
from relay.domain.text_mask import masked
from relay.logs import logger
from relay.outbound.steps import Rest, SendEvents, Step
from relay.records import record
from relay.store.codec import dumps, loads
from relay.store.database import Row
from relay.store.outgoing_events import record_changes
from relay.store.snapshots import Change

_log = logger(__name__)

_ENDS: Final = frozenset({"settle", "settle_published", "postpone_failed"})
"""The changes that may leave a shipment to an operator."""


@record
class OutgoingContext:
    """What the events depend on besides the shipment; see `publishable`."""

    now: datetime
    policy: Policy
    subscriptions: Subscriptions
    read_up_to: datetime | None


def milestone_changes(
    snapshot: Snapshot, step: Step, context: OutgoingContext
) -> list[Change]:
    """Return the changes that record new milestones of a shipment; log an error.

    Other systems must never be the reason that VTEX gets nothing.
    """
    try:
        return _milestone_changes(snapshot, step, context)
    except Exception:  # noqa: BLE001 -- VTEX comes first
        _log.exception("milestones not recorded", shipment=snapshot.id)
        return []


def _milestone_changes(
    snapshot: Snapshot, step: Step, context: OutgoingContext
) -> list[Change]:
    """Return the changes that record new milestones of a shipment.

    *step* may know already what is publishable: the same rules decide what
    receivers of outgoing events get.
    """
    closed, now = snapshot.closed_reason, context.now
    if not context.subscriptions or closed in OVER or closed in ORDER_ENDED:
        return []
    known = step.assessment if isinstance(step, SendEvents | Rest) else None
    found = known or publishable(
        snapshot, now, context.policy, read_up_to=context.read_up_to
    )
    stored = snapshot.outgoing_progress
    before = None if stored is None else OutgoingProgress.parse(loads(stored))
    events, progress = milestones(snapshot, found, before)
    if progress == (before or OutgoingProgress()):
        return []
    row = {"shipment": snapshot.shipment, "progress": dumps(progress.as_json())}
    return [
        *(c for e in events for c in record_changes(e, context.subscriptions, now)),
        ("record_outgoing_progress", row),
    ]


def stuck_changes(
    snapshot: Snapshot,
    changes: Sequence[Change],
    now: datetime,
    subscriptions: Subscriptions,
) -> list[Change]:
    """Return the event's changes if *changes* leave a shipment to an operator."""
    reason = _stuck_reason(changes) if subscriptions else None
    if reason is None:
        return []
    kept = (snapshot.order_id, snapshot.invoice_number)
    event = of_snapshot(STUCK, snapshot, now, reason=masked(reason, kept))
    return record_changes(event, subscriptions, now)


def failed_changes(
    row: Row, changes: Sequence[Change], now: datetime, subscriptions: Subscriptions
) -> list[Change]:
    """Return the same of a shipment that could not be planned, from its row."""
    reason = _stuck_reason(changes) if subscriptions else None
    if reason is None:
        return []
    event: OutgoingEvent = of_row(STUCK, row, now, reason=masked(reason))
    return record_changes(event, subscriptions, now)


def _stuck_reason(changes: Sequence[Change]) -> str | None:
    ends: list[Mapping[str, Any]] = [row for query, row in changes if query in _ENDS]
    return next((row["stuck_reason"] for row in ends if row["stuck_reason"]), None)

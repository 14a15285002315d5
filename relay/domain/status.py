"""The status of a shipment, derived from its row in this one place; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from relay.clock import micros, moment
from relay.domain.shipment import CANCELLED

NO_NUMBER: Final = "no tracking number yet; nothing is sent to VTEX until there is one"


class ShipmentState(StrEnum):
    """The state of a shipment, as the API and the CLI show it."""

    AWAITING_NUMBER = "awaiting_number"  # no tracking number yet
    DUE = "due"  # something is to be sent to VTEX now
    WAITING = "waiting"  # something is to be sent later; `why` says why
    IN_DOUBT = "in_doubt"  # a write is unconfirmed; the order is read back
    STUCK = "stuck"  # an operator is needed; `why` says why
    UP_TO_DATE = "up_to_date"  # VTEX has everything that may be published
    DELIVERED = "delivered"  # VTEX accepted the delivery
    CLOSED = "closed"  # ended without a delivery; see `closed_reason`
    CANCELLED = "cancelled"  # the ERP cancelled the label


@dataclass(frozen=True, slots=True)
class ShipmentStatus:
    """A state with its reason."""

    state: ShipmentState
    why: str | None = None
    closed_reason: str | None = None


def status_of(
    row: Mapping[str, Any], now: datetime, gate: str | None = None
) -> ShipmentStatus:
    """Return the status at *now* of the shipment in *row*.

    *row* holds the columns of `shipments`; *gate* is the reason why nothing of its
    account is sent now, or None.
    """
    ended = _without_writes(row)
    if ended is not None:
        return ended
    if not row["tracking_number"]:
        return ShipmentStatus(ShipmentState.AWAITING_NUMBER, NO_NUMBER)
    return _by_due_time(row, micros(now), gate)


def _without_writes(row: Mapping[str, Any]) -> ShipmentStatus | None:
    """Return the status if nothing is to be sent, for now or for ever."""
    closed = row["closed_reason"]
    if closed == CANCELLED:
        return ShipmentStatus(ShipmentState.CANCELLED)
    if row["stuck_reason"] is not None:
        return ShipmentStatus(ShipmentState.STUCK, row["stuck_reason"])
    if row["pending"] is not None and row["in_doubt_since"] is not None:
        return ShipmentStatus(ShipmentState.IN_DOUBT, row["waiting_reason"])
    if row["delivered_published_at"] is not None:
        return ShipmentStatus(ShipmentState.DELIVERED, row["contradicted_reason"])
    if row["closed_at"] is not None:
        return ShipmentStatus(ShipmentState.CLOSED, closed_reason=closed)
    return None


def _by_due_time(row: Mapping[str, Any], now: int, gate: str | None) -> ShipmentStatus:
    """Return whether it is due, waiting or up to date."""
    due_at, events_due_at = row["due_at"], row["events_due_at"]
    because, not_before = row["waiting_reason"], row["not_before"] or 0
    if row["lease"] is not None:
        return ShipmentStatus(ShipmentState.DUE, "a call to VTEX is running")
    if due_at is None and events_due_at is None:
        return ShipmentStatus(ShipmentState.UP_TO_DATE)
    if not_before > now:
        return ShipmentStatus(ShipmentState.WAITING, _until(because, not_before))
    if events_due_at is None and due_at > now:
        why = _until(because, due_at) if because else None
        return ShipmentStatus(
            ShipmentState.WAITING if because else ShipmentState.UP_TO_DATE, why
        )
    return ShipmentStatus(
        ShipmentState.DUE if gate is None else ShipmentState.WAITING, gate
    )


def _until(because: str | None, until: int) -> str:
    words = because or "postponed"
    return f"{words} (until {moment(until).isoformat(timespec='seconds')})"

"""How a shipment stands, derived from its facts in this one place; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from relay.clock import micros, moment
from relay.domain.shipment import CANCELLED

NO_NUMBER = "there is no tracking number yet: VTEX can be told nothing"


class ShipmentState(StrEnum):
    """How a shipment stands: what VTEX knows of it, and what is waited for."""

    AWAITING_NUMBER = "awaiting_number"  # there is nothing to announce yet
    DUE = "due"  # VTEX does not know all we know; it is told next
    WAITING = "waiting"  # it is told later, `why` says what for
    IN_DOUBT = "in_doubt"  # a call may have been carried out; it is read back
    STUCK = "stuck"  # a person is needed, `why` says what for
    UP_TO_DATE = "up_to_date"  # VTEX knows all that may be told
    DELIVERED = "delivered"  # VTEX knows that everything arrived
    CLOSED = "closed"  # over without a delivery, `closed_reason` says how
    CANCELLED = "cancelled"  # the ERP took the label back


@dataclass(frozen=True, slots=True)
class ShipmentStatus:
    """A state with its reason."""

    state: ShipmentState
    why: str | None = None
    closed_reason: str | None = None


def status_of(
    row: Mapping[str, Any], now: datetime, gate: str | None = None
) -> ShipmentStatus:
    """Say how the shipment of *row* stands at *now*.

    *row* holds the columns of `shipments`; *gate* is why nothing of its account
    is sent at present.
    """
    over = _over(row)
    if over is not None:
        return over
    if not row["tracking_number"]:
        return ShipmentStatus(ShipmentState.AWAITING_NUMBER, NO_NUMBER)
    return _moving(row, micros(now), gate)


def _over(row: Mapping[str, Any]) -> ShipmentStatus | None:
    """Say how it stands if nothing is told for now, or for ever."""
    closed = row["closed_reason"]
    if closed == CANCELLED:
        return ShipmentStatus(ShipmentState.CANCELLED)
    if row["stuck_reason"] is not None:
        return ShipmentStatus(ShipmentState.STUCK, row["stuck_reason"])
    if row["pending"] is not None and row["in_doubt_since"] is not None:
        return ShipmentStatus(ShipmentState.IN_DOUBT, row["waiting_reason"])
    if row["delivered_published_at"] is not None:
        return ShipmentStatus(ShipmentState.DELIVERED)
    if row["closed_at"] is not None:
        return ShipmentStatus(ShipmentState.CLOSED, closed_reason=closed)
    return None


def _moving(row: Mapping[str, Any], now: int, gate: str | None) -> ShipmentStatus:
    """Tell what is due from what waits and what is at rest."""
    due_at, events_due_at = row["due_at"], row["events_due_at"]
    because, not_before = row["waiting_reason"], row["not_before"] or 0
    if row["lease"] is not None:
        return ShipmentStatus(ShipmentState.DUE, "VTEX is being told")
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

"""The status of a shipment, as a table over its row."""

from datetime import timedelta
from typing import Any

import pytest

from relay.clock import micros
from relay.domain.status import NO_NUMBER as WHY_NOT
from relay.domain.status import ShipmentState, ShipmentStatus, status_of
from tests.support.clock import START

NOW = micros(START)
LATER = micros(START + timedelta(minutes=5))
EARLIER = micros(START - timedelta(minutes=5))
UNTIL = "2026-03-02T12:05:00+00:00"
BLANK: dict[str, Any] = dict.fromkeys(
    (
        "closed_reason",
        "closed_at",
        "stuck_reason",
        "pending",
        "in_doubt_since",
        "waiting_reason",
        "delivered_published_at",
        "contradicted_reason",
        "due_at",
        "events_due_at",
        "not_before",
        "lease",
    )
) | {"tracking_number": "BR1"}
CANCELLED = {"closed_reason": "cancelled", "closed_at": NOW}
STUCK = {"stuck_reason": "400: odd"}
DOUBT = {"pending": "{}", "in_doubt_since": EARLIER, "waiting_reason": "no answer"}
DELIVERED = {
    "delivered_published_at": NOW,
    "closed_at": NOW,
    "closed_reason": "delivered",
}
CLOSED = {"closed_at": NOW, "closed_reason": "returned"}
NO_NUMBER = {"tracking_number": None}
BUSY = {"not_before": LATER, "due_at": LATER, "waiting_reason": "VTEX answered 500"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, ShipmentStatus(ShipmentState.UP_TO_DATE)),
        ({"due_at": NOW}, ShipmentStatus(ShipmentState.DUE)),
        ({"due_at": EARLIER, "not_before": NOW}, ShipmentStatus(ShipmentState.DUE)),
        ({"events_due_at": LATER}, ShipmentStatus(ShipmentState.DUE)),
        ({"due_at": LATER, "events_due_at": NOW}, ShipmentStatus(ShipmentState.DUE)),
        ({"due_at": LATER}, ShipmentStatus(ShipmentState.UP_TO_DATE)),
        (
            BUSY | {"lease": "L"},
            ShipmentStatus(ShipmentState.DUE, "a call to VTEX is running"),
        ),
        (
            {"due_at": LATER, "waiting_reason": "not read"},
            ShipmentStatus(ShipmentState.WAITING, f"not read (until {UNTIL})"),
        ),
        (
            BUSY,
            ShipmentStatus(ShipmentState.WAITING, f"VTEX answered 500 (until {UNTIL})"),
        ),
        (
            {"not_before": LATER, "events_due_at": NOW},
            ShipmentStatus(ShipmentState.WAITING, f"postponed (until {UNTIL})"),
        ),
        ({"not_before": LATER}, ShipmentStatus(ShipmentState.UP_TO_DATE)),
        (NO_NUMBER, ShipmentStatus(ShipmentState.AWAITING_NUMBER, WHY_NOT)),
        (
            NO_NUMBER | {"due_at": NOW},
            ShipmentStatus(ShipmentState.AWAITING_NUMBER, WHY_NOT),
        ),
        (CLOSED, ShipmentStatus(ShipmentState.CLOSED, closed_reason="returned")),
        (
            CLOSED | NO_NUMBER,
            ShipmentStatus(ShipmentState.CLOSED, closed_reason="returned"),
        ),
        (DELIVERED, ShipmentStatus(ShipmentState.DELIVERED)),
        (
            DELIVERED | {"contradicted_reason": "returned later"},
            ShipmentStatus(ShipmentState.DELIVERED, "returned later"),
        ),
        (DELIVERED | {"due_at": NOW}, ShipmentStatus(ShipmentState.DELIVERED)),
        (DOUBT | BUSY, ShipmentStatus(ShipmentState.IN_DOUBT, "VTEX answered 500")),
        (DOUBT | DELIVERED, ShipmentStatus(ShipmentState.IN_DOUBT, "no answer")),
        (
            DELIVERED | {"in_doubt_since": EARLIER},
            ShipmentStatus(ShipmentState.DELIVERED),
        ),
        (DOUBT | STUCK, ShipmentStatus(ShipmentState.STUCK, "400: odd")),
        (DELIVERED | STUCK, ShipmentStatus(ShipmentState.STUCK, "400: odd")),
        (CANCELLED | STUCK | DOUBT, ShipmentStatus(ShipmentState.CANCELLED)),
    ],
)
def test_a_shipment_stands_as_its_facts_say(
    row: dict[str, Any], expected: ShipmentStatus
) -> None:
    assert status_of(BLANK | row, START) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"due_at": NOW}, ShipmentStatus(ShipmentState.WAITING, "403: no right")),
        ({}, ShipmentStatus(ShipmentState.UP_TO_DATE)),
        (STUCK, ShipmentStatus(ShipmentState.STUCK, "400: odd")),
    ],
)
def test_what_is_due_waits_while_its_account_is_shut(
    row: dict[str, Any], expected: ShipmentStatus
) -> None:
    assert status_of(BLANK | row, START, "403: no right") == expected

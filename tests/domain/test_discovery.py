"""Notifications: parsed in both spellings, and new only if something is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.domain.discovery import (
    DiscoveredOrder,
    OrderNotification,
    is_new,
    newest_of_each,
    parse_notification,
)

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def known(event_id: str = "E1", changed_at: datetime | None = NOW) -> DiscoveredOrder:
    return DiscoveredOrder("a", "O", "invoiced", "feed", event_id, NOW, changed_at)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {
                "eventId": "E1",
                "orderId": " v1-01 ",
                "state": None,
                "currentChange": "2026-08-01T12:00:00.1234567Z",
            },
            OrderNotification("v1-01", "", "E1", NOW + timedelta(microseconds=123456)),
        ),
        (
            {"OrderId": "v1-01", "State": "invoiced", "CurrentChange": "yesterday"},
            OrderNotification("v1-01", "invoiced"),
        ),
        (
            {"OrderId": "v1-01", "CurrentChange": "2026-08-01T09:00:00-03:00"},
            OrderNotification("v1-01", changed_at=NOW),
        ),
        ({"State": "invoiced"}, None),
        ({"OrderId": ""}, None),
        ({"OrderId": 5}, None),
        ({"OrderId": "x" * 201}, None),
    ],
)
def test_notifications_are_parsed(
    fields: dict[str, Any], expected: OrderNotification | None
) -> None:
    assert parse_notification(fields) == expected


@pytest.mark.parametrize(
    ("before", "found", "expected"),
    [
        (None, OrderNotification("O"), True),
        (known(), OrderNotification("O", "", "E1", NOW), False),
        (known(), OrderNotification("O", "", "E2", NOW), True),
        (known(), OrderNotification("O", "", "", NOW), True),
        (known(), OrderNotification("O", "", "E2", NOW - HOUR), False),
        (known(), OrderNotification("O", "", "E2", NOW + HOUR), True),
        (known(changed_at=None), OrderNotification("O", "", "E1"), False),
        (known(changed_at=None), OrderNotification("O", "", "E2"), True),
    ],
)
def test_only_a_later_or_another_change_is_new(
    before: DiscoveredOrder | None, found: OrderNotification, *, expected: bool
) -> None:
    assert is_new(before, found) is expected


def test_the_latest_of_several_notifications_counts() -> None:
    first = OrderNotification("O", "canceled", "E2", NOW + HOUR)
    late = OrderNotification("O", "invoiced", "E1", NOW)
    other = OrderNotification("A", "invoiced", "E3", NOW)
    assert newest_of_each([first, late, other], {}) == [other, first]
    assert newest_of_each([late], {"O": known("E2", NOW + HOUR)}) == []

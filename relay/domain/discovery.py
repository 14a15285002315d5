"""Notifications of VTEX about changed orders; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal

Source = Literal["feed", "hook"]
HOOK_HEADER: Final = "key"
"""The header of the hook's secret: the Orders API requires one of this name."""
LONGEST_ID: Final = 200
"""The most characters of an order id, a state or an event id that are stored."""


class LookOutcome(StrEnum):
    """What reading an order led to."""

    REGISTERED = "registered"
    NOTHING = "nothing to register"
    UNCLAIMED = "no contract has the courier"
    REFUSED = "refused"
    CLOSED = "closed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OrderNotification:
    """One notification: an order changed. `changed_at` is VTEX's time of the change."""

    order_id: str
    state: str = ""
    event_id: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DiscoveredOrder:
    """An order that VTEX named, with what is known of it.

    `registered` are the tracking numbers by invoice number, as the relay registered
    them. `repeated` says that it was read a second time, a day later.
    """

    account: str
    order_id: str
    state: str
    source: Source
    event_id: str
    notified_at: datetime
    changed_at: datetime | None = None
    version: int = 0
    attempts: int = 0
    repeated: bool = False
    registered: Mapping[str, str] = field(default_factory=dict)


def parse_notification(fields: Mapping[str, object]) -> OrderNotification | None:
    """Parse a notification of the feed (camel case) or the hook (Pascal case).

    Returns None if it names no order. A state may be null (VTEX: orders feed guide).
    """
    lower = {name.lower(): value for name, value in fields.items()}
    order_id = _text(lower, "orderid").strip()
    if not order_id or len(order_id) > LONGEST_ID:
        return None
    return OrderNotification(
        order_id,
        _text(lower, "state")[:LONGEST_ID],
        _text(lower, "eventid")[:LONGEST_ID],
        _instant(_text(lower, "currentchange")),
    )


def is_new(known: DiscoveredOrder | None, found: OrderNotification) -> bool:
    """Whether a notification is a reason to read its order (again).

    Feeds deliver at least once and in any order. An earlier change than the latest
    known one was seen when the order was read for that one.
    """
    if known is None:
        return True
    if known.changed_at and found.changed_at and known.changed_at != found.changed_at:
        return found.changed_at > known.changed_at
    return not found.event_id or found.event_id != known.event_id


def newest_of_each(
    found: Iterable[OrderNotification], known: Mapping[str, DiscoveredOrder]
) -> list[OrderNotification]:
    """Return the latest new notification of each order, sorted by order."""
    latest: dict[str, OrderNotification] = {}
    for one in found:
        other = latest.get(one.order_id)
        if is_new(known.get(one.order_id), one) and (
            other is None or _changed(other) <= _changed(one)
        ):
            latest[one.order_id] = one
    return [latest[order_id] for order_id in sorted(latest)]


_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def _changed(one: OrderNotification) -> datetime:
    return one.changed_at or _NEVER


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _instant(text: str) -> datetime | None:
    """Parse VTEX's time; one without an offset is UTC. None if it is invalid."""
    try:
        found = datetime.fromisoformat(text)
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None

"""The time of a Melhor Envio event: each event has it in another field."""

from typing import Final
from zoneinfo import ZoneInfo

from carriers.melhorenvio.payload import Label
from relay.adapters.protocol import Unreadable
from relay.adapters.times import iso
from relay.domain.event_time import EventTime
from relay.domain.events import Milestone

_OWN: Final = {
    "order.created": "created_at",
    "order.pending": "created_at",
    "order.released": "paid_at",
    "order.generated": "generated_at",
    "order.received": "received_at",
    "order.posted": "posted_at",
    "order.suspended": "suspended_at",
    "order.cancelled": "canceled_at",
    "order.canceled": "canceled_at",
}
_STEPS: Final = ("created_at", "paid_at", "generated_at", "received_at", "posted_at")


def occurred_at(
    label: Label, code: str, milestone: Milestone, zone: ZoneInfo
) -> EventTime:
    """Return the time of event *code*, the same for a repeated webhook.

    A delivery has `delivered_at` only. Other events have their own field, or else
    `updated_at`, or else the latest dated step of the label, which is the earliest
    time possible. Raises `Unreadable` if there is none.
    """
    if milestone is Milestone.DELIVERED:
        chosen = _parsed(label, "delivered_at", zone)
    else:
        own = _OWN.get(code, "updated_at")
        chosen = _parsed(label, own, zone) or _parsed(label, "updated_at", zone)
        chosen = chosen or _latest_step(label, zone)
    if chosen is None:
        raise Unreadable("data: no field has the time of the event", fixed=True)
    return chosen


def has_time(text: str | None) -> bool:
    """Whether a field has a time; PHP writes a missing one as 0000-00-00 00:00:00."""
    return bool(text) and not str(text).startswith("0000")


def suspended_after_delivery(label: Label, zone: ZoneInfo) -> bool:
    """Whether a label was suspended after its delivery."""
    if not has_time(label.suspended_at):
        return False
    suspended = _parsed(label, "suspended_at", zone)
    delivered = _parsed(label, "delivered_at", zone)
    return bool(suspended and delivered and suspended.at > delivered.at)


def _latest_step(label: Label, zone: ZoneInfo) -> EventTime | None:
    steps = (_parsed(label, field, zone) for field in _STEPS)
    dated = [step for step in steps if step is not None]
    return max(dated, key=lambda step: step.at, default=None)


def _parsed(label: Label, field: str, zone: ZoneInfo) -> EventTime | None:
    """Parse a *field*; a date without a time of day is unreadable."""
    text: str | None = getattr(label, field)
    if not text:
        return None
    try:
        if ":" in text:
            return iso(text, zone)
    except (ValueError, OverflowError):
        pass
    raise Unreadable(f"data.{field}: not a date with a time of day", fixed=True)

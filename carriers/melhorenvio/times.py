"""When an event of Melhor Envio happened: the webhook does not say it in one field."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from carriers.melhorenvio.payload import Label
from relay.adapters.protocol import Unreadable
from relay.adapters.times import iso
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
) -> datetime:
    """Return the instant of event *code*: a repeated webhook gives the same.

    A delivery's is `delivered_at` and nothing else, whatever the event's name: no
    other field may pass for it. Of the rest it is the event's own field; without
    it `updated_at`; without that the latest step of the label that is dated, which
    the event cannot have come before. Raises `ValueError` if there is none.
    """
    if milestone is Milestone.DELIVERED:
        chosen = _read(label, "delivered_at", zone)
    else:
        own = _OWN.get(code, "updated_at")
        chosen = _read(label, own, zone) or _read(label, "updated_at", zone)
        chosen = chosen or _latest_step(label, zone)
    if chosen is None:
        raise Unreadable("no field says when the event happened")
    return chosen


def _latest_step(label: Label, zone: ZoneInfo) -> datetime | None:
    steps = (_read(label, field, zone) for field in _STEPS)
    return max((step for step in steps if step is not None), default=None)


def _read(label: Label, field: str, zone: ZoneInfo) -> datetime | None:
    """Read a *field*; a date without time of day is no instant."""
    text: str | None = getattr(label, field)
    if not text:
        return None
    try:
        if ":" in text:
            return iso(text, zone)
    except (ValueError, OverflowError):
        pass
    raise Unreadable(f"data.{field} is no date with time of day")

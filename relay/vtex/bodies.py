"""The bodies of the two writes; the same input always gives the same bytes.

VTEX compares an update with what it has: an identical one changes nothing (VTEX: known
issue "first shipping update email"), and a reworded event would be a new one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, Protocol, TypedDict
from zoneinfo import ZoneInfo

from pydantic_core import PydanticSerializationError, to_json

DESCRIPTION_LIMIT: Final = 5000
"""The longest description (VTEX: tracking guide of 2022, no longer documented)."""

EventTime = Literal["offset", "utc", "local", "day"]
"""The form of events' times: with the zone's offset, in UTC, local without offset, or
the local date, `yyyy-mm-dd`, which is the only one that VTEX documents."""
DeliveredTime = Literal["offset", "utc", "local", "minute"]
"""The form of a delivery's time: likewise, or local to the minute, `yyyy-mm-dd hh:mm`,
which is the only one that VTEX documents."""


class TrackingObject(TypedDict):
    """One event in VTEX's form: four strings, none of them null (Orders API)."""

    city: str
    state: str
    description: str
    date: str


class BodyEvent(Protocol):
    """The fields of an event that are sent; `TrackingEvent` and `KnownEvent` fit."""

    @property
    def city(self) -> str | None:
        """The city, if the carrier gives it."""

    @property
    def state(self) -> str | None:
        """The state or province of the city."""

    @property
    def description(self) -> str | None:
        """The text that shoppers read."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened, aware."""


def partial_invoice_body(
    tracking_number: str,
    tracking_url: str | None,
    courier: str | None,
    dispatched_date: str | None,
) -> dict[str, str | None]:
    """Return the four fields of *update order's partial invoice*.

    All four are sent, because the schema requires them (VTEX Orders API), and an empty
    text becomes null, because it would overwrite what VTEX has.
    """
    return {
        "trackingNumber": tracking_number or None,
        "trackingUrl": tracking_url or None,
        "courier": courier or None,
        "dispatchedDate": dispatched_date or None,
    }


def as_bytes(body: Mapping[str, object]) -> bytes:
    """Serialise *body* as compact UTF-8 JSON with its keys in order."""
    try:
        return to_json(body)
    except PydanticSerializationError:  # a lone surrogate has no UTF-8
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="replace")


def tracking_object(
    event: BodyEvent, zone: ZoneInfo, event_time: EventTime = "offset"
) -> TrackingObject:
    """Return *event* in the form of *update order tracking status*."""
    # An unknown city or state is "", because none of the fields may be null.
    return {
        "city": tidy(event.city),
        "state": tidy(event.state),
        "description": tidy(event.description)[:DESCRIPTION_LIMIT].rstrip(),
        "date": format_instant(event.occurred_at, zone, event_time),
    }


def tidy(text: str | None) -> str:
    """Return *text* on one line, without characters that an e-mail cannot show."""
    text = text or ""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def format_instant(
    moment: datetime, zone: ZoneInfo, form: EventTime | DeliveredTime
) -> str:
    """Format *moment* in ISO 8601 to the second, or to the unit that *form* names.

    VTEX documents dates only, but stores times to the second with their offset, as
    orders that were read back show.
    """
    if moment.tzinfo is None:
        raise ValueError("the time has no zone; pass an aware datetime")
    local = moment.astimezone(UTC if form == "utc" else zone)
    if form == "day":
        return local.date().isoformat()
    if form in {"local", "minute"}:
        local = local.replace(tzinfo=None)
    if form == "minute":
        return local.isoformat(" ", timespec="minutes")
    return local.isoformat(timespec="seconds")


def instants(text: str, zone: ZoneInfo | None = None) -> Iterator[datetime]:
    """Yield the instants, to the second, that a formatted time can mean.

    A time with an offset means one. A time without is UTC, as VTEX shows it, or local
    in *zone* if given, which is two instants where clocks are turned back. An invalid
    text yields nothing; VTEX's seven digits of a second are cut off.
    """
    try:
        read = datetime.fromisoformat(text.strip()).replace(microsecond=0)
        if read.tzinfo is not None:
            yield read.astimezone(UTC)
            return
        yield read.replace(tzinfo=UTC)
        if zone is not None:
            for fold in (0, 1):
                yield read.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    except (ValueError, OverflowError):
        return


def delivered_date(
    moment: datetime, zone: ZoneInfo, form: DeliveredTime = "offset"
) -> str:
    """Format the delivery's time."""
    return format_instant(moment, zone, form)


def tracking_body(
    objects: Sequence[TrackingObject], delivered_at: str | None, is_delivered: bool
) -> bytes:
    """Return the body of *update order tracking status*, with the events in order.

    *delivered_at* is formatted by `delivered_date` and sent as null until delivered:
    the key is required (VTEX Orders API). Raises `ValueError` for a delivery without
    it: VTEX answered such a body with 200 and showed nothing
    (https://community.vtex.com/t/17467).
    """
    if is_delivered and not delivered_at:
        raise ValueError("delivered_at: required for a delivery")
    events = [
        {
            "city": one["city"],
            "state": one["state"],
            "description": one["description"],
            "date": one["date"],
        }
        for one in objects
    ]
    # VTEX documents `yyyy-mm-dd hh:mm`; its carrier-hubs-examples use ISO 8601.
    delivered = delivered_at if is_delivered else None
    return as_bytes(
        {"isDelivered": is_delivered, "deliveredDate": delivered, "events": events}
    )

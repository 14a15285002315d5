"""The bodies of the two writes, the same bytes whenever they are made again."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, Protocol, TypedDict
from zoneinfo import ZoneInfo

_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

DESCRIPTION_LIMIT: Final = 5000
"""The most characters of a description (VTEX: tracking guide of 2022)."""

EventTime = Literal["offset", "utc", "local"]
"""How times go out: with the zone's offset, as UTC, or local without offset."""


class TrackingObject(TypedDict):
    """One event as VTEX takes it: four texts, none of them null (Orders API)."""

    city: str
    state: str
    description: str
    date: str


class BodyEvent(Protocol):
    """What of an event goes out; `TrackingEvent` and the store's rows fit."""

    @property
    def city(self) -> str | None:
        """Where it happened, if the carrier says so."""

    @property
    def state(self) -> str | None:
        """The state or province of the city."""

    @property
    def description(self) -> str | None:
        """The words a shopper reads."""

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

    All four, for its schema demands them (VTEX Orders API), and never an empty
    text, for that would blank what VTEX has.
    """
    return {
        "trackingNumber": tracking_number or None,
        "trackingUrl": tracking_url or None,
        "courier": courier or None,
        "dispatchedDate": dispatched_date or None,
    }


def as_bytes(body: Mapping[str, object]) -> bytes:
    """Serialise *body*: compact UTF-8, keys in their order, the same every time."""
    return _JSON.encode(body).encode(errors="replace")


def tracking_object(
    event: BodyEvent,
    zone: ZoneInfo,
    event_time: EventTime = "offset",
    *,
    volume: tuple[int, int] | None = None,
) -> TrackingObject:
    """Return *event* as *update order tracking status* takes it.

    *volume* (2, 3) makes the description begin with "volume 2/3: ", as VTEX has
    one list of events for all boxes of an invoice.
    """
    return {
        "city": tidy(event.city),
        "state": tidy(event.state),
        "description": _described(event.description, volume),
        "date": format_instant(event.occurred_at, zone, event_time),
    }


def _described(description: str | None, volume: tuple[int, int] | None) -> str:
    text = tidy(description)
    if volume is not None:
        prefix = f"volume {volume[0]}/{volume[1]}"
        text = f"{prefix}: {text}" if text else prefix
    return text[:DESCRIPTION_LIMIT].rstrip()


def tidy(text: str | None) -> str:
    """Return *text* on one line, without what JSON or a mail cannot carry."""
    printable = (c if c.isprintable() else " " for c in text or "")
    return " ".join("".join(printable).split())


def format_instant(moment: datetime, zone: ZoneInfo, event_time: EventTime) -> str:
    """Spell *moment* in ISO 8601 to the second, as `event_time` says.

    VTEX keeps times to the second with their offset (seen in orders read back).
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone cannot be told")
    there = moment.astimezone(UTC if event_time == "utc" else zone)
    if event_time == "local":
        there = there.replace(tzinfo=None)
    return there.isoformat(timespec="seconds")


def instants(text: str, zone: ZoneInfo | None = None) -> Iterator[datetime]:
    """Yield the instants, to the second, that a spelled time may stand for.

    One with an offset stands for one. One without is UTC, as VTEX shows it, and
    with a *zone* it may be local there too, twice where clocks are put back. What
    cannot be read yields nothing; VTEX's seven digits of a second are cut off.
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
    moment: datetime, zone: ZoneInfo, event_time: EventTime = "offset"
) -> str:
    """Spell the time of the delivering scan, in the form of the events' times."""
    return format_instant(moment, zone, event_time)


def tracking_body(
    objects: Sequence[TrackingObject], delivered_at: str | None, is_delivered: bool
) -> bytes:
    """Return the body of *update order tracking status*, objects as they are given.

    *delivered_at* is spelled by `delivered_date`; it is always sent, as null until
    delivered (VTEX Orders API). Raises `ValueError` for a delivery without it: VTEX
    was seen to answer such a body with 200 and to show nothing.
    """
    if is_delivered and not delivered_at:
        raise ValueError("a delivery needs its date")
    events = [
        {
            "city": one["city"],
            "state": one["state"],
            "description": one["description"],
            "date": one["date"],
        }
        for one in objects
    ]
    delivered = delivered_at if is_delivered else None
    return as_bytes(
        {"isDelivered": is_delivered, "deliveredDate": delivered, "events": events}
    )

"""Updates in VTEX's form, as ERPs and hubs really send them.

VTEX documents the fields (Orders API, *update order tracking status*); numbers in place
of strings, missing fields, one object in place of a list and local times are in
production code of hubs.
"""

from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from relay.adapters.codes import LONGEST_CODE
from relay.adapters.payload import Payload
from relay.adapters.protocol import Unreadable
from relay.adapters.texts import normalised
from relay.adapters.times import iso
from relay.domain.event_time import EventTime

MOST_EVENTS: Final = 1000
"""Events of one update; real ones have a few dozen."""
LONGEST_TEXT: Final = 5000
"""Characters of a description (VTEX: tracking guide of 2022)."""
_NO_DATE: Final = "0001-01-01"
"""What .NET writes for a date without a value."""


def _listed(value: Any) -> Any:
    """Return the events as a list; some hubs send one object, or null."""
    if value is None:
        return []
    return [value] if isinstance(value, dict) else value


def parse_moment(text: str, zone: ZoneInfo, path: str) -> EventTime:
    """Return a time at *path*; without an offset it is local to *zone*."""
    try:
        return iso(text, zone)
    except (ValueError, OverflowError):
        raise Unreadable(
            f"{path}: not a date; write 2026-08-01T14:03:00-03:00, "
            "2026-08-01 14:03:00 or 2026-08-01",
            fixed=True,
        ) from None


class Event(Payload):
    """One event; `date` and `description` are required."""

    date: str | None = None
    description: str | None = None
    city: str | None = None
    state: str | None = None

    @property
    def text(self) -> str:
        """The text that shoppers read."""
        if not self.description:
            raise Unreadable("description: required", fixed=True)
        return self.description[:LONGEST_TEXT]

    @property
    def code(self) -> str:
        """The text as in the table."""
        return normalised(self.text)[:LONGEST_CODE].strip()

    def happened_at(self, zone: ZoneInfo) -> EventTime:
        """Return the time of the event."""
        if not self.date or self.date.startswith(_NO_DATE):
            raise Unreadable("date: required", fixed=True)
        return parse_moment(self.date, zone, "date")


class Tracking(Payload):
    """What VTEX's *update order tracking status* takes; no field is required."""

    is_delivered: bool | None = Field(default=None, alias="isDelivered")
    delivered_date: str | None = Field(default=None, alias="deliveredDate")
    events: Annotated[list[Any], BeforeValidator(_listed)] = Field(default_factory=list)

    def delivered_at(self, zone: ZoneInfo) -> EventTime | None:
        """Return the time of the delivery, None if it has none."""
        if not self.delivered_date or self.delivered_date.startswith(_NO_DATE):
            return None
        return parse_moment(self.delivered_date, zone, "deliveredDate")


class Update(Payload):
    """A document of the endpoint: a body, and where it was sent."""

    account: str = ""
    order_id: str = Field(alias="orderId", min_length=1)
    invoice_number: str = Field(alias="invoiceNumber", min_length=1)
    method: str = "PUT"
    received_at: str | None = Field(default=None, alias="receivedAt")
    body: Any = None

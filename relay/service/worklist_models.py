"""What the lists show that people work from, field by field."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from relay.service.models import ResponseModel
from relay.store.worklist_queries import WorkList


class EventReference(ResponseModel):
    """A value by which the carrier names something."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type} {self.value}"


class Entry(ResponseModel):
    """Base of a row; its fields are the columns of a table, too."""

    @classmethod
    def columns(cls) -> list[str]:
        """Return the names of the columns."""
        return list(cls.model_fields)

    def cells(self) -> dict[str, Any]:
        """Return the values by column; what is more than one is spelled as words."""
        return {name: _cell(getattr(self, name)) for name in self.columns()}


class ShipmentEntry(Entry):
    """Base of a row about one invoice of one order."""

    id: str
    account: str
    contract: str
    order_id: str
    invoice_number: str
    tracking_number: str | None


class StuckEntry(ShipmentEntry):
    """A shipment that a person must help; `vtexSaid` are VTEX's last words."""

    because: str
    since: datetime
    vtex_said: str | None


class LateEntry(ShipmentEntry):
    """A shipment that should have been delivered by now."""

    promised_on: str
    last_event_at: datetime | None


class SilentEntry(ShipmentEntry):
    """A shipment of which the carrier says nothing."""

    registered_at: datetime
    last_event_at: datetime | None


class WaitingEntry(ShipmentEntry):
    """A shipment that VTEX is told of later."""

    why: str | None


class EventEntry(Entry):
    """Base of a row about something that happened."""

    event: int
    contract: str
    occurred_at: datetime
    received_at: datetime
    milestone: str
    carrier_code: str
    description: str


class QuarantinedEntry(EventEntry):
    """An event that is not told until a person releases it, and its shipment."""

    because: str
    id: str
    account: str
    volume: int | None
    order_id: str
    invoice_number: str
    tracking_number: str | None


class UnmatchedEntry(EventEntry):
    """An event that counts for no label, and why."""

    because: str
    city: str
    state: str
    references: tuple[EventReference, ...]


class UnreadableEntry(Entry):
    """A document that no adapter could read."""

    document: int
    contract: str
    source: str
    received_at: datetime
    size: int
    because: str


class RejectedEntry(Entry):
    """A request that did not prove that it is the carrier's."""

    request: int
    contract: str
    received_at: datetime
    size: int
    because: str


class UnknownCodeEntry(Entry):
    """A carrier's code without a meaning, and the words it came with last.

    `reference` is what the carrier called the parcel then.
    """

    contract: str
    carrier_code: str
    events: int
    last_seen_at: datetime
    example: str
    event: int
    reference: EventReference


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return "; ".join(map(str, value))
    return str(value) if isinstance(value, EventReference) else value


ENTRIES: Final[Mapping[WorkList, type[Entry]]] = {
    WorkList.STUCK: StuckEntry,
    WorkList.QUARANTINED: QuarantinedEntry,
    WorkList.UNMATCHED: UnmatchedEntry,
    WorkList.UNREADABLE: UnreadableEntry,
    WorkList.REJECTED: RejectedEntry,
    WorkList.UNKNOWN_CODES: UnknownCodeEntry,
    WorkList.LATE: LateEntry,
    WorkList.SILENT: SilentEntry,
    WorkList.WAITING: WaitingEntry,
}

"""What is stored about one shipment, line by line."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from relay.service.models import (
    Parcel,
    RegisteredReference,
    ResponseModel,
    ShipmentSummary,
    StoredRow,
    TrackingNumberSent,
)


class DocumentLine(StoredRow):
    """A document received from the carrier."""

    id: int
    contract: str
    source: str
    received_at: datetime
    parsed_at: datetime | None
    new_events: int | None
    unreadable_reason: str | None


class EventReference(ResponseModel):
    """A value by which the carrier identifies a parcel."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type} {self.value}"


class EventNaming(ResponseModel):
    """A document with an event, and the orders, invoices and keys that it names."""

    document: int
    references: tuple[EventReference, ...]
    denies_delivery: bool = Field(
        default=False,
        description="Whether its text or another field denies the delivery.",
    )

    def __str__(self) -> str:
        named = ", ".join(map(str, self.references))
        denies = " (denies the delivery)" if self.denies_delivery else ""
        return f"document {self.document}: {named or 'none'}{denies}"


class EventLine(StoredRow):
    """A tracking event; without `volume` it is about all parcels."""

    id: int
    volume: int | None
    milestone: str
    reason: str | None
    effect: str
    occurred_at: datetime
    received_at: datetime
    carrier_code: str
    description: str
    city: str
    state: str
    country: str
    quarantine_reason: str | None
    decision: Literal["released", "dropped"] | None
    named_in: tuple[EventNaming, ...] = ()


class PublishedLine(StoredRow):
    """One published event as sent to VTEX; VTEX has it once it is accepted."""

    volume: int | None
    code: str
    object: dict[str, Any]
    event: int | None
    stored_at: datetime
    accepted_at: datetime | None
    withdrawn_at: datetime | None


class CallLine(StoredRow):
    """One call to VTEX, with its body and the response."""

    id: str
    kind: str
    body: str | None
    sent: bool
    stored_at: datetime
    answered_at: datetime | None
    status: int | None
    message: str | None
    receipt: str | None


class ParcelPoll(StoredRow):
    """When a polling carrier was polled for a parcel, and when it will be next.

    `nextPollAt` is None once the shipment is closed.
    """

    contract: str
    volume: int
    polled_at: datetime | None
    next_poll_at: datetime | None


class NoteLine(StoredRow):
    """An action of the relay or of an operator."""

    at: datetime
    text: str


class ShipmentHistory(ResponseModel):
    """Everything stored about a shipment, each list in order of time."""

    documents: tuple[DocumentLine, ...]
    events: tuple[EventLine, ...]
    published: tuple[PublishedLine, ...]
    calls: tuple[CallLine, ...]
    notes: tuple[NoteLine, ...]


class ShipmentDetail(ShipmentSummary):
    """A shipment with everything stored about it.

    `polls` are empty if no carrier of it is polled.
    """

    tracking_sent_as: TrackingNumberSent | None
    vtex_invoice_number: str | None
    references: tuple[RegisteredReference, ...]
    parcels: tuple[Parcel, ...]
    polls: tuple[ParcelPoll, ...]
    timeline: ShipmentHistory = Field(description=ShipmentHistory.__doc__)

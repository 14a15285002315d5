"""What the shipment operations answer, field by field."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from relay.domain.status import ShipmentState


class ResponseModel(BaseModel):
    """Base of what goes out: camel case, instants in UTC."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, frozen=True
    )


class Problem(ResponseModel):
    """What is wrong, with which field, and what to do (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str = ""
    hint: str = ""


class ShipmentAnswer(ResponseModel):
    """What became of a label or a correction; `updated` names what was new in it."""

    id: str
    state: ShipmentState
    why: str | None = None
    closed_reason: str | None = None
    updated: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class BulkItem(ResponseModel):
    """What became of one label of many, by its place; `status` as if it came alone.

    Either `id` and how the shipment stands, or the `problem`.
    """

    index: int
    status: int
    id: str | None = None
    state: ShipmentState | None = None
    why: str | None = None
    closed_reason: str | None = None
    updated: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: Problem | None = None


class BulkAnswer(ResponseModel):
    """What became of each label, in their order; `refused` counts the problems."""

    refused: int
    items: tuple[BulkItem, ...]


class TrackingNumberSent(ResponseModel):
    """The four fields of an invoice that VTEX is told."""

    tracking_number: str
    tracking_url: str | None = None
    courier: str | None = None
    dispatched_date: str | None = None


class ShipmentSummary(ResponseModel):
    """One invoice of one order, and how it stands."""

    id: str
    account: str
    order_id: str
    invoice_number: str
    invoice_key: str | None
    contract: str
    volumes: int
    tracking_number: str | None
    tracking_url: str | None
    courier: str | None
    dispatched_date: str | None
    estimated_delivery_date: str | None
    state: ShipmentState
    why: str | None
    closed_reason: str | None
    registered_at: datetime
    last_event_at: datetime | None
    delivered_published_at: datetime | None


class ShipmentList(ResponseModel):
    """A page; `next` is the cursor of the next one, None at the end.

    A page may be short, or empty, and still have a next one.
    """

    shipments: tuple[ShipmentSummary, ...]
    next: str | None = None


class RegisteredReference(ResponseModel):
    """A value under which the carrier may speak, since when, and until when."""

    type: str
    value: str
    contract: str
    registered_at: datetime
    voided_at: datetime | None


class Parcel(ResponseModel):
    """One box."""

    volume: int
    contract: str
    tracking_number: str | None
    references: tuple[RegisteredReference, ...]


class DocumentLine(ResponseModel):
    """Something that came from the carrier."""

    id: int
    contract: str
    source: str
    received_at: datetime
    read_at: datetime | None
    new_events: int | None
    unreadable_reason: str | None


class EventLine(ResponseModel):
    """Something that happened; without `volume` it is about all boxes."""

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


class PublishedLine(ResponseModel):
    """One object as VTEX got it; it is believed to be there once accepted."""

    volume: int | None
    code: str
    object: dict[str, Any]
    event: int | None
    stored_at: datetime
    accepted_at: datetime | None
    withdrawn_at: datetime | None


class CallLine(ResponseModel):
    """One call to VTEX: its body, and what VTEX said."""

    id: str
    kind: str
    body: str | None
    sent: bool
    stored_at: datetime
    answered_at: datetime | None
    status: int | None
    words: str | None
    receipt: str | None


class NoteLine(ResponseModel):
    """What the relay or a person did."""

    at: datetime
    text: str


class ShipmentHistory(ResponseModel):
    """Everything that is kept of a shipment, each list in the order of time."""

    documents: tuple[DocumentLine, ...]
    events: tuple[EventLine, ...]
    published: tuple[PublishedLine, ...]
    calls: tuple[CallLine, ...]
    notes: tuple[NoteLine, ...]


class ShipmentDetail(ShipmentSummary):
    """A shipment with everything that is known of it."""

    tracking_sent_as: TrackingNumberSent | None
    vtex_invoice_number: str | None
    references: tuple[RegisteredReference, ...]
    parcels: tuple[Parcel, ...]
    timeline: ShipmentHistory = Field(description=ShipmentHistory.__doc__)

"""What the shipment operations answer, field by field."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from relay.telling.state import State
from relay.web.bodies import Answer


class Problem(Answer):
    """What is wrong, with which field, and what to do (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str = ""
    way_out: str = ""


class ShipmentAnswer(Answer):
    """What became of a label or a correction; `updated` names what was new in it."""

    id: str
    state: State
    why: str | None = None
    closed_because: str | None = None
    updated: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class BulkItem(Answer):
    """What became of one label of many, by its place; `status` as if it came alone.

    Either `id` and how the shipment stands, or the `problem`.
    """

    index: int
    status: int
    id: str | None = None
    state: State | None = None
    why: str | None = None
    closed_because: str | None = None
    updated: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: Problem | None = None


class BulkAnswer(Answer):
    """What became of each label, in their order; `refused` counts the problems."""

    refused: int
    items: tuple[BulkItem, ...]


class Announced(Answer):
    """The four fields of an invoice that VTEX is told."""

    tracking_number: str
    tracking_url: str | None = None
    courier: str | None = None
    dispatched_date: str | None = None


class ShipmentSummary(Answer):
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
    state: State
    why: str | None
    closed_because: str | None
    registered_at: datetime
    last_event_at: datetime | None
    delivered_told_at: datetime | None


class ShipmentList(Answer):
    """A page; `next` is the cursor of the next one, None at the end.

    A page may be short, or empty, and still have a next one.
    """

    shipments: tuple[ShipmentSummary, ...]
    next: str | None = None


class RegisteredReference(Answer):
    """A value under which the carrier may speak, since when, and until when."""

    type: str
    value: str
    contract: str
    registered_at: datetime
    voided_at: datetime | None


class Parcel(Answer):
    """One box."""

    volume: int
    contract: str
    tracking_number: str | None
    references: tuple[RegisteredReference, ...]


class DocumentLine(Answer):
    """Something that came from the carrier."""

    id: int
    contract: str
    source: str
    received_at: datetime
    read_at: datetime | None
    new_events: int | None
    unreadable_because: str | None


class EventLine(Answer):
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
    quarantined_because: str | None
    judged: Literal["released", "dropped"] | None


class ToldLine(Answer):
    """One object as VTEX got it; it is believed to be there once accepted."""

    volume: int | None
    code: str
    object: dict[str, Any]
    event: int | None
    stored_at: datetime
    accepted_at: datetime | None
    withdrawn_at: datetime | None


class CallLine(Answer):
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


class NoteLine(Answer):
    """What the relay or a person did."""

    at: datetime
    text: str


class History(Answer):
    """Everything that is kept of a shipment, each list in the order of time."""

    documents: tuple[DocumentLine, ...]
    events: tuple[EventLine, ...]
    told: tuple[ToldLine, ...]
    calls: tuple[CallLine, ...]
    notes: tuple[NoteLine, ...]


class Shipment(ShipmentSummary):
    """A shipment with everything that is known of it."""

    announced_as: Announced | None
    vtex_invoice_number: str | None
    references: tuple[RegisteredReference, ...]
    parcels: tuple[Parcel, ...]
    timeline: History = Field(description=History.__doc__)

"""The words of the trade: milestones, effects, references and tracking events."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Milestone(StrEnum):
    """Where a parcel stands, in one vocabulary for all carriers."""

    LABEL_CREATED = "label_created"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    AT_HUB = "at_hub"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERY_FAILED = "delivery_failed"
    HELD = "held"
    EXCEPTION = "exception"
    RETURNING = "returning"
    RETURNED = "returned"
    DELIVERED = "delivered"
    LOST = "lost"
    DAMAGED = "damaged"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


FINAL: Final = frozenset({Milestone.DELIVERED, Milestone.RETURNED})
"""Milestones after which a parcel stands still, whatever its code's row says."""
FINAL_IF_MARKED: Final = frozenset(
    {Milestone.LOST, Milestone.DAMAGED, Milestone.CANCELLED}
)
"""Milestones that are final only where the code's row says so."""
CONTRADICTING_DELIVERY: Final = frozenset(
    {
        Milestone.IN_TRANSIT,
        Milestone.AT_HUB,
        Milestone.OUT_FOR_DELIVERY,
        Milestone.DELIVERY_FAILED,
        Milestone.RETURNING,
        Milestone.RETURNED,
    }
)
"""Scans that, after a delivery that was not told yet, make it doubtful."""


class Effect(StrEnum):
    """What an event does to the history it joins."""

    NORMAL = "normal"
    ADMINISTRATIVE = "administrative"  # history for us, never told
    PROVISIONAL = "provisional"  # a pre-delivery, until it is confirmed
    ROLLBACK = "rollback"  # undoes codes its row names, else the event before it


class Reason(StrEnum):
    """Why a parcel does not go on; an optional second field of an event."""

    RECIPIENT_ABSENT = "recipient_absent"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    RECIPIENT_MOVED = "recipient_moved"
    ADDRESS_PROBLEM = "address_problem"
    BUSINESS_CLOSED = "business_closed"
    NO_ACCESS = "no_access"
    REFUSED = "refused"
    PAYMENT_DUE = "payment_due"
    DOCUMENTS_MISSING = "documents_missing"
    FISCAL_HOLD = "fiscal_hold"
    CUSTOMS_HOLD = "customs_hold"
    SCHEDULED = "scheduled"
    SENDER_REQUEST = "sender_request"
    QUANTITY_MISMATCH = "quantity_mismatch"
    STRIKE = "strike"
    WEATHER = "weather"
    ROAD_BLOCKED = "road_blocked"
    VEHICLE_TROUBLE = "vehicle_trouble"
    ROBBERY = "robbery"
    DELAY = "delay"
    OTHER = "other"


class ReferenceLevel(StrEnum):
    """What a reference stands for."""

    PARCEL = "parcel"
    INVOICE = "invoice"
    ORDER = "order"


class ReferenceKind(StrEnum):
    """A value under which a carrier may speak; only equal kinds match."""

    TRACKING_NUMBER = "tracking_number"
    VOLUME_CODE = "volume_code"
    SHIPMENT_ID = "shipment_id"  # the carrier's own id of the parcel
    INVOICE_KEY = "invoice_key"  # NF-e, 44 characters
    INVOICE = "invoice"  # issuer/series/number, zeros stripped
    CTE_KEY = "cte_key"
    ORDER_ID = "order_id"

    @property
    def level(self) -> ReferenceLevel:
        """What a reference of this kind stands for."""
        return _LEVELS.get(self, ReferenceLevel.PARCEL)

    @property
    def used_again(self) -> bool:
        """Whether carriers give the same value to another parcel some day."""
        return self not in {ReferenceKind.INVOICE_KEY, ReferenceKind.CTE_KEY}


_LEVELS: Final = {
    ReferenceKind.INVOICE_KEY: ReferenceLevel.INVOICE,
    ReferenceKind.INVOICE: ReferenceLevel.INVOICE,
    ReferenceKind.CTE_KEY: ReferenceLevel.INVOICE,
    ReferenceKind.ORDER_ID: ReferenceLevel.ORDER,
}
Moment = Annotated[AwareDatetime, AfterValidator(lambda t: t.astimezone(UTC))]
"""An instant with one spelling: aware, UTC from the moment of validation."""


class Value(BaseModel):
    """Base of what crosses an edge: frozen, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Reference(Value):
    """A typed value that a carrier gives, as given."""

    kind: ReferenceKind
    value: str = Field(min_length=1, max_length=200)

    @property
    def compared(self) -> str:
        """The value as references are compared: upper case without blanks."""
        return compared(self.value)


def compared(value: str) -> str:
    """Spell a reference's *value* as it is compared: upper case without blanks."""
    return "".join(value.split()).upper()


class TrackingEvent(Value):
    """One thing that happened to a parcel, in the relay's words.

    `references` are all that the document gives, best first. `position` is the
    place in the source, oldest first, and breaks ties of the same instant.
    `final` says whether a lost, damaged or cancelled parcel stands still.
    `undoes` are the carrier codes that a rollback takes back (empty: the event
    before it). `description` holds the carrier's words, as shoppers read them.
    """

    references: tuple[Reference, ...] = Field(min_length=1)
    milestone: Milestone
    occurred_at: Moment
    description: str = Field(default="", max_length=5000)
    carrier_code: str = Field(default="", max_length=100)
    reason: Reason | None = None
    effect: Effect = Effect.NORMAL
    final: bool = False
    undoes: tuple[str, ...] = ()
    position: int = 0
    city: str = ""
    state: str = ""
    country: str = ""


def is_scan(milestone: Milestone, effect: Effect) -> bool:
    """Whether an event says that the carrier has handled the parcel."""
    return effect is Effect.NORMAL and milestone not in {
        Milestone.LABEL_CREATED,
        Milestone.UNKNOWN,
    }


def is_final(milestone: Milestone, *, marked: bool) -> bool:
    """Whether a parcel stands still after *milestone*."""
    return milestone in FINAL or (marked and milestone in FINAL_IF_MARKED)


def utc(moment: datetime) -> datetime:
    """Return *moment*, which must be aware, in UTC."""
    return moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class ParcelView:
    """What an adapter may know of a parcel: its references and where it stands."""

    references: tuple[Reference, ...]
    tracking_number: str = ""
    invoice_key: str = ""
    volume: int = 1

    def value(self, kind: ReferenceKind) -> str:
        """Return the first reference of *kind*, or an empty text."""
        return next((r.value for r in self.references if r.kind is kind), "")

"""The vocabulary: milestones, effects, reasons, references and tracking events."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)


class Milestone(StrEnum):
    """The status of a parcel, in one vocabulary for all carriers."""

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
"""Milestones that always end a parcel's history."""
FINAL_IF_MARKED: Final = frozenset(
    {Milestone.LOST, Milestone.DAMAGED, Milestone.CANCELLED}
)
"""Milestones that end it only if the code table marks the row as `final`."""
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
"""Scans that quarantine an earlier delivery that is not published yet."""


class Effect(StrEnum):
    """How an event changes the parcel's history."""

    NORMAL = "normal"
    ADMINISTRATIVE = "administrative"  # stored only, never published
    PROVISIONAL = "provisional"  # a delivery that still needs confirmation
    ROLLBACK = "rollback"  # undoes the codes in `undoes`, else the event before it
    CONTRADICTORY = "contradictory"  # the document contradicts itself: quarantined
    TEXT_ONLY = "text_only"  # a delivery by a rule for texts alone: quarantined
    INCOMPLETE = "incomplete"  # an unreadable event may undo it: quarantined


MAY_END: Final = frozenset({Effect.NORMAL, Effect.PROVISIONAL, Effect.TEXT_ONLY})
"""Effects with which "delivered" may be published, if need be after a confirmation."""


class Reason(StrEnum):
    """Why a parcel is delayed; an optional second field of an event."""

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
    """What a reference identifies."""

    PARCEL = "parcel"
    INVOICE = "invoice"
    ORDER = "order"


class ReferenceKind(StrEnum):
    """The kind of an identifier in a carrier's document; only equal kinds match."""

    TRACKING_NUMBER = "tracking_number"
    VOLUME_CODE = "volume_code"
    SHIPMENT_ID = "shipment_id"  # the carrier's own id of the parcel
    INVOICE_KEY = "invoice_key"  # NF-e, 44 characters
    INVOICE = "invoice"  # issuer/series/number, zeros stripped
    CTE_KEY = "cte_key"
    ORDER_ID = "order_id"

    @property
    def level(self) -> ReferenceLevel:
        """What a reference of this kind identifies."""
        return _LEVELS.get(self, ReferenceLevel.PARCEL)

    @property
    def used_again(self) -> bool:
        """Whether carriers give the same value to another parcel later.

        Only the keys of fiscal documents are unique for ever.
        """
        cls = ReferenceKind
        return self is not cls.INVOICE_KEY and self is not cls.CTE_KEY


_LEVELS: Final = {
    ReferenceKind.INVOICE_KEY: ReferenceLevel.INVOICE,
    ReferenceKind.INVOICE: ReferenceLevel.INVOICE,
    ReferenceKind.CTE_KEY: ReferenceLevel.INVOICE,
    ReferenceKind.ORDER_ID: ReferenceLevel.ORDER,
}
EARLIEST: Final = datetime(2005, 1, 1, tzinfo=UTC)
"""No event is earlier: the NF-e, by which parcels travel, exists since 2005.

Carriers without a date write the zero of their platform: 0001-01-01 (.NET), 1900-01-01
(SQL Server), 1970-01-01 (Unix), 2000-01-01 (devices whose clock was never set).
"""
LATEST_AFTER_RECEIPT: Final = timedelta(days=366)
"""An instant this long after its receipt stands for "never": 9999-12-31.

It does not depend on the present, so such a date does not become plausible by waiting.
"""
_FIRST: Final = datetime(2, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9998, 12, 31, tzinfo=UTC)


def utc(moment: datetime) -> datetime:
    """Return *moment*, which must be aware, in UTC, a year inside Python's range.

    So no zone and no waiting time makes an event overflow; the bounds are placeholders
    themselves, and are quarantined.
    """
    if moment.tzinfo is UTC and _FIRST <= moment <= _LAST:
        return moment  # every event comes here twice
    try:
        return min(max(moment.astimezone(UTC), _FIRST), _LAST)
    except OverflowError:  # 0001-01-01T00:00+03:00 has no instant in UTC
        return _FIRST if moment.year <= _FIRST.year else _LAST


def as_written(moment: datetime) -> datetime:
    """Return an event's instant for people: a bound is what most carriers meant by it.

    They write 0001-01-01 and 9999-12-31 for a missing date.
    """
    if moment <= _FIRST:
        return datetime.min.replace(tzinfo=UTC)
    return datetime(9999, 12, 31, tzinfo=UTC) if moment >= _LAST else moment


def is_real_date(occurred_at: datetime, received_at: datetime) -> bool:
    """Whether an event's instant is a date, not a carrier's placeholder."""
    return EARLIEST <= occurred_at <= received_at + LATEST_AFTER_RECEIPT


Moment = Annotated[AwareDatetime, AfterValidator(utc)]
"""An aware datetime, converted to UTC by validation."""


class Value(BaseModel):
    """Base of values from outside: frozen, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Reference(Value):
    """A typed identifier, as the carrier or the ERP gave it."""

    kind: ReferenceKind
    value: str = Field(min_length=1, max_length=200)

    @property
    def compared(self) -> str:
        """The value in its form for comparison: upper case without blanks."""
        return compared(self.value)


def compared(value: str) -> str:
    """Return a reference's *value* for comparison: upper case without blanks."""
    return "".join(value.split()).upper()


_SECOND: Final = timedelta(seconds=1)


class TrackingEvent(Value):
    """One event of a parcel, in the relay's vocabulary.

    `references` are all those in the document, best first. `position` is the place
    in the source, oldest first, and breaks ties of the same instant. `final` says
    whether a lost, damaged or cancelled parcel has reached its end. `undoes` are
    the carrier codes that a rollback undoes (empty: the event before it).
    `description` is the carrier's text, as shoppers read it. `unmapped`: no code table
    or rule knows its code or text, so its milestone is unknown or that of a coarser
    field; by default that of a normal event with an unknown milestone. `denied`: the
    code means delivered, and another field of the document says otherwise; by default
    that of a contradictory event. It counts for repeats without that field, too.
    `precision` and `midnight` are those of an `EventTime`: `occurred_at` begins a unit
    of that length.
    """

    references: tuple[Reference, ...] = Field(min_length=1)
    milestone: Milestone
    occurred_at: Moment
    precision: timedelta = Field(default=_SECOND, ge=_SECOND)
    midnight: bool = False
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
    unmapped: bool = False
    denied: bool = False

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        unknown = self.milestone is Milestone.UNKNOWN and self.effect is Effect.NORMAL
        if unknown and "unmapped" not in self.model_fields_set:
            object.__setattr__(self, "unmapped", True)
        if self.effect is Effect.CONTRADICTORY:
            object.__setattr__(self, "denied", True)
        return self


def is_scan(milestone: Milestone, effect: Effect) -> bool:
    """Whether an event shows that the carrier has handled the parcel."""
    return effect is Effect.NORMAL and milestone not in {
        Milestone.LABEL_CREATED,
        Milestone.UNKNOWN,
    }


def is_final(milestone: Milestone, *, marked: bool) -> bool:
    """Whether *milestone* ends the history; *marked* is the code table's `final`."""
    return milestone in FINAL or (marked and milestone in FINAL_IF_MARKED)


@dataclass(frozen=True, slots=True)
class ParcelView:
    """What an adapter may know of a parcel: its references, number and volume."""

    references: tuple[Reference, ...]
    tracking_number: str = ""
    invoice_key: str = ""
    volume: int = 1

    def value(self, kind: ReferenceKind) -> str:
        """Return the first reference of *kind*, or an empty text."""
        return next((r.value for r in self.references if r.kind is kind), "")

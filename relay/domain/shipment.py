"""One shipment as the rules see it: a snapshot of what is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Literal
from zoneinfo import ZoneInfo

from relay.clock import whole_second
from relay.domain.event_time import SECOND
from relay.domain.events import Effect, Milestone
from relay.domain.phrases import PHRASES, VOLUME
from relay.records import record

LABEL_CODE: Final = "relay:label"
"""The code of the relay's own event, "label printed".

No carrier event has it, so it never collides with one in `published`.
"""
OWN_EVENT: Final = 0
"""The event id of the relay's own event, which has no row in `events`."""

WHOLE: Final = 0
"""The volume number that means all parcels of the invoice."""

CANCELLED: Final = "cancelled"
ERASED: Final = "erased"
OVER: Final = frozenset({CANCELLED, ERASED})
"""Closing reasons after which nothing is published, whatever events follow."""
ORDER_CANCELLED: Final = "order_cancelled"
ORDER_REPLACED: Final = "order_replaced"
ORDER_ENDED: Final = frozenset({ORDER_CANCELLED, ORDER_REPLACED})
"""Closing reasons of orders that ended in VTEX; an operator can have them read."""

Happening = tuple[datetime, str]
"""The identity of an event of a parcel: its instant to the second, and its code.

Computed once for each event, because the rules compare it in inner loops.
"""


@record
class KnownEvent:
    """One event that is matched to the shipment.

    `volume` is the parcel's number, 0 (`WHOLE`) for all of them. `decision` is an
    operator's, on a quarantined event. `occurred_at` begins a unit that is `precision`
    long: a second, a minute, a day. `same_as` is the second of a more precise record
    of the same scan.
    """

    event: int
    volume: int
    milestone: Milestone
    effect: Effect
    occurred_at: datetime
    received_at: datetime
    position: int
    code: str
    description: str = ""
    city: str = ""
    state: str = ""
    final: bool = False
    undoes: tuple[str, ...] = ()
    ambiguous: bool = False
    contradictory: bool = False
    before_key: bool = False
    decision: Literal["released", "dropped"] | None = None
    quarantine_reason: str | None = None
    precision: timedelta = SECOND
    midnight: bool = False
    same_as: datetime | None = None
    happening: Happening = field(init=False, repr=False, compare=False)
    """Its identity, whichever reference or channel it came through."""
    order: tuple[datetime, int, int] = field(init=False, repr=False, compare=False)
    """The sort key of a history, oldest first."""

    def __post_init__(self) -> None:
        second = whole_second(self.same_as or self.occurred_at)
        object.__setattr__(self, "happening", (second, self.published_code))
        order = (self.occurred_at, self.position, self.event)
        object.__setattr__(self, "order", order)

    @property
    def ends_at(self) -> datetime:
        """Where its unit ends; a second counts as an instant."""
        if self.precision <= SECOND:
            return self.occurred_at
        return self.occurred_at + self.precision

    @property
    def latest(self) -> datetime:
        """The latest second in which it may have occurred: never after its receipt."""
        last = self.occurred_at
        if self.precision > SECOND:
            last = min(self.ends_at - SECOND, max(last, self.received_at))
        return whole_second(last)

    def shown_at(self, dispatched_at: datetime | None) -> datetime:
        """Return the time that VTEX gets: where its unit begins, or the dispatch in it.

        Marketplaces reject a delivery dated before its dispatch (VTEX: known issue
        856984), and a day begins at 00:00.
        """
        if dispatched_at is None or self.precision <= SECOND:
            return self.occurred_at
        return max(self.occurred_at, min(dispatched_at, self.latest))

    @property
    def published_code(self) -> str:
        """The carrier's code, else a digest of the description."""
        if self.code:
            return self.code
        words = " ".join(self.description.casefold().split())
        return "text:" + sha256(words.encode()).hexdigest()[:16]


@record
class PublishedEvent:
    """One event as it is sent to VTEX: `object` is its JSON in *update order tracking*.

    It is stored before it is sent; `accepted` is set when VTEX has it. `event` is
    None for the relay's own event.
    """

    volume: int
    occurred_at: datetime
    code: str
    position: int
    object: Mapping[str, str]
    event: int | None = None
    accepted: bool = False
    happening: Happening = field(init=False, repr=False, compare=False)
    """The identity of the event behind it."""

    def __post_init__(self) -> None:
        known_by = (whole_second(self.occurred_at), self.code)
        object.__setattr__(self, "happening", known_by)


@record
class SentTrackingNumber:
    """The four fields of VTEX's *update order's partial invoice*.

    `stated`: the ERP says that VTEX has the number. The relay has sent no field.
    """

    tracking_number: str
    tracking_url: str | None = None
    courier: str | None = None
    dispatched_date: str | None = None
    stated: bool = False

    def same_as(self, other: "SentTrackingNumber") -> bool:
        """Compare what VTEX shows: a new date alone never causes a call.

        Get order has no dispatch date (VTEX Orders API), so it cannot be read back.
        """
        return (self.tracking_number, self.tracking_url, self.courier) == (
            other.tracking_number,
            other.tracking_url,
            other.courier,
        )


@dataclass(frozen=True, slots=True)
class UnconfirmedWrite:
    """A write that was stored before it was sent, and has no known outcome yet."""

    kind: Literal["send_tracking_number", "send_events"]
    body: str
    is_delivered: bool = False


Description = Literal["carrier", "milestone", "both"]
"""What shoppers read: the carrier's text, the milestone's phrase, or both."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of the account and the contract that publishing depends on."""

    zone: ZoneInfo
    events: Literal["full", "delta"] = "full"
    event_time: Literal["offset", "utc", "local", "day"] = "offset"
    delivered_time: Literal["offset", "utc", "local", "minute"] = "offset"
    first_email: Literal["with_first_scan", "at_label", "off"] = "with_first_scan"
    publish_unknown: bool = False
    confirm_provisional_after: timedelta | None = None
    labels_come_late: bool = False
    days_only: bool = False
    announce_numbers: Literal["first", "joined"] = "first"
    description: Description = "carrier"
    mask_personal_data: bool = True
    phrases: Mapping[Milestone, str] = field(default_factory=lambda: PHRASES["pt"])
    volume_word: str = VOLUME["pt"]


TakingBack = Literal["requested", "sent"]


@record
class ReadBack:
    """What is known of VTEX showing what was sent.

    `at` is when to read the order back, `by_quota` how often the account's quota was
    used for it. `updates` counts the accepted lists of events, `shown_before` holds
    digests of events that VTEX showed before them. `difference_at` is since when VTEX
    shows something else, `repaired` whether that was sent again.
    """

    at: datetime | None = None
    by_quota: int = 0
    updates: int = 0
    shown_before: frozenset[str] = frozenset()
    delivered_as: str | None = None
    difference_at: datetime | None = None
    repaired: bool = False
    verified: bool = False


@record
class Snapshot:
    """Everything that publishing depends on, read in one transaction.

    `pending` is the stored write whose outcome is unknown. `order_checked` says that
    the order was read and showed the invoice. `delivered_sent` says that a delivery
    was sent, `delivered_published` that VTEX accepted it.
    """

    shipment: int
    id: str
    account: str
    order_id: str
    invoice_number: str
    contract: str
    volumes: int
    registered_at: datetime
    tracking: SentTrackingNumber | None = None
    tracking_sent_as: SentTrackingNumber | None = None
    numbers: Mapping[int, str] = field(default_factory=dict)
    """The known tracking numbers by volume, if there are several volumes."""
    invoice_key: str | None = None
    dispatched_at: datetime | None = None
    vtex_invoice_number: str | None = None
    order_checked: bool = False
    pending: UnconfirmedWrite | None = None
    in_doubt_since: datetime | None = None
    delivered_sent: bool = False
    delivered_published: bool = False
    taking_back: TakingBack | None = None
    """How far an operator's order to take a published delivery back has come."""
    contradicted: str | None = None
    """What contradicts the published delivery, as stored."""
    closed_reason: str | None = None
    imported: bool = False
    """Whether the parcel was already in transit when its label was registered."""
    shadowed: bool = False
    """Whether other systems may have written to VTEX: it was in shadow mode."""
    compared: bool = False
    """Whether the events that VTEX already showed were accepted as published."""
    resent: bool = False
    """Whether an operator had it resent."""
    events: tuple[KnownEvent, ...] = ()
    published: tuple[PublishedEvent, ...] = ()
    read_back: ReadBack = ReadBack()
    siblings: frozenset[str] = frozenset()
    """The order's invoices of other shipments, if this one's may be exchanged."""
    outgoing_progress: str | None = None
    """Which outgoing events were recorded, as stored; None: none yet."""

    @property
    def uncompared(self) -> bool:
        """Whether what VTEX already shows is to be compared before the next write."""
        return (self.imported or self.shadowed) and not self.compared

    @property
    def addressed_as(self) -> str:
        """The invoice number under which VTEX knows the invoice."""
        return self.vtex_invoice_number or self.invoice_number

    @property
    def accepted(self) -> tuple[PublishedEvent, ...]:
        """The events that VTEX has accepted."""
        return tuple([t for t in self.published if t.accepted])

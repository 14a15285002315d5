"""What the store knows of one shipment, as the rules see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from relay.domain.events import Effect, Milestone
from relay.domain.phrases import WORDS

LABEL_CODE: Final = "relay:label"
"""The code of the relay's own event: the label was printed."""

WHOLE: Final = 0
"""The volume that stands for all parcels of the invoice."""

CANCELLED: Final = "cancelled"
ERASED: Final = "erased"
OVER: Final = frozenset({CANCELLED, ERASED})
"""Why a shipment is closed of which nothing more is told, whatever comes."""

Happening = tuple[datetime, str]
"""What makes two events of a parcel the same one: the second, and the code.

It is worked out once for each event, because the rules ask for it all the time.
"""


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """One event that is matched to the shipment; `volume` 0 is all its parcels."""

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
    decision: Literal["released", "dropped"] | None = None
    quarantine_reason: str | None = None
    happening: Happening = field(init=False, repr=False, compare=False)
    """What the event is known by, whichever reference or door it came by."""

    def __post_init__(self) -> None:
        known_by = (self.occurred_at.replace(microsecond=0), self.published_code)
        object.__setattr__(self, "happening", known_by)

    @property
    def order(self) -> tuple[datetime, int, int]:
        """Where the event stands in the history, oldest first."""
        return (self.occurred_at, self.position, self.event)

    @property
    def published_code(self) -> str:
        """What tells two events of one instant apart: the code, else the words."""
        if self.code:
            return self.code
        words = " ".join(self.description.casefold().split())
        return "text:" + sha256(words.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """One object as it was sent; VTEX took it if `accepted` is set."""

    volume: int
    occurred_at: datetime
    code: str
    position: int
    object: Mapping[str, str]
    event: int | None = None
    accepted: bool = False
    happening: Happening = field(init=False, repr=False, compare=False)
    """What the object's event is known by."""

    def __post_init__(self) -> None:
        known_by = (self.occurred_at.replace(microsecond=0), self.code)
        object.__setattr__(self, "happening", known_by)


@dataclass(frozen=True, slots=True)
class SentTrackingNumber:
    """What VTEX is told of the invoice: number, page, carrier's name, date."""

    tracking_number: str
    tracking_url: str | None = None
    courier: str | None = None
    dispatched_date: str | None = None

    def same_as(self, other: "SentTrackingNumber") -> bool:
        """Compare what can be read back: the date never causes a call."""
        return (self.tracking_number, self.tracking_url, self.courier) == (
            other.tracking_number,
            other.tracking_url,
            other.courier,
        )


@dataclass(frozen=True, slots=True)
class UnconfirmedWrite:
    """A write as it was stored before it was sent."""

    kind: Literal["send_tracking", "publish"]
    body: str
    is_delivered: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that telling depends on, of the account and the contract."""

    zone: ZoneInfo
    events: Literal["full", "delta"] = "full"
    event_time: Literal["offset", "utc", "local"] = "offset"
    first_email: Literal["with_first_scan", "at_label", "off"] = "with_first_scan"
    publish_unknown: bool = False
    confirm_provisional_after: timedelta | None = None
    words: Mapping[Milestone, str] = field(default_factory=lambda: WORDS["pt"])


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that telling depends on, read in one transaction."""

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
    invoice_key: str | None = None
    dispatched_at: datetime | None = None
    vtex_invoice_number: str | None = None
    looked: bool = False
    pending: UnconfirmedWrite | None = None
    in_doubt_since: datetime | None = None
    true_sent: bool = False
    delivered_published: bool = False
    closed_reason: str | None = None
    imported: bool = False
    """Whether the parcel was on the road when its label was registered."""
    compared: bool = False
    """Whether what VTEX showed then was accepted as told."""
    resent: bool = False
    """Whether a person had it told again."""
    events: tuple[KnownEvent, ...] = ()
    published: tuple[PublishedEvent, ...] = ()
    tracking_numbers: Mapping[int, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def addressed_as(self) -> str:
        """The invoice number under which VTEX knows the invoice."""
        return self.vtex_invoice_number or self.invoice_number

    @property
    def accepted(self) -> tuple[PublishedEvent, ...]:
        """What VTEX took."""
        return tuple(t for t in self.published if t.accepted)

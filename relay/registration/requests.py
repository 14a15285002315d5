"""Requests of the ERP, with VTEX's field names where VTEX has one."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from relay.domain.events import ReferenceKind
from relay.domain.labels import MOST_VOLUMES
from relay.errors import InvalidLabel
from relay.problem_codes import ProblemCode
from relay.registration import checks, values
from relay.suggestions import did_you_mean, suggest
from relay.text import UNSTORABLE
from relay.validation_errors import problem

MOST_LABELS: Final = 1000
MOST_OF_PARCEL: Final = 100
"""References of one parcel or invoice: each is compared with every event's."""
_KINDS: Final = {str(kind): to_camel(kind) for kind in ReferenceKind}
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Request(BaseModel):
    """Base of request bodies: strict types, camel case, no unknown fields.

    `instead` has hints for fields that are missing here for a reason.
    """

    instead: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
    )

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        """Refuse texts that no database stores."""
        texts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(text, str) and UNSTORABLE in text for text in texts):
            raise problem(
                "contains NUL, or half of a character (a lone surrogate)",
                "remove it",
                code=ProblemCode.INVALID_CHARACTER,
            )
        return value


def _missing_if_blank(value: Any) -> Any:
    """Treat an empty text as a missing field: many ERPs send one."""
    return None if value == "" else value


def _kind(value: Any) -> str:
    """Accept a kind of reference in camel case, or as it is stored."""
    kind = _HUMP.sub("_", value).lower() if isinstance(value, str) else ""
    if kind in _KINDS:
        return kind
    meant = suggest(str(value), _KINDS.values())
    hint = did_you_mean(meant) if meant else f"use {', '.join(_KINDS.values())}"
    raise problem("unknown type of reference", hint)


def _valid(check: Callable[[str], object]) -> AfterValidator:
    """Return a validator that refuses what *check* refuses, and changes nothing.

    So all invalid fields of a request are reported at once.
    """

    def validate(text: str) -> str:
        try:
            check(text)
        except InvalidLabel as error:
            raise problem(str(error), error.hint, code=error.code) from None
        return text

    return AfterValidator(validate)


_ANY_ZONE: Final = ZoneInfo("UTC")


def _dispatched(text: str) -> object:
    """Check the form of a date; the account's zone is applied later."""
    return checks.parse_dispatched_date(text, _ANY_ZONE)


def _occurred(text: str) -> object:
    return checks.parse_event_time(text, _ANY_ZONE, "")


_OrMissing: Final = BeforeValidator(_missing_if_blank)
Text = Annotated[Annotated[str, Field(max_length=200)] | None, _OrMissing]
Short = Annotated[str, Field(max_length=200)]
Address = Annotated[
    Annotated[str, Field(max_length=2000), _valid(checks.check_url)] | None, _OrMissing
]
Number = Annotated[Annotated[Short, _valid(values.check_number)] | None, _OrMissing]
Key = Annotated[Annotated[Short, _valid(checks.parse_invoice_key)] | None, _OrMissing]
Moment = Annotated[
    Annotated[Short, _valid(_dispatched)] | None,
    _OrMissing,
    Field(examples=["2026-08-01T14:03:00-03:00"]),
]
Day = Annotated[
    Annotated[Short, _valid(checks.parse_delivery_date)] | None,
    _OrMissing,
    Field(examples=["2026-08-07"]),
]
Needed = Annotated[str, Field(min_length=1, max_length=200)]
OrderId = Annotated[Needed, _valid(values.check_order_id)]
InvoiceNumber = Annotated[Needed, _valid(values.check_invoice_number)]
Volume = Annotated[int, Field(ge=1, le=MOST_VOLUMES)]
References = Annotated["tuple[ReferenceRequest, ...]", Field(max_length=MOST_OF_PARCEL)]
Kind = Annotated[
    ReferenceKind,
    BeforeValidator(_kind),
    WithJsonSchema({"type": "string", "enum": list(_KINDS.values())}),
]


class ReferenceRequest(Request):
    """A value by which the carrier may name a parcel, an invoice or an order."""

    type: Kind
    value: Needed

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Check the value by its type."""
        try:
            checks.check_reference(self.type, self.value)
        except InvalidLabel as error:
            raise problem(
                str(error), error.hint, field="value", code=error.code
            ) from None
        return self


class ParcelRequest(Request):
    """One parcel of an invoice with several."""

    tracking_number: Number = None
    volume: Volume | None = None
    references: References = ()


class LabelRequest(Request):
    """A printed label: it links order, invoice and tracking number.

    `contract`, `carrierTaxId` or `courier` names the carrier; none is needed if
    only one contract is configured. `parcels` replaces `trackingNumber`, `volume`
    and the parcel's `references`. `trackingSent` means that VTEX got the tracking
    number with the invoice, `imported` that the parcel is already in transit: the
    relay reads the order in VTEX and sends only what is missing there.
    """

    # Several carriers call it so; the most similar name here is `trackingSent`.
    instead: ClassVar[Mapping[str, str]] = {
        "trackingCode": did_you_mean("trackingNumber")
    }

    account: Text = None
    contract: Text = None
    carrier_tax_id: Text = None
    order_id: OrderId
    invoice_number: InvoiceNumber
    invoice_key: Key = None
    tracking_number: Number = None
    volume: Volume | None = None
    volumes: Volume | None = None
    parcels: Annotated[tuple[ParcelRequest, ...], Field(max_length=MOST_VOLUMES)] = ()
    references: References = ()
    tracking_url: Address = None
    courier: Text = None
    dispatched_date: Moment = None
    estimated_delivery_date: Day = None
    tracking_sent: bool = False
    imported: bool = False


class BulkRequest(Request):
    """Up to 1,000 labels; each is checked separately, so one cannot fail the others."""

    labels: Annotated[
        tuple[SkipValidation[LabelRequest], ...],
        Field(min_length=1, max_length=MOST_LABELS),
    ]


class ResendRequest(Request):
    """What to send to VTEX again with current settings; a delivery only by `force`."""

    what: Literal["tracking", "events", "all"] = "all"
    force: bool = False


class DeliveredRequest(Request):
    """The parcel was delivered, but its carrier does not report it.

    Without `volume` all parcels of the invoice were. `description` is what
    shoppers read.
    """

    occurred_at: Annotated[
        Needed, _valid(_occurred), Field(examples=["2026-08-04T16:20:00-03:00"])
    ]
    volume: Volume | None = None
    description: Text = None


class HandoverRequest(Request):
    """A second carrier takes the parcel, with a contract and numbers of its own.

    Without numbers its events are matched by the invoice, such as its key.
    """

    contract: Needed
    volume: Volume = 1
    tracking_number: Number = None
    references: References = ()


_ANOTHER: Final = (
    "it identifies the shipment: cancel this one, and register the right one"
)


class CorrectionRequest(Request):
    """A correction of wrong data, or a new tracking number for the parcel.

    `history` says what to do with the events of the old number: `drop` if they
    were another parcel's, `keep` after a relabel or a second carrier; likewise for
    `invoiceKey`. A new `dispatchedDate` alone is not sent to VTEX.
    """

    instead: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("account", "orderId", "invoiceNumber"), _ANOTHER),
        "parcels": "correct one `volume` at a time",
        "references": "POST the label again with them: they are added",
    }

    tracking_number: Number = None
    volume: Volume = 1
    volumes: Volume | None = None
    tracking_url: Address = None
    courier: Text = None
    contract: Text = None
    invoice_key: Key = None
    dispatched_date: Moment = None
    estimated_delivery_date: Day = None
    history: Literal["drop", "keep"] = "drop"
